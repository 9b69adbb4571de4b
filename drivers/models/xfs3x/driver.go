// Package xfs3x drives the device behind any maker's XFS 3.x service provider (CEN/XFS, CWA 13449
// and 15748) through the XFS manager, msxfs.dll, of a Windows machine: one model for each class.
// Requests and answers are images of the standard's packed structures, built and read by the plain
// Go of this package, which runs everywhere; only manager_windows.go calls the DLL. Imported by
// drivers/models and tests.
//
// Track data, chip data and PIN blocks pass through and are never logged, kept or put into an
// error.
package xfs3x

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/sdk"
)

//go:embed profile.yaml
var profileYAML []byte

// Models are the models, one for each class.
var Models = []sdk.Model{
	model("xfs3card", api.ClassCardReader, cardCommands, cards{}, idcStatus),
	model("xfs3cash", api.ClassCashDispenser, cashCommands, notes{}, cdmStatus),
	model("xfs3pinpad", api.ClassPinPad, pinCommands, keys{}, pinStatus),
	model("xfs3printer", api.ClassPrinter, paperCommands, papers{}, ptrStatus),
}

// class is what differs between the classes.
type class interface {
	capabilities(p *profile) map[string]any
	// status turns the answer to the status query into Common.Status, and says where media lies.
	status(d *driver, m memory, r result) (classes map[string]any, media map[string]int, err error)
	event(d *driver, k kind, r result, m memory) (name string, payload any)
	execute(ctx context.Context, d *driver, cmd api.Command) api.Completion
}

func model(name string, of api.Class, commands map[string]api.Motion, c class, category uint32) sdk.Model {
	return sdk.Model{
		Name: name, Class: of, Maker: "any", Version: "1.0.0", Profile: profileYAML, Commands: commands,
		Capabilities: func(e sdk.Env) (map[string]any, error) {
			p, err := readProfile(e)
			if err != nil {
				return nil, err
			}
			return c.capabilities(p), nil
		},
		New: func(e sdk.Env) (sdk.Driver, error) {
			p, err := readProfile(e)
			if err != nil {
				return nil, err
			}
			return newDriver(e, p, commands, c, category, openManager), nil
		},
	}
}

type profile struct {
	Lowest   string            `json:"lowest"`
	Highest  string            `json:"highest"`
	OpenMs   int               `json:"openMs"`
	ReplyMs  int               `json:"replyMs"`
	MotionMs int               `json:"motionMs"`
	GraceMs  int               `json:"graceMs"`
	PollMs   int               `json:"pollMs"`
	Present  bool              `json:"present"`
	Units    map[string]int    `json:"units"`
	Keys     map[string]string `json:"keys"`
	Padding  int               `json:"padding"`
	Customer string            `json:"customerData"`
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	if p.OpenMs <= 0 || p.ReplyMs <= 0 || p.MotionMs <= 0 || p.GraceMs <= 0 || p.PollMs <= 0 || p.Padding < 0 || p.Padding > 255 {
		return nil, errors.New("profile: every time must be above zero, padding a byte")
	}
	if p.Customer != "twelve" && p.Customer != "pan" {
		return nil, fmt.Errorf("profile: customerData: %q is neither twelve nor pan", p.Customer)
	}
	if _, err := p.versions(); err != nil {
		return nil, err
	}
	return &p, nil
}

// versions is the range as WFSStartUp and WFSOpen want it: the lowest in the high word, the highest
// in the low one, each with its major number in the low byte.
func (p *profile) versions() (uint32, error) {
	var words [2]uint32
	for i, s := range []string{p.Lowest, p.Highest} {
		var major, minor uint32
		if n, err := fmt.Sscanf(s, "%d.%d", &major, &minor); n != 2 || err != nil || major > 255 || minor > 255 {
			return 0, fmt.Errorf("profile: %q is no version like 3.30", s)
		}
		words[i] = minor<<8 | major
	}
	return words[0]<<16 | words[1], nil
}

// key is the service provider's name of a key.
func (p *profile) key(ours string) string {
	if k := p.Keys[ours]; k != "" {
		return k
	}
	return ours
}

