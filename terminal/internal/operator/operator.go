// Package operator is the work of bank staff at the terminal itself: who is at work, the state
// of the devices and their self-test, the journal, an exchange of cash, and the stock of blank
// cards and forms. Customers are not served meanwhile. Only the native platform imports it.
package operator

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"zhigui/drivers/api/printer"
	"zhigui/server/api/access"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/receipt"
)

// Driver is what the supervisor of a driver process offers; *host.Device has it.
type Driver interface {
	Health(ctx context.Context) error
	Rearm(ctx context.Context) error
}

// Item is a kind of blank stock: how it is called, and below how many it is short.
type Item struct {
	ID string `yaml:"-" json:"id"`
	ZH string `yaml:"zh" json:"zh"`
	EN string `yaml:"en" json:"en"`
	// Warn is the number at and below which stock is short (短缺预警).
	Warn int `yaml:"warn" json:"warn"`
}

// Parts are what the desk needs of the platform.
type Parts struct {
	Terminal string
	Ledger   *book.Ledger
	Devices  map[string]*device.Device
	Models   map[string]string // of the devices
	Driver   func(id string) Driver
	Forms    *receipt.Forms
	Items    []Item
	// Level asks a recycler what it counts in one of its units; false: it does not say.
	Level func(unit string) (int, bool)
	// SignIn asks the server who a person is; it must be reached.
	SignIn func(ctx context.Context, name, password string) (access.Operator, error)
	// Busy reports a customer's session, or an exchange by another client. Suspend takes the
	// counter out of service for the desk, or ends that.
	Busy    func() bool
	Suspend func(on bool)
	Changed func() // what the counter offers may be different now
	Alarm   func(kind, text, txn string)
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger
}

// idle is how long a person may do nothing before the desk closes by itself.
const idle = 5 * time.Minute

// Errors of the desk.
var (
	ErrNobody = errors.New("sign in first")
	ErrBusy   = errors.New("a customer is being served")
	ErrOther  = errors.New("another person is at work here")
)

// Desk is the operator mode of one terminal. Safe for concurrent use.
type Desk struct {
	Parts
	mu   sync.Mutex
	who  *access.Operator
	from any // the connection that signed in: nobody else acts in that name
	seen time.Time
}

// New makes a closed desk.
func New(p Parts) *Desk {
	if p.Now == nil {
		p.Now = time.Now
	}
	return &Desk{Parts: p}
}

// Open lets a person begin to work over one connection (any comparable value).
func (d *Desk) Open(ctx context.Context, from any, name, password string) (access.Operator, error) {
	if d.Busy() {
		return access.Operator{}, ErrBusy
	}
	if w := d.working(); w != "" && w != name {
		return access.Operator{}, ErrOther
	}
	who, err := d.SignIn(ctx, name, password)
	if err != nil {
		return access.Operator{}, err
	}
	d.Suspend(true)
	if d.Busy() { // one began while the server was asked
		d.Suspend(false)
		return access.Operator{}, ErrBusy
	}
	d.mu.Lock()
	d.who, d.from, d.seen = &who, from, d.Now()
	d.mu.Unlock()
	d.Log.Info("operator mode", "by", who.Name)
	return who, nil
}

// Working reports whether somebody is at work here.
func (d *Desk) Working() bool { return d.working() != "" }

// working is the name of the person who is at work, "" if nobody is.
func (d *Desk) working() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.who == nil || d.Now().Sub(d.seen) > idle {
		return ""
	}
	return d.who.Name
}

// Who is at work over this connection. What a person does keeps the desk open (acts); what a page asks by itself
// does not.
func (d *Desk) Who(from any, acts bool) (access.Operator, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.who == nil || d.from != from || d.Now().Sub(d.seen) > idle {
		return access.Operator{}, ErrNobody
	}
	if acts {
		d.seen = d.Now()
	}
	return *d.who, nil
}

// Close ends the work of whoever is signed in.
func (d *Desk) Close() {
	d.mu.Lock()
	open := d.who != nil
	d.who = nil
	d.mu.Unlock()
	if open {
		d.Suspend(false)
	}
}

// Tick closes a desk that was left open; call it from time to time.
func (d *Desk) Tick() {
	d.mu.Lock()
	left := d.who != nil && d.Now().Sub(d.seen) > idle
	if left {
		d.who = nil
	}
	d.mu.Unlock()
	if left {
		d.Log.Info("operator mode was left open and is closed")
		d.Suspend(false)
	}
}

// slip prints a form for the staff; a printer that fails is no error of the work.
func (d *Desk) slip(form string, fields map[string]any) error {
	p := d.Devices["printer"]
	if p == nil {
		return errors.New("no printer")
	}
	fields["terminal"], fields["time"] = d.Terminal, d.Now().Format("2006-01-02 15:04:05")
	r, err := d.Forms.Compose(form, "zh", fields)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if done := p.Run(ctx, printer.CmdPrintReceipt, r, nil); done.Code != "" {
		return errors.New(string(done.Code) + " " + done.ErrorCode)
	}
	return nil
}
