// Package motorcard is a card reader with a motor: waiting for a card, reading it, moving it,
// the card at the gate that is the customer's, the chip under the contacts, and what is
// believed after silence. A model gives its bytes (Options.Link) and its tables. Only
// drivers/models imports it.
//
// Track data and what a chip says pass through and are never logged, kept or put into an
// error. A command that moves a card is sent once; what is not answered is looked at.
package motorcard

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

// Place is where the card is.
type Place int

// The places. Between is inside, but not where a card is read.
const (
	Unknown Place = iota
	Nowhere
	Gate
	Between
	Inside
)

func (p Place) String() string {
	return [...]string{"an unknown place", "no place", "the gate", "a place between", "the reading position"}[p]
}

// Answer is what a reader says to a command that it did.
type Answer struct {
	At   Place
	Data []byte
}

// Exchange sends a command and gives its answer: a Fault where the reader says that it failed,
// line.ErrRefused where it did not take it, line.ErrSilent where nobody knows. again: it may be
// sent again after silence.
type Exchange func(cmd string, again bool) (Answer, error)

// Initial says what an initial reset does with a card.
type Initial int

// The initial resets.
const (
	Hold Initial = iota
	Eject
	Capture
)

// Table is the model's commands and codes.
type Table struct {
	Look    string                                // asks where the card is
	LetIn   string                                // lets cards in
	Shut    string                                // keeps them out
	Out     string                                // to the gate, and holds it there
	In      string                                // from the gate to the reading position
	Bin     string                                // captures
	BinName string                                // what the bin is called where a card was found; empty: unitRetain
	Count   string                                // asks for the number of captured cards
	Init    func(i Initial) string                // initial reset
	Settle  func(chip bool) string                // brings a card that came in to where it is read; nil: it is there
	Tracks  []string                              // read track 1, 2, 3; none: the reader has no magnetic head
	Chip    *Chip                                 // nil: it has no contacts
	Air     *Air                                  // nil: it has no antenna
	ByHand  bool                                  // no motor: In latches the card, Out lets it go
	IFM     map[string]string                     // approvals of the contacts
	Forgot  func(cmd, code string) bool           // the reader lost its power and has to be initialised before cmd
	Step    func(cmd string) string               // what a command does, for the keys of VendorCodes
	Gone    []string                              // codes for: the card was taken while the reader reached for it
	Track   map[string]string                     // codes of a track that could not be read → XFS4IoT status
	Class   map[string]string                     // codes → XFS4IoT error; others are hardware errors
	Vendor  map[string]api.VendorError            // step:code or any:code → what the operator reads
	Proves  bool                                  // after silence an empty path is an arrival where the card may be out
	Await   func(context.Context) *api.Completion // own way to wait for a card
}

// Options are a model's.
type Options struct {
	Table
	Env        sdk.Env
	Mode       serialport.Mode
	Busy       time.Duration // one exchange with its repetitions takes no longer
	Poll, Idle time.Duration // how often is looked while a card is waited for, and else
	Link       func(*line.Line) Exchange
	// Identify gives firmware and serial number, from the answer to the initial reset or by asking.
	Identify func(r *Reader, initial Answer) (firmware, serial string)
	// Seen is told of every exchange, may be nil.
	Seen func()
}

// Reader is an sdk.Driver.
type Reader struct {
	o        Options
	Line     *line.Line
	exchange Exchange

	mu               sync.Mutex
	firmware, serial string
	online           bool
	at               Place
	jammed           bool
	retained         int
	offered          bool   // the card at the gate was put there for the customer
	pressed          bool   // the contacts lie on the card
	chip             bool   // the chip was reset and answers
	latched          bool   // the card is held, of a reader by hand
	air              string // protocol of the card that the antenna talks to
}

// New makes a reader that is not open.
func New(o Options) *Reader { return &Reader{o: o} }

// Open opens the port, initialises the reader without moving the card and shuts the entry.
func (r *Reader) Open(context.Context) error {
	var err error
	if r.Line, err = line.Open(r.o.Env.Port, r.o.Mode, r.o.Env.Heart); err != nil {
		return err
	}
	r.exchange = r.o.Link(r.Line)
	defer r.Take()()
	first, _, err := r.prepare()
	if err != nil {
		return fmt.Errorf("card reader: %w", err)
	}
	firmware, serial := r.o.Identify(r, first)
	r.mu.Lock()
	r.firmware, r.serial = firmware, serial
	r.mu.Unlock()
	r.Line.Poll(r.o.Env.Go, line.Every(r.o.Idle), r.o.Busy, r.look)
	return nil
}

// Close implements sdk.Driver.
func (r *Reader) Close() error { return r.Line.Close() }

// Identity implements sdk.Driver.
func (r *Reader) Identity() (string, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.firmware, r.serial
}

// Take takes the line.
func (r *Reader) Take() (release func()) { return r.Line.Take(r.o.Busy) }

// Promise renews the promise to the watchdog, for waits that are not exchanges.
func (r *Reader) Promise() { r.Line.Promise(r.o.Busy) }

