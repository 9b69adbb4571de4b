package robot

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"
)

// Desk is what a customer needs of a scene.
type Desk struct {
	XFS     string // ws://…
	Token   string // file
	Devices Devices
	// Authorise gives the host's token for a dispense (end-to-end security); nil: there is none.
	Authorise func(amount int64) string `json:"-"`
	// Card is more that a reader must be told of the inserted card.
	Card map[string]any `json:"-"`
	// Tap is what the customer holds to the reader's antenna, in place of inserting a card: the arguments
	// of tapCard. WhenRead is what happens once the card was read, may be nil.
	Tap      map[string]any `json:"-"`
	WhenRead func()         `json:"-"`
}

// Visit is one customer's withdrawal, as far as it came.
type Visit struct {
	Session   string
	Txn       string
	Outcome   string
	Code      string // response code
	Approved  bool
	Dispensed error  // how CashDispenser.Dispense completed; nil is success
	Asked     bool   // Dispense was sent
	Service   string // of the module that pays: cash or acceptor
}

type services struct {
	card, cash, pinpad, platform *Service
	session                      string
}

func (d Desk) open(ctx context.Context) (s services, err error) {
	for _, x := range []struct {
		name string
		to   **Service
	}{{"platform", &s.platform}, {"card", &s.card}, {"cash", &s.cash}, {"pinpad", &s.pinpad}} {
		if *x.to, err = Dial(ctx, d.XFS, x.name, d.Token); err != nil {
			s.close()
			return s, err
		}
	}
	return s, nil
}

// begin opens a session of a flow, whose page lives until end closes its links.
func (d Desk) begin(ctx context.Context, flow string) (s services, live context.Context, end func(), err error) {
	if s, err = d.open(ctx); err != nil {
		return s, nil, nil, err
	}
	var begun struct{ Session string }
	if err := s.platform.Call(ctx, "X-Session.Begin", obj{"flow": flow, "lang": "zh"}, &begun); err != nil {
		s.close()
		return s, nil, nil, err
	}
	s.session = begun.Session
	live, die := context.WithCancel(ctx)
	go s.alive(live)
	return s, live, func() { die(); s.close() }, nil
}

func (s services) close() {
	for _, c := range []*Service{s.platform, s.card, s.cash, s.pinpad} {
		if c != nil {
			c.Close()
		}
	}
}

type obj = map[string]any

// alive says every second that the page lives, as a page does.
func (s services) alive(ctx context.Context) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			_ = s.platform.Call(ctx, "X-Session.Alive", nil, nil) // the session may have ended
		}
	}
}

// Manner is what a customer does with the notes.
type Manner string

// The manners.
const (
	Takes      Manner = "takes"
	LeavesThem Manner = "leavesThem" // at the exit
	GoesBefore Manner = "goesBefore" // with the card, when the host has approved
)

// Withdraw inserts a card, types the PIN, asks for amount (minor units), takes the card and
// then the notes, or not. It returns how far it came; an error means that something in the
// way died, refused or timed out.
func (d Desk) Withdraw(ctx context.Context, card, pin string, amount int64, m Manner) (v Visit, err error) {
	s, _, end, err := d.begin(ctx, "withdrawal")
	if err != nil {
		return v, err
	}
	defer end()
	v.Session = s.session
	if err := d.identify(ctx, s, card, pin); err != nil {
		return v, err
	}
	var res struct {
		Txn, Outcome, ResponseCode, Service string
	}
	if err := s.platform.Call(ctx, "X-Host.Transact", obj{"type": "withdrawal", "amount": amount}, &res); err != nil {
		return v, err
	}
	v.Txn, v.Outcome, v.Code, v.Approved, v.Service = res.Txn, res.Outcome, res.ResponseCode, res.Outcome == "approved", res.Service
	if err := d.returnCard(ctx, s); err != nil || !v.Approved {
		return v, err
	}
	if m == GoesBefore {
		return v, s.platform.Call(ctx, "X-Session.End", obj{"reason": "canceled"}, nil)
	}
	v.Asked = true
	ask := obj{"denomination": obj{"denomination": obj{"app": obj{"currencies": obj{"CNY": float64(amount) / 100}}}}}
	if d.Authorise != nil {
		ask["token"] = d.Authorise(amount)
	}
	if v.Service == "acceptor" {
		v.Dispensed = d.oneByOne(ctx, ask, m)
	} else {
		v.Dispensed = s.cash.Call(ctx, "CashDispenser.Dispense", ask, nil)
	}
	if v.Dispensed != nil {
		return v, v.Dispensed
	}
	if m == Takes && v.Service != "acceptor" {
		if err := Until(20*time.Second, func() error { return d.Devices.Do("cash", "takeCash", nil) }); err != nil {
			return v, err
		}
	}
	return v, s.platform.Call(ctx, "X-Session.End", obj{"reason": "done"}, nil)
}

