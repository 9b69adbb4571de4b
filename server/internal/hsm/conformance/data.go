package conformance

import (
	"bytes"
	"errors"
	"testing"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
)

// dataKeys: what the module encrypts is CBC under the key that it sent, back again, also after a restart
// and by the version before; without a data key, and for half blocks, nothing is done.
func dataKeys(t *testing.T, m Module, alg paycrypto.Alg) {
	keys := NewMemory()
	h := m.Open(t, keys)
	raw, _, err := h.CreateTMK("T", alg)
	if err != nil {
		t.Fatal(err)
	}
	first, err := h.NewWorking("T", true)
	if err != nil {
		t.Fatal(err)
	}
	tdk, err := paycrypto.Unwrap(key(t, alg, raw), first.TDK)
	if err != nil {
		t.Fatal(err)
	}
	k := key(t, alg, tdk)
	if !bytes.Equal(k.CheckValue(4), first.TDKKCV) || bytes.Equal(first.TDK, first.MAK) || bytes.Equal(first.TDK, first.PIK) {
		t.Error("the data key's check value, or one key for two uses")
	}
	plain := bytes.Repeat([]byte("field of a card;"), 60)
	iv := plain[3 : 3+k.BlockSize()]
	want, _ := k.CBC(nil, iv, plain, false)
	ref := hsm.Ref{Owner: "T", Version: first.Version}
	check := func(h hsm.HSM, what string) {
		t.Helper()
		got, err := h.EncryptData([]byte("x"), ref, iv, plain)
		if err != nil || !bytes.Equal(got, append([]byte("x"), want...)) {
			t.Fatalf("%s: encrypted otherwise (%v)", what, err)
		}
		if back, err := h.DecryptData(nil, ref, iv, got[1:]); err != nil || !bytes.Equal(back, plain) {
			t.Errorf("%s: not decrypted (%v)", what, err)
		}
	}
	check(h, "running")
	if _, err := h.EncryptData(nil, ref, iv, plain[:5]); !errors.Is(err, paycrypto.ErrLength) {
		t.Error("half a block:", err)
	}
	if _, err := h.DecryptData(nil, ref, iv[1:], want); !errors.Is(err, paycrypto.ErrLength) {
		t.Error("a short IV:", err)
	}
	if _, err := h.NewWorking("T", false); err != nil {
		t.Fatal(err)
	}
	check(h, "the version before")
	check(m.Open(t, keys), "restarted")
	if _, err := h.EncryptData(nil, hsm.Ref{Owner: "T", Version: first.Version + 1}, iv, plain); !errors.Is(err, hsm.ErrNoKey) {
		t.Error("without a data key:", err)
	}
	if keys.contains(tdk) {
		t.Error("the data key is stored in the clear")
	}
}
