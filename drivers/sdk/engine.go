package sdk

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/wire/portlock"
)

// Engine is a driver with everything the sdk adds, as an api.Device. Serve puts it behind
// the wire; tests may use it in their own process.
type Engine struct {
	model Model
	log   *slog.Logger
	ring  *ring
	exit  func(code int)
	now   func() time.Time

	mu       sync.Mutex
	cfg      api.Config
	env      Env
	driver   Driver
	journal  *journal
	lock     *portlock.Lock
	running  *running // the command that is not Still
	still    sync.WaitGroup
	opening  bool
	draining bool

	statusMu sync.Mutex
	last     members
	lastJSON json.RawMessage // the whole status, as it was encoded for last
}

type running struct {
	op     api.OpID
	motion api.Motion
	cancel context.CancelFunc
	done   chan struct{}
}

// NewEngine makes an engine that is not open. exit is called after a panic, with code 3,
// when the completion of the command has been delivered.
func NewEngine(m Model, log *slog.Logger, exit func(code int)) *Engine {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return &Engine{model: m, log: log, ring: newRing(hex.EncodeToString(b[:])), exit: exit, now: time.Now}
}

// Describe implements api.Device.
func (e *Engine) Describe(context.Context) (api.Description, error) {
	e.mu.Lock()
	env, d := e.env, e.driver
	e.mu.Unlock()
	env.profile, env.engine = e.model.Profile, e
	caps, err := e.model.Capabilities(env)
	if err != nil {
		return api.Description{}, err
	}
	out := api.Description{Class: e.model.Class, Maker: e.model.Maker, Model: e.model.Name, Version: e.model.Version, Capabilities: mustJSON(caps), Commands: maps.Clone(e.model.Commands)}
	if d != nil {
		out.Firmware, out.SerialNum = d.Identity()
	}
	return out, nil
}

// Open implements api.Device. The lock is not held while the driver talks to the device:
// Health must answer.
func (e *Engine) Open(ctx context.Context, cfg api.Config) error {
	e.mu.Lock()
	var err error
	switch {
	case e.driver != nil || e.opening:
		err = errors.New("already open")
	case e.draining:
		err = errors.New("draining")
	case cfg.StateDir == "":
		err = errors.New("no state folder given")
	}
	if err != nil {
		e.mu.Unlock()
		return err
	}
	e.opening = true
	e.cfg = cfg
	e.env = Env{Device: cfg.Device, Port: cfg.Port, StateDir: cfg.StateDir, Log: e.log.With("device", cfg.Device, "model", e.model.Name), Heart: &Heart{}, profile: e.model.Profile, engine: e}
	env := e.env
	e.mu.Unlock()

	d, j, lock, err := e.open(ctx, env)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.opening = false
	if err != nil {
		return err
	}
	e.driver, e.journal, e.lock = d, j, lock
	e.statusMu.Lock()
	e.lastJSON = mustJSON(d.Status())
	e.last = flatten(e.lastJSON)
	e.statusMu.Unlock()
	return nil
}

func (e *Engine) open(ctx context.Context, env Env) (d Driver, j *journal, lock *portlock.Lock, err error) {
	defer func() {
		if p := recover(); p != nil {
			e.crash("open", p)
			err = errors.New("driver failed (panic)")
		}
	}()
	if lock, err = portlock.Take(env.Port); err != nil {
		return nil, nil, nil, err
	}
	if j, err = openJournal(env.StateDir, e.now); err != nil {
		lock.Release()
		return nil, nil, nil, err
	}
	if d, err = e.model.New(env); err == nil {
		if err = d.Open(ctx); err != nil {
			d.Close()
		}
	}
	if err != nil {
		lock.Release()
		j.close()
		return nil, nil, nil, err
	}
	return d, j, lock, nil
}

func (e *Engine) opened() (Driver, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.driver == nil {
		return nil, errors.New("not open")
	}
	return e.driver, nil
}