// name is our name of a service provider's key.
func (p *profile) name(theirs string) string {
	for ours, k := range p.Keys {
		if k == theirs {
			return ours
		}
	}
	return theirs
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

var (
	errSilent     = errors.New("the service provider does not answer")
	errCheckValue = errors.New("the check value of the loaded key is another one")
)

type driver struct {
	env      sdk.Env
	p        *profile
	commands map[string]api.Motion
	class    class
	category uint32 // of the status
	open     opener
	s        session
	stop     chan struct{}
	once     sync.Once
	ended    sync.WaitGroup

	mu      sync.Mutex
	state   map[string]any
	media   map[string]int
	online  bool
	version version
	units   map[string]unit
	emit    func(api.Event) // of the command at work
}

func newDriver(e sdk.Env, p *profile, commands map[string]api.Motion, c class, category uint32, open opener) *driver {
	return &driver{env: e, p: p, commands: commands, class: c, category: category, open: open, stop: make(chan struct{})}
}

// Open starts the manager, opens the service whose logical name the port is, and asks for its
// status. It moves nothing.
func (d *driver) Open(ctx context.Context) error {
	versions, err := d.p.versions()
	if err != nil {
		return err
	}
	s, v, err := d.open(d.env.Port, versions, ms(d.p.OpenMs), d.event)
	if err != nil {
		return fmt.Errorf("service provider: %w", err)
	}
	d.s = s
	d.mu.Lock()
	d.version = v
	d.mu.Unlock()
	if err := d.look(ctx); err != nil {
		return err
	}
	d.ended.Add(1)
	d.env.Go(func() { defer d.ended.Done(); d.poll() })
	return nil
}

// Close implements sdk.Driver.
func (d *driver) Close() error {
	d.once.Do(func() { close(d.stop) })
	d.ended.Wait()
	if d.s == nil {
		return nil
	}
	return d.s.close()
}

// Identity implements sdk.Driver: the service provider's description stands for the firmware.
func (d *driver) Identity() (string, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.version.Description, ""
}

// Recover implements sdk.Driver. The standard keeps no record of past commands, so that what was
// interrupted stays unproven; where media lies, the status says.
func (d *driver) Recover(ctx context.Context, _ []sdk.OpenOp) (api.Recovery, error) {
	if err := d.look(ctx); err != nil {
		return api.Recovery{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return api.Recovery{Media: d.media}, nil
}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.online {
		return map[string]any{"common": map[string]any{"device": api.Offline}}
	}
	return d.state
}

func (d *driver) poll() {
	for {
		select {
		case <-d.stop:
			return
		case <-time.After(ms(d.p.PollMs)):
		}
		_ = d.look(context.Background()) // said by the status
	}
}

// look asks for the status and remembers it.
func (d *driver) look(ctx context.Context) error {
	var state map[string]any
	var media map[string]int
	var err error
	if n, ok := d.class.(notes); ok {
		_, err = n.look(ctx, d)
	}
	if err == nil {
		err = d.ask(ctx, d.category, nil, func(r result, m memory) (err error) {
			state, media, err = d.class.status(d, m, r)
			return err
		})
	}
	d.mu.Lock()
	d.online = err == nil
	if err == nil {
		d.state, d.media = state, media
	}
	d.mu.Unlock()
	d.env.StatusChanged()
	return err
}

// ask is an information query; read is called while the answer's memory is there.
func (d *driver) ask(ctx context.Context, category uint32, in *block, read func(result, memory) error) error {
	done := make(chan error, 1)
	id, err := d.s.info(category, in, ms(d.p.ReplyMs), func(r result, m memory) {
		if r.code != 0 {
			done <- errors.New(ended(r.code, api.Still).Description)
			return
		}
		done <- read(r, m)
	})
	if err != nil {
		return fmt.Errorf("service provider: %w", err)
	}
	late := time.After(ms(d.p.ReplyMs) + ms(d.p.GraceMs))
	select {
	case err := <-done:
		return err
	case <-late:
	case <-ctx.Done():
	}
	_ = d.s.cancel(id)
	return errSilent
}

// event takes what comes by itself, or belongs to the command at work.
func (d *driver) event(k kind, r result, m memory) {
	if k == onSystem { // a changed device, a lost application, a fault
		d.env.Go(func() { _ = d.look(context.Background()) })
		return
	}
	if name, payload := d.class.event(d, k, r, m); name != "" {
		d.tell(name, k, payload)
	}
	if k != onExecute {
		d.env.Go(func() { _ = d.look(context.Background()) })
	}
}

func (d *driver) note(name string, k kind) { d.tell(name, k, nil) }

func (d *driver) tell(name string, k kind, payload any) {
	if k != onExecute {
		d.env.Event(name, payload)
		return
	}
	d.mu.Lock()
	emit := d.emit
	d.mu.Unlock()
	if emit != nil {
		var b json.RawMessage
		if payload != nil {
			b, _ = json.Marshal(payload) // maps and structs of texts
		}
		emit(api.Event{Name: name, Payload: b})
	}
}

// Execute implements sdk.Driver.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	// The page's program and the manager's window are different goroutines: one event at a time, and
	// none twice.
	var one sync.Mutex
	told := map[string]bool{}
	d.mu.Lock()
	d.emit = func(e api.Event) {
		one.Lock()
		defer one.Unlock()
		if once[e.Name] && told[e.Name] {
			return
		}
		told[e.Name] = true
		emit(e)
	}
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		d.emit = nil
		d.mu.Unlock()
		one.Lock() // no event after the completion
		defer one.Unlock()
	}()
	c := d.class.execute(ctx, d, cmd)
	_ = d.look(context.WithoutCancel(ctx))
	return c
}

