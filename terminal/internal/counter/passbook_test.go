package counter

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	"zhigui/server/api/message"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/service"
)

// bookPrinter prints into one passbook whose pages are kept.
type bookPrinter struct {
	mu     sync.Mutex
	stripe string
	page   int
	printed,
	stripes []string
	fail map[string]api.Completion
	gone bool // with the customer
	out  int
	busy int // so many commands are refused: another one runs
}

// given is how often the book was given back.
func (b *bookPrinter) given() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out
}

func (b *bookPrinter) Describe(context.Context) (api.Description, error) {
	return api.Description{}, nil
}
func (b *bookPrinter) QueryOp(context.Context, api.OpID) (api.OpRecord, error) {
	return api.OpRecord{}, nil
}
func (b *bookPrinter) Status(context.Context) (api.Status, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	media := "present"
	if b.gone {
		media = "notPresent"
	}
	return api.Status{Full: true, Classes: fmt.Appendf(nil, `{"common":{"device":"online"},"printer":{"media":%q}}`, media)}, nil
}

func (b *bookPrinter) Execute(_ context.Context, cmd api.Command, _ func(api.Event)) api.Completion {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c, ok := b.fail[cmd.Name]; ok {
		return c
	}
	if b.busy > 0 {
		b.busy--
		return api.Refuse(api.SequenceError, "another command is running")
	}
	switch cmd.Name {
	case printer.CmdReadStripe:
		return service.Done(printer.Stripe{Data: b.stripe})
	case printer.CmdWriteStripe:
		var s printer.Stripe
		_ = json.Unmarshal(cmd.Payload, &s)
		b.stripe = s.Data
		b.stripes = append(b.stripes, s.Data)
	case printer.CmdControlPassbook:
		b.page++
	case printer.CmdControlMedia:
		if b.gone {
			return api.Fail(api.NotStarted, printer.ErrNoMedia, "")
		}
		b.out, b.gone = b.out+1, true
	case printer.CmdInsertMedia:
		b.gone = false
	case printer.CmdPrintPassbook:
		var p printer.Passbook
		_ = json.Unmarshal(cmd.Payload, &p)
		for i := 0; i < len(p.Lines); i += 4 {
			b.printed = append(b.printed, fmt.Sprintf("%d/%d %s %s %s %s", b.page, p.Lines[i].Line, p.Lines[i].Text, p.Lines[i+1].Text, p.Lines[i+2].Text, p.Lines[i+3].Text))
		}
	}
	return api.Completion{Outcome: api.Done}
}

// account is a bank with n lines of an account; it notes what it is told.
func account(n int, told *[]string) func(q, a *message.Message) {
	return func(q, a *message.Message) {
		last := 0
		_, _ = fmt.Sscan(q.String(62), &last)
		*told = append(*told, q.String(3)+" "+q.String(62)+" "+q.String(22))
		if q.String(3) != "390000" {
			return
		}
		var lines []string
		for i := last + 1; i <= min(n, last+8); i++ {
			lines = append(lines, fmt.Sprintf("%d|20261122|DEP|C|%d|%d", i, 10000, 10000*i))
		}
		_ = a.SetString(62, fmt.Sprintf("%s+%d", strings.Join(lines, ";"), n-last-len(lines)))
	}
}

func (r *rig) updates(t *testing.T) map[string]any {
	t.Helper()
	for range cap(r.allow) {
		select {
		case r.allow <- struct{}{}:
		default:
		}
	}
	go func() {
		for range r.asked { // nobody counts them here
		}
	}()
	call := &service.Call{Conn: &service.Conn{}}
	if done := r.insertPassbook(context.Background(), call); done.Outcome != api.Done {
		t.Fatalf("%+v", done)
	}
	done := r.updatePassbook(context.Background(), func(api.Event) {})
	var out map[string]any
	if err := json.Unmarshal(done.Payload, &out); err != nil {
		t.Fatalf("%+v: %v", done, err)
	}
	return out
}

func passbookRig(t *testing.T, stripe string) (*rig, *bookPrinter) {
	b := &bookPrinter{stripe: stripe, page: 1, fail: map[string]api.Completion{}}
	r := newRig(t, func(p *Parts) {
		d := device.New(PassbookID, b)
		must(t, d.Refresh(context.Background()))
		p.Others = map[string]*device.Device{PassbookID: d}
	})
	return r, b
}

