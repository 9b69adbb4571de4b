package counter

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/server/api/message"
	"zhigui/server/api/paycrypto"
	"zhigui/sim/device/iccard"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/emv"
	"zhigui/terminal/internal/service"
)

// withChip puts a card with a chip into the rig's reader.
func (r *rig) withChip(t *testing.T, kind iccard.Chip, track2 string) {
	t.Helper()
	k, err := iccard.New(t.TempDir(), kind, track2, "ZHANG/SAN")
	must(t, err)
	r.card.track2, r.card.chip = track2, &iccard.Slot{}
	r.card.chip.Put(k)
	r.card.atr, _ = r.card.chip.Power()
}

// approve answers as the card's issuer: its cryptogram for code 00.
func approve(t *testing.T, q, a *message.Message) {
	v := emv.Values{}
	if err := v.Add(q.Get(55)); err != nil || len(v[0x9F26]) != 8 {
		t.Errorf("field 55: %X", q.Get(55))
		return
	}
	raw, _ := hex.DecodeString("0123456789ABCDEFFEDCBA9876543210")
	issuer, err := paycrypto.NewKey(paycrypto.DES, raw)
	must(t, err)
	k, err := paycrypto.CardKey(issuer, "6225880000000001", 1)
	must(t, err)
	session, err := paycrypto.ChipSession(k, [8]byte{v[0x9F36][0], v[0x9F36][1]})
	must(t, err)
	data := bytes.Join([][]byte{v[0x9F02], v[0x9F03], v[0x9F1A], v[0x95], v[0x5F2A], v[0x9A], v[0x9C], v[0x9F37], v[0x82], v[0x9F36], v[0x9F10][3:7]}, nil)
	if want, _ := paycrypto.Cryptogram(session, data); !bytes.Equal(want, v[0x9F26]) {
		t.Errorf("the cryptogram is wrong: %X", v[0x9F26])
	}
	arpc, err := paycrypto.ResponseCryptogram(session, [8]byte(v[0x9F26]), [2]byte{'0', '0'})
	must(t, err)
	must(t, a.Set(55, append(append([]byte{0x91, 10}, arpc...), '0', '0')))
}

const stripe = "6225880000000001=49122010000012300000"

func TestAChipIsReadFirstAndSignsTheTransaction(t *testing.T) {
	r := newRig(t)
	r.withChip(t, iccard.Chip{}, stripe)
	r.card.track2 = "6225880000000009=49122010000012300000" // the stripe is not asked
	r.read(t)
	if held, _ := r.Session.Card(); !held.Chip || held.PAN != "6225880000000001" || held.Sequence != "001" || held.Expiry != "4912" {
		t.Fatalf("%+v", held)
	}
	entry := make(chan string, 4)
	r.bank = func(q, a *message.Message) { entry <- q.String(22) + q.String(23); approve(t, q, a) }
	for range 2 { // the second one begins a new transaction with the chip
		r.pins["current"] = pinBlock{block: make([]byte, 8)}
		r.allow <- struct{}{}
		done := r.withdraw(10000, "")
		var out struct{ Outcome, ResponseCode, Txn string }
		if err := json.Unmarshal(done.Payload, &out); err != nil || out.Outcome != "approved" {
			t.Fatalf("%+v %s", done, done.Payload)
		}
		if e := <-entry; e != "051001" {
			t.Errorf("entry mode and sequence %s", e)
		}
	}
}

func TestACardThatRefusesWhatTheHostApprovedIsNotPaid(t *testing.T) {
	r := newRig(t)
	r.withChip(t, iccard.Chip{Protocol: "T1"}, stripe)
	r.read(t)
	r.pins["current"] = pinBlock{block: make([]byte, 8)}
	r.allow <- struct{}{}
	done := r.withdraw(10000, "") // the host's answer has no cryptogram
	var out struct{ Outcome, ResponseCode, Txn string }
	if err := json.Unmarshal(done.Payload, &out); err != nil || out.Outcome != "declined" || out.ResponseCode != "Z1" {
		t.Fatalf("%+v %s", done, done.Payload)
	}
	if x, _ := r.Ledger.Txn(out.Txn); x.Settle != book.SettleReverse {
		t.Errorf("%+v", x)
	}
	if s, _ := r.Session.Current(); s.Txn == out.Txn {
		t.Error("the page may still ask for the notes")
	}
}

func TestCardsThatTheChipRulesRefuseAreToldWhy(t *testing.T) {
	plain := "6225880000000001=49121010000012300000"
	for _, x := range []struct {
		name  string
		kind  iccard.Chip
		track string
		rules ChipRules
		code  string // "" is read
		by    string // chip, stripe, fallback
	}{
		{"blocked", iccard.Chip{State: "blocked"}, stripe, ChipRules{Fallback: true}, "62", ""},
		{"card blocked", iccard.Chip{State: "dead"}, stripe, ChipRules{Fallback: true}, "62", ""},
		{"expired", iccard.Chip{Expiry: "2001"}, stripe, ChipRules{}, "54", ""},
		{"expired, the host is asked", iccard.Chip{Expiry: "2001"}, stripe, ChipRules{AskExpired: true}, "", "chip"},
		{"mute", iccard.Chip{State: "mute"}, stripe, ChipRules{}, "Z2", ""},
		{"mute, fallback", iccard.Chip{State: "mute"}, stripe, ChipRules{Fallback: true}, "", "fallback"},
		{"mute, and no chip by its stripe", iccard.Chip{State: "mute"}, plain, ChipRules{}, "", "stripe"},
		{"of another scheme", iccard.Chip{State: "foreign"}, stripe, ChipRules{}, "Z2", ""},
		{"of another scheme, and no chip by its stripe", iccard.Chip{State: "foreign"}, plain, ChipRules{}, "", "stripe"},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := newRig(t)
			r.Info.Chip = x.rules
			r.withChip(t, x.kind, x.track)
			done := r.readCard(context.Background(), &service.Call{Conn: &service.Conn{}})
			var out struct {
				Refusal struct{ ResponseCode string } `json:"X-refusal"`
			}
			_ = json.Unmarshal(done.Payload, &out)
			if x.code != "" {
				if done.ErrorCode != card.ErrInvalidMedia || out.Refusal.ResponseCode != x.code {
					t.Errorf("%+v %s", done, done.Payload)
				}
				return
			}
			held, _ := r.Session.Card()
			by := "stripe"
			switch {
			case held.Chip:
				by = "chip"
			case held.Fallback:
				by = "fallback"
			}
			if done.Outcome != api.Done || by != x.by {
				t.Errorf("by %s: %+v", by, done)
			}
		})
	}
}

func TestAChipThatDiesBeforeItSignsSendsNothing(t *testing.T) {
	r := newRig(t)
	r.withChip(t, iccard.Chip{}, stripe)
	r.read(t)
	r.pins["current"] = pinBlock{block: make([]byte, 8)}
	r.card.chip.Mute = true
	done := r.withdraw(10000, "")
	var out struct{ Outcome, ResponseCode string }
	if err := json.Unmarshal(done.Payload, &out); err != nil || out.Outcome != "notSent" || out.ResponseCode != "Z2" {
		t.Errorf("%+v %s", done, done.Payload)
	}
	r.Ledger.Read(func(b *book.Book) {
		if len(b.Order) != 0 {
			t.Errorf("%d transactions were begun", len(b.Order))
		}
	})
}
