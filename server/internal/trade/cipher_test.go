package trade_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhigui/server/api/message/format"
	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/keyblock"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/link"
	"zhigui/server/internal/route"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
)

var dataKEK = append(bytes.Repeat([]byte{0x31, 0x9a}, 8), bytes.Repeat([]byte{0x77, 0x05}, 8)...)

func dataKeys(alg byte, n byte) bankhost.DataKeys {
	k := bankhost.DataKeys{Alg: alg, Data: make([]byte, 16), MAC: make([]byte, 16)}
	for i := range 16 {
		k.Data[i], k.MAC[i] = n+byte(3*i), n^byte(0x5A+7*i)
	}
	return k
}

// blocksOf are data keys on their way to the server.
func blocksOf(t testing.TB, k bankhost.DataKeys) (data, mak string) {
	t.Helper()
	alg := map[byte]paycrypto.Alg{'S': paycrypto.SM4, 'A': paycrypto.AES, 'T': paycrypto.DES}[k.Alg]
	data, err := keyblock.Wrap(dataKEK, hsm.BlockHeader(paycrypto.AES, alg, hsm.UseTDK), k.Data)
	if err == nil {
		mak, err = keyblock.Wrap(dataKEK, hsm.BlockHeader(paycrypto.AES, alg, hsm.UseMAC), k.MAC)
	}
	if err != nil {
		t.Fatal(err)
	}
	return data, mak
}

// importData forms the KEK by two people, once, and takes data keys under it.
func (r *rig) importData(owner string, k bankhost.DataKeys) error {
	soft := r.hsm.(*hsm.Soft)
	if _, err := soft.Current(owner); err == nil {
		return nil // of the run before
	}
	other := bytes.Repeat([]byte{0xC3}, 32)
	share := bytes.Clone(dataKEK)
	for i := range share {
		share[i] ^= 0xC3
	}
	for i, s := range [][]byte{share, other} {
		if _, err := soft.EnterComponent(hsm.Component{Owner: "bank", Alg: paycrypto.AES, Number: i + 1, By: string(rune('a' + i))}, s); err != nil {
			return err
		}
	}
	if _, err := soft.FormKEK("bank", 2, nil); err != nil {
		return err
	}
	data, mak := blocksOf(r.t, k)
	_, err := soft.ImportData(owner, "bank", data, mak)
	return err
}

// causes collects why messages were refused.
type causes struct {
	mu  sync.Mutex
	all []error
}

func (c *causes) add(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, err)
}

func (c *causes) has(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.all {
		if errors.Is(e, err) {
			return true
		}
	}
	return false
}

// said collects the message log.
type said struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *said) note(_, _, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.WriteString(text)
}

// links with encryption: as the server is told, as the bank has it, and how it goes.
var encrypted = []struct {
	name, dialect string
	spec          link.Spec
	alg           byte
	ours          link.Cipher
	bank          bankhost.Cipher
}{
	{"SM4 fields in 8583", "cups128", link.Spec{Kind: "long"}, 'S', link.Cipher{Fields: []string{"pan", "track2", "private", "balances"}}, bankhost.Cipher{Fields: []int{2, 35, 62, 54}}},
	{"3DES fields in 8583, hexadecimal", "cups128", link.Spec{Kind: "short"}, 'T', link.Cipher{Fields: []string{"pan", "track2"}, Carry: "hex"}, bankhost.Cipher{Fields: []int{2, 35}, Carry: "hex"}},
	{"AES body of 8583, binary", "cups128", link.Spec{Kind: "long"}, 'A', link.Cipher{Body: true, Carry: "binary"}, bankhost.Cipher{Body: true, Carry: "binary"}},
	{"SM4 body as JSON over http", "corejson", link.Spec{Kind: "http"}, 'S', link.Cipher{Body: true, As: "json"}, bankhost.Cipher{Body: true, As: "json"}},
	{"AES body as XML over soap", "corexml", link.Spec{Kind: "soap"}, 'A', link.Cipher{Body: true, As: "xml", Carry: "hex"}, bankhost.Cipher{Body: true, As: "xml", Carry: "hex"}},
	{"SM4 body of delimited text", "coredelimited", link.Spec{Kind: "short"}, 'S', link.Cipher{Body: true}, bankhost.Cipher{Body: true}},
	{"SM4 fields in JSON over http", "corejson", link.Spec{Kind: "http"}, 'S', link.Cipher{Fields: []string{"track2", "private", "balances"}}, bankhost.Cipher{Names: []string{"track2", "private", "balances"}}},
}

