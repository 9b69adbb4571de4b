package bankhost

import (
	"strings"
	"testing"
)

const (
	second = "6225880000000002" // 50.00 at first
	fifth  = "6225880000000005" // 20000.00
)

// step is a request or, with back, the reversal of the request of that step; rc and what customers have and hold then.
type step struct {
	why, card, proc, arg string
	amount, stan, back   int
	rc                   string
	first, fifth, held   int64
}

func (s step) do(t *testing.T, h *Host) string {
	t.Helper()
	if s.back > 0 {
		return reverse(t, h, "0420", s.back, 0)
	}
	return asks(t, h, s.card, s.proc, "123456", s.stan, s.amount, s.arg).rc
}

// run takes the steps, each of them twice: a repeat is answered alike and books nothing.
func run(t *testing.T, steps []step) {
	t.Helper()
	dir := t.TempDir()
	h := host(t, dir)
	of := func(card string) int64 {
		h.l.mu.Lock()
		defer h.l.mu.Unlock()
		return h.l.accounts[card].Balance
	}
	for _, s := range steps {
		for range 2 {
			rc := s.do(t, h)
			if v := h.Check(); rc != s.rc || of(card) != s.first || of(fifth) != s.fifth || v.Holdings != s.held || !v.OK {
				t.Fatalf("%s: %s, they have %d and %d, held %d, %v", s.why, rc, of(card), of(fifth), v.Holdings, v.Problems)
			}
		}
	}
	last := steps[len(steps)-1]
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h = host(t, dir)
	defer h.Close() //nolint:errcheck // test
	if v := h.Check(); !v.OK || of(card) != last.first || of(fifth) != last.fifth || v.Holdings != last.held {
		t.Errorf("after a restart: they have %d and %d, held %d, %v", of(card), of(fifth), v.Holdings, v.Problems)
	}
}

func TestNoMoreIsRedeemedThanIsHeld(t *testing.T) {
	for _, kind := range []struct{ buy, sell string }{{"600502", "600503"}, {"600504", "600505"}, {"601204", "600505"}, {"601201", "601202"}, {"601205", "601206"}} {
		run(t, []step{
			{why: "nothing is held", card: card, proc: kind.sell, arg: "W100", amount: 1, stan: 1, rc: "51", first: 2_000_000, fifth: 2_000_000},
			{why: "bought", card: card, proc: kind.buy, arg: "W100", amount: 50_000, stan: 2, rc: "00", first: 1_950_000, fifth: 2_000_000, held: 50_000},
			{why: "another's", card: fifth, proc: kind.sell, arg: "W100", amount: 1, stan: 3, rc: "51", first: 1_950_000, fifth: 2_000_000, held: 50_000},
			{why: "of another number", card: card, proc: kind.sell, arg: "W200", amount: 1, stan: 4, rc: "51", first: 1_950_000, fifth: 2_000_000, held: 50_000},
			{why: "for nothing", card: card, proc: kind.sell, arg: "W100", stan: 5, rc: "13", first: 1_950_000, fifth: 2_000_000, held: 50_000},
			{why: "a part", card: card, proc: kind.sell, arg: "W100", amount: 20_000, stan: 6, rc: "00", first: 1_970_000, fifth: 2_000_000, held: 30_000},
			{why: "more than the rest", card: card, proc: kind.sell, arg: "W100", amount: 30_001, stan: 7, rc: "51", first: 1_970_000, fifth: 2_000_000, held: 30_000},
			{why: "a purchase of which a part is sold", back: 2, rc: "51", first: 1_970_000, fifth: 2_000_000, held: 30_000},
			{why: "the part taken back", back: 6, rc: "00", first: 1_950_000, fifth: 2_000_000, held: 50_000},
			{why: "all", card: card, proc: kind.sell, arg: "W100", amount: 50_000, stan: 9, rc: "00", first: 2_000_000, fifth: 2_000_000},
			{why: "the money is spent", card: card, proc: "600301", arg: fifth, amount: 1_980_000, stan: 10, rc: "00", first: 20_000, fifth: 3_980_000},
			{why: "and cannot be taken back", back: 9, rc: "51", first: 20_000, fifth: 3_980_000},
		})
	}
}

