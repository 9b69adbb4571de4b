package trade_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"zhigui/server/api/message"
	"zhigui/server/api/message/format"
	"zhigui/server/internal/link"
	"zhigui/server/internal/risk"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/dbserver"
)

// A refusal says that nothing has happened, which is wrong for a repeat of what was approved.
func TestARepeatGetsItsStoredAnswerWhateverWasForbiddenSince(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	q, _ := x.withdraw(card1, 10_000)
	for _, kind := range []string{risk.Card, risk.Terminal} {
		b := store.Block{Kind: kind, Subject: "00000001", Name: "a", On: true}
		code := "58"
		if kind == risk.Card {
			b.Subject, code = hex.EncodeToString(r.hsm.Index([]byte(card1))), "62"
		}
		if err := r.st.SetBlock(t.Context(), b, "olga", time.Now()); err != nil {
			t.Fatal(err)
		}
		until(t, "the block of the "+kind, func() bool { _, a := x.withdraw(card1, 100); return a.String(39) == code })
		if a := x.do(q, true); a.String(39) != "00" {
			t.Errorf("%s blocked: the repeat of an approved withdrawal got %s", kind, a.String(39))
		}
	}
}

// Money in doubt waits for its host when that is not in the configuration, and is reversed when it is again.
// However much of it there is, it keeps nothing of another host's from being reversed.
func TestMoneyInDoubtAtAHostThatWasRemovedIsReversedWhenItIsBack(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	now := time.Now()
	lost := &store.Txn{ID: store.NumberAt(now), Idem: "00000001|x", Digest: []byte{1}, Terminal: "00000001", Branch: "0001", Host: "back", Kind: "withdrawal", Batch: "000001", STAN: "000001",
		Amount: 10_000, State: store.Intent, Created: now, Updated: now}
	insert := func(x *store.Txn) {
		if _, err := r.st.Insert(t.Context(), x); err != nil {
			t.Fatal(err)
		}
	}
	insert(lost)
	for i := range 500 { // a page of them
		x := *lost
		x.ID, x.Idem, x.STAN = store.NumberAt(now.Add(time.Duration(i+1)*time.Millisecond)), fmt.Sprint("more|", i), fmt.Sprintf("%06d", i+2)
		insert(&x)
	}
	served := *lost
	served.ID, served.Idem, served.STAN, served.Host = store.NumberAt(now.Add(time.Second)), "served|", "000999", "core"
	insert(&served)
	state := func() store.State {
		x, err := r.st.ByID(t.Context(), lost.ID)
		if err != nil {
			t.Fatal(err)
		}
		return x.State
	}
	r.stop()
	r.start()
	if got := state(); got != store.Intent {
		t.Errorf("without its host: %s", got)
	}
	if _, err := r.st.ReversalOf(t.Context(), served.ID); err != nil {
		t.Errorf("what another host was asked is not reversed: %v", err)
	}
	r.stop()
	r.more = []hostOf{{name: "back", dialect: "cups128", link: link.Spec{Kind: "short", Address: free(t)}}}
	r.start()
	if v, err := r.st.ReversalOf(t.Context(), lost.ID); err != nil || v.Host != "back" {
		t.Errorf("with its host again: %s, %v", state(), err)
	}
}

// A partner's own 8583 has the fields of ours, but other frames: what the journal has of it must not
// keep a reversal from being built.
func TestMoneyInDoubtOfAPartnerWithAnOwn8583IsReversed(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	text, err := os.ReadFile("../../api/message/dialects/pos64.yaml")
	if err != nil {
		t.Fatal(err)
	}
	own := strings.NewReplacer("name: pos64", "name: own64", "prefix: binary2", "prefix: ascii4", "digits: bcd", "digits: ascii", "lengths: bcd", "lengths: ascii").Replace(string(text))
	d, err := format.Parse([]byte(own))
	if err != nil {
		t.Fatal(err)
	}
	p := r.addPartnerOf(link.Spec{Kind: "short", Listen: free(t)}, d, nil)
	a, err := p.ask("0200", "010000", card1, 10_011) // by the amount's last digits the host is silent
	if err != nil || a.Values["response"] != "98" {
		t.Fatal(a, err)
	}
	until(t, "the reversal", func() bool { return r.eng.Stats().ReversalsPending == 0 })
	ts, err := r.st.InState(t.Context(), store.ReversalStuck, time.Now().Add(time.Hour), 9)
	if err != nil || len(ts) != 0 {
		t.Errorf("%d reversals wait for a person: %v", len(ts), err)
	}
}

// The database goes away. "Nothing has happened" would be a lie to a repeat of what was approved, and
// nobody can tell which request is one; when it is back, both go on as if it had never been away.
func TestARequestWhileTheDatabaseIsAwayIsNeitherLostNorDeniedWhenItIsBack(t *testing.T) {
	db, err := dbserver.Start(dbserver.MariaDB)
	if errors.Is(err, dbserver.ErrMissing) && os.Getenv("HOSTS") != "required" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	dsn, err := db.Database("away")
	if err != nil {
		t.Fatal(err)
	}
	r := newRigOf(&rig{t: t, dir: t.TempDir(), dsn: dsn, wait: 50 * time.Millisecond})
	x := r.terminal("00000001", trade.Zone3DES)
	approved, a := x.withdraw(card1, 10_000)
	if a.String(39) != "00" {
		t.Fatal(a.Describe())
	}
	fresh := x.request("010000", card1, "123456", 20_000)
	db.Kill()
	for name, q := range map[string]*message.Message{"the repeat": approved, "the new one": fresh} {
		if a := x.do(q, true); a.String(39) != "98" {
			t.Errorf("%s was told %s while the database is away", name, a.String(39))
		}
	}
	if err := db.Restart(); err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]*message.Message{"the repeat": approved, "the new one": fresh} {
		until(t, name+" to be answered", func() bool { return x.do(q, true).String(39) == "00" })
	}
	if got := 2_000_000 - r.balance(card1); got != 30_000 {
		t.Errorf("booked %d", got)
	}
}