// On every kind of link money is drawn, confirmed and taken back with encrypted messages; what the bank cannot
// be believed is no answer: the transaction is reversed, a person is told, and no account is wrong.
// req: TX-28 TX-29
func TestMessagesToAHostTravelEncryptedAndNothingElseIsBelieved(t *testing.T) {
	for i := range encrypted {
		x := &encrypted[i]
		t.Run(x.name, func(t *testing.T) {
			address := free(t)
			keys := dataKeys(x.alg, 0x11)
			x.bank.Use(keys)
			spec := x.spec
			spec.Address = address
			if spec.Kind == "http" || spec.Kind == "soap" {
				spec.Address = "http://" + address + "/"
			} else {
				spec.Count = 1
			}
			var told causes
			var log said
			ours := x.ours
			ours.Owner, ours.Refused = "data", told.add
			r := newRigOf(&rig{t: t, dir: t.TempDir(), opt: trade.Options{HostTimeout: time.Second, Messages: log.note}, data: map[string]bankhost.DataKeys{"data": keys},
				doors: []bankhost.Door{{Kind: spec.Kind, Dialect: x.dialect, Listen: address, Cipher: &x.bank}},
				more:  []hostOf{{name: "other", dialect: x.dialect, link: spec, cipher: &ours}}, rules: []route.Rule{{To: []route.Target{{Host: "other"}}}}})
			until(t, "the host is up", r.more[0].host.Up)
			k := r.terminal("00000001", trade.Zone3DES)
			if _, a := k.withdraw(card5, 10000); a.String(39) != "00" {
				t.Fatalf("a withdrawal: %s", a.String(39))
			} else if x.bank.Opened.Load() == 0 {
				t.Fatal("nothing was encrypted")
			}
			q, _ := k.withdraw(card5, 20000)
			if a := k.do(k.about("0220", q, 20000), true); a.String(39) != "00" {
				t.Errorf("a confirmation: %s", a.String(39))
			}
			q, _ = k.withdraw(card5, 30000)
			if a := k.do(k.about("0400", q, 30000), true); a.String(39) != "00" {
				t.Errorf("a reversal: %s", a.String(39))
			}
			until(t, "the reversal", func() bool { return r.eng.Stats().ReversalsPending == 0 })
			want := int64(2_000_000 - 30000)
			if got := r.balance(card5); got != want {
				t.Fatalf("booked %d, want %d", got, want)
			}
			for fault, cause := range map[string]error{"key": link.ErrChanged, "change": link.ErrChanged, "short": link.ErrChanged, "clear": link.ErrInClear} {
				if fault == "key" && x.alg != 0 { // another key has another name
					cause = link.ErrOtherKey
				}
				if fault == "clear" && x.ours.Body {
					cause = link.ErrEnvelope
				}
				x.bank.Fault(fault)
				_, a := k.withdraw(card5, 40000)
				if x.ours.Body || a.String(39) != "00" { // the answer to a withdrawal may have nothing to encrypt
					if a.String(39) != "98" {
						t.Errorf("%s: the customer is told %s", fault, a.String(39))
					}
					if !told.has(cause) && !(fault == "short" && told.has(link.ErrEnvelope)) {
						t.Errorf("%s: nobody was told of %q but %v", fault, cause, told.all)
					}
				} else {
					want -= 40000
				}
				x.bank.Fault("")
				until(t, "the reversal after "+fault, func() bool { return r.eng.Stats().ReversalsPending == 0 })
				if got := r.balance(card5); got != want {
					t.Errorf("%s: booked %d, want %d", fault, got, want)
				}
			}
			if log.b.Len() == 0 || strings.Contains(log.b.String(), card5) {
				t.Error("the message log has the card number, or nothing")
			}
		})
	}
}

