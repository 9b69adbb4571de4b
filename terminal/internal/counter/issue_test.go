package counter

import (
	"context"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/api/idcard"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/service"
	"zhigui/terminal/internal/session"
)

// idReader reads whatever card lies on it.
type idReader struct {
	driver
	lies idcard.Card
}

func (d *idReader) Execute(context.Context, api.Command, func(api.Event)) api.Completion {
	return service.Done(d.lies)
}

// asks is a lobby manager who approves; meanwhile something happens.
type asks struct{ meanwhile func() }

func (a asks) Ask(context.Context, Approval, func(Approval)) (Approval, error) {
	a.meanwhile()
	return Approval{ID: "a1", State: "approved"}, nil
}

func TestAnApprovedCardIsForThePersonWhomTheManagerSaw(t *testing.T) {
	first, second := idcard.Card{Name: "张三", Number: "990101199001011234"}, idcard.Card{Name: "李四", Number: "990101199202022345"}
	d := &idReader{lies: first}
	desk := asks{func() {}}
	r := newRig(t, func(p *Parts) {
		p.Others = map[string]*device.Device{IDReaderID: device.New(IDReaderID, d)}
		p.Desk = &desk
	})
	read := func(c idcard.Card) {
		t.Helper()
		d.lies = c
		if done := r.readIdentity(context.Background(), &service.Call{Conn: &service.Conn{}}); done.Outcome != api.Done {
			t.Fatalf("%+v", done)
		}
	}
	ask := func() api.Completion {
		return r.askPad(context.Background(), &service.Call{Conn: &service.Conn{}, Payload: []byte(`{"kind":"cardIssue"}`)})
	}
	read(first)
	if done := ask(); done.Outcome != api.Done || r.approved["a1"].State != "approved" {
		t.Fatalf("%+v", done)
	}
	read(first) // again
	if len(r.approved) != 1 {
		t.Error("the same person's approval is gone")
	}
	r.signed = map[string]string{agreement: "sm3"}
	read(second)
	if len(r.approved) != 0 || len(r.signed) != 0 {
		t.Error("one person's approval or signature is another's")
	}
	desk.meanwhile = func() { read(first) }
	if done := ask(); done.Code != api.SequenceError || len(r.approved) != 0 {
		t.Errorf("%+v: approved for whoever came meanwhile", done)
	}
}

func TestABlankCardIsNoCardToAskTheBankWith(t *testing.T) {
	r := newRig(t)
	must(t, r.Session.SetCard(session.Card{PAN: "6225880000002001", Track2: "6225880000002001=49121010000012300000", New: true}))
	for _, kind := range []string{"withdrawal", "balance", "pinChange", "statement", book.TypeDeposit} {
		if done := r.transact(context.Background(), &service.Call{Payload: []byte(`{"type":"` + kind + `","amount":10000}`)}); done.Code != api.SequenceError {
			t.Errorf("%s: %+v", kind, done)
		}
	}
}

func TestAnotherBlankCardNeedsItsOwnPIN(t *testing.T) {
	r := newRig(t)
	first := session.Card{PAN: "6225880000002001", New: true}
	r.newCard(first)
	r.pins["new"] = pinBlock{block: make([]byte, 8)}
	if r.newCard(first); len(r.pins) != 1 {
		t.Error("the PIN of the same card is gone")
	}
	if r.newCard(session.Card{PAN: "6225880000002002", New: true}); len(r.pins) != 0 {
		t.Error("a PIN block made with another card's number")
	}
}

func TestTheCustomersOwnCardComesBackWhateverElseTheSessionHad(t *testing.T) {
	r := newRig(t)
	r.newCard(session.Card{PAN: "6225880000002001", New: true})
	r.EndSession("done")
	if n := r.card.count(card.CmdMove); n == 0 {
		t.Error("it stays in the reader")
	}
}

func TestAnOutsideClientMovesNoCardsBesideACustomer(t *testing.T) {
	r := newRig(t)
	ran := 0
	move := r.unserved(func(context.Context, *service.Call) api.Completion { ran++; return api.Completion{Outcome: api.Done} })
	if done := move(context.Background(), nil); done.Code != api.SequenceError || ran != 0 {
		t.Errorf("%+v", done)
	}
	r.EndSession("done")
	if done := move(context.Background(), nil); done.Outcome != api.Done || ran != 1 {
		t.Errorf("%+v", done)
	}
}
