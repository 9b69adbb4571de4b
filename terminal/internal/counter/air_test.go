package counter

import (
	"context"
	"encoding/json"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/server/api/message"
	"zhigui/sim/device/iccard"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/service"
)

// withTap holds a card to the antenna of the rig's reader, which has no slot; it is away at the first
// away looks after its reading.
func (r *rig) withTap(t *testing.T, kind iccard.Chip, track2 string) (away *int) {
	t.Helper()
	k, err := iccard.New(t.TempDir(), kind, track2, "ZHANG/SAN")
	must(t, err)
	away = new(int)
	r.card.air, r.card.media = k, "notPresent"
	r.card.near = func() bool { *away--; return *away < 0 }
	must(t, r.Card.Refresh(context.Background()))
	return away
}

type answered struct {
	Outcome, ResponseCode, Txn string
	CaptureCard                bool
}

func withdrawn(t *testing.T, done api.Completion) (out answered) {
	t.Helper()
	if err := json.Unmarshal(done.Payload, &out); err != nil {
		t.Fatalf("%+v %s", done, done.Payload)
	}
	return out
}

func TestATapTellsWhoseTheCardIsAndTheNextTapSigns(t *testing.T) {
	r := newRig(t)
	r.Capture = func(string) bool { return true }
	away := r.withTap(t, iccard.Chip{}, stripe)
	r.read(t)
	if held, _ := r.Session.Card(); !held.Chip || !held.Air || held.PAN != "6225880000000001" || held.Sequence != "001" {
		t.Fatalf("%+v", held)
	}
	entry := make(chan string, 4)
	r.bank = func(q, a *message.Message) { entry <- q.String(22) + q.String(23); approve(t, q, a) }
	for _, looks := range []int{2, 0} { // the card was taken away meanwhile, or stayed
		*away = looks
		var asked []string
		b, _ := json.Marshal(map[string]any{"type": "withdrawal", "amount": 10000})
		r.pins["current"] = pinBlock{block: make([]byte, 8)}
		r.allow <- struct{}{}
		done := r.trade(context.Background(), &service.Call{Payload: b}, func(e api.Event) { asked = append(asked, e.Name) })
		if out := withdrawn(t, done); out.Outcome != "approved" || out.CaptureCard {
			t.Fatalf("%+v %s", done, done.Payload)
		}
		if e := <-entry; e != "071001" {
			t.Errorf("entry mode and sequence %s", e)
		}
		if want := map[int]int{2: 2, 0: 0}[looks]; len(asked) != want || want == 2 && (asked[0] != EvTap || asked[1] != EvTapped) {
			t.Errorf("%d looks: %v", looks, asked)
		}
	}
	if s, _ := r.Session.Current(); s.CardGone {
		t.Error("the card is gone before it was given back")
	}
	b, _ := json.Marshal(card.Move{From: card.Transport, To: card.UnitBin})
	if done := r.moveCard(context.Background(), &service.Call{Payload: b}); done.ErrorCode != card.ErrNoMedia {
		t.Errorf("a card that was never inside was kept: %+v", done)
	}
	b, _ = json.Marshal(card.Move{From: card.Transport, To: card.Exit})
	if done := r.moveCard(context.Background(), &service.Call{Payload: b}); done.Outcome != api.Done || r.card.count(card.CmdMove) != 0 {
		t.Errorf("%+v", done)
	}
	if s, _ := r.Session.Current(); !s.CardGone {
		t.Error("no notes can be given while the card counts as inside")
	}
}

func TestAnotherCardAtTheSecondTapSendsNothing(t *testing.T) {
	r := newRig(t)
	r.withTap(t, iccard.Chip{}, stripe)
	r.read(t)
	other, err := iccard.New(t.TempDir(), iccard.Chip{}, "6225880000000002=49122010000012300000", "LI/SI")
	must(t, err)
	r.card.air = other
	r.pins["current"] = pinBlock{block: make([]byte, 8)}
	if out := withdrawn(t, r.withdraw(10000, "")); out.Outcome != "notSent" || out.ResponseCode != "14" { // the other one is there at once
		t.Errorf("%+v", out)
	}
	r.Ledger.Read(func(b *book.Book) {
		if len(b.Order) != 0 {
			t.Errorf("%d transactions were begun", len(b.Order))
		}
	})
}

func TestATapThatNeverComesSendsNothing(t *testing.T) {
	r := newRig(t)
	away := r.withTap(t, iccard.Chip{}, stripe)
	r.read(t)
	*away = 1 << 30
	r.pins["current"] = pinBlock{block: make([]byte, 8)}
	ctx, cancel := context.WithCancel(context.Background())
	b, _ := json.Marshal(map[string]any{"type": "withdrawal", "amount": 10000})
	done := r.trade(ctx, &service.Call{Payload: b}, func(api.Event) { cancel() }) // the customer gives up
	if out := withdrawn(t, done); out.Outcome != "notSent" || out.ResponseCode != "Z2" {
		t.Errorf("%+v", out)
	}
}

func TestCardsThatCannotPayByATapAreToldWhy(t *testing.T) {
	for kind, want := range map[iccard.Chip]string{{State: "blocked"}: "62", {State: "dead"}: "62", {Expiry: "2001"}: "54", {State: "foreign"}: "14"} {
		r := newRig(t)
		r.withTap(t, kind, stripe)
		done := r.readCard(context.Background(), &service.Call{Conn: &service.Conn{}})
		var out struct {
			Refusal struct{ ResponseCode string } `json:"X-refusal"`
		}
		_ = json.Unmarshal(done.Payload, &out)
		if done.ErrorCode != card.ErrInvalidMedia || out.Refusal.ResponseCode != want {
			t.Errorf("%+v: %+v %s", kind, done, done.Payload)
		}
	}
}