func TestAnAccountIsNotClosedWhileSomethingIsHeld(t *testing.T) {
	run(t, []step{
		{why: "all its money for wealth", card: second, proc: "600502", arg: "W100", amount: 5_000, stan: 1, rc: "00", first: 2_000_000, fifth: 2_000_000, held: 5_000},
		{why: "closed", card: second, proc: "600109", stan: 2, rc: "40", first: 2_000_000, fifth: 2_000_000, held: 5_000},
		{why: "redeemed", card: second, proc: "600503", arg: "W100", amount: 5_000, stan: 3, rc: "00", first: 2_000_000, fifth: 2_000_000},
		{why: "given away", card: second, proc: "600301", arg: fifth, amount: 5_000, stan: 4, rc: "00", first: 2_000_000, fifth: 2_005_000},
		{why: "closed", card: second, proc: "600109", stan: 5, rc: "00", first: 2_000_000, fifth: 2_005_000},
	})
}

func TestABatchIsDoneAsAWholeOrNotAtAll(t *testing.T) {
	const pay, collect, sign = "600903", "600902", "600905"
	run(t, []step{
		{why: "the sum is another", card: card, proc: pay, arg: fifth + ":100," + second + ":200", amount: 301, stan: 1, rc: "13", first: 2_000_000, fifth: 2_000_000},
		{why: "one gets less than nothing", card: card, proc: pay, arg: fifth + ":400," + second + ":-100", amount: 300, stan: 2, rc: "13", first: 2_000_000, fifth: 2_000_000},
		{why: "one has no account", card: card, proc: pay, arg: fifth + ":100,1234:200", amount: 300, stan: 3, rc: "14", first: 2_000_000, fifth: 2_000_000},
		{why: "oneself", card: card, proc: pay, arg: card + ":300", amount: 300, stan: 4, rc: "14", first: 2_000_000, fifth: 2_000_000},
		{why: "no lines", card: card, proc: pay, amount: 300, stan: 5, rc: "13", first: 2_000_000, fifth: 2_000_000},
		{why: "more than there is", card: card, proc: pay, arg: fifth + ":2000001", amount: 2_000_001, stan: 6, rc: "51", first: 2_000_000, fifth: 2_000_000},
		{why: "paid", card: card, proc: pay, arg: fifth + ":100," + second + ":200," + fifth + ":50", amount: 350, stan: 7, rc: "00", first: 1_999_650, fifth: 2_000_150},
		{why: "taken back", back: 7, rc: "00", first: 2_000_000, fifth: 2_000_000},
		{why: "who has not signed", card: card, proc: collect, arg: fifth + ":100", amount: 100, stan: 8, rc: "57", first: 2_000_000, fifth: 2_000_000},
	})
	h := host(t, t.TempDir())
	defer h.Close() //nolint:errcheck // test
	for i, c := range []struct {
		card, proc, arg string
		amount          int
		rc              string
		first           int64
	}{
		{fifth, sign, second, 0, "00", 2_000_000}, {card, collect, fifth + ":100", 100, "57", 2_000_000}, // for another
		{fifth, "600906", "", 0, "00", 2_000_000}, {fifth, sign, card, 0, "00", 2_000_000}, {second, sign, card, 0, "00", 2_000_000},
		{card, collect, fifth + ":100," + second + ":3000," + second + ":3000", 6_100, "51", 2_000_000}, // she has 50.00
		{card, collect, fifth + ":100," + second + ":3000", 3_100, "00", 2_003_100},
		{second, "600906", "", 0, "00", 2_003_100}, {card, collect, second + ":1", 1, "57", 2_003_100},
	} {
		if q := asks(t, h, c.card, c.proc, "123456", 50+i, c.amount, c.arg); q.rc != c.rc || balance(h) != c.first {
			t.Errorf("%s %s: %s, the collector has %d", c.proc, c.arg, q.rc, balance(h))
		}
	}
	q := asks(t, h, second, "600303", "123456", 70, 0, "")
	if !strings.HasSuffix(q.text, "|ATM|D|3000|2000") {
		t.Errorf("whom it was collected from reads %q", q.text)
	}
	if rc := reverse(t, h, "0420", 56, 0); rc != "00" || balance(h) != 2_000_000 || !h.Check().OK {
		t.Error("the collection is not taken back:", rc, balance(h))
	}
	if q = asks(t, h, second, "600303", "123456", 71, 0, ""); !strings.HasSuffix(q.text, "|REV|C|3000|5000") {
		t.Errorf("and then %q", q.text)
	}
}