// The bank changes its data keys again and again, to other algorithms too, while customers draw cash.
// req: TX-16 TX-28
func TestDataKeysChangeUnderTrafficAndNoTransactionIsLost(t *testing.T) {
	bank := &bankhost.Cipher{Fields: []int{2, 35, 54}}
	keys := dataKeys('S', 0x21)
	bank.Use(keys)
	var told causes
	r := newRigOf(&rig{t: t, dir: t.TempDir(), opt: trade.Options{HostTimeout: 5 * time.Second}, data: map[string]bankhost.DataKeys{"data": keys}, sealed: bank,
		cipher: &link.Cipher{Owner: "data", Fields: []string{"pan", "track2", "balances"}, Refused: told.add}})
	var done atomic.Bool
	var wg sync.WaitGroup
	var drawn, n atomic.Int64
	for i := range 4 {
		x := r.terminal("0000000"+string(rune('1'+i)), trade.Zone3DES)
		wg.Go(func() {
			for !done.Load() {
				q, a := x.withdraw(card5, 100)
				if a.String(39) != "00" {
					t.Errorf("terminal %s was told %s", x.id, a.String(39))
					return
				}
				drawn.Add(100)
				n.Add(1)
				if a := x.do(x.about("0220", q, 100), true); a.String(39) != "00" {
					t.Errorf("confirmation: %s", a.String(39))
				}
			}
		})
	}
	for i, alg := range []byte("SATSA") {
		at := n.Load()
		if err := r.bank.RekeyData(dataKEK, alg); err != nil {
			t.Fatal(err)
		}
		until(t, "the new keys, and money under them", func() bool {
			now, _ := r.hsm.Current("data")
			return t.Failed() || now.Version == uint32(i)+2 && n.Load() > at+20
		})
	}
	done.Store(true)
	wg.Wait()
	if s := r.host.Stats(); s.Unknown != 0 || s.Link.Garbage != 0 || len(told.all) != 0 {
		t.Errorf("%+v, refused: %v", s, told.all)
	}
	if got := 2_000_000 - r.balance(card5); got != drawn.Load() {
		t.Errorf("booked %d, drawn %d", got, drawn.Load())
	}
	before, _ := r.hsm.Current("data")
	if err := r.bank.RekeyData(bytes.Repeat([]byte{9}, 32), 'S'); err != nil { // under another KEK: refused
		t.Fatal(err)
	}
	x := r.terminal("00000009", trade.Zone3DES)
	if _, a := x.withdraw(card5, 100); a.String(39) != "00" {
		t.Errorf("after keys that were refused: %s", a.String(39))
	}
	if now, _ := r.hsm.Current("data"); now != before {
		t.Errorf("keys %v became %v", before, now)
	}
}

