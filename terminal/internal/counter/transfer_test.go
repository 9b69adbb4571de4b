package counter

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/idcard"
	"zhigui/server/api/access"
	"zhigui/server/api/message"
	"zhigui/sim/device/iccard"
	ej "zhigui/terminal/api/journal"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/service"
	"zhigui/terminal/internal/signed"
)

// people is the server's business in steps: a case is identified, reviewed and accepted.
type people struct {
	mu        sync.Mutex
	kind      string
	asked     access.CaseRequest
	told      []map[string]string
	at        int // the step that is due
	ended     string
	withdrawn []string
	away      bool
	lost      bool            // the server has no such case
	refuses   map[string]bool // to withdraw these
	calls     int             // of WithdrawCase
	opening   func()          // while it is opened
	number    string
}

func (p *people) now() access.Case {
	x := access.Case{Number: cmp.Or(p.number, "4711"), Kind: "largeTransfer", State: "open", Amount: p.asked.Amount,
		Steps: []access.CaseStep{{Name: "identify", By: "terminal", Fields: []string{"name", "document"}}, {Name: "review", By: "teller"}, {Name: "accept", By: "terminal", Fields: []string{"signature"}}}}
	for i := range x.Steps {
		x.Steps[i].State = map[bool]string{true: "done", false: "waiting"}[i < p.at]
		if i == p.at {
			x.Steps[i].State = "current"
		}
	}
	if p.at == 3 {
		x.State = "ready"
	}
	if p.ended != "" {
		x.State = p.ended
	}
	return x
}

func (p *people) NeedsCase(_ context.Context, product string, amount int64) (string, error) {
	if product == book.TypeTransfer && amount > 5_000_000 {
		return p.kind, nil
	}
	return "", nil
}

func (p *people) OpenCase(_ context.Context, q access.CaseRequest) (access.Case, error) {
	if p.opening != nil {
		p.opening()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = q
	return p.now(), nil
}

func (p *people) Case(context.Context, string, time.Duration) (access.Case, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost {
		return access.Case{}, access.ErrNoCase
	}
	return p.now(), nil
}

func (p *people) CaseStep(_ context.Context, _, step string, fields map[string]string) (access.Case, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = append(p.told, fields)
	p.at++
	return p.now(), nil
}

func (p *people) WithdrawCase(_ context.Context, number string) (access.Case, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	switch {
	case p.lost:
		return access.Case{}, access.ErrNoCase
	case p.away, p.refuses[number]:
		return access.Case{}, errors.New("away")
	}
	p.withdrawn = append(p.withdrawn, number)
	if p.ended == "" {
		p.ended = "withdrawn"
	}
	return p.now(), nil
}

const payee = "6225880000000005"

// transferRig is a counter whose bank knows the payee; each request is let through.
func transferRig(t *testing.T, p *people) *rig {
	t.Helper()
	id := device.New(IDReaderID, &driver{})
	must(t, id.Refresh(t.Context()))
	r := newRig(t, func(q *Parts) { q.Cases, q.Others = p, map[string]*device.Device{IDReaderID: id} })
	r.bank = func(q, a *message.Message) {
		if q.String(3) == "600307" {
			_ = a.Set(62, []byte("*\xd1\xf4")) // 阳, in GBK
		}
	}
	go func() {
		for range r.asked {
			r.allow <- struct{}{}
		}
	}()
	t.Cleanup(r.Close)
	return r
}

// call runs a command of the platform service.
func (r *rig) call(t *testing.T, h service.Handler, in any) (api.Completion, map[string]any) {
	t.Helper()
	b, err := json.Marshal(in)
	must(t, err)
	done := h(t.Context(), &service.Call{Conn: &service.Conn{}, Payload: b})
	var out map[string]any
	_ = json.Unmarshal(done.Payload, &out)
	return done, out
}

func (r *rig) sends(t *testing.T, amount int64, to string) (api.Completion, map[string]any) {
	t.Helper()
	return r.call(t, r.transact, map[string]any{"type": "transfer", "amount": amount, "payee": to})
}

func (r *rig) cases() (out []string) {
	r.Ledger.Read(func(b *book.Book) { out = slices.Clone(b.Cases) })
	return out
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("did not come about: " + what)
		}
	}
}

