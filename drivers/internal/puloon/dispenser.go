package puloon

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

// ErrLayout: an answer has another layout than documented.
var ErrLayout = errors.New("answer has another layout than documented")

// Sensors is where notes lie and what is in its place. The lists are by cassette.
type Sensors struct {
	Exit, Path, NoTray bool
	Missing, NearEnd   []bool
}

// Paid is what a result says about one cassette.
type Paid struct {
	Exit, Rejects int
	NearEnd       bool
	// Inside: more notes were picked than came out or were rejected.
	Inside bool
}

// Result is the device's account of a movement, by cassette.
type Result struct {
	Err   byte
	Units []Paid
}

// Fault is what an error means for the platform.
type Fault struct {
	Name  string
	Class string // class error code; empty is a hardware error
	// Unsure: notes may have reached the customer uncounted, or of another cassette than counted.
	Unsure bool
	// Inside: uncounted notes lie before the exit; what the EXIT sensor counted stands.
	Inside bool
}

// Trial is one test command: the notes that it moves into the reject tray, by cassette.
type Trial struct {
	Frame []byte
	Asked []int
}

// Model is what one dispenser of the family does in its own way.
type Model interface {
	// Sensors reads the answer to the status command.
	Sensors(data []byte) (Sensors, error)
	// Command is the dispense command for these counts; Frame makes it, and may ask before.
	Command(asked []int) byte
	Frame(l *Link, asked []int) ([]byte, error)
	Result(cmd byte, data []byte) (Result, error)
	// Purged is the error of the answer to a purge.
	Purged(data []byte) (byte, error)
	Trials(l *Link, asked []int) ([]Trial, error)
	// Emptied is the cassette that a result says has ended, -1 for none.
	Emptied(r Result, asked []int) int
}

// Witness is a Model whose device keeps the account of its last movement.
type Witness interface {
	// Before keeps, on the disk, what the device said before an operation.
	Before(l *Link, op api.OpID) error
	// After gives the account that is certainly the operation's, if there is one.
	After(l *Link, op api.OpID) (data []byte, ok bool)
}

// Options are a model's.
type Options struct {
	Model
	Env   sdk.Env
	Mode  serialport.Mode
	ID    byte
	Times Times
	// Status, Purge and ROM (0: none) are commands; Still are all that move nothing.
	Status, Purge, ROM byte
	Still              []byte
	Cassettes          int
	Units              map[string]int // cash unit → cassette, from 0
	PerUnit, Total     int            // notes of one dispense
	Hold               bool           // notes are held at the exit; else they are thrown out
	Good               []byte
	Faults             map[byte]Fault
	Vendor             map[string]api.VendorError
	NoTray             byte   // the faults that look like this before anything moves
	NoCassette         []byte // by cassette
	Poll, HeldPoll     time.Duration
	Listen, Max        time.Duration // of Recover

	// A device that wants a token before it pays (XFS4IoT end-to-end security); nil: it does not.
	// Show gives it the one of the dispense that follows; Unauthorised is its error when that does
	// not do, nothing has moved then. Looked follows each look outside of a command, and a
	// dispense. The line is taken.
	Show         func(token string) *api.Completion
	Unauthorised byte
	Looked       func()
}

// Dispenser is an sdk.Driver.
type Dispenser struct {
	o    Options
	line *line.Line
	link *Link

	mu       sync.Mutex
	firmware string
	online   bool
	known    bool // seen holds what the device said
	seen     Sensors
	empty    []bool // a cassette ended; until it is taken out
	held     bool   // notes of a dispense lie at the exit
	unsettle bool   // a movement ended without a trustworthy result
}

// New makes a dispenser that is not open.
func New(o Options) *Dispenser {
	none := make([]bool, o.Cassettes)
	return &Dispenser{o: o, empty: make([]bool, o.Cassettes), seen: Sensors{Missing: none, NearEnd: none}}
}

// Open opens the port only: the device may still be paying out for an earlier incarnation
// and then answers nobody. Recover talks to it.
func (d *Dispenser) Open(context.Context) error {
	var err error
	if d.line, err = line.Open(d.o.Env.Port, d.o.Mode, d.o.Env.Heart); err != nil {
		return err
	}
	d.link = &Link{Port: d.line.Port, ID: d.o.ID, Status: d.o.Status, Still: d.o.Still, Times: d.o.Times}
	d.line.Poll(d.o.Env.Go, d.wait, 30*time.Second, func() {
		d.mu.Lock()
		known := d.known
		d.mu.Unlock()
		if !known {
			return // Recover speaks first
		}
		if s, err := d.look(1); err == nil {
			d.looked()
			d.taken(s)
		}
	})
	return nil
}

