package hostlink

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/server/api/message"
	"zhigui/server/api/paycrypto"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/journal"
	"zhigui/terminal/internal/session"
)

// pad is a PIN pad with one MAC key; it remembers which keys were imported.
type pad struct {
	mu   sync.Mutex
	mak  *paycrypto.Key
	tdk  *paycrypto.Key
	keys []string
}

func (p *pad) Run(_ context.Context, name string, payload any, _ func(api.Event)) api.Completion {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch in := payload.(type) {
	case pinpad.ImportKey:
		p.keys = append(p.keys, in.Key)
		return api.Completion{Outcome: api.Done}
	case pinpad.GenerateMAC:
		mac, err := paycrypto.AppendMAC(nil, paycrypto.X919, p.mak, in.Data)
		if err != nil {
			return api.Refuse(api.InvalidData, err.Error())
		}
		b, _ := json.Marshal(pinpad.GenerateMACResult{AuthenticationData: mac})
		return api.Completion{Outcome: api.Done, Payload: b}
	}
	if in, ok := payload.(pinpad.CryptoData); ok && len(in.Data) <= 128 {
		out, err := p.tdk.ECB(nil, in.Data, in.ModeOfUse == "D")
		if err != nil {
			return api.Refuse(api.InvalidData, err.Error())
		}
		b, _ := json.Marshal(pinpad.CryptoDataResult{Data: out})
		return api.Completion{Outcome: api.Done, Payload: b}
	}
	return api.Refuse(api.UnsupportedCommand, name)
}

// peer is the server's end: a script decides each answer.
type peer struct {
	t       *testing.T
	l       net.Listener
	d       *message.Dialect
	mak     *paycrypto.Key
	mu      sync.Mutex
	seen    []string
	keys    int // bytes of keys in the answer to a sign-in
	answers func(q, a *message.Message) (mac bool, send bool)
}

func (p *peer) serve() {
	for {
		conn, err := p.l.Accept()
		if err != nil {
			return
		}
		p.one(conn)
	}
}

func (p *peer) one(conn net.Conn) {
	defer conn.Close()
	body, err := p.d.ReadFrame(bufio.NewReader(conn), nil)
	if err != nil {
		return
	}
	q, a := message.New(p.d), message.New(p.d)
	if err := q.Unpack(p.d, body); err != nil {
		p.t.Errorf("the terminal sent what does not unpack: %v", err)
		return
	}
	a.ReplyTo(q)
	for _, n := range []int{3, 11, 41, 42} {
		if q.Has(n) {
			_ = a.Set(n, q.Get(n))
		}
	}
	p.mu.Lock()
	p.seen = append(p.seen, q.MTI())
	answers := p.answers
	p.mu.Unlock()
	if q.MTI() == "0800" {
		_ = a.SetString(39, "00")
		_ = a.Set(62, bytes.Repeat([]byte{1}, p.keys))
		frame, _, _ := a.Pack(nil)
		_, _ = conn.Write(frame)
		return
	}
	withMAC, send := answers(q, a)
	if !send {
		return
	}
	if withMAC {
		a.ReserveMAC()
	}
	frame, lay, err := a.Pack(nil)
	if err != nil {
		p.t.Error(err)
		return
	}
	if withMAC {
		mac, _ := paycrypto.AppendMAC(nil, paycrypto.X919, p.mak, lay.Cover(frame))
		lay.PutMAC(frame, mac)
	}
	_, _ = conn.Write(frame)
}

func (p *peer) messages() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.seen, " ")
}

func rig(t *testing.T, answers func(q, a *message.Message) (bool, bool)) (*Link, *peer, *book.Ledger) {
	t.Helper()
	key, err := paycrypto.NewKey(paycrypto.DES, bytes.Repeat([]byte{0x12, 0x34}, 8))
	if err != nil {
		t.Fatal(err)
	}
	d, err := message.Builtin("pos64")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, l: l, d: d, mak: key, keys: 40, answers: answers}
	go p.serve()
	led, err := book.Open(t.TempDir(), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	link, err := New(Config{Addr: l.Addr().String(), Zone: Zone3DES, Terminal: "T0000001", Merchant: "102290000000001", Timeout: 10 * time.Second, DialTimeout: time.Second},
		&pad{mak: key}, led, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); led.Close() })
	return link, p, led
}

func approve(q, a *message.Message) (bool, bool) {
	_ = a.SetString(39, "00")
	_ = a.SetString(37, "000000000042")
	return true, true
}

var withdrawal = Request{Type: "withdrawal", Amount: 30000, Card: session.Card{PAN: "6225880000000001", Track2: "6225880000000001=49121010000012300000"}, PinBlock: make([]byte, 8), Session: "s"}