func TestMoneyGoesOnlyToWhomTheBankHasNamedAndApprovedIsTheEnd(t *testing.T) {
	r := transferRig(t, &people{})
	if done, _ := r.sends(t, 30_000, payee); done.Code != api.SequenceError {
		t.Errorf("nobody was asked about the payee: %+v", done)
	}
	if done, _ := r.call(t, r.transact, map[string]any{"type": "payee", "payee": "6225880000000001"}); done.Code != api.SequenceError {
		t.Errorf("the payer himself: %+v", done)
	}
	if _, out := r.call(t, r.transact, map[string]any{"type": "payee", "payee": payee}); out["name"] != "*阳" || out["outcome"] != "approved" {
		t.Fatalf("%v", out)
	}
	if done, _ := r.sends(t, 30_000, "6225880000000006"); done.Code != api.SequenceError {
		t.Errorf("another account than the one that was named: %+v", done)
	}
	if done, out := r.sends(t, 30_000, payee); done.Outcome != api.Done || out["outcome"] != "approved" {
		t.Fatalf("%+v", done)
	}
	r.EndSession("done")
	r.Ledger.Read(func(b *book.Book) {
		x := b.Txns[b.Order[len(b.Order)-1]]
		if !x.Transfers() || x.Host != book.HostApproved || x.Settle != book.SettleNone || x.Pending() || len(b.ToTell()) != 0 {
			t.Errorf("%+v: what is approved is done, and nobody is told anything", x)
		}
	})
}

func TestALargeTransferWaitsForItsPeopleAndTakesWhatTheDevicesSaid(t *testing.T) {
	p := &people{kind: "largeTransfer"}
	r := transferRig(t, p)
	r.call(t, r.transact, map[string]any{"type": "payee", "payee": payee})
	if _, out := r.call(t, r.openCase, map[string]any{"amount": 30_000}); out["needed"] != false {
		t.Fatalf("a small one needs nobody: %v", out)
	}
	if _, out := r.call(t, r.openCase, map[string]any{"amount": 8_000_000}); out["state"] != "open" {
		t.Fatalf("%v", out)
	}
	if q := p.asked; q.Private != payee || q.PAN != "622588******0001" || q.Fields["receiver"] != "*阳" || len(r.cases()) != 1 {
		t.Errorf("%+v, %v in the book", q, r.cases())
	}
	if done, _ := r.call(t, r.caseStep, nil); done.Code != api.SequenceError || len(p.told) != 0 {
		t.Errorf("nobody has shown an identity card: %+v", done)
	}
	if done, _ := r.sends(t, 8_000_000, payee); done.Code != api.SequenceError {
		t.Errorf("nobody has agreed: %+v", done)
	}
	r.person = &idcard.Card{Name: "张三", Number: "110101199001011234"}
	if done, _ := r.call(t, r.caseStep, nil); done.Outcome != api.Done || p.told[0]["name"] != "张三" || p.told[0]["document"] == "110101199001011234" {
		t.Fatalf("%+v %v", done, p.told)
	}
	p.mu.Lock()
	p.at++ // the teller
	p.mu.Unlock()
	if _, out := r.call(t, r.waitCase, nil); out["state"] != "open" {
		t.Fatal(out)
	}
	r.signed = map[string]string{transferPaper: "digest"}
	if _, out := r.call(t, r.caseStep, nil); out["state"] != "ready" || p.told[1]["signature"] != "digest" {
		t.Fatalf("%v %v", out, p.told)
	}
	if done, _ := r.sends(t, 7_000_000, payee); done.Code != api.SequenceError {
		t.Errorf("people have agreed to another amount: %+v", done)
	}
	p.mu.Lock()
	p.ended = "used" // with the transaction, at the server
	p.mu.Unlock()
	if _, out := r.sends(t, 8_000_000, payee); out["outcome"] != "approved" {
		t.Errorf("%v", out)
	}
	r.EndSession("done")
	eventually(t, "the case's end in the book", func() bool { return len(r.cases()) == 0 })
}

func TestACustomerWhoGoesTakesTheCaseBackHoweverLongTheServerIsAway(t *testing.T) {
	p := &people{kind: "largeTransfer", away: true}
	r := transferRig(t, p)
	r.call(t, r.transact, map[string]any{"type": "payee", "payee": payee})
	r.call(t, r.openCase, map[string]any{"amount": 8_000_000})
	r.EndSession("canceled")
	r.begin(t) // the next customer does not wait for it
	if done, _ := r.call(t, r.waitCase, nil); done.Code != api.SequenceError {
		t.Errorf("the next customer sees the case of the one before: %+v", done)
	}
	p.mu.Lock()
	p.away = false
	p.mu.Unlock()
	eventually(t, "the case is withdrawn", func() bool { return len(r.cases()) == 0 })
	if !slices.Equal(p.withdrawn, []string{"4711"}) {
		t.Error(p.withdrawn)
	}
}

