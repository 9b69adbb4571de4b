package counter

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/api/pinpad"
	"zhigui/server/api/message"
	"zhigui/sim/device/iccard"
	"zhigui/terminal/internal/book"
	"zhigui/terminal/internal/cashier"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/guard"
	"zhigui/terminal/internal/hostlink"
	"zhigui/terminal/internal/journal"
	"zhigui/terminal/internal/service"
	"zhigui/terminal/internal/session"
)

// driver is any device: commands end well, the PIN pad's MAC is always the same.
type driver struct {
	mu     sync.Mutex
	media  string
	track2 string
	ran    []string
	busy   int          // so many commands are refused: another one runs
	hold   *hold        // where a Move or a GetPinBlock waits
	chip   *iccard.Slot // of a reader with chip contacts
	atr    []byte
	air    *iccard.Card // of a reader with an antenna
	near   func() bool  // whether the card is held to it
}

// hold stops a command: it says that it came and goes on when it is let.
type hold struct{ came, let chan struct{} }

func newHold() *hold { return &hold{make(chan struct{}, 1), make(chan struct{})} }

func (h *hold) wait() {
	if h != nil {
		h.came <- struct{}{}
		<-h.let
	}
}

const mac = "12345678"

func (d *driver) Describe(context.Context) (api.Description, error) {
	if d.air != nil {
		return api.Description{Capabilities: []byte(`{"cardReader":{"readTracks":{},"chipProtocols":{"chipTypeAPart4":true}}}`)}, nil
	}
	if d.chip == nil {
		return api.Description{}, nil
	}
	return api.Description{Capabilities: []byte(`{"cardReader":{"chipProtocols":{"chipT0":true}}}`)}, nil
}
func (d *driver) QueryOp(context.Context, api.OpID) (api.OpRecord, error) {
	return api.OpRecord{}, io.EOF
}

func (d *driver) Status(context.Context) (api.Status, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := json.Marshal(map[string]any{"common": map[string]string{"device": "online"}, "cardReader": map[string]string{"media": d.media},
		"cashDispenser": cash.Status{Transport: "empty", Positions: []cash.Position{{Position: "outDefault", PositionStatus: "empty"}}}})
	return api.Status{Full: true, Classes: b}, err
}

func (d *driver) Execute(_ context.Context, cmd api.Command, _ func(api.Event)) api.Completion {
	d.mu.Lock()
	if d.busy > 0 {
		d.busy--
		d.mu.Unlock()
		return api.Refuse(api.SequenceError, "another command is running")
	}
	d.ran = append(d.ran, cmd.Name)
	hold := d.hold
	d.mu.Unlock()
	switch cmd.Name {
	case pinpad.CmdGenerateMAC:
		return service.Done(pinpad.GenerateMACResult{AuthenticationData: []byte(mac)})
	case pinpad.CmdGetPinBlock:
		hold.wait()
		return service.Done(pinpad.GetPinBlockResult{PinBlock: make([]byte, 8)})
	case card.CmdChipPower:
		if !d.near() {
			return api.Fail(api.NotStarted, card.ErrNoMedia, "no card")
		}
		_, _ = d.air.Select()
		return service.Done(nil)
	case card.CmdChipIO:
		var r card.ChipIO
		if err := json.Unmarshal(cmd.Payload, &r); err != nil {
			return api.Refuse(api.InvalidData, err.Error())
		}
		if d.air != nil {
			if !d.near() {
				return api.Fail(api.Failed, card.ErrNoMedia, "gone")
			}
			return service.Done(card.ChipIO{ChipProtocol: r.ChipProtocol, ChipData: d.air.Command(r.ChipData)})
		}
		out, err := d.chip.Transmit(map[string]int{card.T1: 1}[r.ChipProtocol], r.ChipData)
		if err != nil {
			return api.Fail(api.Failed, card.ErrInvalidMedia, err.Error())
		}
		return service.Done(card.ChipIO{ChipData: out})
	case card.CmdReadRawData:
		if d.air != nil {
			heard, _ := d.air.Select()
			return service.Done(card.ReadRawDataResult{Chip: []card.Data{{Data: heard.ATS}}, Protocol: card.TypeA})
		}
		if d.chip != nil {
			chip := card.Data{Data: d.atr}
			if d.atr == nil {
				chip.Status = "dataMissing"
			}
			return service.Done(card.ReadRawDataResult{Track2: &card.Data{Data: []byte(d.track2)}, Chip: []card.Data{chip}})
		}
		return service.Done(card.ReadRawDataResult{Track2: &card.Data{Data: []byte(d.track2)}})
	case card.CmdMove:
		hold.wait()
	}
	return api.Completion{Outcome: api.Done}
}

func (d *driver) count(name string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.ran {
		if r == name {
			n++
		}
	}
	return n
}

// rig is a counter with an open session, a card and a PIN; the server approves every
// request when the test lets it.
type rig struct {
	*Counter
	card  *driver
	pad   *driver
	asked chan string // MTI of what reached the server
	bank  func(q, a *message.Message)
	allow chan struct{}
}