// The table of what an exchange can end in, and what the books then hold.
func TestEveryEndOfAnExchangeIsKnownForWhatItIs(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers func(q, a *message.Message) (bool, bool)
		want    book.Host
	}{
		{"approved", approve, book.HostApproved},
		{"declined", func(q, a *message.Message) (bool, bool) { _ = a.SetString(39, "51"); return true, true }, book.HostDeclined},
		{"the server had no answer itself", func(q, a *message.Message) (bool, bool) { _ = a.SetString(39, "98"); return true, true }, book.HostUnknown},
		{"no answer", func(q, a *message.Message) (bool, bool) { return false, false }, book.HostUnknown},
		{"an approval without a MAC", func(q, a *message.Message) (bool, bool) { approve(q, a); return false, true }, book.HostUnknown},
		{"an approval whose MAC is wrong", func(q, a *message.Message) (bool, bool) {
			approve(q, a)
			_ = a.Set(64, []byte("12345678"))
			return false, true
		}, book.HostUnknown},
		{"the answer of another request", func(q, a *message.Message) (bool, bool) {
			approve(q, a)
			_ = a.SetNumber(11, 999)
			return true, true
		}, book.HostUnknown},
		{"the answer of another terminal", func(q, a *message.Message) (bool, bool) {
			approve(q, a)
			_ = a.SetString(41, "T0000002")
			return true, true
		}, book.HostUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			link, _, led := rig(t, c.answers)
			r := link.Transact(context.Background(), withdrawal)
			if r.Host != c.want {
				t.Errorf("%s (%v)", r.Host, r.Err)
			}
			got, ok := led.Txn(r.Txn)
			if !ok || got.Host != c.want || !got.Financial || got.Amount != 30000 {
				t.Errorf("the book has %+v", got)
			}
		})
	}
}

func TestARequestSaysHowLongTheTerminalWaitsAndAReversalDoesNot(t *testing.T) {
	said := map[string]string{}
	var mu sync.Mutex
	link, _, led := rig(t, func(q, a *message.Message) (bool, bool) {
		mu.Lock()
		defer mu.Unlock()
		left, ok, err := q.TimeLeft()
		said[q.MTI()+" "+q.String(3)] = fmt.Sprintf("%s %v %v", left, ok, err)
		return approve(q, a)
	})
	r := link.Transact(t.Context(), withdrawal)
	settleAs(t, led, r.Txn)
	link.Confirm(t.Context(), r.Txn)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	link.Transact(ctx, deposit)
	mu.Lock()
	defer mu.Unlock()
	if said["0200 010000"] != "10s true <nil>" || said["0400 010000"] != "0s false <nil>" {
		t.Errorf("%v", said)
	}
	if d := said["0100 210000"]; !strings.HasPrefix(d, "2.") || !strings.HasSuffix(d, "s true <nil>") { // its own three seconds are less
		t.Errorf("%v", said)
	}
}

func TestNothingIsSentWhenTheServerCannotBeReached(t *testing.T) {
	link, p, led := rig(t, approve)
	if err := link.SignIn(context.Background()); err != nil {
		t.Fatal(err)
	}
	p.l.Close()
	r := link.Transact(context.Background(), withdrawal)
	if r.Host != book.HostNotSent || !errors.Is(r.Err, ErrNotSent) {
		t.Errorf("%s %v", r.Host, r.Err)
	}
	if d, _ := book.Decide(func() book.Txn { x, _ := led.Txn(r.Txn); return x }()); d.Settle != book.SettleNone {
		t.Errorf("and yet it would be settled: %+v", d)
	}
}

func TestAReversalGoesBeforeTheNextTransactionAndUntilItIsAcknowledged(t *testing.T) {
	silent := true
	var mu sync.Mutex
	link, p, led := rig(t, func(q, a *message.Message) (bool, bool) {
		mu.Lock()
		defer mu.Unlock()
		if silent && q.MTI() != "0820" {
			return false, false
		}
		return approve(q, a)
	})
	first := link.Transact(context.Background(), withdrawal)
	if first.Host != book.HostUnknown {
		t.Fatal(first.Host)
	}
	settleAs(t, led, first.Txn)
	if r := link.Transact(context.Background(), withdrawal); r.Host != book.HostNotSent {
		t.Fatalf("a new transaction went before the reversal: %s", r.Host)
	}
	mu.Lock()
	silent = false
	mu.Unlock()
	if r := link.Transact(context.Background(), withdrawal); r.Host != book.HostApproved {
		t.Fatalf("%s %v", r.Host, r.Err)
	}
	if got := p.messages(); got != "0800 0200 0400 0400 0200" {
		t.Errorf("sent %s", got)
	}
	if x, _ := led.Txn(first.Txn); !x.Acked {
		t.Error("the reversal is not acknowledged in the book")
	}
}