func TestWhatPeopleRefuseIsOverAndACounterWithoutAReaderBeginsNothing(t *testing.T) {
	p := &people{kind: "largeTransfer"}
	r := transferRig(t, p)
	r.call(t, r.transact, map[string]any{"type": "payee", "payee": payee})
	r.call(t, r.openCase, map[string]any{"amount": 8_000_000})
	p.ended = "refused"
	if _, out := r.call(t, r.waitCase, nil); out["state"] != "refused" || len(r.cases()) != 0 {
		t.Errorf("%v, %v", out, r.cases())
	}

	p = &people{kind: "largeTransfer"}
	r = transferRig(t, p)
	delete(r.Others, IDReaderID)
	r.call(t, r.transact, map[string]any{"type": "payee", "payee": payee})
	if done, _ := r.call(t, r.openCase, map[string]any{"amount": 8_000_000}); done.Code != api.UnsupportedCommand {
		t.Errorf("%+v", done)
	}
	eventually(t, "the case is withdrawn", func() bool { return len(r.cases()) == 0 })
}

// names has the bank name a payee.
func (r *rig) names(t *testing.T, account string) {
	t.Helper()
	if _, out := r.call(t, r.transact, map[string]any{"type": "payee", "payee": account}); out["name"] != "*阳" {
		t.Fatal(out)
	}
}

func (r *rig) typesPIN() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pins["current"] = pinBlock{block: make([]byte, 8)}
}

// answers makes the bank give these codes to transfers, then 00, and counts them.
func (r *rig) answers(codes ...string) *atomic.Int32 {
	named, n := r.bank, new(atomic.Int32)
	r.bank = func(q, a *message.Message) {
		named(q, a)
		if q.String(3) == "600307" || q.MTI() != "0200" {
			return
		}
		if i := int(n.Add(1)); i <= len(codes) {
			_ = a.SetString(39, codes[i-1])
		}
	}
	return n
}

func TestOneNamingAndOnePINServeOneTransfer(t *testing.T) {
	for code, outcome := range map[string]string{"00": "approved", "98": "unknown"} {
		r := transferRig(t, &people{})
		sent := r.answers(code)
		r.names(t, payee)
		if _, out := r.sends(t, 30_000, payee); out["outcome"] != outcome {
			t.Fatalf("%v", out)
		}
		if done, _ := r.sends(t, 30_000, payee); done.Code != api.SequenceError {
			t.Errorf("%s: the same once more: %+v", outcome, done)
		}
		r.typesPIN()
		if done, _ := r.sends(t, 30_000, payee); done.Code != api.SequenceError {
			t.Errorf("%s: a new PIN, and nobody is named: %+v", outcome, done)
		}
		delete(r.pins, "current")
		r.names(t, payee)
		if done, _ := r.sends(t, 30_000, payee); done.Code != api.SequenceError {
			t.Errorf("%s: a new naming, and no PIN: %+v", outcome, done)
		}
		if sent.Load() != 1 {
			t.Errorf("%s: the bank got %d transfers", outcome, sent.Load())
		}
	}
}

func TestTwoTransfersAtOnceAreOne(t *testing.T) {
	r := transferRig(t, &people{})
	sent := r.answers()
	r.names(t, payee)
	var g sync.WaitGroup
	for range 4 {
		g.Go(func() { r.sends(t, 30_000, payee) })
	}
	g.Wait()
	if sent.Load() != 1 {
		t.Errorf("the bank got %d transfers", sent.Load())
	}
}

func TestAWrongPINIsTypedAnewAndTheNamingHoldsOn(t *testing.T) {
	r := transferRig(t, &people{})
	r.answers("55")
	r.names(t, payee)
	if _, out := r.sends(t, 30_000, payee); out["outcome"] != "declined" {
		t.Fatalf("%v", out)
	}
	if done, _ := r.sends(t, 30_000, payee); done.Code != api.SequenceError {
		t.Errorf("the wrong PIN again: %+v", done)
	}
	r.typesPIN()
	if _, out := r.sends(t, 30_000, payee); out["outcome"] != "approved" {
		t.Errorf("%v", out)
	}
}