func TestAPassbookIsPrintedOverPagesAndItsStripeFollows(t *testing.T) {
	r, b := passbookRig(t, "6225880000000001=22=00000000")
	var told []string
	r.bank = account(11, &told)
	out := r.updates(t)
	if out["outcome"] != "updated" || out["printed"] != 11.0 {
		t.Errorf("%v", out)
	}
	want := []string{"1/23 20261122 存款 +100.00 100.00", "1/24 20261122 存款 +100.00 200.00"}
	for i := 3; i <= 11; i++ {
		want = append(want, fmt.Sprintf("2/%d 20261122 存款 +100.00 %d.00", i, 100*i))
	}
	if d := cmp.Diff(want, b.printed); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"6225880000000001=24=00000002", "6225880000000001=08=00000008", "6225880000000001=11=00000011"}, b.stripes); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"390000 0 012", "930000 8 012", "390000 8 012", "930000 11 012"}, told); d != "" {
		t.Error(d)
	}
	r.EndSession("done")
	if b.given() != 1 {
		t.Errorf("the book was given back %d times", b.given())
	}
}

func TestAPassbookGetsTheLinesOfItsOwnAccountWhateverCardIsRead(t *testing.T) {
	r, b := passbookRig(t, "6225880000000009=00=00000000")
	var asked []string
	r.bank = func(q, a *message.Message) { asked = append(asked, q.String(2)); _ = a.SetString(62, "+0") }
	for range cap(r.allow) {
		r.allow <- struct{}{}
	}
	if done := r.insertPassbook(context.Background(), &service.Call{Conn: &service.Conn{}}); done.Outcome != api.Done {
		t.Fatalf("%+v", done)
	}
	r.read(t) // the card of another account
	r.updatePassbook(context.Background(), func(api.Event) {})
	if d := cmp.Diff([]string{"6225880000000009"}, asked); d != "" || len(b.stripes) > 0 {
		t.Error(d, b.stripes)
	}
	if held, _ := r.Session.Card(); held.PAN != "6225880000000001" || held.New {
		t.Error("the passbook is taken for a card")
	}
}

func TestAPassbookThatCannotBePrintedSaysHowFarItIs(t *testing.T) {
	for _, c := range []struct {
		name, cmd     string
		outcome       api.Outcome
		printed, told int
		want          string
	}{
		{"not begun", printer.CmdPrintPassbook, api.NotStarted, 0, 1, "failed"},
		{"in the middle", printer.CmdPrintPassbook, api.Indeterminate, 0, 1, "failed"},
		{"the stripe", printer.CmdWriteStripe, api.Failed, 3, 2, "failed"}, // the bank knows what the stripe does not
	} {
		r, b := passbookRig(t, "6225880000000001=00=00000000")
		b.fail[c.cmd] = api.Fail(c.outcome, printer.ErrMediaJammed, "jam")
		var told []string
		r.bank = account(3, &told)
		out := r.updates(t)
		if out["outcome"] != c.want || out["printed"] != float64(c.printed) || len(told) != c.told {
			t.Errorf("%s: %v, told %v", c.name, out, told)
		}
	}
}

// again inserts the book and has it updated, in a session of its own.
func (r *rig) again(t *testing.T) map[string]any {
	t.Helper()
	r.EndSession("done")
	_, err := r.Session.Begin("passbook", "zh", "")
	must(t, err)
	return r.updates(t)
}

// broken is the passbook that waits for a person.
func (r *rig) broken(t *testing.T) (f book.Folio) {
	t.Helper()
	r.Ledger.Read(func(b *book.Book) {
		if len(b.Broken) != 1 {
			t.Fatalf("%+v", b.Broken)
		}
		f = b.Broken[0]
	})
	return f
}