// oneByOne is a payout from a recycler: the next note comes when the one before was taken. Who leaves
// them takes none.
func (d Desk) oneByOne(ctx context.Context, ask obj, m Manner) error {
	s, err := Dial(ctx, d.XFS, "acceptor", d.Token)
	if err != nil {
		return err
	}
	defer s.Close()
	done := make(chan error, 1)
	go func() { done <- s.Call(ctx, "CashDispenser.Dispense", ask, nil) }()
	t := time.NewTicker(10 * time.Millisecond)
	defer t.Stop()
	for {
		if m == Takes {
			_ = d.Devices.Do("acceptor", "takeNotes", nil) // only if one sticks out
		}
		select {
		case err := <-done:
			if err == nil && m == Takes { // the last one
				err = Until(20*time.Second, func() error {
					_ = d.Devices.Do("acceptor", "takeNotes", nil)
					var s struct {
						Physical struct{ Places map[string]int }
					}
					if err := d.Devices.State("acceptor", &s); err != nil {
						return err
					}
					if s.Physical.Places["bezel"] > 0 {
						return errors.New("a note is in the bezel")
					}
					return nil
				})
			}
			return err
		case <-t.C:
		}
	}
}

// identify inserts the card and types the PIN.
func (d Desk) identify(ctx context.Context, s services, card, pin string) error {
	read := make(chan error, 1)
	go func() { read <- s.card.Call(ctx, "CardReader.ReadRawData", obj{"track2": true}, nil) }()
	err := Until(20*time.Second, func() error {
		select {
		case err := <-read:
			read <- err
			return nil // the reader has given up: do not insert
		default:
			if d.Tap != nil {
				return d.Devices.Do("card", "tapCard", d.Tap)
			}
			args := obj{"card": card, "mag": true}
			maps.Copy(args, d.Card)
			return d.Devices.Do("card", "insertCard", args)
		}
	})
	if err != nil {
		return fmt.Errorf("insert card: %w", err)
	}
	if err := <-read; err != nil {
		return err
	}
	if d.WhenRead != nil {
		d.WhenRead()
	}
	return d.typePIN(ctx, s, pin, "current")
}

// typePIN types a PIN on the PIN pad for a slot: current, new or confirm.
func (d Desk) typePIN(ctx context.Context, s services, pin, slot string) error {
	typed := make(chan error, 1)
	go func() {
		typed <- s.pinpad.Call(ctx, "Keyboard.PinEntry", obj{"minLen": 4, "maxLen": 6}, nil)
	}()
	err := Until(20*time.Second, func() error {
		select {
		case err := <-typed:
			typed <- err
			return nil
		default:
			return d.Devices.Do("pinpad", "pressKeys", obj{"keys": pin + "E"})
		}
	})
	if err != nil {
		return fmt.Errorf("type the PIN: %w", err)
	}
	if err := <-typed; err != nil {
		return err
	}
	return s.pinpad.Call(ctx, "PinPad.GetPinBlock", obj{"X-slot": slot}, nil)
}

func (d Desk) returnCard(ctx context.Context, s services) error {
	for len(s.card.Events) > 0 { // an earlier card's
		<-s.card.Events
	}
	if err := s.card.Call(ctx, "CardReader.Move", obj{"from": "transport", "to": "exit"}, nil); err != nil {
		return err
	}
	if d.Tap != nil { // it never was in the slot, and may be away already
		_ = d.Devices.Do("card", "removeCard", nil)
		return nil
	}
	if err := Until(20*time.Second, func() error { return d.Devices.Do("card", "takeCard", nil) }); err != nil {
		return err
	}
	limit := time.After(20 * time.Second)
	for {
		select {
		case m := <-s.card.Events:
			if m.Header.Name == "CardReader.MediaRemovedEvent" {
				return nil
			}
		case <-s.card.gone:
			return ErrGone
		case <-limit:
			return errors.New("the reader did not notice that the card was taken")
		}
	}
}

