package trade_test

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
)

// formKEK makes the KEK of the bank by its ceremony.
func formKEK(t *testing.T, soft *hsm.Soft, alg paycrypto.Alg) []byte {
	t.Helper()
	shares := [][]byte{bytes.Repeat([]byte{0x13, 0x57}, 8), bytes.Repeat([]byte{0x9b, 0xdf, 0x02}, 6)[:16]}
	kek := make([]byte, 16)
	for i, s := range shares {
		if _, err := soft.EnterComponent(hsm.Component{Owner: "bank", Alg: alg, Number: i + 1, By: string(rune('a' + i))}, s); err != nil {
			t.Fatal(err)
		}
		for j := range kek {
			kek[j] ^= s[j]
		}
	}
	if _, err := soft.FormKEK("bank", 2, nil); err != nil {
		t.Fatal(err)
	}
	return kek
}

// The host changes its working keys again and again while customers draw cash, and the terminals sign
// in again: nothing is refused, lost, or asked of a person.
// req: TX-16 TX-24 TX-27
func TestKeysChangeUnderTrafficAndNoTransactionIsLost(t *testing.T) {
	r := newRig(t, false, trade.Options{HostTimeout: 5 * time.Second})
	soft := r.hsm.(*hsm.Soft)
	kek := formKEK(t, soft, paycrypto.DES)
	var done atomic.Bool
	var wg sync.WaitGroup
	var drawn atomic.Int64
	for i := range 4 {
		x := r.terminal("0000000"+string(rune('1'+i)), trade.Zone3DES)
		wg.Go(func() {
			for n := 0; !done.Load(); n++ {
				if n%10 == 9 {
					x.signIn()
				}
				q, a := x.withdraw(card5, 100)
				if a.String(39) != "00" {
					t.Errorf("terminal %s was told %s", x.id, a.String(39))
					return
				}
				drawn.Add(100)
				if a := x.do(x.about("0220", q, 100), true); a.String(39) != "00" {
					t.Errorf("confirmation: %s", a.String(39))
				}
			}
		})
	}
	for range 6 {
		before, err := r.host.Key()
		if err != nil {
			t.Fatal(err)
		}
		at := drawn.Load()
		if _, _, err := r.bank.Rekey(kek); err != nil {
			t.Fatal(err)
		}
		until(t, "the new keys, and money under them", func() bool {
			now, _ := r.host.Key()
			return t.Failed() || now.Version == before.Version+1 && drawn.Load() > at+2000
		})
	}
	done.Store(true)
	wg.Wait()
	if s := r.host.Stats(); s.MACErrors != 0 || s.Unknown != 0 || r.eng.Stats().ReversalsPending != 0 {
		t.Errorf("%+v", s)
	}
	if got := 2_000_000 - r.balance(card5); got != drawn.Load() {
		t.Errorf("booked %d, drawn %d", got, drawn.Load())
	}
	if ts, n, err := r.st.Search(t.Context(), store.Search{State: store.Reversed, Limit: 1}); err != nil || n != 0 {
		t.Error(n, ts, err)
	}
	// Keys under another KEK are refused, and the old ones stay.
	before, _ := r.host.Key()
	bad := bytes.Repeat([]byte{7}, 16)
	if _, _, err := r.bank.Rekey(bad); err != nil {
		t.Fatal(err)
	}
	x := r.terminal("00000009", trade.Zone3DES)
	if _, a := x.withdraw(card5, 100); a.String(39) != "00" {
		t.Errorf("after keys that were refused: %s", a.String(39))
	}
	if now, _ := r.host.Key(); now != before {
		t.Errorf("keys %v became %v", before, now)
	}
}

// between is a module that has new keys of the host right after it has translated a PIN block.
type between struct {
	hsm.HSM
	t     *testing.T
	times *atomic.Int32
}