func newRig(t *testing.T, with ...func(*Parts)) *rig {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	led, err := book.Open(t.TempDir(), journal.Options{})
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close(); led.Close() })
	r := &rig{card: &driver{media: "present", track2: "6225880000000001=49121010000012300000"}, asked: make(chan string, 10), allow: make(chan struct{}, 10)}
	go r.serve(t, l)

	dev := map[string]*device.Device{}
	for _, id := range []string{"card", "cash", "pinpad", "printer"} {
		d := &driver{}
		if id == "card" {
			d = r.card
		}
		if id == "pinpad" {
			r.pad = d
		}
		dev[id] = device.New(id, d)
		must(t, dev[id].Refresh(context.Background()))
	}
	g, err := guard.New()
	must(t, err)
	sess := session.New(nil)
	till := cashier.New(cashier.Config{Currency: "CNY", TakeTimeout: time.Minute, MoveTimeout: time.Minute}, dev["cash"], led, g, sess, cashier.Hooks{}, nil, log)
	must(t, till.SetCounts(map[string]book.Unit{"unit1": {Currency: "CNY", Value: 10000, Initial: 100, Count: 100}}, "test"))
	link, err := hostlink.New(hostlink.Config{Addr: l.Addr().String(), Zone: hostlink.Zone3DES, Terminal: "T0000001", Merchant: "102290000000001", Timeout: 10 * time.Second, DialTimeout: time.Second}, dev["pinpad"], led, nil, log)
	must(t, err)
	parts := Parts{
		Info: Info{Limits: Limits{PadOver: 20000, Multiple: 10000}, Timeouts: Timeouts{Card: 50 * time.Millisecond}},
		Card: dev["card"], Cash: dev["cash"], PinPad: dev["pinpad"], Printer: dev["printer"],
		Ledger: led, Session: sess, Cashier: till, Link: link, Server: service.New(service.Config{}, log),
		Texts: func(string) Text { return Text{} }, Capture: func(string) bool { return false }, Bundle: func() Bundle { return Bundle{} },
		Alarm: func(string, string, string) {}, Activity: func(bool) {}, Log: log,
	}
	for _, f := range with {
		f(&parts)
	}
	r.Counter = New(parts)
	r.begin(t)
	return r
}

func (r *rig) begin(t *testing.T) {
	t.Helper()
	_, err := r.Session.Begin("withdraw", "zh", "")
	must(t, err)
	r.read(t)
	r.pins["current"] = pinBlock{block: make([]byte, 8)}
}

func (r *rig) read(t *testing.T) {
	t.Helper()
	if done := r.readCard(context.Background(), &service.Call{Conn: &service.Conn{}}); done.Outcome != api.Done {
		t.Fatalf("%+v", done)
	}
}

func (r *rig) withdraw(amount int64, approval string) api.Completion {
	b, _ := json.Marshal(map[string]any{"type": "withdrawal", "amount": amount, "approval": approval})
	return r.transact(context.Background(), &service.Call{Payload: b})
}

func (r *rig) serve(t *testing.T, l net.Listener) {
	d, err := message.Builtin("pos64")
	if err != nil {
		t.Error(err)
		return
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		q, a := message.New(d), message.New(d)
		body, err := d.ReadFrame(bufio.NewReader(conn), nil)
		if err == nil && q.Unpack(d, body) == nil {
			a.ReplyTo(q)
			_ = a.Set(11, q.Get(11))
			_ = a.Set(41, q.Get(41))
			_ = a.SetString(39, "00")
			if q.MTI() == "0800" {
				_ = a.Set(62, make([]byte, 40))
			} else {
				if r.bank != nil {
					r.bank(q, a)
				}
				r.asked <- q.MTI()
				<-r.allow
				a.ReserveMAC()
			}
			frame, lay, err := a.Pack(nil)
			if err == nil {
				if q.MTI() != "0800" {
					lay.PutMAC(frame, []byte(mac))
				}
				_, _ = conn.Write(frame)
			}
		}
		conn.Close()
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// only is the one transaction of the book.
func (r *rig) only(t *testing.T) (x book.Txn) {
	t.Helper()
	r.Ledger.Read(func(b *book.Book) {
		if len(b.Order) != 1 {
			t.Fatalf("%d transactions", len(b.Order))
		}
		x = *b.Txns[b.Order[0]]
	})
	return x
}

func TestWhatIsApprovedAfterTheCustomerWentIsReversed(t *testing.T) {
	r := newRig(t)
	done := make(chan api.Completion, 1)
	go func() { done <- r.withdraw(10000, "") }()
	<-r.asked
	if !r.EndSession("the page is gone") {
		t.Fatal("no session")
	}
	r.allow <- struct{}{}
	<-done
	if x := r.only(t); x.Host != book.HostApproved || x.Settle != book.SettleReverse {
		t.Errorf("host %s, settled as %q: the customer is debited for nothing", x.Host, x.Settle)
	}
}

func TestWhatIsApprovedWhileTheCardIsGivenBackAtTheEndIsReversed(t *testing.T) {
	r := newRig(t)
	r.card.hold = newHold()
	done := make(chan api.Completion, 1)
	go func() { done <- r.withdraw(10000, "") }()
	<-r.asked
	ended := make(chan bool)
	go func() { ended <- r.EndSession("the page is gone") }()
	<-r.card.hold.came
	r.allow <- struct{}{}
	<-done // approved, and the session is still there
	close(r.card.hold.let)
	<-ended
	if x := r.only(t); x.Settle != book.SettleReverse {
		t.Errorf("settled as %q", x.Settle)
	}
}

func TestASessionIsEndedOnceAndNeverTheNextOne(t *testing.T) {
	r := newRig(t)
	r.card.hold = newHold()
	ended := make(chan bool, 2)
	for range 2 {
		go func() { ended <- r.EndSession("both") }()
	}
	<-r.card.hold.came
	theOtherWaits(t)
	close(r.card.hold.let)
	if a, b := <-ended, <-ended; a == b {
		t.Errorf("ended %v and %v", a, b)
	}
	if n := r.card.count(card.CmdMove); n != 1 {
		t.Errorf("the card was moved %d times", n)
	}
}

// theOtherWaits waits until a second EndSession stands before the lock of the first.
func theOtherWaits(t *testing.T) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); runtime.Gosched() {
		for _, g := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if strings.Contains(g, "(*Counter).EndSession") && strings.Contains(g, "sync.(*Mutex)") {
				return
			}
		}
	}
	t.Fatal("nobody waits for the first")
}

