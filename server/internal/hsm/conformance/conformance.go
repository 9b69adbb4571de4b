// Package conformance is what every security module must pass, the one in software and the ones behind
// a network: keys, versions, MACs, PIN translation, key blocks, restart. Only tests import it.
package conformance

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/keyblock"
	"zhigui/server/internal/hsm"
)

// Module is one module under test.
type Module struct {
	// Open opens the module over its stored keys; twice in a test is a restart.
	Open func(t *testing.T, keys hsm.Keys) hsm.HSM
	// KEK gives an opened module a KEK by the module's own ceremony.
	KEK func(t *testing.T, m hsm.HSM, owner string, alg paycrypto.Alg, raw []byte)
	// Pad makes a PIN pad of the 3DES zone, or of the SM4 zone.
	Pad func(t *testing.T, serial string, sm bool) Pad
}

const pan = "6225880000000001"

var algs = map[string]paycrypto.Alg{"3DES": paycrypto.DES, "SM4": paycrypto.SM4, "AES": paycrypto.AES}

var formats = map[paycrypto.Alg]paycrypto.Format{paycrypto.DES: paycrypto.ISO0, paycrypto.SM4: paycrypto.SM4Block, paycrypto.AES: paycrypto.ISO4}

var macs = map[paycrypto.Alg]paycrypto.MACAlg{paycrypto.DES: paycrypto.X919, paycrypto.SM4: paycrypto.SM4CBC, paycrypto.AES: paycrypto.CMAC}

func fill(b byte) []byte { // 16 bytes whose halves differ
	return append(bytes.Repeat([]byte{b}, 8), bytes.Repeat([]byte{b ^ 0x5A}, 8)...)
}