// begin takes the place of the one command that runs.
func (e *Engine) begin(op api.OpID, m api.Motion, cancel context.CancelFunc) (*running, *api.Completion) {
	e.mu.Lock()
	defer e.mu.Unlock()
	refuse := func(c api.CompletionCode, s string) (*running, *api.Completion) {
		out := api.Refuse(c, s)
		return nil, &out
	}
	switch {
	case e.driver == nil:
		return refuse(api.DeviceNotReady, "device is not open")
	case e.draining:
		return refuse(api.DeviceNotReady, "driver is draining")
	case m == api.Still:
		e.still.Add(1)
		return nil, nil
	case e.running != nil:
		return refuse(api.SequenceError, "another command is running")
	}
	e.running = &running{op: op, motion: m, cancel: cancel, done: make(chan struct{})}
	return e.running, nil
}

func (e *Engine) end(r *running) {
	if r == nil {
		e.still.Done()
		return
	}
	e.mu.Lock()
	e.running = nil
	e.mu.Unlock()
	close(r.done)
}

// Recover implements api.Device.
func (e *Engine) Recover(ctx context.Context) (api.Recovery, error) {
	d, err := e.opened()
	if err != nil {
		return api.Recovery{}, err
	}
	r, refused := e.begin("recover", api.Wait, func() {})
	if refused != nil {
		return api.Recovery{}, errors.New(refused.Description)
	}
	defer e.end(r)
	open := e.journal.unsettled()
	rec, err := d.Recover(ctx, open)
	if err != nil {
		return api.Recovery{}, fmt.Errorf("recover: %w", err)
	}
	settled := map[api.OpID]*api.Completion{}
	for _, o := range rec.Ops {
		settled[o.Op] = o.Completion
	}
	for _, o := range open {
		c := settled[o.Op]
		switch {
		case c != nil:
		case o.Completion != nil:
			continue // indeterminate it was and is
		case o.Moved:
			c = &api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: "the driver ended in this operation and the device does not prove what it did"}
		default:
			n := api.Refuse(api.DeviceNotReady, "the driver ended before it sent a byte")
			c = &n
		}
		if err := e.journal.add(entry{Kind: kindRecovery, Op: o.Op, Completion: c}); err != nil {
			return api.Recovery{}, err
		}
	}
	rec.Ops = e.journal.recovered()
	e.statusChanged()
	return rec, nil
}

// Cancel asks the command that runs to stop; false if it is not the one that runs. A Still
// command ends by itself at once.
func (e *Engine) Cancel(op api.OpID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running == nil || e.running.op != op {
		return false
	}
	e.running.cancel()
	return true
}

