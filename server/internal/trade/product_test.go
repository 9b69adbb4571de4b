package trade_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"zhigui/server/api/message"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
)

const blank = "6225880000002001"

// issues asks for a blank card to become an account.
func (x *term) issues(card, who string) (q, a *message.Message) {
	x.t.Helper()
	q = x.request("910000", card, "246810", 0)
	_ = q.SetString(62, who)
	return q, x.do(q, true)
}

// who is document|phone|name; the name in GBK.
const who = "990101199001011234|13800000000|\xd5\xc5\xc8\xfd"

// status is how the bank has a card.
func (r *rig) status(card string) string {
	for _, a := range r.bank.Accounts() {
		if a.Card == card {
			return a.Status
		}
	}
	return ""
}

func TestAnIssuedCardIsActiveWhenHandedOverAndVoidWhenNot(t *testing.T) {
	for _, hostSM4 := range []bool{false, true} {
		r := newRig(t, hostSM4, trade.Options{})
		for id, zone := range map[string]string{"00000001": trade.Zone3DES, "00000002": trade.ZoneSM4} {
			x := r.terminal(id, zone)
			given, kept := "622588000000201"+id[7:], "622588000000202"+id[7:]
			q, a := x.issues(given, who)
			if a.String(39) != "00" || r.status(given) != "ok" {
				t.Fatalf("zone %s: %s, %s", zone, a.Describe(), r.status(given))
			}
			for range 2 {
				if rc := x.do(x.about("0220", q, 0), true).String(39); rc != "00" {
					t.Fatalf("0220: %s", rc)
				}
			}
			if s := r.txn(x, q); s.State != store.Confirmed || s.Kind != "cardIssue" {
				t.Errorf("%s %s", s.Kind, s.State)
			}
			if b := x.do(x.request("310000", given, "246810", 0), true); b.String(39) != "00" {
				t.Errorf("the new card's PIN: %s", b.Describe())
			}
			if rc := x.do(x.about("0400", q, 0), true).String(39); rc != "12" {
				t.Errorf("a reversal after the hand-over: %s", rc)
			}

			q, _ = x.issues(kept, who)
			if rc := x.do(x.about("0400", q, 0), true).String(39); rc != "00" {
				t.Fatalf("0400: %s", rc)
			}
			until(t, "taken back", func() bool { return r.txn(x, q).State == store.Reversed })
			if got := r.status(kept); got != "void" {
				t.Errorf("not handed over, and the bank has it as %s", got)
			}
		}
	}
}

func TestWhoACardIsForIsKeptByTheBankAlone(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	q, _ := x.issues(blank, who)
	s := r.txn(x, q)
	for what, sealed := range map[string][]byte{"request": s.Request, "answer": s.Answer} {
		kept, err := r.hsm.Open(nil, sealed, fmt.Appendf(nil, "%s %d", what, s.ID))
		if err != nil || len(kept) == 0 {
			t.Fatalf("%s: %v", what, err)
		}
		for _, part := range strings.Split(who, "|") {
			if bytes.Contains(kept, []byte(part)) || strings.Contains(fmt.Sprintf("%+v", s), part) {
				t.Errorf("the stored %s has %q", what, part)
			}
		}
	}
}

func TestACardWhoseIssueIsInDoubtIsTakenBack(t *testing.T) {
	for _, kind := range []string{"noAnswer", "lost", "badMac", "disconnect", "late"} {
		r := newRig(t, false, trade.Options{})
		x := r.terminal("00000001", trade.Zone3DES)
		r.bank.Arm(bankhost.Scenario{Kind: kind, Count: 1})
		q, a := x.issues(blank, who)
		if rc := a.String(39); rc != "98" {
			t.Errorf("%s: %s", kind, rc)
		}
		until(t, kind+": taken back", func() bool {
			s := r.txn(x, q).State
			return s == store.Reversed || s == store.ReversalAbsent
		})
		if got := r.status(blank); got == "ok" {
			t.Errorf("%s: a card nobody has is active", kind)
		}
	}
}

func TestTheBankRefusesACardForAReason(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	for _, c := range []struct{ card, who, rc string }{
		{blank, "", "30"},
		{blank, "990101199001011234|13800000000", "30"},
		{card1, who, "14"},
		{"6225889999999999", who, "14"},
	} {
		if _, a := x.issues(c.card, c.who); a.String(39) != c.rc {
			t.Errorf("%q for %q: %s, want %s", c.card, c.who, a.String(39), c.rc)
		}
	}
	for i := range 5 {
		_, a := x.issues(fmt.Sprintf("622588%010d", 2050+i), who)
		if rc := a.String(39); (rc == "00") != (i < 4) {
			t.Errorf("card %d of one person: %s", i+1, rc)
		}
	}
}

func TestAPassbookGetsEachLineOnce(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	ask := func(proc, last string) string {
		m := x.msg("0200", proc)
		_ = m.SetString(2, card1)
		_ = m.SetString(22, "021")
		_ = m.SetString(25, "02")
		_ = m.SetString(60, "00000001000")
		_ = m.SetString(62, last)
		a := x.do(m, true)
		if a.String(39) != "00" {
			t.Fatalf("%s %s: %s", proc, last, a.Describe())
		}
		return a.String(62)
	}
	if got := ask("390000", "0"); got != "+0" {
		t.Errorf("a new book: %q", got)
	}
	for range 10 {
		q, _ := x.opens(card1)
		if rc := x.took(q, 10000); rc != "00" {
			t.Fatal(rc)
		}
	}
	first := ask("390000", "0")
	if n := strings.Count(first, ";"); n != 7 || !strings.HasPrefix(first, "1|") || !strings.HasSuffix(first, "+2") {
		t.Errorf("%q", first)
	}
	if again := ask("390000", "0"); again != first {
		t.Errorf("asked again: %q", again)
	}
	if by := ask("390000", "8"); !strings.HasPrefix(by, "9|") || !strings.HasSuffix(by, "+0") { // as the stripe has it
		t.Errorf("%q", by)
	}
	ask("930000", "8")
	if rest := ask("390000", "0"); !strings.HasPrefix(rest, "9|") || !strings.Contains(rest, ";10|") { // the stripe could not be written
		t.Errorf("%q", rest)
	}
}

func TestABlankCardInTheBinIsSpentAndACardThatSomebodyHoldsIsNot(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	spent := func(track2 string) string {
		m := x.msg("0200", "920000")
		_ = m.SetString(22, "051")
		_ = m.SetString(23, "001")
		_ = m.SetString(25, "00")
		_ = m.SetString(35, track2)
		_ = m.SetString(60, "31000001000")
		_ = m.SetString(62, "the session has ended")
		return x.do(m, true).String(39)
	}
	for _, c := range []struct{ name, card, rc, after string }{
		{"a blank card", blank, "00", "void"},
		{"the same again", blank, "00", "void"},
		{"a card that somebody holds", card1, "14", "ok"},
	} {
		if rc := spent(c.card + "=49121010000012300000"); rc != c.rc || r.status(c.card) != c.after {
			t.Errorf("%s: %s, it is %s now", c.name, rc, r.status(c.card))
		}
	}
	if _, a := x.issues(blank, who); a.String(39) != "14" {
		t.Errorf("a spent number was issued: %s", a.String(39))
	}
}
