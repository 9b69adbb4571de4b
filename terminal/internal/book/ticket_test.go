package book

import (
	"encoding/json"
	"errors"
	"testing"

	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/journal"
)

func TestNoTwoCustomersHaveTheSameNumber(t *testing.T) {
	var b Book
	take := func(queue, day, want string) {
		t.Helper()
		n := b.NextTicket(queue, day)
		data, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		r := ej.Record{Kind: ej.QueueTicket, Data: data}
		if err := b.Apply(r); err != nil || n.String() != want {
			t.Fatalf("%s on %s: %s, %v", queue, day, n, err)
		}
		if err := b.Apply(r); !errors.Is(err, ErrTransition) {
			t.Fatalf("%s twice: %v", n, err)
		}
	}
	take("A", "2026-11-22", "A001")
	take("A", "2026-11-22", "A002")
	take("B", "2026-11-22", "B001")
	take("A", "2026-11-21", "A003") // the clock was set back
	take("A", "2026-11-23", "A001")
}

func TestTheNumbersGoOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	for _, want := range []string{"A001", "A002"} {
		led, err := Open(dir, journal.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var n Ticket
		led.Read(func(b *Book) { n = b.NextTicket("A", "2026-11-22") })
		if err := led.Log(ej.QueueTicket, ej.Record{}, n); err != nil || n.String() != want {
			t.Errorf("%s, want %s: %v", n, want, err)
		}
		if err := led.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
