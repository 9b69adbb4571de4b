package platform

import (
	"encoding/json"
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/server/api/access"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/bundle"
	"zhigui/terminal/internal/journal"
	"zhigui/terminal/internal/session"
)

// ordered is as much of a platform as orders need that only the journal is changed by.
func ordered(t *testing.T, dir string) *Platform {
	t.Helper()
	p := &Platform{log: slog.New(slog.NewTextHandler(io.Discard, nil)), sess: session.New(nil)}
	var err error
	if p.led, err = book.Open(filepath.Join(dir, "ej"), journal.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.led.Close() })
	if p.bundles, err = bundle.Open(filepath.Join(dir, "bundles"), nil); err != nil {
		t.Fatal(err)
	}
	return p
}

func log(t *testing.T, p *Platform, kind ej.Kind, r ej.Record, data any) {
	t.Helper()
	if err := p.led.Log(kind, r, data); err != nil {
		t.Fatal(err)
	}
}

// kinds are those of the journal, in order.
func kinds(t *testing.T, p *Platform) (out []ej.Kind) {
	t.Helper()
	raw, err := p.led.Since(0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range raw {
		var r ej.Record
		if err := json.Unmarshal(b, &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r.Kind)
	}
	return out
}

func TestAnOrderIsCarriedOutOnceWhereverTheTerminalStopped(t *testing.T) {
	emptied := book.Order{ID: "c1", Kind: "boxEmptied", Args: json.RawMessage(`{"by":"olga, otto"}`)}
	counts := book.CountsData{BoxEmptied: true, By: "olga, otto"}
	for _, c := range []struct {
		name string
		had  func(p *Platform) // what the journal has when it starts again
		want []ej.Kind
	}{
		{"before it was received", func(*Platform) {}, []ej.Kind{ej.Order, ej.Counts, ej.OrderDone}},
		{"before it was carried out", func(p *Platform) { log(t, p, ej.Order, ej.Record{}, emptied) }, []ej.Kind{ej.Order, ej.Counts, ej.OrderDone}},
		{"after it was carried out", func(p *Platform) {
			log(t, p, ej.Order, ej.Record{}, emptied)
			log(t, p, ej.Counts, ej.Record{}, counts)
		}, []ej.Kind{ej.Order, ej.Counts, ej.OrderDone}},
		{"when the journal has how it ended", func(p *Platform) {
			log(t, p, ej.Order, ej.Record{}, emptied)
			log(t, p, ej.Counts, ej.Record{}, counts)
			log(t, p, ej.OrderDone, ej.Record{}, book.Order{ID: "c1", OK: true})
		}, []ej.Kind{ej.Order, ej.Counts, ej.OrderDone}},
		{"and the same people had given one before", func(p *Platform) { log(t, p, ej.Counts, ej.Record{}, counts) }, []ej.Kind{ej.Counts, ej.Order, ej.Counts, ej.OrderDone}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := ordered(t, t.TempDir())
			c.had(p)
			for range 3 { // the server repeats it
				p.Command(access.Command{ID: "c1", Kind: emptied.Kind, Args: emptied.Args})
				p.carryOut("c1") // as Command's own goroutine does
			}
			p.ordering.Lock() // the last goroutine is over, or finds nothing to do
			p.ordering.Unlock()
			if d := cmp.Diff(c.want, kinds(t, p)); d != "" {
				t.Error(d)
			}
			p.Command(access.Command{ID: "c1"})
			if d := cmp.Diff([]access.CommandResult{{ID: "c1", Done: true}}, p.results()[:1]); d != "" {
				t.Error(d)
			}
			if r := p.results(); len(r) > 0 {
				t.Errorf("told without being asked: %v", r)
			}
		})
	}
}

func TestAResolvedTransactionIsNotResolvedAgain(t *testing.T) {
	p := ordered(t, t.TempDir())
	const txn = "000001/000001"
	log(t, p, ej.HostIntent, ej.Record{Txn: txn}, book.HostData{Type: "withdrawal", Financial: true, Amount: 100})
	log(t, p, ej.HostResult, ej.Record{Txn: txn}, book.HostData{Host: book.HostApproved})
	log(t, p, ej.Suspense, ej.Record{Txn: txn}, book.SettleData{Reason: "unclear"})
	log(t, p, ej.Order, ej.Record{}, book.Order{ID: "c1", Kind: "resolve", Args: json.RawMessage(`{"txn":"` + txn + `","paid":100,"by":"olga, otto"}`)})
	log(t, p, ej.Resolved, ej.Record{Txn: txn}, book.SettleData{Paid: 100, By: "olga, otto"})
	p.carryOut("c1") // there is no cash module to resolve it with
	p.Command(access.Command{ID: "c1"})
	if d := cmp.Diff([]access.CommandResult{{ID: "c1", Done: true}}, p.results()); d != "" {
		t.Error(d)
	}
}

func TestAnOrderThatCannotBeDoneSaysWhyAndMoneyWaitsForTheCustomerToGo(t *testing.T) {
	p := ordered(t, t.TempDir())
	if _, err := p.sess.Begin("withdrawal", "zh", ""); err != nil {
		t.Fatal(err)
	}
	log(t, p, ej.Order, ej.Record{}, book.Order{ID: "c1", Kind: "dance"})
	p.carryOut("c1")
	if d := cmp.Diff([]ej.Kind{ej.Order}, kinds(t, p)); d != "" {
		t.Error(d)
	}
	if _, err := p.sess.End(); err != nil {
		t.Fatal(err)
	}
	p.carryOut("c1")
	if d := cmp.Diff([]access.CommandResult{{ID: "c1", Note: `unknown order "dance"`}}, p.results()); d != "" {
		t.Error(d)
	}
}
