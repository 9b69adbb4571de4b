package mgmt

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"zhigui/server/internal/store"
	"zhigui/sim/dbserver/dbtest"
)

// A manager's Pad that is open at one server hears of what happens at another.
func TestPagesHearOfWhatHappensAtOtherServers(t *testing.T) {
	dsn := dbtest.Chosen(t)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	var brokers []*Broker
	var relays []*Relay
	for range 2 {
		st, err := store.Open(t.Context(), store.Options{DSN: dsn})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = st.Close() })
		b := NewBroker()
		r, err := NewRelay(t.Context(), st, b, log)
		if err != nil {
			t.Fatal(err)
		}
		brokers, relays = append(brokers, b), append(relays, r)
	}
	here, there := brokers[0].join(), brokers[1].join()
	now := time.Now()
	turn := func() {
		t.Helper()
		for _, r := range relays {
			if err := r.once(context.Background(), now); err != nil {
				t.Fatal(err)
			}
		}
	}
	heard := func(s *subscriber) (out []string) {
		for {
			select {
			case e := <-s.ch:
				out = append(out, e.Kind+" "+e.ID)
			default:
				return out
			}
		}
	}
	brokers[0].Publish("approval", "a1")
	brokers[0].Publish("approval", "a1") // twice is once there
	turn()
	turn()
	if got := fmt.Sprint(heard(there)); got != "[approval a1]" {
		t.Error("the other server's pages heard", got)
	}
	if got := fmt.Sprint(heard(here)); got != "[approval a1 approval a1]" {
		t.Error("the own pages heard", got)
	}
	for i := range 100 {
		brokers[1].Publish("transaction", fmt.Sprint(i))
	}
	turn()
	turn()
	if got := fmt.Sprint(heard(here)); got != "[transaction ]" {
		t.Error("of many they heard", got)
	}
	heard(there)

	// One that begins now hears of nothing old; old ones go.
	st := relays[0].st
	b := NewBroker()
	late, err := NewRelay(t.Context(), st, b, log)
	if err != nil {
		t.Fatal(err)
	}
	s := b.join()
	if err := late.once(t.Context(), now); err != nil || len(heard(s)) != 0 {
		t.Error("a server that has just come hears of the past", err)
	}
	if err := st.ForgetChanges(t.Context(), now.Add(relayKeep)); err != nil {
		t.Fatal(err)
	}
	brokers[1].Publish("alarm", "x")
	now = now.Add(2 * relayKeep)
	turn()
	turn()
	if got := fmt.Sprint(heard(here)); got != "[alarm x]" {
		t.Error("after old ones have gone they heard", got)
	}
}