func (b between) TranslatePIN(from, to hsm.Ref, block, pan []byte) ([]byte, error) {
	out, err := b.HSM.TranslatePIN(from, to, block, pan)
	if b.times.Add(1) == 1 {
		other := bytes.Repeat([]byte{0x2A, 0xC1}, 8)
		if err := b.Import("core", paycrypto.DES, other, other); err != nil {
			b.t.Error(err)
		}
	}
	return out, err
}

// A PIN block under the keys before and a MAC under the new ones is a message that the host cannot read.
//
// req: TX-27
func TestAMessageIsUnderOneVersionOfTheHostsKeys(t *testing.T) {
	times := &atomic.Int32{}
	r := newRigOf(&rig{t: t, dir: t.TempDir(), wrap: func(h hsm.HSM) hsm.HSM { return between{h, t, times} }})
	x := r.terminal("00000001", trade.Zone3DES)
	_, a := x.withdraw(card5, 10000) // the bank has not changed its keys
	if a.String(39) != "00" || times.Load() != 1 {
		t.Fatalf("told %s after %d translations", a.String(39), times.Load())
	}
	if now, err := r.host.Key(); err != nil || now.Version != 2 {
		t.Error("the keys did not change:", now, err)
	}
}

// counted is a module that counts the bare keys it has seen.
type counted struct {
	hsm.HSM
	n *atomic.Int32
}

func (c counted) ImportBare(own hsm.Ref, kek string, u hsm.Use, wrapped, kcv []byte, prove func(func([]byte) ([]byte, error)) error) (hsm.Ref, error) {
	defer c.n.Add(1)
	return c.HSM.ImportBare(own, kek, u, wrapped, kcv, prove)
}

// A network's key change: bare keys under the member's master key, one by one, the MAC key's message under
// the new key itself. What is not under the right master key changes nothing.
//
// req: TX-16 TX-27
func TestBareKeysUnderTheMembersMasterKeyAreTakenOneByOne(t *testing.T) {
	for name, alg := range map[string]paycrypto.Alg{"3DES": paycrypto.DES, "SM4": paycrypto.SM4} {
		t.Run(name, func(t *testing.T) { bareKeys(t, alg) })
	}
}

func bareKeys(t *testing.T, alg paycrypto.Alg) {
	tries, sm := &atomic.Int32{}, alg == paycrypto.SM4
	r := newRigOf(&rig{t: t, dir: t.TempDir(), hostSM: sm, bare: true, wrap: func(h hsm.HSM) hsm.HSM { return counted{h, tries} }})
	kek := formKEK(t, r.hsm.(counted).HSM.(*hsm.Soft), alg)
	x := r.terminal("00000001", trade.Zone3DES)
	now := bankhost.Zone{SM4: sm, PIK: zonePIK, MAK: zoneMAK}
	version := func() uint32 {
		ref, err := r.host.Key()
		if err != nil {
			t.Fatal(err)
		}
		return ref.Version
	}
	draws := func(what string) {
		t.Helper()
		q, a := x.withdraw(card5, 100)
		if a.String(39) != "00" {
			t.Fatalf("%s: told %s", what, a.String(39))
		}
		if a := x.do(x.about("0220", q, 100), true); a.String(39) != "00" {
			t.Errorf("%s: confirmation %s", what, a.String(39))
		}
	}
	for i, kind := range []byte("1221") {
		before := version()
		var err error
		if now, err = r.bank.RekeyBare(kek, now, kind); err != nil {
			t.Fatal(err)
		}
		until(t, "a new version", func() bool { return version() == before+1 })
		draws(fmt.Sprintf("change %d, kind %c", i, kind))
	}
	before, tried := version(), tries.Load()
	other := bytes.Repeat([]byte{0x31, 0x07}, 8)
	if _, err := r.bank.RekeyBare(other, now, '2'); err != nil {
		t.Fatal(err)
	}
	until(t, "the try", func() bool { return tries.Load() > tried })
	if version() != before {
		t.Error("a key under another master key was taken")
	}
	draws("after a refused change")
}
