package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/api/printer"
	"zhigui/terminal/internal/book"
)

// DeviceLine is one device as staff see it.
type DeviceLine struct {
	ID     string          `json:"id"`
	Model  string          `json:"model"`
	State  api.DeviceState `json:"state"`
	Reason string          `json:"reason,omitempty"`
}

// StockLine is one item of the blank stock.
type StockLine struct {
	Item
	Count int  `json:"count"`
	Short bool `json:"short"`
}

// Overview is everything on the first screen of the operator mode.
type Overview struct {
	Devices  []DeviceLine          `json:"devices"`
	Units    map[string]*book.Unit `json:"units"`
	Stock    []StockLine           `json:"stock"`
	Box      *Box                  `json:"box,omitempty"` // nil: no acceptor is fitted
	Suspense []book.Txn            `json:"suspense"`      // wait for a person: a count, or a word of the bank
	Retained int                   `json:"retained"`      // cards in the bin
	// Books are passbooks whose printing broke off and that nobody has looked at yet.
	Books   []book.Folio `json:"books"`
	Records uint64       `json:"records"` // of the journal
}

// Box is the acceptor's cash box as the books have it.
type Box struct {
	Notes   []book.BoxNotes `json:"notes"` // by falling value
	Amount  int64           `json:"amount"`
	Count   int             `json:"count"`
	Unclear bool            `json:"unclear,omitempty"`
	State   string          `json:"state"` // ok, full, missing, as the device says
}

func (d *Desk) box(b *book.Book) *Box {
	dev := d.Devices[book.Acceptor]
	if dev == nil {
		return nil
	}
	var st cash.AcceptorStatus
	dev.Read("cashAcceptor", &st)
	x := &Box{Notes: []book.BoxNotes{}, Unclear: b.BoxUnclear, State: st.Units[cash.BoxUnit].State}
	for _, n := range b.Box {
		x.Notes = append(x.Notes, n)
		x.Count += n.Count
		x.Amount += int64(n.Count) * n.Value
	}
	slices.SortFunc(x.Notes, func(a, b book.BoxNotes) int { return int(b.Value - a.Value) })
	return x
}

// Look reads the present state.
func (d *Desk) Look() Overview {
	o := Overview{Units: map[string]*book.Unit{}, Records: d.Ledger.Last(), Suspense: []book.Txn{}, Books: []book.Folio{}}
	for _, id := range slices.Sorted(maps.Keys(d.Devices)) {
		var c struct {
			Device api.DeviceState `json:"device"`
			Reason string          `json:"X-reason"`
		}
		d.Devices[id].Read("common", &c)
		o.Devices = append(o.Devices, DeviceLine{id, d.Models[id], c.Device, c.Reason})
	}
	d.Ledger.Read(func(b *book.Book) {
		for id, u := range b.Units {
			c := *u
			o.Units[id] = &c
		}
		o.Box = d.box(b)
		for _, i := range d.Items {
			n := b.Stock[i.ID]
			o.Stock = append(o.Stock, StockLine{Item: i, Count: n, Short: n <= i.Warn})
		}
		o.Suspense = append(o.Suspense, b.ForPeople()...)
		o.Retained = b.Retained
		for _, f := range b.Broken {
			if !f.Known {
				o.Books = append(o.Books, f)
			}
		}
	})
	return o
}

// Entry is one record of the journal, as it was written (card numbers are masked there).
type Entry struct {
	Seq    uint64          `json:"seq"`
	Time   time.Time       `json:"time"`
	Kind   string          `json:"kind"`
	Txn    string          `json:"txn,omitempty"`
	Device string          `json:"device,omitempty"`
	Data   json.RawMessage `json:"data,omitempty"`
}

// page is how many records one answer has.
const page = 200

// Journal reads the records before a number (0: the newest), newest first; with a transaction
// only its own, of the latest 5,000.
func (d *Desk) Journal(before uint64, txn string) ([]Entry, error) {
	last := d.Ledger.Last()
	if before == 0 || before > last+1 {
		before = last + 1
	}
	span := uint64(page)
	if txn != "" {
		span = 5000
	}
	after := uint64(0)
	if before > span {
		after = before - span - 1
	}
	raw, err := d.Ledger.Since(after, int(before-after-1))
	if err != nil {
		return nil, err
	}
	out := []Entry{}
	for _, b := range slices.Backward(raw) {
		var e Entry
		if err := json.Unmarshal(b, &e); err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		if txn == "" || strings.Contains(e.Txn, txn) {
			out = append(out, e)
		}
		if len(out) == page {
			break
		}
	}
	return out, nil
}

// Step is one step of a self-test.
type Step struct {
	Name   string `json:"name"` // process, device, command
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
	Millis int64  `json:"millis"`
}

// tests are commands that make a device show that it works and leave nothing behind, by
// preference; a device is tested with the first that it knows.
var tests = []struct {
	command string
	payload any
}{
	{"CardReader.Reset", map[string]string{"to": "currentPosition"}},
	{"BarcodeReader.Reset", nil},
	{"Biometric.Reset", nil},
	{"X-IdCard.Reset", nil},
	{"KeyManagement.GetKeyDetail", map[string]any{}},
	{"Camera.Reset", nil},
}

// SelfTest asks the process, the device and, where there is one, a harmless command. A printer
// prints a slip.
func (d *Desk) SelfTest(ctx context.Context, id string) ([]Step, error) {
	dev := d.Devices[id]
	if dev == nil {
		return nil, fmt.Errorf("there is no device %q", id)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var out []Step
	step := func(name string, f func() error) bool {
		begin := d.Now()
		err := f()
		s := Step{Name: name, OK: err == nil, Millis: d.Now().Sub(begin).Milliseconds()}
		if err != nil {
			s.Detail = err.Error()
		}
		out = append(out, s)
		return s.OK
	}
	run := func(name string, payload any) func() error {
		return func() error {
			if c := dev.Run(ctx, name, payload, nil); c.Outcome != api.Done {
				return fmt.Errorf("%s: %s %s %s", name, c.Code, c.ErrorCode, c.Description)
			}
			return nil
		}
	}
	if !step("process", func() error { return d.Driver(id).Health(ctx) }) {
		return out, nil
	}
	if !step("device", func() error {
		if err := dev.Refresh(ctx); err != nil {
			return err
		}
		if s := dev.State(); s != api.Online {
			return fmt.Errorf("it is %s", s)
		}
		return nil
	}) {
		return out, nil
	}
	desc, err := dev.Describe(ctx)
	if err != nil {
		return out, nil // it answered a moment ago; the steps say the rest
	}
	if _, prints := desc.Commands[printer.CmdPrintReceipt]; prints {
		step("command", func() error { return d.slip("selfTest", map[string]any{}) })
		return out, nil
	}
	for _, t := range tests {
		if _, has := desc.Commands[t.command]; has {
			step("command", run(t.command, t.payload))
			break
		}
	}
	return out, nil
}