func key(t *testing.T, alg paycrypto.Alg, raw []byte) *paycrypto.Key {
	t.Helper()
	k, err := paycrypto.NewKey(alg, raw)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Run runs the suite.
func Run(t *testing.T, m Module) {
	for name, alg := range algs {
		t.Run("working keys of "+name, func(t *testing.T) { workingKeys(t, m, alg) })
		t.Run("a new version of zone keys of "+name, func(t *testing.T) { zoneVersions(t, m, alg) })
		t.Run("data keys of "+name, func(t *testing.T) { dataKeys(t, m, alg) })
		t.Run("bare keys of "+name, func(t *testing.T) { bare(t, m, alg) })
		t.Run("key blocks of "+name, func(t *testing.T) { blocks(t, m, alg) })
	}
	t.Run("no key blocks under SM4", func(t *testing.T) { noBlocks(t, m) })
	t.Run("PIN translation", func(t *testing.T) { translation(t, m) })
	t.Run("MACs and PIN blocks by agreement", func(t *testing.T) { practices(t, m) })
	t.Run("signatures", func(t *testing.T) { signatures(t, m) })
	t.Run("remote key loading by RSA", func(t *testing.T) { loading(t, m, false) })
	t.Run("remote key loading by SM2", func(t *testing.T) { loading(t, m, true) })
	t.Run("what another process stored", func(t *testing.T) { refreshed(t, m) })
	t.Run("chip cryptograms", func(t *testing.T) { cryptograms(t, m) })
	t.Run("data at rest", func(t *testing.T) { atRest(t, m) })
	t.Run("many at once", func(t *testing.T) { concurrent(t, m) })
}

// workingKeys: a terminal can use what a sign-in sends, the version before stays, a restart keeps both.
func workingKeys(t *testing.T, m Module, alg paycrypto.Alg) {
	keys := NewMemory()
	h := m.Open(t, keys)
	if _, err := h.NewWorking("T", false); !errors.Is(err, hsm.ErrNoKey) {
		t.Errorf("working keys without a TMK: %v", err)
	}
	raw, kcv, err := h.CreateTMK("T", alg)
	if err != nil {
		t.Fatal(err)
	}
	tmk := key(t, alg, raw)
	if !bytes.Equal(kcv, tmk.CheckValue(4)) {
		t.Errorf("check value of the TMK %X", kcv)
	}
	if _, err := h.Current("T"); !errors.Is(err, hsm.ErrNoKey) {
		t.Errorf("a version before sign-in: %v", err)
	}
	var all []*hsm.Working
	for range 3 {
		w, err := h.NewWorking("T", false)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, w)
	}
	check := func(h hsm.HSM, what string) {
		t.Helper()
		ref, err := h.Current("T")
		if err != nil || ref.Version != all[2].Version {
			t.Fatal(what, ref, err)
		}
		for i, w := range all {
			pik, _ := paycrypto.Unwrap(tmk, w.PIK)
			mak, _ := paycrypto.Unwrap(tmk, w.MAK)
			if pk, mk := key(t, alg, pik), key(t, alg, mak); !bytes.Equal(pk.CheckValue(4), w.PIKKCV) || !bytes.Equal(mk.CheckValue(4), w.MAKKCV) {
				t.Errorf("%s: version %d: check values", what, w.Version)
			}
			want, _ := paycrypto.AppendMAC(nil, macs[alg], key(t, alg, mak), []byte("some message of 30 characters."))
			got, err := h.AppendMAC([]byte("x"), hsm.Ref{Owner: "T", Version: w.Version}, []byte("some message of 30 characters."))
			switch {
			case i == 0 && !errors.Is(err, hsm.ErrNoKey):
				t.Errorf("%s: the version before the last is still there: %v", what, err)
			case i > 0 && (err != nil || !bytes.Equal(got[1:], want)):
				t.Errorf("%s: version %d: %X %v", what, w.Version, got, err)
			}
		}
	}
	check(h, "running")
	check(m.Open(t, keys), "restarted")
	if keys.contains(raw) {
		t.Error("a key is stored in the clear")
	}
	next, err := m.Open(t, keys).NewWorking("T", false) // another server on the same store
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Refresh("T"); err != nil {
		t.Fatal(err)
	}
	if all = append(all[1:], next); next.Version != all[1].Version+1 {
		t.Errorf("version %d after %d", next.Version, all[1].Version)
	}
	check(h, "refreshed")
	if w, err := m.Open(t, keys).NewWorking("T", false); err != nil {
		t.Error(err)
	} else if all[2], err = h.NewWorking("T", false); err != nil || all[2].Version != w.Version+1 {
		t.Error("after another server's version:", all[2].Version, err)
	}
	if _, _, err := h.CreateTMK("T", alg); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Current("T"); !errors.Is(err, hsm.ErrNoKey) {
		t.Error("working keys survived a new TMK:", err)
	}
	if w, err := h.NewWorking("T", false); err != nil || w.Version <= all[2].Version {
		t.Error("a version was used twice:", err)
	}
}

// zoneVersions: the same keys again are no new version; others are, and the old ones go on working.
func zoneVersions(t *testing.T, m Module, alg paycrypto.Alg) {
	keys := NewMemory()
	h := m.Open(t, keys)
	load := func(h hsm.HSM, b byte, want uint32) {
		t.Helper()
		if err := h.Import("host", alg, fill(b), fill(b+1)); err != nil {
			t.Fatal(err)
		}
		if ref, err := h.Current("host"); err != nil || ref.Version != want {
			t.Fatalf("version %d, %v, want %d", ref.Version, err, want)
		}
	}
	load(h, 0x10, 1)
	load(h, 0x10, 1)
	load(m.Open(t, keys), 0x10, 1)
	load(h, 0x20, 2)
	h = m.Open(t, keys)
	load(h, 0x20, 2)
	for v, b := range map[uint32]byte{1: 0x11, 2: 0x21} {
		want, _ := paycrypto.AppendMAC(nil, macs[alg], key(t, alg, fill(b)), []byte("abc"))
		if got, err := h.AppendMAC(nil, hsm.Ref{Owner: "host", Version: v}, []byte("abc")); err != nil || !bytes.Equal(got, want) {
			t.Errorf("version %d: %X %v", v, got, err)
		}
	}
	if err := h.Import("host", alg, fill(1)[:5], fill(1)); err == nil {
		t.Error("a key of five bytes was taken")
	}
}