func TestAnApprovalIsForOneWithdrawalAndOneCard(t *testing.T) {
	r := newRig(t)
	r.approved["other"] = Approval{ID: "other", Kind: "something else", State: "approved", Amount: 30000}
	if done := r.withdraw(30000, "other"); done.Code != api.AuthorizationRequired {
		t.Errorf("approved for something else: %+v", done)
	}
	delete(r.approved, "other")
	r.approved["a1"] = Approval{ID: "a1", Kind: "withdrawal", State: "approved", Amount: 30000}
	r.allow <- struct{}{}
	if done := r.withdraw(30000, "a1"); done.Outcome != api.Done {
		t.Fatalf("%+v", done)
	}
	if done := r.withdraw(30000, "a1"); done.Code != api.AuthorizationRequired {
		t.Errorf("used twice: %+v", done)
	}
	r.approved["a2"] = Approval{ID: "a2", Kind: "withdrawal", State: "approved", Amount: 30000}
	r.read(t)
	if len(r.approved) != 1 || len(r.pins) != 1 {
		t.Error("reading the same card again costs the approval")
	}
	r.card.track2 = "6225880000000019=49121010000012300000"
	r.read(t)
	if len(r.approved) != 0 || len(r.pins) != 0 {
		t.Error("another card has the first one's PIN and approval")
	}
}

func TestACardIsNotRetainedBecauseItsReaderIsBusyForAMoment(t *testing.T) {
	r := newRig(t)
	var alarms []string
	r.Alarm = func(kind, _, _ string) { alarms = append(alarms, kind) }
	r.card.mu.Lock()
	r.card.busy = 3
	r.card.mu.Unlock()
	if !r.EndSession("page") || alarms != nil {
		t.Errorf("alarms: %v", alarms)
	}
	if n := r.card.count(card.CmdMove); n != 1 {
		t.Errorf("the card was moved %d times", n)
	}
}

func TestACardThatIsPutInAgainIsNotRetained(t *testing.T) {
	r := newRig(t, func(p *Parts) { p.Info.Timeouts.Card = time.Hour })
	b, _ := json.Marshal(card.Move{To: card.Exit})
	if done := r.moveCard(context.Background(), &service.Call{Conn: &service.Conn{}, Payload: b}); done.Outcome != api.Done {
		t.Fatalf("%+v", done)
	}
	r.mu.Lock()
	end, ended := r.keeping, false
	if end == nil {
		t.Fatal("nobody watches whether the card is taken")
	}
	r.keeping = func(err error) { ended = true; end(err) }
	r.mu.Unlock()
	r.read(t)
	if n := r.card.count(card.CmdMove); !ended || n != 1 {
		t.Errorf("the watch over the card ended: %v, %d moves: a customer who is being served would lose the card", ended, n)
	}
}

func TestNoPinAndNoApprovalReachesTheNextCustomer(t *testing.T) {
	r := newRig(t)
	r.pad.hold = newHold()
	done := make(chan api.Completion, 1)
	go func() { done <- r.getPinBlock(context.Background(), &service.Call{Conn: &service.Conn{}}) }()
	<-r.pad.hold.came
	r.EndSession("the customer went")
	r.approved["late"] = Approval{ID: "late", Kind: "withdrawal", State: "approved", Amount: 30000}
	if done := r.beginSession(context.Background(), &service.Call{}); done.Outcome != api.Done {
		t.Fatalf("%+v", done)
	}
	close(r.pad.hold.let)
	if got := <-done; got.Outcome == api.Done {
		t.Error("the PIN block of a session that is over is taken")
	}
	if len(r.pins) != 0 || len(r.approved) != 0 {
		t.Errorf("the next customer has %d PIN blocks and %d approvals", len(r.pins), len(r.approved))
	}
}