func (d *Dispenser) wait() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held {
		return d.o.HeldPoll
	}
	return d.o.Poll
}

// Close implements sdk.Driver.
func (d *Dispenser) Close() error { return d.line.Close() }

// Identity is the ROM version where there is one; the family has no serial number on the wire.
func (d *Dispenser) Identity() (string, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.firmware, ""
}

// Link is the open link, for who has taken the line.
func (d *Dispenser) Link() *Link { return d.link }

func (d *Dispenser) looked() {
	if d.o.Looked != nil {
		d.o.Looked()
	}
}

// Take takes the line for a command that takes no longer than limit.
func (d *Dispenser) Take(limit time.Duration) (release func()) {
	return d.line.Take(limit + 30*time.Second)
}

// look asks for the status, line taken, and remembers it.
func (d *Dispenser) look(tries int) (Sensors, error) {
	err := d.line.Present()
	var data []byte
	if err == nil {
		data, err = d.link.Ask(d.o.Status, tries)
	}
	if err != nil {
		d.absent()
		return Sensors{}, err
	}
	s, err := d.o.Sensors(data)
	if err != nil {
		return Sensors{}, err
	}
	d.mu.Lock()
	for u, gone := range s.Missing {
		if gone {
			d.empty[u] = false // it comes back filled
		}
	}
	d.seen, d.known, d.online = s, true, true
	d.mu.Unlock()
	d.o.Env.StatusChanged()
	return s, nil
}

func (d *Dispenser) absent() {
	d.mu.Lock()
	d.online = false
	d.mu.Unlock()
	d.o.Env.StatusChanged()
}

// taken tells that held notes are gone from the exit.
func (d *Dispenser) taken(s Sensors) {
	d.mu.Lock()
	gone := d.held && !s.Exit
	if gone {
		d.held = false
	}
	d.mu.Unlock()
	if gone {
		d.o.Env.StatusChanged()
		d.o.Env.Event(cash.EvItemsTaken, map[string]string{"position": "outDefault"})
	}
}

// Status implements sdk.Driver.
func (d *Dispenser) Status() map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	dev := api.Offline
	st := cash.Status{Transport: "unknown", Units: map[string]cash.UnitStatus{}}
	pos := cash.Position{Position: "outDefault", PositionStatus: "unknown", Transport: "unknown"}
	if d.online {
		dev = api.Online
		word := map[bool]string{true: "notEmpty", false: "empty"}
		st.Transport, pos.PositionStatus, pos.Transport = word[d.seen.Path], word[d.seen.Exit], "ok"
		if d.seen.Path {
			pos.Transport = "inoperative"
			dev = api.StateHardwareError
		}
	}
	st.Positions = []cash.Position{pos}
	for id, u := range d.o.Units {
		st.Units[id] = cash.UnitStatus{State: d.unitState(u)}
	}
	return map[string]any{"common": map[string]any{"device": dev, "X-unsettled": d.unsettle}, "cashDispenser": st}
}

// unitState, with mu held.
func (d *Dispenser) unitState(u int) string {
	switch {
	case !d.known:
		return "inoperative"
	case d.seen.Missing[u]:
		return "missing"
	case d.empty[u]:
		return "empty"
	case d.seen.NearEnd[u]:
		return "low"
	}
	return "ok"
}

// failed is the completion of a command that the device answered with an error.
func (d *Dispenser) failed(o api.Outcome, e byte) api.Completion {
	f, known := d.o.Faults[e]
	if !known {
		f = Fault{Name: "unknown error"}
	}
	v := api.VendorError{Code: fmt.Sprintf("%02X", e), Name: f.Name}
	if other, ok := d.o.Vendor[v.Code]; ok {
		v = other
	}
	c := api.Completion{Outcome: o, Code: api.HardwareError, Vendor: &v, Description: "device error " + v.Code + " " + v.Name}
	if f.Class != "" {
		c.Code, c.ErrorCode = api.CommandErrorCode, f.Class
	}
	return c
}

// Capabilities are the family's; exit says whether notes are held and seen there.
func Capabilities(total, perUnit int, hold, takenSensor bool) map[string]any {
	return map[string]any{
		"cashDispenser": map[string]any{
			"type": "selfServiceBill", "maxDispenseItems": total, "X-maxItemsPerUnit": perUnit,
			"intermediateStacker": false, "itemsTakenSensor": hold && takenSensor,
			"positions": map[string]bool{"front": true}, "retractAreas": map[string]bool{"reject": hold}, "shutterControl": false,
		},
		"cashManagement": map[string]any{"cashBox": false, "exchangeType": map[string]bool{"byHand": true}},
	}
}