func TestAChipThatRefusesAfterTheTransferIsNoRefusalOfTheTransfer(t *testing.T) {
	r := transferRig(t, &people{})
	r.withChip(t, iccard.Chip{Protocol: "T1"}, stripe)
	r.read(t)
	r.typesPIN()
	r.names(t, payee)
	_, out := r.sends(t, 30_000, payee) // the answer has no cryptogram
	if x, _ := r.Ledger.Txn(out["txn"].(string)); x.Host != book.HostApproved || x.Pending() || out["outcome"] != "approved" {
		t.Errorf("%v, and the book says %+v", out, x)
	}
}

func TestASignatureIsForTheTransferItWasGivenFor(t *testing.T) {
	p := &people{kind: "largeTransfer", at: 2}
	r := transferRig(t, p)
	r.Signatures = &signed.Folder{Dir: t.TempDir()}
	s := signature{Document: transferPaper, Text: "…", Strokes: strokes(40)}
	r.names(t, payee)
	if done := r.signs(s); done.Code != api.SequenceError {
		t.Errorf("no transfer is under way: %+v", done)
	}
	r.call(t, r.openCase, map[string]any{"amount": 8_000_000})
	if done := r.signs(s); done.Outcome != api.Done {
		t.Fatalf("%+v", done)
	}
	p.mu.Lock()
	p.number = "4712"
	p.mu.Unlock()
	r.names(t, "6225880000000006")
	if r.signed[transferPaper] != "" {
		t.Error("the payee is another one, the signature is there")
	}
	r.signed = map[string]string{transferPaper: "of the case before"}
	r.call(t, r.openCase, map[string]any{"amount": 9_000_000})
	if done, _ := r.call(t, r.caseStep, nil); done.Code != api.SequenceError || len(p.told) != 0 {
		t.Errorf("%+v: %v was told", done, p.told)
	}
}

func TestACaseOfAnotherPayeeIsTakenBack(t *testing.T) {
	p := &people{kind: "largeTransfer"}
	r := transferRig(t, p)
	r.names(t, payee)
	r.call(t, r.openCase, map[string]any{"amount": 8_000_000})
	r.names(t, "6225880000000006")
	eventually(t, "it is withdrawn", func() bool { return len(r.cases()) == 0 })

	p = &people{kind: "largeTransfer"}
	r = transferRig(t, p)
	r.names(t, payee)
	p.opening = func() { r.names(t, "6225880000000006") }
	if done, _ := r.call(t, r.openCase, map[string]any{"amount": 8_000_000}); done.Code != api.SequenceError {
		t.Errorf("the payee was asked anew meanwhile: %+v", done)
	}
	eventually(t, "it is withdrawn", func() bool { return len(r.cases()) == 0 })
}

// opened notes a case as a session before has left it.
func (r *rig) opened(t *testing.T, number string) {
	t.Helper()
	must(t, r.Ledger.Log(ej.Case, ej.Record{}, book.CaseData{Number: number, Case: "largeTransfer", Amount: 8_000_000}))
}

func TestACaseThatTheServerDoesNotKnowIsAskedAboutOnce(t *testing.T) {
	p := &people{lost: true}
	r := transferRig(t, p)
	r.opened(t, "4711")
	r.DropCases()
	if len(r.cases()) != 0 || p.calls != 1 {
		t.Errorf("%v, asked %d times", r.cases(), p.calls)
	}
}

func TestACaseThatTheServerKeepsDoesNotHoldUpTheOthers(t *testing.T) {
	p := &people{refuses: map[string]bool{"4711": true}}
	r := transferRig(t, p)
	r.opened(t, "4711")
	r.opened(t, "4712")
	go r.DropCases()
	eventually(t, "the second is withdrawn", func() bool { return slices.Equal(r.cases(), []string{"4711"}) })
	r.opened(t, "4713")
	r.DropCases() // answers at once: the one that is at it sees to it
	eventually(t, "the third is withdrawn", func() bool { return slices.Equal(r.cases(), []string{"4711"}) })
}

func TestAWaitForACaseThatTheServerDoesNotHaveEnds(t *testing.T) {
	p := &people{kind: "largeTransfer"}
	r := transferRig(t, p)
	r.names(t, payee)
	r.call(t, r.openCase, map[string]any{"amount": 8_000_000})
	p.mu.Lock()
	p.lost = true
	p.mu.Unlock()
	if done, out := r.call(t, r.waitCase, nil); done.Outcome != api.Done || out["state"] != gone || len(r.cases()) != 0 {
		t.Errorf("%+v %v, %v in the book", done, out, r.cases())
	}
}