func TestAPassbookWhosePrintingBrokeOffIsNotPrintedOver(t *testing.T) {
	r, b := passbookRig(t, "6225880000000001=05=00000004")
	var told []string
	r.bank = account(7, &told)
	b.fail[printer.CmdPrintPassbook] = api.Fail(api.Indeterminate, printer.ErrMediaJammed, "jam")
	if out := r.updates(t); out["outcome"] != "failed" {
		t.Fatalf("%v", out)
	}
	delete(b.fail, printer.CmdPrintPassbook)
	told = nil
	for range 2 {
		if out := r.again(t); out["outcome"] != "unclear" || len(b.printed) > 0 || len(told) > 0 {
			t.Fatalf("%v, printed %q, told %q", out, b.printed, told)
		}
	}
	f := r.broken(t)
	if want := (book.Folio{ID: f.ID, Account: "622588******0001", Mark: f.Mark, Line: 5, Seq: 4, From: 5, To: 7, At: 6}); f != want {
		t.Errorf("%+v", f)
	}
	f.OnSeq, f.OnLine, f.By = 5, 7, "olga" // one line is whole, another is there in part
	must(t, r.Ledger.Log(ej.BookSet, ej.Record{}, f))
	b.fail[printer.CmdWriteStripe] = api.Fail(api.Failed, printer.ErrStripe, "q")
	if out := r.again(t); out["outcome"] != "failed" || len(b.printed) > 0 {
		t.Fatalf("printed before the stripe is right: %v %q", out, b.printed)
	}
	delete(b.fail, printer.CmdWriteStripe)
	if out := r.again(t); out["outcome"] != "updated" || out["printed"] != 2.0 {
		t.Errorf("%v", out)
	}
	if d := cmp.Diff([]string{"1/8 20261122 存款 +100.00 600.00", "1/9 20261122 存款 +100.00 700.00"}, b.printed); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"6225880000000001=07=00000005", "6225880000000001=09=00000007"}, b.stripes); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"930000 5 012", "390000 5 012", "930000 7 012"}, told); d != "" {
		t.Error(d)
	}
	r.Ledger.Read(func(b *book.Book) {
		if len(b.Broken) > 0 {
			t.Errorf("it still waits: %+v", b.Broken)
		}
	})
}

func TestAPassbookWithoutItsStripeGoesOnWhereItWasPrinted(t *testing.T) {
	r, b := passbookRig(t, "6225880000000001=05=00000004")
	var told []string
	r.bank = account(5, &told)
	b.fail[printer.CmdWriteStripe] = api.Fail(api.Failed, printer.ErrStripe, "q")
	if out := r.updates(t); out["outcome"] != "failed" || len(b.printed) != 1 {
		t.Fatalf("%v %q", out, b.printed)
	}
	delete(b.fail, printer.CmdWriteStripe)
	if out := r.again(t); out["outcome"] != "nothing" || len(b.printed) != 1 || b.stripe != "6225880000000001=06=00000005" {
		t.Errorf("%v %q %s", out, b.printed, b.stripe)
	}
}

func TestAPassbookThatCouldNotBePrintedAtAllIsPrintedTheNextTime(t *testing.T) {
	r, b := passbookRig(t, "6225880000000001=05=00000004")
	var told []string
	r.bank = account(5, &told)
	b.fail[printer.CmdPrintPassbook] = api.Fail(api.NotStarted, printer.ErrMediaJammed, "")
	r.updates(t)
	delete(b.fail, printer.CmdPrintPassbook)
	if out := r.again(t); out["outcome"] != "updated" || len(b.printed) != 1 {
		t.Errorf("%v %q", out, b.printed)
	}
}

func TestAnotherAccountWithTheSameMaskIsNotTaken(t *testing.T) {
	r, b := passbookRig(t, "6225880000010001=05=00000004")
	r.Mark = func(account string) string { return account[6:12] }
	must(t, r.Ledger.Log(ej.BookPrinting, ej.Record{}, book.Folio{Account: "622588******0001", Mark: "000000", Line: 5, Seq: 4, From: 5, To: 5, At: 6}))
	var told []string
	r.bank = account(5, &told)
	if out := r.updates(t); out["outcome"] != "updated" || len(b.printed) != 1 {
		t.Errorf("%v", out)
	}
}

func TestATerminalThatStoppedWhilePrintingSaysSoOnce(t *testing.T) {
	var alarms []string
	r, b := passbookRig(t, "6225880000000001=00=00000000")
	r.Alarm = func(kind, _, _ string) { alarms = append(alarms, kind) }
	s, _ := r.Session.Current()
	must(t, r.Ledger.Log(ej.SessionBegin, ej.Record{Session: s.ID}, nil))
	must(t, r.Ledger.Log(ej.BookPrinting, ej.Record{Session: s.ID}, nil))
	r.GiveBackPassbook() // its session is open: it prints
	_, err := r.Session.End()
	must(t, err)
	for range 2 {
		r.GiveBackPassbook()
	}
	if d := cmp.Diff([]string{"passbookUnclear"}, alarms); d != "" || b.given() == 0 {
		t.Error(d, b.given())
	}
}

