package trade_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"zhigui/server/internal/host"
	"zhigui/server/internal/link"
	"zhigui/server/internal/product"
	"zhigui/server/internal/route"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
)

// own is a bank's catalogue: what each kind of channel may ask for is a line of it.
const own = `products:
  - {group: BZ-08, name: balance, title: {zh: 余额查询, en: Balance}, type: "0200", code: "310000", fields: [pinBlock], steps: [pin], channels: [atm, crs, enquiry]}
  - {group: BZ-08, name: statement, title: {zh: 明细查询, en: Statement}, type: "0200", code: "380000", fields: [pinBlock], steps: [pin], channels: [enquiry]}
  - {group: BZ-08, name: withdrawal, title: {zh: 取款, en: Withdrawal}, type: "0200", code: "010000", moves: money, confirm: true, fields: [pinBlock, amount], steps: [limits, pin], channels: [atm, crs]}
  - {group: BZ-08, name: deposit, title: {zh: 存款, en: Deposit}, type: "0100", code: "210000", confirm: true, credit: true, fields: [pinBlock], steps: [pin], channels: [crs]}
  - {group: BZ-08, name: purchase, title: {zh: 消费, en: Purchase}, type: "0200", code: "000000", moves: money, fields: [pinBlock, amount], steps: [limits, pin], mcc: "4900", channels: [partner]}
`

func catalogue(t testing.TB) *product.Catalogue {
	t.Helper()
	return loaded(t, own)
}