// do is a command: it waits for the completion, and cancels it when ctx ends. read is called for a
// success, while the answer's memory is there.
func (d *driver) do(ctx context.Context, cmd api.Command, code uint32, in *block, read func(result, memory) (any, error)) api.Completion {
	motion := d.commands[cmd.Name]
	var timeout time.Duration
	if motion != api.Wait {
		timeout = ms(d.p.MotionMs)
	} else if !cmd.Deadline.IsZero() {
		timeout = max(time.Until(cmd.Deadline), time.Millisecond)
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	done := make(chan api.Completion, 1)
	id, err := d.s.execute(code, in, timeout, func(r result, m memory) {
		c := ended(r.code, motion)
		if r.code == 0 && read != nil {
			payload, err := read(r, m)
			if c = sdk.Ok(payload); err != nil {
				c = unread(motion, err)
			}
		}
		done <- c
	})
	if err != nil {
		return api.Refuse(api.DeviceNotReady, "service provider: "+err.Error())
	}
	if d.env.Heart != nil && motion != api.Wait {
		d.env.Heart.Expect(timeout + ms(d.p.GraceMs) + 30*time.Second)
		defer d.env.Heart.Rest()
	}
	var late <-chan time.Time
	if timeout > 0 {
		late = time.After(timeout + ms(d.p.GraceMs))
	}
	stop := ctx.Done()
	for {
		select {
		case c := <-done:
			if c.Outcome == api.Canceled && ctx.Err() != nil {
				return sdk.Ended(ctx)
			}
			return c
		case <-stop: // a movement under way goes on to its end
			stop = nil
			if motion == api.Wait {
				_ = d.s.cancel(id)
				late = time.After(ms(d.p.GraceMs))
			}
		case <-late:
			if motion == api.Wait {
				return api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: errSilent.Error()}
			}
			return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: errSilent.Error()}
		}
	}
}

// once are the events that a command has once.
var once = map[string]bool{"Keyboard.EnterDataEvent": true, "CardReader.InsertCardEvent": true}

// unread is a success whose answer cannot be read or is not what was asked for.
func unread(motion api.Motion, err error) api.Completion {
	c := api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: err.Error()}
	if motion == api.MovesCash || motion == api.MovesMedia {
		c.Outcome = api.Indeterminate
	}
	return c
}
