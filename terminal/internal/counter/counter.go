// Package counter is the counter's own behaviour: the XFS4IoT services of card reader,
// cash dispenser, PIN pad and printer, the X- services of the platform, and the
// safe-keeping of card and cash when a page or a customer goes away. It joins devices,
// session, cashier and host link; it is wired by cmd/platformd. Only the native platform
// imports it.
package counter

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/api/idcard"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/cashier"
	"zhigui/terminal/internal/depositor"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/emv"
	"zhigui/terminal/internal/hostlink"
	"zhigui/terminal/internal/issuer"
	"zhigui/terminal/internal/receipt"
	"zhigui/terminal/internal/service"
	"zhigui/terminal/internal/session"
	"zhigui/terminal/internal/signed"
	"zhigui/terminal/internal/vendormode"
)

// Text is a text for people in both languages.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// Info is what the pages are told of the terminal.
type Info struct {
	Terminal string
	Branch   string
	Name     Text
	Limits   Limits
	Timeouts Timeouts
	Scenes   []string // what it is; nil: a smart counter
	Notices  []Text   // what an information display shows
	Queues   []Queue  // what a customer can wait for
	Chip     ChipRules
	High     map[int64]int // of a recycler: how many notes of a value its unit may hold
	Pay      string        // which module a withdrawal is paid from, see config.Recycle
}

// Limits of one transaction, minor units.
type Limits struct {
	PadOver int64 `json:"padOver" yaml:"padOver"`
	PerTxn  int64 `json:"perTxn" yaml:"perTxn"`
	Deposit int64 `json:"deposit" yaml:"deposit"`
	// DepositOver: see the configuration.
	DepositOver int64 `json:"depositOver" yaml:"depositOver"`
	Multiple    int64 `json:"multiple" yaml:"multiple"`
}

// Timeouts that pages and platform share (UX-01, UX-04), in seconds on the wire.
type Timeouts struct {
	Idle time.Duration // a screen without input
	Warn time.Duration // how long the warning before it lasts (at least 20 s)
	Card time.Duration // a card at the exit
	Cash time.Duration // notes at the exit
}

// Desk is the Pad's side: it asks the branch's lobby manager and waits.
type Desk interface {
	// Ask returns when a decision is there, the request expires or ctx ends (then it
	// withdraws the request). progress is told of each change.
	Ask(ctx context.Context, req Approval, progress func(Approval)) (Approval, error)
}

// Approval is a request to the lobby manager and what became of it.
type Approval struct {
	ID      string    `json:"approval"`
	Kind    string    `json:"kind,omitempty"`
	Amount  int64     `json:"amount,omitempty"`
	PAN     string    `json:"pan,omitempty"` // masked
	Session string    `json:"-"`
	State   string    `json:"state"` // pending, approved, rejected, expired, cancelled
	Expires time.Time `json:"expires"`
	Manager string    `json:"manager,omitempty"`
	Reason  *Text     `json:"reason,omitempty"`
	Note    string    `json:"note,omitempty"`
}

// Bundle is the flow bundle in use.
type Bundle struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
}

// Parts are what a counter is joined from.
type Parts struct {
	Info     Info
	Card     *device.Device
	Cash     *device.Device
	PinPad   *device.Device
	Printer  *device.Device
	Acceptor *device.Device            // may be nil: none is fitted
	Others   map[string]*device.Device // further devices by id, each a service of its own
	Ledger   *book.Ledger
	Session  *session.Manager
	Cashier  *cashier.Cashier
	// Depositor goes with Acceptor, and so does Recycler, who pays from its store if it has one.
	Depositor *depositor.Depositor
	Recycler  *cashier.Cashier
	// AtWork: staff are at the counter's units, and will say themselves what they hold.
	AtWork func() bool
	// Issuer is there when Others has a card dispenser (CardsID).
	Issuer  *issuer.Issuer
	Link    *hostlink.Link
	Desk    Desk
	Cases   Cases // nil: there is no server to ask
	Forms   *receipt.Forms
	Server  *service.Server
	Texts   func(code string) Text // response code → what the customer reads
	Capture func(code string) bool // response code → keep the card
	Bundle  func() Bundle
	Alarm   func(kind, text, txn string)
	// Signatures keeps what customers have signed on the glass.
	Signatures *signed.Folder
	// Mark tells a passbook's account from others with the same masked number; it is no way back to it.
	Mark     func(account string) string
	Order    func(kind string, args json.RawMessage) error // an operator's order
	Activity func(busy bool)                               // the business lease
	Log      *slog.Logger
}