// A partner's requests are encrypted, and so are the answers, under the key of the request: the partner changes when it
// likes. What is not encrypted rightly is refused with A0, moves nothing, and a person is told.
// req: TX-28 TX-29
func TestAPartnersMessagesTravelEncryptedAndOthersMoveNothing(t *testing.T) {
	for _, x := range []struct {
		name, dialect string
		kind          string
		alg           byte
		ours          link.Cipher
		theirs        *bankhost.Cipher
	}{
		{"body over http", "corejson", "http", 'S', link.Cipher{Body: true, As: "json"}, &bankhost.Cipher{Body: true, As: "json"}},
		{"body over soap", "corexml", "soap", 'A', link.Cipher{Body: true, As: "xml"}, &bankhost.Cipher{Body: true, As: "xml"}},
		{"body over TCP", "coredelimited", "short", 'T', link.Cipher{Body: true, Carry: "hex"}, &bankhost.Cipher{Body: true, Carry: "hex"}},
		{"fields over http", "corejson", "http", 'S', link.Cipher{Fields: []string{"track2"}}, &bankhost.Cipher{}},
	} {
		t.Run(x.name, func(t *testing.T) {
			var told causes
			keys := dataKeys(x.alg, 0x41)
			x.theirs.Use(keys)
			r := newRigOf(&rig{t: t, dir: t.TempDir(), data: map[string]bankhost.DataKeys{"bills": keys}})
			d, err := format.Builtin(x.dialect)
			if err != nil {
				t.Fatal(err)
			}
			x.ours.Owner, x.ours.Refused = "bills", told.add
			p := r.addPartnerOf(link.Spec{Kind: x.kind, Listen: free(t) + map[string]string{"http": "/pay", "soap": "/pay"}[x.kind]}, d, nil, &x.ours)
			p.sealed = x.theirs
			ask := func() (string, error) {
				a, err := p.ask("0200", "010000", card5, 700)
				if err != nil {
					return "", err
				}
				return a.Values["response"], nil
			}
			if rc, err := ask(); err != nil || rc != "00" {
				t.Fatal(rc, err)
			}
			if x.ours.Body && x.theirs.Opened.Load() == 0 {
				t.Error("the answer is in the clear")
			}
			booked := r.balance(card5)
			for fault, cause := range map[string]error{"key": link.ErrOtherKey, "change": link.ErrChanged, "clear": link.ErrInClear} {
				if fault == "clear" && x.ours.Body {
					cause = link.ErrEnvelope
				}
				x.theirs.Fault(fault)
				rc, err := ask()
				x.theirs.Fault("")
				if err == nil && rc != "A0" {
					t.Errorf("%s: answered %q", fault, rc)
				}
				if !x.ours.Body && rc != "A0" {
					t.Errorf("%s: no code, but %v", fault, err)
				}
				if !told.has(cause) {
					t.Errorf("%s: nobody was told of %q but %v", fault, cause, told.all)
				}
			}
			if got := r.balance(card5); got != booked {
				t.Errorf("refused messages moved %d", booked-got)
			}

			// New keys: the server has them first, the partner uses the old ones until it has them, too.
			next := dataKeys('A', 0x71)
			data, mak := blocksOf(t, next)
			if _, err := r.hsm.ImportData("bills", "bank", data, mak); err != nil {
				t.Fatal(err)
			}
			if rc, err := ask(); err != nil || rc != "00" {
				t.Error("under the key before: ", rc, err)
			}
			x.theirs.Use(next)
			if rc, err := ask(); err != nil || rc != "00" {
				t.Error("under the new key: ", rc, err)
			}
		})
	}
}

// close encrypts what the partner sends; its track, or the whole message.
func (p *partner) close(q *format.Transaction) (msg, frame []byte) {
	c := p.sealed
	if c != nil && !c.Body && !c.Faulty("clear") {
		plain, _ := json.Marshal(map[string]string{"track2": q.Values["track2"]})
		delete(q.Values, "track2")
		q.Values["private"] = string(c.Seal(plain, nil))
	}
	frame, err := p.d.Pack(nil, q, p.sign)
	if err != nil {
		p.t.Fatal(err)
	}
	msg, _ = p.d.Frame.Strip(frame)
	if c == nil || !c.Body || c.Faulty("clear") {
		return msg, frame
	}
	msg = c.Box(c.Seal(msg, nil))
	if frame, err = p.d.Frame.Finish(append(p.d.Frame.Begin(nil), msg...), 0); err != nil {
		p.t.Fatal(err)
	}
	return msg, frame
}