// loaded is the catalogue of a bank's file.
func loaded(t testing.TB, text string) *product.Catalogue {
	t.Helper()
	file := filepath.Join(t.TempDir(), "products.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := product.Load(file, trade.StepNames())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A cash dispenser pays, a recycler pays and takes in, an enquiry machine tells and moves nothing, each by its channel.
// req: TX-17
func TestEachKindOfTerminalMayDoWhatItsChannelSays(t *testing.T) {
	r := newRigOf(&rig{t: t, dir: t.TempDir(), opt: trade.Options{Products: catalogue(t)}})
	at := map[string]*term{}
	for i, kind := range []string{"atm", "crs", "enquiry"} {
		c := codecOf(t, "pos64", "pos64")
		z, err := r.eng.NewChannel(trade.ChannelOptions{Name: kind, Zone: trade.Zone3DES, Codec: c})
		if err != nil {
			t.Fatal(err)
		}
		l, err := link.NewListener("127.0.0.1:0", link.ListenerOptions{Codec: c, Handler: z, Log: discard()})
		if err != nil {
			t.Fatal(err)
		}
		r.lis[kind] = l
		at[kind] = r.enrol("1000000"+string(rune('1'+i)), trade.Zone3DES, l.Addr().String())
	}
	const may, not = "00", "12"
	for kind, want := range map[string]struct{ balance, statement, withdrawal, deposit string }{
		"atm": {may, not, may, not}, "crs": {may, not, may, may}, "enquiry": {may, may, not, not},
	} {
		x := at[kind]
		for name, said := range map[string]string{
			"balance": want.balance + x.do(x.request("310000", card1, "123456", 0), true).String(39), "statement": want.statement + x.do(x.request("380000", card1, "123456", 0), true).String(39)} {
			if said[:2] != said[2:] {
				t.Errorf("%s asks for a %s: %s, want %s", kind, name, said[2:], said[:2])
			}
		}
		before := r.balance(card1)
		q, a := x.withdraw(card1, 10000)
		if a.String(39) != want.withdrawal || before-r.balance(card1) != map[string]int64{may: 10000}[want.withdrawal] {
			t.Errorf("%s pays: %s, the account has %d less", kind, a.String(39), before-r.balance(card1))
		}
		if want.withdrawal == may {
			if a := x.do(x.about("0220", q, 10000), true); a.String(39) != may {
				t.Errorf("%s confirms: %s", kind, a.String(39))
			}
		}
		before = r.balance(card1)
		q, a = x.opens(card1)
		if a.String(39) != want.deposit {
			t.Errorf("%s opens a deposit: %s, want %s", kind, a.String(39), want.deposit)
		}
		if want.deposit == may && (x.took(q, 30000) != may || r.balance(card1) != before+30000) {
			t.Errorf("%s takes in: the account has %d more", kind, r.balance(card1)-before)
		}
	}
}

// Banking by mobile phone, by WeChat, in a browser and at the counter, and a platform that collects bills: each
// comes its way, in its format, may do what its channel says, and has what it did in its own name.
// req: TX-20 TX-21
func TestFrontsAndBillPlatformsAreChannelsByConfiguration(t *testing.T) {
	for name, x := range map[string]struct{ kind, dialect string }{
		"mobile bank":            {"http", "corejson"},
		"WeChat bank":            {"http", "corexml"},
		"internet-bank front":    {"soap", "corejson"},
		"counter front":          {"long", "bank128"},
		"bill-payment platform":  {"soap", "corexml"},
		"bill platform over TCP": {"short", "coredelimited"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRigOf(&rig{t: t, dir: t.TempDir(), opt: trade.Options{Products: catalogue(t)}})
			s := link.Spec{Kind: x.kind, Listen: free(t)}
			switch x.kind {
			case "http", "soap":
				s.Listen += "/pay"
			case "async":
				s.Address = free(t)
			}
			p := r.addPartner(s, x.dialect, nil)
			before := r.balance(card1)
			a, err := p.ask("0200", "000000", card1, 4_900)
			if err != nil || a.Values["response"] != "00" {
				t.Fatal(a, err)
			}
			if got := before - r.balance(card1); got != 4_900 {
				t.Errorf("booked %d", got)
			}
			if a, err := p.ask("0200", "010000", card1, 4_900); err != nil || a.Values["response"] != "12" { // cash is not its business
				t.Errorf("a withdrawal: %v %v", a, err)
			}
			ts, _, err := r.st.Search(t.Context(), store.Search{State: store.Confirmed, Limit: 9})
			if err != nil || len(ts) != 1 || ts[0].Channel != "partner" || ts[0].Kind != "purchase" {
				t.Errorf("the journal has %+v (%v)", ts, err)
			}
		})
	}
}

// Card networks are hosts: UnionPay's two links out and two in, and messages in the manner of VISA and Mastercard.
// req: TX-22
func TestCardNetworksAreReachedInTheirOwnManner(t *testing.T) {
	for name, x := range map[string]struct{ kind, dialect string }{"UnionPay": {"group", "cups128"}, "UnionPay with a MAC over chosen fields": {"group", "cups128mab"}, "VISA": {"long", "visa"}, "Mastercard": {"long", "mastercard"}} {
		t.Run(name, func(t *testing.T) {
			door := bankhost.Door{Kind: x.kind, Dialect: x.dialect, Listen: free(t), Count: 2}
			spec := link.Spec{Kind: x.kind, Address: door.Listen, Count: 2}
			if x.kind == "group" {
				spec.Listen = free(t)
				door.Address = spec.Listen
			}
			r := newRigOf(&rig{t: t, dir: t.TempDir(), doors: []bankhost.Door{door}, more: []hostOf{{name: "network", dialect: x.dialect, link: spec}},
				rules: []route.Rule{{BINs: []string{"622588"}, To: []route.Target{{Host: "network"}}}}, opt: trade.Options{HostTimeout: 3 * time.Second}})
			until(t, "the network", r.more[0].host.Up)
			k := r.terminal("00000001", trade.Zone3DES)
			q, a := k.withdraw(card5, 10000)
			if a.String(39) != "00" {
				t.Fatal(a.String(39))
			}
			if a := k.do(k.about("0220", q, 10000), true); a.String(39) != "00" {
				t.Error("confirmation:", a.String(39))
			}
			q, _ = k.withdraw(card5, 20000)
			if a := k.do(k.about("0400", q, 20000), true); a.String(39) != "00" {
				t.Error("reversal:", a.String(39))
			}
			until(t, "the reversal", func() bool { return r.eng.Stats().ReversalsPending == 0 })
			if got := r.balance(card5); got != 2_000_000-10000 {
				t.Errorf("booked %d", 2_000_000-got)
			}
			ts, _, err := r.st.Search(t.Context(), store.Search{State: store.Confirmed, Limit: 9})
			if err != nil || len(ts) != 1 || ts[0].Host != "network" {
				t.Errorf("the journal has %+v (%v)", ts, err)
			}
		})
	}
}

// Management of the network (sign-on, echo) and of the terminal (sign-in, echo), money, and what moves none: all go by two links out and two in, and none is taken for another.
// req: TX-33
func TestEveryClassOfTransactionGoesByTwoLinksOutAndTwoIn(t *testing.T) {
	door := bankhost.Door{Kind: "group", Dialect: "cups128", Listen: free(t), Address: free(t), Count: 2}
	r := newRigOf(&rig{t: t, dir: t.TempDir(), doors: []bankhost.Door{door}, more: []hostOf{{name: "network", dialect: "cups128", link: link.Spec{Kind: "group", Address: door.Listen, Listen: door.Address, Count: 2}}},
		rules: []route.Rule{{To: []route.Target{{Host: "network"}}}}, opt: trade.Options{HostTimeout: 3 * time.Second}})
	network := r.more[0].host
	until(t, "the network", network.Up)
	if n := network.Stats().Link.Up; n != 4 {
		t.Errorf("%d links", n)
	}
	for _, code := range []string{host.SignOn, host.Echo} {
		if err := network.Manage(t.Context(), code); err != nil {
			t.Errorf("management %s: %v", code, err)
		}
	}
	x := r.terminal("00000001", trade.Zone3DES) // signs in
	if a := x.do(x.msg("0820", ""), false); a.MTI() != "0830" || a.String(39) != "00" {
		t.Errorf("the terminal's echo: %s", a.Describe())
	}
	for _, c := range []struct {
		product string
		amount  int64
		arg     string
	}{{"withdrawal", 10_000, ""}, {"purchase", 2_000, ""}, {"transfer", 700, card5}, {"balance", 0, ""}, {"statement", 0, ""}, {"contractSign", 0, "sms"}} {
		p, before := product.Builtin().Named(c.product), r.balance(card1)
		q, a := x.service(p, card1, c.amount, c.arg)
		if a.String(39) != "00" || r.txn(x, q).Host != "network" || r.txn(x, q).Kind != c.product || before-r.balance(card1) != c.amount {
			t.Errorf("%s: %s by %s, the account has %d less", c.product, a.String(39), r.txn(x, q).Host, before-r.balance(card1))
		}
	}
	_, n, err := r.st.Search(t.Context(), store.Search{Limit: 1})
	if err != nil || n != 6 { // management is no transaction
		t.Errorf("the journal has %d (%v)", n, err)
	}
}