// The bank does what its customers have ordered when a day ends, once, and tells nobody's book of it.
// req: BZ-13
func TestStandingOrdersAreDoneWhenTheDayEnds(t *testing.T) {
	const auto, pooling = "601303", "601304"
	dir := t.TempDir()
	h := host(t, dir)
	h.CutOver("1122")
	for i, c := range []struct{ card, proc, arg, rc string }{
		{card, auto, "1234:100", "14"}, {card, auto, fifth, "13"}, {card, auto, fifth + ":-1", "13"}, {card, auto, card + ":100", "14"},
		{card, auto, fifth + ":100000", "00"}, {card, pooling, fifth + ":1700000", "00"}, {second, auto, fifth + ":5001", "00"},
	} {
		if q := asks(t, h, c.card, c.proc, "123456", 1+i, 0, c.arg); q.rc != c.rc {
			t.Errorf("%s %s: %s", c.proc, c.arg, q.rc)
		}
	}
	if q := asks(t, h, second, "600502", "123456", 30, 1000, "W100"); q.rc != "00" || balance(h) != 2_000_000 {
		t.Fatal(q.rc, balance(h))
	}
	of := func(n int) int64 { return h.Accounts()[n-1].Balance }
	h.CutOver("1123")
	if of(1) != 1_700_000 || of(2) != 4_000 || of(5) != 2_300_000 {
		t.Fatal("at the end of the first day:", of(1), of(2), of(5))
	}
	h.CutOver("1122") // a mistake, and the same day ends again
	h.CutOver("1123")
	if of(1) != 1_700_000-100_000 || of(5) != 2_400_000 { // what 1123 does, but not 1122 again
		t.Error("after the mistake:", of(1), of(5))
	}
	if b, err := h.Book("core", "1122"); err != nil || strings.Count(string(b), "\n") != 2 { // the purchase and the trailer
		t.Errorf("the member's book: %v\n%s", err, b)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h = host(t, dir)
	defer h.Close() //nolint:errcheck // test
	if v := h.Check(); !v.OK || of(1) != 1_600_000 || of(5) != 2_400_000 {
		t.Error("after a restart:", of(1), of(5), v.Problems)
	}
}

// req: BZ-04
func TestACreditCardIsRepaidOnceAMonth(t *testing.T) {
	h := host(t, t.TempDir())
	defer h.Close() //nolint:errcheck // test
	const number = "4000123412341234"
	owed := bill(number)
	h.CutOver("1129")
	for i, card := range []string{card, second} { // she has 50.00
		if q := asks(t, h, card, "600403", "123456", 1+i, 0, number); q.rc != "00" {
			t.Fatal(q.rc)
		}
	}
	paid := func() int64 { return 2_000_000 - balance(h) }
	for _, c := range []struct {
		day   string
		bills int64
	}{{"1130", 1}, {"1201", 1}, {"1202", 2}, {"1203", 2}} {
		if h.CutOver(c.day); paid() != c.bills*owed || h.Accounts()[1].Balance != 5_000 || !h.Check().OK {
			t.Errorf("when %s begins: paid %d of %d, she has %d", c.day, paid(), owed, h.Accounts()[1].Balance)
		}
	}
	if q := asks(t, h, card, "600404", "123456", 9, 0, number); q.rc != "00" {
		t.Fatal(q.rc)
	}
	if h.CutOver("0102"); paid() != 2*owed {
		t.Error("paid without the agreement:", paid())
	}
}

// A booked withdrawal that is taken back has not used its booking; one that was paid, if only in part, has.
func TestABookingIsFreeAgainWhenItsWithdrawalIsTakenBack(t *testing.T) {
	dir := t.TempDir()
	h := host(t, dir)
	defer func() { _ = h.Close() }()
	code := asks(t, h, card, "600806", "123456", 1, 0, "30000").text
	fetch := func(stan int, want string) {
		t.Helper()
		if q := asks(t, h, card, "600807", "123456", stan, 30_000, code); q.rc != want {
			t.Fatalf("%s, want %s", q.rc, want)
		}
	}
	fetch(2, "00")
	fetch(3, "40")
	if rc := reverse(t, h, "0420", 2, 0); rc != "00" || balance(h) != 2_000_000 {
		t.Fatal(rc, balance(h))
	}
	_ = h.Close()
	h = host(t, dir)
	fetch(4, "00")
	if rc := reverse(t, h, "0420", 4, 10_000); rc != "00" || balance(h) != 1_990_000 {
		t.Fatal(rc, balance(h))
	}
	fetch(5, "40")
}
