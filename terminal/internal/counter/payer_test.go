package counter

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/conformance/xfs4iot"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/cashier"
	"zhigui/terminal/internal/depositor"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/guard"
	"zhigui/terminal/internal/service"
)

// mouth is a recycler whose store, exit and state a test sets.
type mouth struct {
	driver
	state  api.DeviceState
	exit   string
	levels map[string]int
	asked  func() // when its status is
}

func (m *mouth) Describe(context.Context) (api.Description, error) {
	return api.Description{Capabilities: []byte(`{"cashAcceptor":{},"cashDispenser":{}}`), Commands: map[string]api.Motion{cash.CmdEmpty: api.MovesCash}}, nil
}

func (m *mouth) Status(context.Context) (api.Status, error) {
	if m.asked != nil {
		m.asked()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	out := []cash.Position{{Position: "outDefault", PositionStatus: m.exit}}
	b, err := json.Marshal(map[string]any{
		"common":        map[string]any{"device": m.state},
		"cashDispenser": cash.Status{Transport: "empty", Positions: out},
		"cashAcceptor": cash.AcceptorStatus{Transport: "empty", IntermediateStacker: "empty", Positions: out, Levels: m.levels,
			Units:     map[string]cash.UnitStatus{cash.BoxUnit: {State: "full"}, "unit100CNY1": {State: "ok"}, "unit20CNY1": {State: "ok"}},
			NoteTypes: map[string]cash.NoteType{"type100CNY1": {Currency: "CNY", Value: 10000}, "type20CNY1": {Currency: "CNY", Value: 2000}}}})
	return api.Status{Full: true, Classes: b}, err
}

// withRecycler is a counter with a cassette of hundreds and a recycler.
func withRecycler(t *testing.T, m *mouth, pay string) *rig {
	t.Helper()
	r := newRig(t, func(p *Parts) {
		g, err := guard.New()
		must(t, err)
		p.Acceptor = device.New(AcceptorID, m)
		must(t, p.Acceptor.Refresh(context.Background()))
		p.Recycler = cashier.New(cashier.Config{Currency: "CNY", Device: book.Acceptor, Keeps: true, MaxNotes: 20, RecoverTimeout: time.Second, TakeTimeout: time.Minute, MoveTimeout: time.Minute},
			p.Acceptor, p.Ledger, g, p.Session, cashier.Hooks{}, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
		rules, err := guard.ForDeposit()
		must(t, err)
		p.Depositor = depositor.New(depositor.Config{Currency: "CNY"}, p.Acceptor, p.Ledger, rules, p.Session, depositor.Hooks{}, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
		p.Info.Pay, p.Info.High = pay, map[int64]int{10000: 3}
	})
	if !r.Recycler.Recount(context.Background(), func() bool { return true }) {
		t.Fatal("the books do not know the store")
	}
	return r
}

// A look at the store that came to nothing, as much was written just then, is not the last.
func TestAStoreInDoubtIsLookedAtAgain(t *testing.T) {
	var r *rig
	var busy atomic.Bool
	m := &mouth{state: api.Online, exit: "empty", levels: map[string]int{"unit100CNY1": 3}, asked: func() {
		if busy.Load() {
			must(t, r.Ledger.Log(ej.Alarm, ej.Record{}, map[string]string{"kind": "test"}))
		}
	}}
	r = withRecycler(t, m, "first")
	_, err := r.Session.End() // nobody is served
	must(t, err)
	busy.Store(true)
	must(t, r.Ledger.Log(ej.Counts, ej.Record{}, book.CountsData{Depleted: &book.Depleted{Doubt: true}}))
	known := func() (yes bool) {
		r.Ledger.Read(func(b *book.Book) { yes = b.CountsKnown(book.Acceptor) })
		return yes
	}
	if r.Recount(); known() {
		t.Fatal("the look was not disturbed")
	}
	time.Sleep(50 * time.Millisecond) // whoever looks because of the beginning finds it busy, too
	busy.Store(false)
	for end := time.Now().Add(10 * time.Second); !known() && time.Now().Before(end); time.Sleep(time.Millisecond) {
		r.RecountDoubt()
	}
	if !known() {
		t.Error("nobody looked again")
	}
}

func TestTheConfigurationAndTheUnitsSayWhoPays(t *testing.T) {
	ready := func() *mouth {
		return &mouth{state: api.Online, exit: "empty", levels: map[string]int{"unit100CNY1": 3, "unit20CNY1": 2}}
	}
	for _, c := range []struct {
		name   string
		pay    string
		m      *mouth
		change func(*rig, *mouth)
		amount int64
		counts map[string]int
		want   string
		no     bool
	}{
		{name: "the recycler first", pay: "first", amount: 30000, want: "acceptor"},
		{name: "notes that only it has", pay: "last", amount: 14000, want: "acceptor"},
		{name: "more than it has", pay: "first", amount: 40000, want: "cash"},
		{name: "the dispenser first", pay: "last", amount: 30000, want: "cash"},
		{name: "only the recycler", pay: "only", amount: 40000, want: "cash", no: true},
		{name: "never the recycler", pay: "never", amount: 14000, want: "cash", no: true},
		{name: "units of the caller's choice", pay: "first", amount: 30000, counts: map[string]int{"unit1": 3}, want: "cash"},
		{name: "a note at its exit", pay: "first", amount: 30000, change: func(_ *rig, m *mouth) { m.exit = "notEmpty" }, want: "cash"},
		{name: "it is away", pay: "first", amount: 30000, change: func(_ *rig, m *mouth) { m.state = api.Offline }, want: "cash"},
		{name: "its store is in doubt", pay: "first", amount: 30000, change: func(r *rig, _ *mouth) {
			must(t, r.Ledger.Log(ej.Counts, ej.Record{}, book.CountsData{Depleted: &book.Depleted{Doubt: true}}))
		}, want: "cash"},
	} {
		m := ready()
		r := withRecycler(t, m, c.pay)
		if c.change != nil {
			m.mu.Lock()
			c.change(r, m)
			m.mu.Unlock()
			must(t, r.Acceptor.Refresh(context.Background()))
		}
		got, err := r.payer(c.amount, c.counts, r.dispenser())
		if got.service != c.want || (err != nil) != c.no {
			t.Errorf("%s: %s pays, %v", c.name, got.service, err)
		}
	}
	if o := withRecycler(t, ready(), "only").cashOffer(); !o.Available {
		t.Errorf("%+v", o)
	}
}

// req: X-06
func TestTheStorageOfARecyclerIsTheStandards(t *testing.T) {
	r := withRecycler(t, &mouth{state: api.Online, exit: "empty", levels: map[string]int{"unit100CNY1": 3, "unit20CNY1": 0}}, "first")
	done := r.acceptorStorage(context.Background(), nil)
	if p := xfs4iot.Check("completion", "Storage.GetStorage", done.Payload); len(p) > 0 {
		t.Error(p)
	}
	var got struct {
		Storage map[string]struct {
			ID     string
			Status string
			Cash   struct {
				Configuration struct {
					Types         map[string]bool
					HighThreshold int
				}
				Status struct {
					Count               int `json:"X-count"`
					ReplenishmentStatus string
				}
			}
		}
	}
	must(t, json.Unmarshal(done.Payload, &got))
	if u := got.Storage["unit100CNY1"]; u.ID != "R100" || u.Cash.Status.Count != 3 || u.Cash.Status.ReplenishmentStatus != "high" || u.Cash.Configuration.HighThreshold != 3 || !u.Cash.Configuration.Types["cashOut"] {
		t.Errorf("%+v", u)
	}
	if u := got.Storage["unit20CNY1"]; u.Cash.Status.ReplenishmentStatus != "empty" || len(got.Storage) != 3 {
		t.Errorf("%+v of %d", u, len(got.Storage))
	}
	if u := got.Storage[cash.BoxUnit]; u.ID != cash.BoxID || u.Cash.Status.ReplenishmentStatus != "full" || u.Cash.Configuration.Types["cashOut"] {
		t.Errorf("%+v", u)
	}
	raw, err := json.Marshal(r.acceptorUnits())
	must(t, err)
	if p := xfs4iot.Check("unsolicited", cash.EvThreshold, raw); len(p) > 0 {
		t.Error(p)
	}
	if p := xfs4iot.Check("unsolicited", "Storage.CountsChangedEvent", raw); len(p) > 0 {
		t.Error(p)
	}
}

func TestWhatTheRecyclerGivesToItsBoxLeavesItsUnits(t *testing.T) {
	m := &mouth{state: api.Online, exit: "empty", levels: map[string]int{"unit100CNY1": 3, "unit20CNY1": 2}}
	r := withRecycler(t, m, "first")
	must(t, r.Ledger.Log(ej.Counts, ej.Record{}, book.CountsData{Depleted: &book.Depleted{Into: map[string]book.BoxNotes{"type100CNY1": {Currency: "CNY", Value: 10000, Count: 3}}}}))
	r.Ledger.Read(func(b *book.Book) {
		if u := b.Units["unit100CNY1"]; u.Count != 0 || u.Rejected != 3 || b.Box["type100CNY1"].Count != 3 || b.Units["unit20CNY1"].Count != 2 {
			t.Errorf("%+v %+v", u, b.Box)
		}
	})
}

func TestARecyclerHasTheCommandsOfADispenser(t *testing.T) {
	m := &mouth{state: api.Online, exit: "empty", levels: map[string]int{"unit100CNY1": 3}}
	has := withRecycler(t, m, "first").recyclerCommands()
	for _, name := range []string{cash.CmdDispense, "CashDispenser.Denominate", "CashDispenser.GetMixTypes", "CashDispenser.GetPresentStatus", cash.CmdEmpty} {
		if _, ok := has[name]; !ok {
			t.Errorf("no %s", name)
		}
	}
	done := has["CashDispenser.GetPresentStatus"].Handle(context.Background(), &service.Call{})
	if p := xfs4iot.Check("completion", "CashDispenser.GetPresentStatus", done.Payload); len(p) > 0 {
		t.Error(p)
	}
	if off := withRecycler(t, m, "never").recyclerCommands(); len(off) != 2 {
		t.Errorf("it may not pay, and has %v", off)
	}
}

func TestAnExchangeOfTheStoreTakesWhatTheRecyclerCounts(t *testing.T) {
	m := &mouth{state: api.Online, exit: "empty", levels: map[string]int{"unit100CNY1": 3, "unit20CNY1": 2}}
	r := withRecycler(t, m, "first")
	r.EndSession("test")
	set := func(n string) api.Completion {
		return r.setBox(context.Background(), &service.Call{Payload: []byte(`{"storage":{"unit100CNY1":{"cash":{"status":{"initial":{"typeCNY100":{"fit":` + n + `}}}}},"unitcashbox":{"cash":{"status":{"initial":{}}}}}}`)})
	}
	if c := set("9"); c.Outcome != api.NotStarted {
		t.Errorf("without an exchange: %+v", c)
	}
	if c := r.startBoxExchange(context.Background(), nil); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	m.mu.Lock()
	m.levels = map[string]int{"unit100CNY1": 9, "unit20CNY1": 2} // six were put in
	m.mu.Unlock()
	if c := set("8"); c.Code != api.InvalidData {
		t.Errorf("another number than the device's: %+v", c)
	}
	if c := set("9"); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
	if c := r.endBoxExchange(context.Background(), nil); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
	r.Ledger.Read(func(b *book.Book) {
		if u := b.Units["unit100CNY1"]; u.Count != 9 || u.Initial != 9 || !u.At(book.Acceptor) {
			t.Errorf("%+v", u)
		}
	})
}
