package conformance

import (
	"bytes"
	"errors"
	"testing"

	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/keyblock"
	"zhigui/server/internal/hsm"
)

// partnerKeys: those of a partner come as blocks, encrypt and authenticate, change without making the ones before useless,
// are nothing else, and are the same at another server.
func partnerKeys(t *testing.T, m Module, alg paycrypto.Alg) {
	protect, kek := paycrypto.AES, append(fill(0x1D), fill(0x3D)...)
	if alg == paycrypto.DES {
		protect, kek = paycrypto.DES, fill(0x1C)
	}
	keys := NewMemory()
	h := m.Open(t, keys)
	m.KEK(t, h, "partner", protect, kek)
	wrap := func(u hsm.Use, k []byte) string {
		t.Helper()
		b, err := keyblock.Wrap(kek, hsm.BlockHeader(protect, alg, u), k)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	use := func(h hsm.HSM, ref hsm.Ref, data, mak byte) {
		t.Helper()
		k := key(t, alg, fill(data))
		plain, iv := bytes.Repeat([]byte("sixteen letters."), 4), fill(0x77)[:k.BlockSize()]
		want, err := k.CBC(nil, iv, plain, false)
		if err != nil {
			t.Fatal(err)
		}
		got, err := h.EncryptData(nil, ref, iv, plain)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("encrypted: %X, want %X (%v)", got, want, err)
		}
		if back, err := h.DecryptData(nil, ref, iv, want); err != nil || !bytes.Equal(back, plain) {
			t.Errorf("decrypted: %X (%v)", back, err)
		}
		mac, _ := paycrypto.AppendMAC(nil, macs[alg], key(t, alg, fill(mak)), plain)
		if got, err := h.AppendMAC(nil, ref, plain); err != nil || !bytes.Equal(got, mac) {
			t.Errorf("MAC: %X, want %X (%v)", got, mac, err)
		}
		if a, id, err := h.DataKey(ref); err != nil || a != alg || !bytes.Equal(id[:], k.CheckValue(3)) {
			t.Errorf("named %X, want %X (%v)", id, k.CheckValue(3), err)
		}
	}
	first, err := h.ImportData("bills", "partner", wrap(hsm.UseTDK, fill(0x51)), wrap(hsm.UseMAC, fill(0x52)))
	if err != nil || first.Version != 1 {
		t.Fatal(first, err)
	}
	use(h, first, 0x51, 0x52)
	if again, err := h.ImportData("bills", "partner", wrap(hsm.UseTDK, fill(0x51)), wrap(hsm.UseMAC, fill(0x52))); err != nil || again != first {
		t.Error("the same again: ", again, err)
	}
	second, err := h.ImportData("bills", "partner", wrap(hsm.UseTDK, fill(0x61)), wrap(hsm.UseMAC, fill(0x62)))
	if err != nil || second.Version != 2 {
		t.Fatal(second, err)
	}
	use(h, second, 0x61, 0x62)
	use(h, first, 0x51, 0x52)
	if now, err := h.Current("bills"); err != nil || now != second {
		t.Error(now, err)
	}
	other := m.Open(t, keys)
	use(other, second, 0x61, 0x62)
	use(other, first, 0x51, 0x52)
	if _, err := other.ImportData("bills", "partner", wrap(hsm.UseTDK, fill(0x71)), wrap(hsm.UseMAC, fill(0x72))); err != nil {
		t.Fatal(err)
	}
	if err := h.Refresh("bills"); err != nil {
		t.Fatal(err)
	}
	use(h, hsm.Ref{Owner: "bills", Version: 3}, 0x71, 0x72)
	if _, _, err := h.DataKey(first); !errors.Is(err, hsm.ErrNoKey) {
		t.Error("the oldest is still there: ", err)
	}

	for what, b := range map[string][2]string{"uses exchanged": {wrap(hsm.UseMAC, fill(1)), wrap(hsm.UseTDK, fill(2))}, "a PIN key": {wrap(hsm.UsePIN, fill(1)), wrap(hsm.UseMAC, fill(2))}, "no block": {"", ""}} {
		if _, err := h.ImportData("bills", "partner", b[0], b[1]); !errors.Is(err, hsm.ErrBlock) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := h.ImportData("bills", "nobody", wrap(hsm.UseTDK, fill(1)), wrap(hsm.UseMAC, fill(2))); !errors.Is(err, hsm.ErrNoKey) {
		t.Error(err)
	}
	if err := h.Import("zone", alg, fill(1), fill(2)); err != nil {
		t.Fatal(err)
	}
	if _, err := h.ImportData("zone", "partner", wrap(hsm.UseTDK, fill(1)), wrap(hsm.UseMAC, fill(2))); !errors.Is(err, hsm.ErrBlock) {
		t.Error("data keys among PIN keys: ", err)
	}
	zone, _ := h.Current("zone")
	if _, _, err := h.DataKey(zone); !errors.Is(err, hsm.ErrNoKey) {
		t.Error("a zone without a data key has one: ", err)
	}
	block := make([]byte, 16)
	if alg == paycrypto.DES {
		block = block[:8]
	}
	if _, err := h.TranslatePIN(second, zone, block, []byte("6225880000000001")); err == nil {
		t.Error("a data key translates PIN blocks")
	}
}