func TestAReversalThatTheServerCouldNotStoreIsSentAgain(t *testing.T) {
	var mu sync.Mutex
	codes := []string{"96", "91", "00"}
	link, p, led := rig(t, func(q, a *message.Message) (bool, bool) {
		if q.MTI() != "0400" {
			return false, false
		}
		mu.Lock()
		defer mu.Unlock()
		_ = a.SetString(39, codes[0])
		codes = codes[1:]
		return true, true
	})
	r := link.Transact(context.Background(), withdrawal)
	settleAs(t, led, r.Txn)
	for i, acked := range []bool{false, false, true} {
		err := link.catchUp(context.Background())
		if x, _ := led.Txn(r.Txn); x.Acked != acked || (err == nil) != acked {
			t.Errorf("after answer %d: acknowledged %v, %v", i+1, x.Acked, err)
		}
	}
	if got := p.messages(); got != "0800 0200 0400 0400 0400" {
		t.Errorf("sent %s", got)
	}
}

func TestAReversalThatTheServerRefusesStaysVisibleUntilAPersonHasCompared(t *testing.T) {
	for _, code := range []string{"A1", "12"} {
		link, _, led := rig(t, func(q, a *message.Message) (bool, bool) {
			if q.MTI() != "0400" {
				return false, false
			}
			_ = a.SetString(39, code)
			return true, true
		})
		r := link.Transact(context.Background(), withdrawal)
		settleAs(t, led, r.Txn)
		got := link.Confirm(t.Context(), r.Txn)
		if !got.Acked || got.Refused != code || !got.Pending() {
			t.Errorf("%s: %+v", code, got)
		}
		waits := func() (n, told int) {
			led.Read(func(b *book.Book) { n, told = len(b.ForPeople()), len(b.ToTell()) })
			return
		}
		if n, told := waits(); n != 1 || told != 0 {
			t.Errorf("%s: %d wait for a person, %d are told again", code, n, told)
		}
		if err := led.Log(ej.Resolved, ej.Record{Txn: r.Txn}, book.SettleData{By: "olga, otto"}); err != nil {
			t.Error(err)
		}
		if n, _ := waits(); n != 0 {
			t.Errorf("%s: it waits still", code)
		}
	}
}

func TestANewJournalDoesNotUseTheNumbersOfTheOneBefore(t *testing.T) {
	ids := map[string]bool{}
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for range 3 {
		link, _, _ := rig(t, approve)
		link.now = func() time.Time { return now }
		for range 2 {
			r := link.Transact(context.Background(), withdrawal)
			if ids[r.Txn] || r.Host != book.HostApproved {
				t.Errorf("%s again (%s)", r.Txn, r.Host)
			}
			ids[r.Txn] = true
		}
		now = now.Add(2 * time.Minute)
	}
}

func settleAs(t *testing.T, led *book.Ledger, txn string) {
	t.Helper()
	x, _ := led.Txn(txn)
	d, ok := book.Decide(x)
	if !ok || d.Settle != book.SettleReverse {
		t.Fatalf("%+v", d)
	}
	if err := led.Log(ej.Reverse, ej.Record{Txn: txn}, book.SettleData{Reason: d.Reason}); err != nil {
		t.Fatal(err)
	}
}

func TestAPartialReversalNamesWhatWasPaid(t *testing.T) {
	link, _, _ := rig(t, approve)
	q, err := link.settlement(book.Txn{ID: "000001/000007", STAN: 7, Batch: "000001", Local: "1121", Amount: 30000, Paid: 10000, Settle: book.SettleReverse, Reason: "96"})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%s %s %s %s %s", q.MTI(), q.String(4), q.String(39), q.String(61), q.Get(62))
	if want := "0400 000000030000 96 0000010000071121 PD000000010000"; got != want {
		t.Errorf("%s", got)
	}
}

func TestBalancesAndStatementsAreRead(t *testing.T) {
	a, l := balances("0002156C0000019700000001156C000001980000")
	if a == nil || l == nil || *a != 1970000 || *l != 1980000 {
		t.Errorf("%v %v", a, l)
	}
	s := statement("1121093000|ATM|D|30000|1970000;broken;1120120000|SAL|C|x|1")
	if len(s) != 1 || s[0].Amount != 30000 || s[0].Sign != "D" {
		t.Errorf("%+v", s)
	}
}

func FuzzStatementAndBalances(f *testing.F) {
	f.Add("1121093000|ATM|D|30000|1970000;")
	f.Fuzz(func(_ *testing.T, s string) { statement(s); balances(s) })
}
