package hsm_test

import (
	"bytes"
	"errors"
	"testing"

	"zhigui/server/api/paycrypto/sign"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/conformance"
)

// Keys of digests are sealed, belong to one algorithm each, and are taken over by another server when it is told; signature keys
// of the same owner stay when a digest's key is forgotten.
func TestKeysOfDigestsAreSealedAndChangeForAllServers(t *testing.T) {
	memory := conformance.NewMemory()
	open := func() *hsm.Soft {
		t.Helper()
		s, err := hsm.NewSoft(bytes.Repeat([]byte{7}, 32), memory)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b := open(), open()
	if _, err := a.Digest("partner", sign.HMACSM3, nil); !errors.Is(err, hsm.ErrNoKey) {
		t.Error(err)
	}
	for _, n := range []int{0, 16, 31, 65} {
		if _, err := a.SetDigestKey("partner", sign.HMACSM3, make([]byte, n), false); !errors.Is(err, sign.ErrKey) {
			t.Errorf("a key of %d bytes: %v", n, err)
		}
	}
	if _, err := a.SetDigestKey("partner", sign.SM2, make([]byte, 32), false); !errors.Is(err, sign.ErrKey) {
		t.Error(err)
	}
	if _, err := a.CreateSigner("partner", sign.HMACSM3); !errors.Is(err, sign.ErrKey) {
		t.Error("a digest is no signature:", err)
	}
	if _, err := a.CreateSigner("partner", sign.SM2); err != nil {
		t.Fatal(err)
	}
	keys := make([][]byte, 3)
	data := []byte("a message")
	digests := make([][]byte, 3)
	for i := range keys {
		key, kcv, err := a.MakeDigestKey("partner", sign.HMACSM3, false)
		if err != nil || len(key) != 32 || len(kcv) != 4 {
			t.Fatal(err)
		}
		keys[i] = key
		if digests[i], err = a.Digest("partner", sign.HMACSM3, data); err != nil {
			t.Fatal(err)
		}
		if want, _ := sign.HMACSM3.Digest(key, data); !bytes.Equal(want, digests[i]) {
			t.Errorf("%d: not the newest key's", i)
		}
		if i == 0 {
			if err := b.VerifyDigest("partner", sign.HMACSM3, data, digests[0]); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := a.Digest("partner", sign.HMACSHA256, data); !errors.Is(err, hsm.ErrNoKey) {
		t.Error("a key is used by another algorithm:", err)
	}
	if err := b.VerifyDigest("partner", sign.HMACSM3, data, digests[2]); err == nil {
		t.Error("the other server was not told yet")
	}
	if err := b.Refresh("partner"); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*hsm.Soft{"the one": a, "the other": b, "one that starts": open()} {
		for i, ok := range []bool{false, true, true} {
			if err := s.VerifyDigest("partner", sign.HMACSM3, data, digests[i]); (err == nil) != ok {
				t.Errorf("%s, key %d: %v", name, i, err)
			}
		}
	}
	if _, err := a.SetDigestKey("partner", sign.HMACSM3, keys[2], true); err != nil {
		t.Fatal(err)
	}
	for i, ok := range []bool{false, false, true} {
		if err := a.VerifyDigest("partner", sign.HMACSM3, data, digests[i]); (err == nil) != ok {
			t.Errorf("after it was forgotten, key %d: %v", i, err)
		}
	}
	if _, err := open().SignerKey("partner", sign.SM2); err != nil {
		t.Error("the signature key went with it:", err)
	}
	recs, err := memory.LoadKeys("partner")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range recs {
		for _, k := range keys {
			if bytes.Contains(r.Sealed, k) {
				t.Error("a key lies there in the clear")
			}
		}
	}
}

// meanwhile is a store to which another process brings a key while this one is at work.
type meanwhile struct {
	*conformance.Memory
	bring func()
}

func (m *meanwhile) LoadKeys(owner string) ([]hsm.Record, error) {
	recs, err := m.Memory.LoadKeys(owner)
	if bring := m.bring; bring != nil {
		m.bring = nil
		bring()
	}
	return recs, err
}

func TestKeysThatComeWhileADigestsKeyIsForgottenStay(t *testing.T) {
	memory := &meanwhile{Memory: conformance.NewMemory()}
	s, err := hsm.NewSoft(bytes.Repeat([]byte{7}, 32), memory)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.MakeDigestKey("partner", sign.HMACSM3, false); err != nil {
		t.Fatal(err)
	}
	memory.bring = func() {
		if err := memory.SaveKeys(hsm.Record{Owner: "partner", Use: hsm.UseMAC, Version: 8}, hsm.Record{Owner: "partner", Use: hsm.UsePIN, Version: 8}); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := s.MakeDigestKey("partner", sign.HMACSM3, true); err != nil {
		t.Fatal(err)
	}
	recs, err := memory.LoadKeys("partner")
	n := 0
	for _, r := range recs {
		if r.Version == 8 {
			n++
		}
	}
	if err != nil || n != 2 {
		t.Errorf("%d of the two keys of another process are left, %v", n, err)
	}
}
