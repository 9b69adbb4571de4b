package depositor

import (
	"encoding/json"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/guard"
	"zhigui/terminal/internal/journal"
	"zhigui/terminal/internal/session"
)

// units is an acceptor whose status names units.
type units struct {
	*acceptor
	of map[string]cash.UnitStatus
}

func (u *units) Read(iface string, v any) {
	u.acceptor.Read(iface, v)
	if st, ok := v.(*cash.AcceptorStatus); ok {
		st.Units = u.of
		st.NoteTypes = map[string]cash.NoteType{note: {Currency: "CNY", Value: 10000}, "type20CNY1": {Currency: "CNY", Value: 2000}, "type5USD1": {Currency: "USD", Value: 500}}
	}
}

func TestTheAcceptorIsToldWhereNotesGo(t *testing.T) {
	box, store := map[string]cash.UnitStatus{cash.BoxUnit: {}}, map[string]cash.UnitStatus{cash.BoxUnit: {}, "unit100CNY1": {}, "unit20CNY1": {}, "unit5USD1": {}}
	for _, c := range []struct {
		name string
		of   map[string]cash.UnitStatus
		on   bool
		want cash.CashInStart
	}{
		{"no recycler", box, true, cash.CashInStart{}},
		{"a recycler, switched off", store, false, cash.CashInStart{}},
		{"a recycler with a mark for hundreds; foreign notes are never paid out", store, true, cash.CashInStart{UseRecycleUnits: true, High: map[string]int{note: 40, "type5USD1": 0}}},
	} {
		dev := &units{&acceptor{}, c.of}
		led, err := book.Open(t.TempDir(), journal.Options{})
		must(t, err)
		g, err := guard.ForDeposit()
		must(t, err)
		d := New(Config{Currency: "CNY", MoveTimeout: time.Second, AmountLimit: 5, NotesLimit: 2, Recycle: c.on, High: map[int64]int{10000: 40}},
			dev, led, g, session.New(nil), Hooks{}, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
		c.want.TotalItemsLimit, c.want.AmountLimit = 2, []cash.NoteAmount{{Currency: "CNY", Value: 5}}
		if diff := cmp.Diff(c.want, d.start()); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestRecycledNotesAreBookedIntoTheirUnitAndOthersIntoTheBox(t *testing.T) {
	c := approved(t, 3)
	c.dev.script[cash.CmdCashInEnd] = nil
	c.begin(t)
	c.insert(t, 3)
	c.dev.set(func() {
		c.dev.stack() // two of the three went into the store
		c.dev.move(func(n *cash.NoteMoved) { n.Cashbox, n.Recycled = 1, 2 })
	})
	x := c.crash(t) // and the platform stopped before the end
	x.Recovered()
	x.end(t, book.CashDeposited, book.SettleCommit, 30000)
	x.led.Read(func(b *book.Book) {
		u := b.Units["unit100CNY1"]
		if u == nil || u.Count != 2 || u.Deposited != 2 || !u.At(book.Acceptor) || b.Box[note].Count != 1 {
			got, _ := json.Marshal(b)
			t.Errorf("%s", got)
		}
	})
}

func TestALargeDepositTakesMoreNotesOnlyWithTheManagersWord(t *testing.T) {
	c := approved(t, 4)
	c.cfg.Over = 20000
	c.begin(t)
	c.insert(t, 2) // 200: the amount is reached, not exceeded
	ran := len(c.dev.ran)
	done := c.CashIn(t.Context(), func(api.Event) {})
	if done.Code != api.AuthorizationRequired || done.Outcome != api.NotStarted || len(c.dev.ran) != ran {
		t.Fatalf("%+v, ran %v", done, c.dev.ran[ran:])
	}
	for _, x := range []struct {
		kind, state string
		more        bool
	}{{book.TypeDeposit, "rejected", false}, {book.TypeDeposit, "expired", false}, {"withdrawal", "approved", false}, {book.TypeDeposit, "approved", true}} {
		must(t, c.led.Log(ej.Approval, ej.Record{Txn: txn}, map[string]any{"id": "A1", "kind": x.kind, "state": x.state}))
		if done := c.CashIn(t.Context(), func(api.Event) {}); (done.Outcome == api.Done) != x.more {
			t.Errorf("%s: %+v", x.state, done)
		}
	}
	c.insert(t, 1) // asked once
	c.End(txn)
	c.end(t, book.CashDeposited, book.SettleCommit, 40000)
}