func TestAPassbookThatWasInsideWhenThePowerWentIsGivenBackWhenItIsBack(t *testing.T) {
	r, b := passbookRig(t, "6225880000000001=00=00000000")
	r.leftPassbook() // a customer is served
	_, err := r.Session.End()
	must(t, err)
	r.Others[PassbookID].SetState(api.Offline, "no power")
	r.leftPassbook()
	if b.given() != 0 {
		t.Error("moved beside a customer, or without a printer")
	}
	r.Others[PassbookID].SetState(api.Online, "")
	r.leftPassbook() // or the goroutine that the new status has begun
	r.giving.Lock()
	r.giving.Unlock()
	if b.given() != 1 {
		t.Errorf("given back %d times", b.given())
	}
}

func TestAPassbookThatComesWhileAnotherIsGivenBackWaitsAndIsNotKept(t *testing.T) {
	r, b := passbookRig(t, "6225880000000001=00=00000000")
	b.gone, b.busy = true, 3
	if done := r.insertPassbook(context.Background(), &service.Call{Conn: &service.Conn{}}); done.Outcome != api.Done {
		t.Fatalf("%+v", done)
	}
	b.mu.Lock()
	b.busy = 3
	b.mu.Unlock()
	var alarms []string
	r.Alarm = func(kind, _, _ string) { alarms = append(alarms, kind) }
	r.returnPassbook()
	if b.given() != 1 || alarms != nil {
		t.Errorf("given back %d times, alarms %v", b.given(), alarms)
	}
}

func TestAPassbookThatComesAsItsSessionEndsIsGivenBack(t *testing.T) {
	r, b := passbookRig(t, "6225880000000001=00=00000000")
	b.fail[printer.CmdControlMedia] = api.Refuse(api.DeviceNotReady, "the printer starts")
	r.Alarm = func(_, _, _ string) { // the last try of the session has failed
		b.mu.Lock()
		delete(b.fail, printer.CmdControlMedia)
		b.mu.Unlock()
	}
	if !r.EndSession("page") {
		t.Fatal("no session")
	}
	for end := time.Now().Add(10 * time.Second); b.given() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the passbook is inside")
		}
	}
}

func TestABankThatRefusesOrHasNothingPrintsNothing(t *testing.T) {
	r, b := passbookRig(t, "6225880000000001=00=00000000")
	var told []string
	r.bank = account(0, &told)
	if out := r.updates(t); out["outcome"] != "nothing" || len(b.printed) > 0 {
		t.Errorf("%v %v", out, b.printed)
	}
	r, b = passbookRig(t, "6225880000000001=00=00000000")
	r.bank = func(_, a *message.Message) { _ = a.SetString(39, "62") }
	if out := r.updates(t); out["outcome"] != "declined" || out["responseCode"] != "62" || len(b.printed) > 0 {
		t.Errorf("%v %v", out, b.printed)
	}
}

func TestAForeignOrDamagedPassbookIsNotUsed(t *testing.T) {
	for _, stripe := range []string{"", "6225880000000001", "6225880000000001=25=1", "6225880000000001=xx=1", "12=00=1", "622588000000000x=00=1", "6225880000000001=-1=1"} {
		if _, err := parseStripe(stripe); err == nil {
			t.Errorf("%q is taken", stripe)
		}
	}
	r, _ := passbookRig(t, "something else")
	if done := r.insertPassbook(context.Background(), &service.Call{Conn: &service.Conn{}}); done.ErrorCode != printer.ErrStripe {
		t.Errorf("%+v", done)
	}
}

func FuzzBookLines(f *testing.F) {
	f.Add("1|20261122|DEP|C|100|100;2|20261122|ATM|D|50|50+3")
	f.Add("+0")
	f.Fuzz(func(t *testing.T, s string) {
		lines, more, err := bookLines(s)
		if err == nil && strings.Count(s, "|") != 5*len(lines) || err != nil && lines != nil && more > 0 && len(lines) > len(s) {
			t.Errorf("%q: %d lines", s, len(lines))
		}
	})
}

// What pages may not do with the devices of identity, cards and passbooks.
func TestPagesUseIdentityCardsAndBooksThroughThePlatformOnly(t *testing.T) {
	r, _ := passbookRig(t, "6225880000000001=00=00000000")
	if done := r.transact(context.Background(), &service.Call{Payload: []byte(`{"type":"passbookPrinted"}`)}); done.Code != api.InvalidData {
		t.Errorf("%+v", done)
	}
	if done := r.transact(context.Background(), &service.Call{Payload: []byte(`{"type":"` + book.TypeCardIssue + `","phone":"13800000000"}`)}); done.Code != api.SequenceError {
		t.Errorf("%+v", done)
	}
}