// Counter holds it all together. Safe for concurrent use.
type Counter struct {
	Parts
	ending    sync.Mutex // one end of a session at a time
	mu        sync.Mutex
	linkUp    bool
	linkWhy   string
	suspended map[string]bool         // who wants it out of service
	pins      map[string]pinBlock     // blocks of the session by slot
	lastInfo  string                  // last broadcast services, to tell changes
	keeping   context.CancelCauseFunc // stops the card's safe-keeping
	approved  map[string]Approval     // approvals of the session
	counted   map[string]book.Unit    // what an exchange has set so far
	box       boxExchange             // of the acceptor's cash box
	stored    map[string]book.Unit    // what an exchange has set of the recycler's store
	chip      *emv.Application        // of the session's card, nil without one
	kernel    kernel                  // of outside clients
	antenna   *bool                   // whether the reader has one; nil: not known yet
	vendor    *vendormode.Mode
	person    *idcard.Card  // who stands here, nil until an identity card was read
	folio     folio         // the passbook inside
	blank     *session.Card // the blank card that was drawn last, until its end is known
	ticketing sync.Mutex    // one number of a queue at a time
	giving    sync.Mutex    // a passbook that was left inside is given back
	// signed are the documents that the customer has signed in this session, each with its digest.
	signed   map[string]string
	transfer transfer     // what the session's transfer has come to
	drops    atomic.Int32 // calls of DropCases since nothing was left

	done       chan struct{} // closed at the end
	closing    sync.Once
	telling    sync.Mutex      // one round of storage events at a time
	told       map[string]told // by service and unit
	recounting atomic.Bool     // RecountDoubt is looking
	seen       string          // of the recycler's store, by its driver
}

type pinBlock struct {
	block []byte
	keys  uint64 // hostlink.Link.Loads when it was made
}

// New joins the parts and registers the services.
func New(p Parts) *Counter {
	c := &Counter{Parts: p, told: map[string]told{}, done: make(chan struct{}), suspended: map[string]bool{}, pins: map[string]pinBlock{}, approved: map[string]Approval{}}
	for _, s := range []*service.Service{c.cardService(), c.cashService(), c.pinpadService(), c.printerService(), c.platformService()} {
		c.Server.Register(s)
	}
	c.vendor = vendormode.New(vendormode.Hooks{
		Suspend: func(on bool) { c.Suspend("vendorMode", on) },
		Busy:    func() bool { _, open := c.Session.Current(); return open || c.Exchanging() || c.boxOut() },
		Changed: func(s vendormode.State) {
			c.Server.Broadcast(vendormode.Name, api.Event{Name: "Common.StatusChangedEvent", Payload: service.Done(vendormode.Status(s)).Payload})
		},
	})
	c.Server.Register(c.vendor.Service())
	all := map[string]*device.Device{"card": p.Card, "cash": p.Cash, "pinpad": p.PinPad, "printer": p.Printer}
	if p.Acceptor != nil {
		c.Server.Register(c.acceptorService())
		all[AcceptorID] = p.Acceptor
	}
	for id, d := range p.Others {
		c.Server.Register(c.otherService(id, d))
		all[id] = d
	}
	for name, d := range all {
		d.OnEvent(func(ev api.Event) { c.deviceEvent(name, ev) })
		d.OnStatus(func(delta json.RawMessage) { c.statusChanged(name, delta) })
		d.OnFault(func(f device.Fault) {
			c.Log.Warn("device fault", "device", name, "kind", f.EventID, "text", f.VendorDescription)
			c.Server.Broadcast(name, api.Event{Name: device.EvError, Payload: service.Done(f).Payload})
		})
	}
	return c
}