// Do exchanges a command, line taken, and remembers what it tells. A reader that forgot
// everything is initialised, leaving the card, and asked again.
func (r *Reader) Do(cmd string, again bool) (Answer, error) {
	r.Promise()
	if err := r.Line.Present(); err != nil {
		r.Note(Answer{}, err)
		return Answer{}, err
	}
	a, err := r.exchange(cmd, again)
	var f *Fault
	if errors.As(err, &f) && r.o.Forgot(cmd, f.Code) {
		r.mu.Lock()
		r.pressed, r.chip, r.air, r.latched = false, false, "", false
		r.mu.Unlock()
		if _, err = r.exchange(r.o.Init(Hold), true); err == nil {
			a, err = r.exchange(cmd, again)
		}
	}
	r.Note(a, err)
	return a, err
}

// Note keeps where the card is and whether the reader answers.
func (r *Reader) Note(a Answer, err error) {
	var f *Fault
	r.mu.Lock()
	r.online = err == nil || errors.As(err, &f)
	if err == nil {
		r.at = a.At
	}
	r.mu.Unlock()
	r.o.Env.StatusChanged()
	if r.o.Seen != nil {
		r.o.Seen()
	}
}

// prepare brings a reader that has just been reached to a known state, without motion.
func (r *Reader) prepare() (first, now Answer, err error) {
	r.mu.Lock()
	r.pressed, r.chip, r.air, r.latched = false, false, "", false
	r.mu.Unlock()
	if first, err = r.Do(r.o.Init(Hold), true); err != nil {
		return first, now, err
	}
	if _, err = r.Do(r.o.Shut, true); err != nil {
		return first, now, err
	}
	if a, err := r.Do(r.o.Count, true); err == nil {
		if n, err := strconv.Atoi(line.Text(a.Data)); err == nil {
			r.SetRetained(n)
		}
	}
	now, err = r.Do(r.o.Look, true)
	return first, now, err
}

// look keeps the status true and sees the card being taken.
func (r *Reader) look() {
	var a Answer
	var err error
	if r.Online() {
		a, err = r.Do(r.o.Look, true)
	} else {
		_, a, err = r.prepare() // it was away: power, cable or port
	}
	if err == nil {
		r.taken(a.At)
	}
}

// taken tells that an offered card is gone from the gate.
func (r *Reader) taken(at Place) {
	r.mu.Lock()
	gone := r.offered && at == Nowhere
	if at != Gate && !(r.o.ByHand && at == Inside) {
		r.offered = false
	}
	if at == Nowhere {
		r.jammed, r.latched = false, false
	}
	r.mu.Unlock()
	if gone {
		r.o.Env.StatusChanged()
		r.o.Env.Event(card.EvMediaRemoved, nil)
	}
}

// Recover says where a card lies. A card move that was interrupted is settled by that: at the
// gate lies a card where nothing but this move could have brought it, or where it was.
func (r *Reader) Recover(_ context.Context, open []sdk.OpenOp) (api.Recovery, error) {
	defer r.Take()()
	a, err := r.Do(r.o.Look, true)
	if err != nil {
		return api.Recovery{}, fmt.Errorf("card reader: %w", err)
	}
	out := api.Recovery{}
	switch a.At {
	case Gate:
		out.Media = map[string]int{card.Exit: 1}
		r.mu.Lock()
		r.offered = true
		r.mu.Unlock()
		for _, o := range open {
			if o.Moved && o.Name == card.CmdMove {
				rec := o.OpRecord
				rec.Completion = &api.Completion{Outcome: api.Done, Description: "the card lies at the gate"}
				out.Ops = append(out.Ops, rec)
			}
		}
	case Inside, Between:
		out.Media = map[string]int{card.Transport: 1}
	}
	for where := range out.Media {
		r.o.Env.Event(card.EvMediaDetected, map[string]string{"position": where})
	}
	return out, nil
}

// Status implements sdk.Driver.
func (r *Reader) Status() map[string]any {
	dev, st := r.State()
	return map[string]any{"common": map[string]any{"device": dev}, "cardReader": st}
}

// State is the device's state and the class's status.
func (r *Reader) State() (api.DeviceState, card.Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	dev, st := api.Offline, card.Status{Media: "unknown", Retained: r.retained}
	if r.o.Chip != nil {
		st.ChipPower = card.ChipUnknown
	}
	if !r.online {
		return dev, st
	}
	st.Media = map[Place]string{Unknown: "unknown", Nowhere: "notPresent", Gate: "entering", Between: "present", Inside: "present"}[r.at]
	if r.latched && r.at == Inside {
		st.Media = "latched"
	}
	if r.jammed && r.at != Nowhere {
		st.Media = "jammed"
	}
	switch {
	case r.o.Chip == nil:
	case r.air != "":
		st.ChipPower = card.ChipOnline
	case r.at != Inside:
		st.ChipPower = card.ChipNoCard
	case r.chip:
		st.ChipPower = card.ChipOnline
	default:
		st.ChipPower = card.ChipOff
	}
	return api.Online, st
}

// Online reports whether the reader answered last.
func (r *Reader) Online() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.online
}

// Retained is the number of captured cards.
func (r *Reader) Retained() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.retained
}

// SetRetained is for what the reader or the operator counted.
func (r *Reader) SetRetained(n int) {
	r.mu.Lock()
	r.retained = n
	r.mu.Unlock()
}