// Deposit is one customer's deposit, as far as it came.
type Deposit struct {
	Txn      string
	Opened   string // how the bank answered before a note was taken
	Inserted int    // notes that went into the mouth
	Outcome  string // credited, pending, …
	Amount   int64  // as the platform says
}

// Put inserts a card, types the PIN, puts notes (major units) in one after the other, and
// confirms, or takes back what can be given back.
func (d Desk) Put(ctx context.Context, card, pin string, notes []int, takeBack bool) (v Deposit, err error) {
	acceptor, err := Dial(ctx, d.XFS, "acceptor", d.Token)
	if err != nil {
		return v, err
	}
	defer acceptor.Close()
	s, _, end, err := d.begin(ctx, "deposit")
	if err != nil {
		return v, err
	}
	defer end()
	if err := d.identify(ctx, s, card, pin); err != nil {
		return v, err
	}
	var res struct{ Txn, Outcome string }
	if err := s.platform.Call(ctx, "X-Host.Transact", obj{"type": "deposit"}, &res); err != nil {
		return v, err
	}
	v.Txn, v.Opened = res.Txn, res.Outcome
	if v.Opened == "approved" {
		if err := d.feed(ctx, acceptor, notes, &v); err != nil {
			return v, err
		}
		last := "CashAcceptor.CashInEnd"
		if takeBack {
			last = "CashAcceptor.CashInRollback"
		}
		if err := acceptor.Call(ctx, last, nil, nil); err != nil {
			return v, err
		}
		if err := s.platform.Call(ctx, "X-Host.Confirm", nil, &v); err != nil {
			return v, err
		}
	}
	if err := d.returnCard(ctx, s); err != nil {
		return v, err
	}
	return v, s.platform.Call(ctx, "X-Session.End", obj{"reason": "done"}, nil)
}

// feed puts the notes into the mouth.
func (d Desk) feed(ctx context.Context, acceptor *Service, notes []int, v *Deposit) error {
	if err := acceptor.Call(ctx, "CashAcceptor.CashInStart", nil, nil); err != nil {
		return err
	}
	for _, value := range notes {
		took := make(chan error, 1)
		go func() { took <- acceptor.Call(ctx, "CashAcceptor.CashIn", nil, nil) }()
		err := Until(20*time.Second, func() error {
			select {
			case err := <-took:
				took <- err
				return nil // it has ended without a note
			default:
				err := d.Devices.Do("acceptor", "insertNote", obj{"value": value})
				if err == nil {
					v.Inserted++
				}
				return err
			}
		})
		if err != nil {
			return fmt.Errorf("insert a note: %w", err)
		}
		if err := <-took; err != nil {
			return err
		}
	}
	return nil
}

// End ends whatever session is open, as a page does that has just been loaded.
func (d Desk) End(ctx context.Context) error {
	s, err := Dial(ctx, d.XFS, "platform", d.Token)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Call(ctx, "X-Session.End", obj{"reason": "page"}, nil)
}

// Order gives the platform an operator's order.
func (d Desk) Order(ctx context.Context, kind string, args map[string]any) error {
	s, err := Dial(ctx, d.XFS, "platform", strings.TrimSuffix(d.Token, "flow.token")+"operator.token")
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Call(ctx, "X-Operator.Order", obj{"kind": kind, "args": args}, nil)
}

// Info reads what the terminal offers.
func (d Desk) Info(ctx context.Context) (services map[string]struct {
	Available bool
	Reason    string
}, err error) {
	s, err := Dial(ctx, d.XFS, "platform", d.Token)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var out struct {
		Services map[string]struct {
			Available bool
			Reason    string
		}
	}
	err = s.Call(ctx, "X-Terminal.Info", nil, &out)
	return out.Services, err
}
