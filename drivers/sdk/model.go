// Package sdk is for authors of drivers. An author writes a Driver and a Model; the sdk
// does everything that must be right in every driver: the operation journal (intent on the
// disk before the first byte), QueryOp, one command at a time, the stream of notices with
// epoch and sequence, panic isolation, drain, the parent watch, the port lock and profiles.
// Imported by drivers/models, drivers/cmd and tests; it must not be imported by the
// platform (that is drivers/host).
package sdk

import (
	"context"
	"log/slog"

	"zhigui/drivers/api"
)

// Driver is what an author writes for one device model. The sdk calls Open first, Close
// last, and never two commands at a time, except Still ones beside another.
type Driver interface {
	// Open opens the port and makes sure that the device answers. It moves nothing.
	Open(ctx context.Context) error
	// Recover asks the hardware what is true. open are the operations of the journal that
	// have no trustworthy result; the driver returns those it can settle (with Completion)
	// and where media lies. It moves nothing.
	Recover(ctx context.Context, open []OpenOp) (api.Recovery, error)
	// Execute runs one command that Model.Commands lists. A command that can move
	// something calls Moving(ctx) right before the first byte that may move it.
	Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion
	// Status is the object of Common.Status keyed by interface, always with "common". It
	// answers from memory.
	Status() map[string]any
	// Identity is firmware and serial number, known after Open.
	Identity() (firmware, serial string)
	Close() error
}

// OpenOp is an operation without a trustworthy result.
type OpenOp struct {
	api.OpRecord
	// Moved is true when bytes that move something may have been sent.
	Moved bool
	// Payload is the request as it was journalled.
	Payload []byte
}

// Model says what a driver drives and how to make one.
type Model struct {
	Name         string // folder below drivers/models
	Class        api.Class
	Maker        string
	Version      string
	Profile      []byte // the embedded profile.yaml: every key with its default
	Commands     map[string]api.Motion
	Capabilities func(Env) (map[string]any, error)
	New          func(Env) (Driver, error)
}

// Env is what the sdk gives a driver.
type Env struct {
	Device   string
	Port     string
	StateDir string
	Log      *slog.Logger
	Heart    *Heart

	profile []byte
	engine  *Engine
}

// Profile decodes the model's defaults and the configured overrides into v (a pointer to a
// struct with json tags). An unknown key is an error.
func (e Env) Profile(v any) error { return DecodeProfile(e.profile, e.overrides(), v) }

func (e Env) overrides() []byte {
	if e.engine == nil {
		return nil
	}
	return e.engine.cfg.Profile
}

// Event sends an unsolicited event.
func (e Env) Event(name string, payload any) {
	if e.engine != nil {
		e.engine.notify(api.Event{Name: name, Payload: mustJSON(payload)})
	}
}

// StatusChanged makes the sdk read Driver.Status again and send what differs.
func (e Env) StatusChanged() {
	if e.engine != nil {
		e.engine.statusChanged()
	}
}

// Go runs f in a goroutine whose panic ends the process with code 3, as a panic in a
// command does: a driver does not go on in an unknown state.
func (e Env) Go(f func()) {
	go func() {
		defer func() {
			if p := recover(); p != nil && e.engine != nil {
				e.engine.crash("background", p)
			}
		}()
		f()
	}()
}