// Execute implements api.Device.
func (e *Engine) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) (out api.Completion) {
	motion, ok := e.model.Commands[cmd.Name]
	if !ok {
		return api.Refuse(api.UnsupportedCommand, fmt.Sprintf("%s does not know command %q", e.model.Name, cmd.Name))
	}
	if cmd.Op == "" {
		return api.Refuse(api.InvalidRequestID, "command has no operation id")
	}
	if !cmd.Deadline.IsZero() && !e.now().Before(cmd.Deadline) {
		return api.Completion{Outcome: api.TimedOut, Code: api.CodeTimeOut, Description: "deadline had passed before the command began"}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !cmd.Deadline.IsZero() {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadline(ctx, cmd.Deadline)
		defer stop()
	}
	r, refused := e.begin(cmd.Op, motion, cancel)
	if refused != nil {
		return *refused
	}
	defer e.end(r)

	durable := motion != api.Still && motion != api.Wait
	moved := false
	if durable {
		if rec, known := e.journal.query(cmd.Op); known {
			return repeated(rec)
		}
		first := entry{Kind: kindIntent, Op: cmd.Op, Name: cmd.Name, Txn: cmd.Txn}
		if motion.Cash() {
			first.Payload = cmd.Payload
		}
		if err := e.journal.add(first); err != nil {
			return api.Refuse(api.InternalError, err.Error())
		}
		ctx = context.WithValue(ctx, movingKey{}, func() error {
			if moved {
				return nil
			}
			moved = true
			return e.journal.add(entry{Kind: kindMoving, Op: cmd.Op})
		})
		// Registered before the panic is caught, so it runs after: a panic has a result too.
		defer func() {
			kept := out
			if !motion.Cash() {
				kept.Payload = nil
			}
			if err := e.journal.add(entry{Kind: kindResult, Op: cmd.Op, Completion: &kept}); err != nil {
				e.log.Error("result is not durable", "op", cmd.Op, "error", err)
			}
		}()
	}
	defer func() {
		if p := recover(); p != nil {
			out = e.panicked(cmd, durable && moved, p)
		}
	}()
	out = e.driver.Execute(ctx, cmd, emit)
	if !out.Outcome.Valid() {
		out = api.Completion{Outcome: api.Indeterminate, Code: api.InternalError, Description: fmt.Sprintf("driver gave outcome %q", out.Outcome)}
	}
	return out
}

// repeated answers a command whose operation id is known already: it never moves twice.
func repeated(rec api.OpRecord) api.Completion {
	switch {
	case rec.Completion != nil:
		return *rec.Completion
	case rec.State == api.OpUnresolved:
		return api.Completion{Outcome: api.Indeterminate, Code: api.SequenceError, Description: "this operation was interrupted and is not settled yet"}
	}
	return api.Refuse(api.SequenceError, "this operation is running")
}

func (e *Engine) panicked(cmd api.Command, moved bool, p any) api.Completion {
	e.crash(cmd.Name, p)
	c := api.Completion{Outcome: api.NotStarted, Code: api.InternalError, Description: "driver failed (panic)"}
	if moved {
		c.Outcome = api.Indeterminate
	}
	return c
}

// crash logs the stack (never the value of the panic, which may hold data of the device)
// and ends the process with code 3.
func (e *Engine) crash(where string, p any) {
	kind := fmt.Sprintf("%T", p)
	if err, ok := p.(interface{ RuntimeError() }); ok {
		kind = fmt.Sprintf("%v", err)
	}
	e.log.Error("panic", "in", where, "kind", kind, "stack", string(debug.Stack()))
	go e.exit(3)
}

// QueryOp implements api.Device.
func (e *Engine) QueryOp(_ context.Context, id api.OpID) (api.OpRecord, error) {
	e.mu.Lock()
	j := e.journal
	e.mu.Unlock()
	if j == nil {
		return api.OpRecord{}, errors.New("not open")
	}
	rec, _ := j.query(id)
	return rec, nil
}

// Health implements api.Device.
func (e *Engine) Health(context.Context) error {
	e.mu.Lock()
	h := e.env.Heart
	e.mu.Unlock()
	if h == nil {
		return nil // not open yet
	}
	return h.Check()
}

// Drain implements api.Device.
func (e *Engine) Drain(ctx context.Context) error {
	e.mu.Lock()
	e.draining = true
	r := e.running
	e.mu.Unlock()
	if r != nil {
		if r.motion == api.Wait || r.motion == api.TakesCash {
			r.cancel()
		}
		select {
		case <-r.done:
		case <-ctx.Done():
			return fmt.Errorf("drain: %s is still running: %w", r.op, ctx.Err())
		}
	}
	e.still.Wait()
	e.mu.Lock()
	d, j, lock := e.driver, e.journal, e.lock
	e.driver = nil
	e.mu.Unlock()
	if d == nil {
		return nil
	}
	// Not under the lock: the driver's own goroutines may be about to report something.
	err := d.Close()
	j.close()
	lock.Release()
	return err
}

// Env makes the environment of a model without opening anything, for tools that show
// profile and capabilities.
func (m Model) Env(cfg api.Config, log *slog.Logger) Env {
	e := NewEngine(m, log, os.Exit)
	e.cfg = cfg
	return Env{Device: cfg.Device, Port: cfg.Port, StateDir: filepath.Clean(cfg.StateDir), Log: log, Heart: &Heart{}, profile: m.Profile, engine: e}
}