// refreshed: a module uses what another process has imported, or no longer what it has dropped.
func refreshed(t *testing.T, m Module) {
	keys := NewMemory()
	h, other := m.Open(t, keys), m.Open(t, keys)
	for n, b := range []byte{0x10, 0x20} {
		if err := other.Import("host", paycrypto.SM4, fill(b), fill(b+1)); err != nil {
			t.Fatal(err)
		}
		if err := h.Refresh("host", "nobody"); err != nil {
			t.Fatal(err)
		}
		if ref, err := h.Current("host"); err != nil || ref.Version != uint32(n)+1 {
			t.Error(ref, err)
		}
	}
	for v, b := range map[uint32]byte{1: 0x11, 2: 0x21} {
		want, _ := paycrypto.AppendMAC(nil, paycrypto.SM4CBC, key(t, paycrypto.SM4, fill(b)), []byte("abc"))
		if got, err := h.AppendMAC(nil, hsm.Ref{Owner: "host", Version: v}, []byte("abc")); err != nil || !bytes.Equal(got, want) {
			t.Errorf("version %d: %X %v", v, got, err)
		}
	}
	if err := keys.DropKeys("host"); err != nil {
		t.Fatal(err)
	}
	if err := h.Refresh("host"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Current("host"); !errors.Is(err, hsm.ErrNoKey) {
		t.Error("keys that were dropped are used:", err)
	}
}

// bare: a key in ECB under a KEK of the zone's algorithm is taken, with the zone's other key beside it; what is not
// proven, any under a KEK of another algorithm, and any in the AES zone changes nothing.
func bare(t *testing.T, m Module, alg paycrypto.Alg) {
	keys := NewMemory()
	h := m.Open(t, keys)
	kek, protect, another := fill(0x1C), alg, map[paycrypto.Alg]paycrypto.Alg{paycrypto.DES: paycrypto.SM4, paycrypto.SM4: paycrypto.DES, paycrypto.AES: paycrypto.SM4}[alg]
	if alg == paycrypto.AES {
		protect = paycrypto.DES
	}
	m.KEK(t, h, "bank", protect, kek)
	m.KEK(t, h, "another bank", another, kek)
	if err := h.Import("host", alg, fill(0x31), fill(0x32)); err != nil {
		t.Fatal(err)
	}
	first, _ := h.Current("host")
	wrap := func(b byte) []byte {
		out, err := paycrypto.Wrap(key(t, protect, kek), fill(b))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	kcv := func(b byte) []byte { return key(t, alg, fill(b)).CheckValue(4) }
	if _, err := h.ImportBare(hsm.Ref{Owner: "host"}, "another bank", hsm.UseMAC, wrap(0x42), nil, nil); !errors.Is(err, hsm.ErrBlock) {
		t.Error("under a KEK of another algorithm:", err)
	}
	if alg == paycrypto.AES {
		if _, err := h.ImportBare(hsm.Ref{Owner: "host"}, "bank", hsm.UseMAC, wrap(0x42), nil, nil); !errors.Is(err, hsm.ErrBlock) {
			t.Error("in the AES zone:", err)
		}
		return
	}
	pair := func(own string, p, q hsm.Cryptogram) (hsm.Ref, error) { return h.ImportCryptograms(own, "bank", p, q) }
	pin, mk := hsm.Cryptogram{Wrapped: wrap(0x61), KCV: kcv(0x61)}, hsm.Cryptogram{Wrapped: wrap(0x62), KCV: kcv(0x62)[:3]}
	for what, try := range map[string]struct {
		p, q hsm.Cryptogram
		want error
	}{"without a check value": {pin, hsm.Cryptogram{Wrapped: mk.Wrapped}, hsm.ErrKCV}, "another check value": {hsm.Cryptogram{Wrapped: pin.Wrapped, KCV: kcv(0x62)}, mk, hsm.ErrKCV},
		"half a key": {hsm.Cryptogram{Wrapped: pin.Wrapped[:8], KCV: pin.KCV}, mk, hsm.ErrBlock}} {
		if _, err := pair("new host", try.p, try.q); !errors.Is(err, try.want) {
			t.Errorf("two first keys, %s: %v", what, err)
		}
	}
	if _, err := h.Current("new host"); !errors.Is(err, hsm.ErrNoKey) {
		t.Error("what was refused is there:", err)
	}
	if ref, err := pair("new host", pin, mk); err != nil || ref.Version != 1 {
		t.Fatal("the first keys of a zone:", ref, err)
	}
	if ref, err := pair("new host", pin, mk); err != nil || ref.Version != 1 {
		t.Error("the same again:", ref, err)
	}
	sum, _ := paycrypto.AppendMAC(nil, macs[alg], key(t, alg, fill(0x62)), []byte("abc"))
	if got, err := h.AppendMAC(nil, hsm.Ref{Owner: "new host", Version: 1}, []byte("abc")); err != nil || !bytes.Equal(got, sum) {
		t.Errorf("the first MAC key: %X %v", got, err)
	}
	refused := errors.New("refused")
	for what, try := range map[string]struct {
		u       hsm.Use
		wrapped []byte
		kcv     []byte
		want    error
	}{"another check value": {hsm.UsePIN, wrap(0x41), kcv(0x51), hsm.ErrKCV}, "half a key": {hsm.UsePIN, wrap(0x41)[:8], nil, hsm.ErrBlock},
		"a use of its own": {hsm.UseTMK, wrap(0x41), nil, hsm.ErrNoKey}, "not proven": {hsm.UseMAC, wrap(0x42), kcv(0x42), refused}} {
		if _, err := h.ImportBare(hsm.Ref{Owner: "host"}, "bank", try.u, try.wrapped, try.kcv, func(func([]byte) ([]byte, error)) error { return refused }); !errors.Is(err, try.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if now, _ := h.Current("host"); now != first {
		t.Error("what was refused changed the keys")
	}
	if _, err := h.ImportBare(hsm.Ref{Owner: "host"}, "nobody", hsm.UseMAC, wrap(0x42), nil, nil); !errors.Is(err, hsm.ErrNoKey) {
		t.Error(err)
	}
	mac := func(b byte, data string) []byte {
		out, _ := paycrypto.AppendMAC(nil, macs[alg], key(t, alg, fill(b)), []byte(data))
		return out
	}
	ref, err := h.ImportBare(hsm.Ref{Owner: "host"}, "bank", hsm.UseMAC, wrap(0x42), kcv(0x42), func(under func([]byte) ([]byte, error)) error {
		got, err := under([]byte("the message itself"))
		if err == nil && !bytes.Equal(got, mac(0x42, "the message itself")) {
			err = refused
		}
		return err
	})
	if err != nil || ref.Version != first.Version+1 {
		t.Fatal(ref, err)
	}
	if ref, err = h.ImportBare(hsm.Ref{Owner: "host"}, "bank", hsm.UsePIN, wrap(0x41), nil, nil); err != nil || ref.Version != first.Version+2 {
		t.Fatal(ref, err)
	}
	h = m.Open(t, keys)
	if got, err := h.AppendMAC(nil, ref, []byte("abc")); err != nil || !bytes.Equal(got, mac(0x42, "abc")) {
		t.Errorf("the MAC key did not come along: %X %v", got, err)
	}
	enc, _ := paycrypto.EncryptPIN(key(t, alg, fill(0x41)), formats[alg], []byte("1234"), []byte(pan))
	if out, err := h.TranslatePIN(ref, ref, enc, []byte(pan)); err != nil || !bytes.Equal(out, enc) {
		t.Errorf("the PIN key: %v", err)
	}
}

// noBlocks: a KEK of SM4 opens and makes no key block, as none is defined; its bytes are not taken for those of a 3DES one.
func noBlocks(t *testing.T, m Module) {
	h := m.Open(t, NewMemory())
	kek := fill(0x1C)
	m.KEK(t, h, "bank", paycrypto.SM4, kek)
	wrap := func(u hsm.Use) string {
		t.Helper()
		b, err := keyblock.Wrap(kek, hsm.BlockHeader(paycrypto.DES, paycrypto.DES, u), fill(0x41))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if _, err := h.ImportBlocks("host", "bank", wrap(hsm.UsePIN), wrap(hsm.UseMAC)); !errors.Is(err, hsm.ErrBlock) {
		t.Error("zone keys in blocks:", err)
	}
	if _, err := h.ImportData("host", "bank", wrap(hsm.UseTDK), wrap(hsm.UseMAC)); !errors.Is(err, hsm.ErrBlock) {
		t.Error("data keys in blocks:", err)
	}
	if _, err := h.Current("host"); !errors.Is(err, hsm.ErrNoKey) {
		t.Error("what was refused is there:", err)
	}
	if err := h.Import("host", paycrypto.DES, fill(0x31), fill(0x32)); err != nil {
		t.Fatal(err)
	}
	ref, err := h.Current("host")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := h.ExportBlock(ref, hsm.UsePIN, "bank"); !errors.Is(err, hsm.ErrBlock) {
		t.Error("exported as a block:", b, err)
	}
}

// blocks: what another bank wrapped comes in, what goes out opens there, and nothing under another KEK does.
func blocks(t *testing.T, m Module, alg paycrypto.Alg) {
	partnerKeys(t, m, alg)
	for protect, raw := range map[paycrypto.Alg][]byte{paycrypto.DES: fill(0x1C), paycrypto.AES: append(fill(0x1D), fill(0x3D)...)} {
		if protect == paycrypto.DES && alg != paycrypto.DES {
			continue // a stronger key is not to stand under a weaker one
		}
		keys := NewMemory()
		h := m.Open(t, keys)
		m.KEK(t, h, "bank", protect, raw)
		wrap := func(u hsm.Use, kek, k []byte) string {
			t.Helper()
			b, err := keyblock.Wrap(kek, hsm.BlockHeader(protect, alg, u), k)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		pik, mak := wrap(hsm.UsePIN, raw, fill(0x31)), wrap(hsm.UseMAC, raw, fill(0x32))
		ref, err := h.ImportBlocks("host", "bank", pik, mak)
		if err != nil || ref != (hsm.Ref{Owner: "host", Version: 1}) {
			t.Fatal(ref, err)
		}
		want, _ := paycrypto.AppendMAC(nil, macs[alg], key(t, alg, fill(0x32)), []byte("abc"))
		if got, err := h.AppendMAC(nil, ref, []byte("abc")); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%X %v", got, err)
		}
		out, err := h.ExportBlock(ref, hsm.UsePIN, "bank")
		if err != nil {
			t.Fatal(err)
		}
		if head, k, err := keyblock.Unwrap(raw, out); err != nil || !bytes.Equal(k, fill(0x31)) || head.Usage != keyblock.UsePIN {
			t.Errorf("exported: %+v %v", head, err)
		}
		wrong := append([]byte(nil), raw...)
		wrong[3] ^= 0x10
		for what, b := range map[string][2]string{"uses exchanged": {mak, pik}, "another KEK": {wrap(hsm.UsePIN, wrong, fill(1)), mak},
			"a character changed": {pik[:40] + "0000" + pik[44:], mak}, "no block": {"", mak}} {
			if _, err := h.ImportBlocks("host", "bank", b[0], b[1]); !errors.Is(err, hsm.ErrBlock) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if now, err := h.Current("host"); err != nil || now != ref {
			t.Error("a refused block changed the keys:", now, err)
		}
		if _, err := h.ExportBlock(ref, hsm.UsePIN, "nobody"); !errors.Is(err, hsm.ErrNoKey) {
			t.Error(err)
		}
		if _, err := h.ImportBlocks("host", "nobody", pik, mak); !errors.Is(err, hsm.ErrNoKey) {
			t.Error(err)
		}
	}
}

// translation: between all zones, for PANs and PINs of all lengths; a wrong block is ErrPIN.
func translation(t *testing.T, m Module) {
	h := m.Open(t, NewMemory())
	n := byte(0)
	for name, alg := range algs {
		n += 16
		if err := h.Import(name, alg, fill(n), fill(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	pik := func(name string) *paycrypto.Key {
		// Import took fill(n) in the order of a map: ask for it by trying.
		for b := byte(16); b <= n; b += 16 {
			k := key(t, algs[name], fill(b))
			enc, _ := paycrypto.EncryptPIN(k, formats[algs[name]], []byte("1234"), []byte(pan))
			if _, err := h.TranslatePIN(hsm.Ref{Owner: name, Version: 1}, hsm.Ref{Owner: name, Version: 1}, enc, []byte(pan)); err == nil {
				return k
			}
		}
		t.Fatal("no key of", name)
		return nil
	}
	for from, fa := range algs {
		fk := pik(from)
		for to, ta := range algs {
			tk := pik(to)
			for _, p := range []string{pan, "6225880000000000017", "6225880000000"} {
				for _, pin := range []string{"1234", "98765", "123456789012"} {
					enc, _ := paycrypto.EncryptPIN(fk, formats[fa], []byte(pin), []byte(p))
					out, err := h.TranslatePIN(hsm.Ref{Owner: from, Version: 1}, hsm.Ref{Owner: to, Version: 1}, enc, []byte(p))
					if err != nil {
						t.Fatalf("%s to %s: %v", from, to, err)
					}
					if got, err := paycrypto.DecryptPIN(nil, tk, formats[ta], out, []byte(p)); err != nil || string(got) != pin {
						t.Errorf("%s to %s: %v", from, to, err)
					}
				}
			}
			size := formats[fa].Size()
			for what, block := range map[string][]byte{"garbage": bytes.Repeat([]byte{0xA7}, size), "short": make([]byte, size-1), "empty": nil} {
				if _, err := h.TranslatePIN(hsm.Ref{Owner: from, Version: 1}, hsm.Ref{Owner: to, Version: 1}, block, []byte(pan)); !errors.Is(err, hsm.ErrPIN) {
					t.Errorf("%s to %s, %s: %v", from, to, what, err)
				}
			}
		}
	}
	if _, err := h.TranslatePIN(hsm.Ref{Owner: "SM4", Version: 9}, hsm.Ref{Owner: "3DES", Version: 1}, make([]byte, 16), []byte(pan)); !errors.Is(err, hsm.ErrNoKey) {
		t.Error(err)
	}
}

// practices: each MAC with each kind of key, and each PIN block to each other, as two parties may have agreed.
// What does not fit, and what ISO 9564-1 bans, is refused.
func practices(t *testing.T, m Module) {
	h := m.Open(t, NewMemory())
	for name, alg := range algs {
		if err := h.Import(name, alg, fill(0x61), fill(0x62)); err != nil {
			t.Fatal(err)
		}
	}
	for name, alg := range algs {
		for mac := paycrypto.X99; mac.String() != ""; mac++ {
			for _, data := range []string{"", "8 bytes.", "a message that no block divides"} {
				want, bad := paycrypto.AppendMAC(nil, mac, key(t, alg, fill(0x62)), []byte(data))
				got, err := h.AppendMAC(nil, hsm.Ref{Owner: name, Version: 1, Practice: hsm.Practice{MAC: mac}}, []byte(data))
				switch {
				case !mac.Fits(alg):
					if !errors.Is(err, paycrypto.ErrKey) || bad == nil && mac != paycrypto.Fold {
						t.Errorf("%s under %s: %v", mac, name, err)
					}
				case err != nil || !bytes.Equal(got, want):
					t.Errorf("%s of %q under %s: %X, want %X: %v", mac, data, name, got, want, err)
				}
			}
		}
	}
	blocks := []paycrypto.Format{paycrypto.ISO0, paycrypto.ISO1, paycrypto.ISO3, paycrypto.SM4Block, paycrypto.ISO4}
	for name, alg := range algs {
		for other, to := range algs {
			for _, ff := range blocks {
				for _, tf := range blocks {
					if !ff.Fits(alg) || !tf.Fits(to) {
						continue
					}
					enc, err := paycrypto.EncryptPIN(key(t, alg, fill(0x61)), ff, []byte("98765"), []byte(pan))
					if err != nil {
						t.Fatal(err)
					}
					out, err := h.TranslatePIN(hsm.Ref{Owner: name, Version: 1, Practice: hsm.Practice{PIN: ff}}, hsm.Ref{Owner: other, Version: 1, Practice: hsm.Practice{PIN: tf}}, enc, []byte(pan))
					if !ff.Translatable(tf) {
						if !errors.Is(err, paycrypto.ErrTranslation) {
							t.Errorf("%s to %s: %v", ff, tf, err)
						}
						continue
					}
					if err != nil {
						t.Errorf("%s to %s: %v", ff, tf, err)
						continue
					}
					if got, err := paycrypto.DecryptPIN(nil, key(t, to, fill(0x61)), tf, out, []byte(pan)); err != nil || string(got) != "98765" {
						t.Errorf("%s to %s: %v", ff, tf, err)
					}
				}
			}
		}
	}
}

func cryptograms(t *testing.T, m Module) {
	keys := NewMemory()
	h := m.Open(t, keys)
	issuer := fill(0x41)
	if err := h.ImportIssuer("bank", issuer); err != nil {
		t.Fatal(err)
	}
	if err := h.ImportIssuer("bank", issuer[:8]); !errors.Is(err, paycrypto.ErrKey) {
		t.Error(err)
	}
	h = m.Open(t, keys)
	card, _ := paycrypto.CardKey(key(t, paycrypto.DES, issuer), pan, 1)
	session, _ := paycrypto.ChipSession(card, [8]byte{0, 9})
	c := hsm.Chip{PAN: pan, Sequence: 1, Counter: 9, Data: []byte("signed by the card; with ; in it")}
	ac, _ := paycrypto.Cryptogram(session, c.Data)
	want, _ := paycrypto.ResponseCryptogram(session, [8]byte(ac), [2]byte{'0', '0'})
	if got, err := h.CheckCryptogram("bank", c, [8]byte(ac), [2]byte{'0', '0'}); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%X %v", got, err)
	}
	ac[0] ^= 1
	if _, err := h.CheckCryptogram("bank", c, [8]byte(ac), [2]byte{}); !errors.Is(err, hsm.ErrCryptogram) {
		t.Error(err)
	}
	if _, err := h.CheckCryptogram("other", c, [8]byte(ac), [2]byte{}); !errors.Is(err, hsm.ErrNoKey) {
		t.Error(err)
	}
}

func atRest(t *testing.T, m Module) {
	keys := NewMemory()
	h := m.Open(t, keys)
	sealed := h.Seal(nil, []byte("a request"), []byte("row 7"))
	if back, err := m.Open(t, keys).Open(nil, sealed, []byte("row 7")); err != nil || string(back) != "a request" {
		t.Error(err)
	}
	if _, err := h.Open(nil, sealed, []byte("row 8")); !errors.Is(err, hsm.ErrSeal) {
		t.Error("opened in another place:", err)
	}
	if !bytes.Equal(h.Index([]byte(pan)), m.Open(t, keys).Index([]byte(pan))) || len(h.Index([]byte(pan))) != 16 {
		t.Error("the index of a PAN changes")
	}
}

// concurrent: answers of one caller never reach another.
func concurrent(t *testing.T, m Module) {
	h := m.Open(t, NewMemory())
	for i := range 4 {
		if err := h.Import(string(rune('a'+i)), paycrypto.SM4, fill(byte(i)), fill(byte(16+i))); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			own := string(rune('a' + i%4))
			mak, _ := paycrypto.NewKey(paycrypto.SM4, fill(byte(16+i%4)))
			for n := range 25 {
				data := bytes.Repeat([]byte{byte(i), byte(n)}, 20)
				want, _ := paycrypto.AppendMAC(nil, paycrypto.SM4CBC, mak, data)
				if got, err := h.AppendMAC(nil, hsm.Ref{Owner: own, Version: 1}, data); err != nil || !bytes.Equal(got, want) {
					t.Errorf("caller %d, message %d: %X %v", i, n, got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
