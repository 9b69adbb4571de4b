package hsm_test

import (
	"bytes"
	"errors"
	"testing"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/conformance"
)

// req: TX-31
func TestDataKeysRotateAndOldOnesGoOnOpening(t *testing.T) {
	keys := conformance.NewMemory()
	vault := func(alg paycrypto.Alg) *hsm.Vault {
		v, err := hsm.NewVault(bytes.Repeat([]byte{7}, 32))
		if err == nil {
			err = v.UseDataKeys(keys, alg)
		}
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	opens := func(v *hsm.Vault, sealed []byte) {
		t.Helper()
		if p, err := v.Open(nil, sealed, []byte("row 1")); err != nil || string(p) != "张三" {
			t.Fatal(err)
		}
	}
	running := vault(paycrypto.SM4)
	first := running.Seal(nil, []byte("张三"), []byte("row 1"))
	if bytes.Contains(first, []byte("张三")) || running.Stale(first) {
		t.Error("not sealed with the newest key")
	}
	other := vault(paycrypto.SM4)
	opens(other, first)
	if n, err := other.RotateDataKey(paycrypto.SM4); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	second := other.Seal(nil, []byte("张三"), []byte("row 1"))
	if !other.Stale(first) || other.Stale(second) || bytes.Equal(first[:2], second[:2]) {
		t.Error("the new key does not seal")
	}
	opens(running, second) // which has not heard of it
	opens(other, first)
	third := vault(paycrypto.AES) // another algorithm is a new version
	if !third.Stale(second) {
		t.Error("AES was asked for")
	}
	opens(third, first)
	opens(third, second)
	for i := range first {
		bad := bytes.Clone(first)
		bad[i] ^= 1
		if _, err := third.Open(nil, bad, []byte("row 1")); !errors.Is(err, hsm.ErrSeal) {
			t.Fatal(i, err)
		}
	}
	if _, err := hsm.NewSoft(bytes.Repeat([]byte{7}, 32), keys); err != nil {
		t.Error("the module does not start beside data keys:", err)
	}
}