// deviceEvent passes an unsolicited event on, after the platform has drawn its own
// conclusions from it.
func (c *Counter) deviceEvent(svc string, ev api.Event) {
	switch ev.Name {
	case "CardReader.MediaRemovedEvent":
		if svc == CardsID && c.Issuer != nil {
			c.Issuer.Taken()
			break
		}
		c.cardGone(ej.CardTaken)
	case cash.EvItemsTaken:
		var b cash.Bunch
		_ = json.Unmarshal(ev.Payload, &b) // none: it is the last
		switch {
		case svc == "cash":
			go c.Cashier.Taken() // journals; not on the driver's event goroutine
		case svc == AcceptorID && c.Recycler != nil && b.Last():
			go c.Recycler.Taken()
		}
	}
	c.Server.Broadcast(svc, ev)
}

func (c *Counter) statusChanged(svc string, delta json.RawMessage) {
	c.Server.Broadcast(svc, api.Event{Name: "Common.StatusChangedEvent", Payload: delta})
	c.announce()
	if svc == "cash" {
		go c.Cashier.Tidy() // moves notes: not on the driver's notice goroutine
	}
	if svc == AcceptorID {
		go func() {
			c.Depositor.Look()
			if c.storeChanged() {
				c.Recount()
				c.TellStorage()
			}
		}()
	}
	if svc == CardsID && c.Issuer != nil {
		go c.Issuer.Look()
	}
	if svc == PassbookID {
		go c.leftPassbook()
	}
}

// record writes a record that is not about cash.
func (c *Counter) record(kind ej.Kind, data any) {
	s, _ := c.Session.Current()
	if err := c.Ledger.Log(kind, ej.Record{Session: s.ID, Txn: s.Txn}, data); err != nil {
		c.Log.Error("journal", "kind", kind, "err", err)
	}
}

// status answers Common.Status of a device.
func deviceStatus(d *device.Device) func(context.Context) api.Completion {
	return func(context.Context) api.Completion { return api.Completion{Outcome: api.Done, Payload: d.Status()} }
}

// capabilities answers Common.Capabilities of a device.
func capabilities(d *device.Device) func(context.Context) api.Completion {
	return func(ctx context.Context) api.Completion {
		desc, err := d.Describe(ctx)
		if err != nil {
			return api.Refuse(api.DeviceNotReady, "the driver does not answer")
		}
		caps := map[string]json.RawMessage{}
		_ = json.Unmarshal(desc.Capabilities, &caps) // no capabilities: the rest still answers
		common, _ := json.Marshal(map[string]any{
			"serviceVersion":    "1.0",
			"deviceInformation": []map[string]string{{"modelName": desc.Maker + " " + desc.Model, "serialNumber": desc.SerialNum, "revisionNumber": desc.Firmware}},
		})
		caps["common"] = merged(caps["common"], common)
		return service.Done(caps)
	}
}

// merged adds the members of an object to those of another.
func merged(a, b json.RawMessage) json.RawMessage {
	out := map[string]json.RawMessage{}
	_ = json.Unmarshal(a, &out) // may be absent
	_ = json.Unmarshal(b, &out)
	both, _ := json.Marshal(out)
	return both
}

// pass hands a command to a device unchanged.
func pass(d *device.Device) service.Handler {
	return func(ctx context.Context, call *service.Call) api.Completion {
		return d.Run(ctx, call.Header.Name, call.Payload, call.Emit)
	}
}

// outside lets only outside XFS4IoT clients use a command that no page of ours needs: keys
// in the clear, raw bytes to a printer, a reader's reset.
func outside(h service.Handler) service.Handler {
	return func(ctx context.Context, call *service.Call) api.Completion {
		if call.Role() == service.RoleFlow {
			return api.Refuse(api.AuthorizationRequired, "pages may not use "+call.Header.Name)
		}
		return h(ctx, call)
	}
}
