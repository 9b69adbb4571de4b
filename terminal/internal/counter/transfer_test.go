package counter

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/idcard"
	"zhigui/server/api/access"
	"zhigui/server/api/message"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/service"
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
}

func (p *people) now() access.Case {
	x := access.Case{Number: "4711", Kind: "largeTransfer", State: "open", Amount: p.asked.Amount,
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
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = q
	return p.now(), nil
}

func (p *people) Case(context.Context, string, time.Duration) (access.Case, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
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
	if p.away {
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
