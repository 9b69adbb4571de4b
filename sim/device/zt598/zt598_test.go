package zt598

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func feed(b []byte) func() (byte, bool) {
	return func() (byte, bool) {
		if len(b) == 0 {
			return 0, false
		}
		c := b[0]
		b = b[1:]
		return c, true
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("0013\x0301"))
	f.Add([]byte("000"))
	f.Add([]byte("999"))
	f.Fuzz(func(t *testing.T, b []byte) {
		body, raw, ok := readFrame(feed(b))
		if ok && len(body) <= 999 && !bytes.EqualFold(frame(body), raw) {
			t.Errorf("%q read from %q", body, raw)
		}
	})
}

// FuzzCommand runs any body against a pad with keys: it must always answer and never panic.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{"3", "5030", "52FF", "70120987654321098", "80141abc", "9011" + "00", "e11" + "00000000000000000000000000000000" + "40x", "2", "200" + "01" + "00", "c30", "n3201", "d1131", "1012", "x11", "x170000AB", "x1801"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 || b[0] == '5' || b[0] == '6' { // these need a clock
			return
		}
		k := key{useAny, "0123456789ABCDEFFEDCBA9876543210"}
		m := &Model{file: t.TempDir() + "/p.json", phy: physical{TDES: map[int]key{1: k}, SM4: map[int]key{0x11: k}, SM4KEK: map[int]key{1: k}}, stuck: map[string]string{}, pin: "1234", entered: true}
		if r := m.command(nil, string(b)); len(r) == 0 {
			t.Error("no answer")
		}
	})
}

func TestX919OfTwoBlocksIsCBCThenTripleDES(t *testing.T) {
	k, _ := hex.DecodeString("0123456789ABCDEFFEDCBA9876543210")
	got, err := macX919(k, []byte("12345678abc"))
	if err != nil {
		t.Fatal(err)
	}
	if want := opensslTwoBlocks; upperHex(got) != want {
		t.Errorf("%X, want %s", got, want)
	}
	got, err = macSM4(k, make([]byte, 16), []byte("0123456789abcdefxyz"))
	if err != nil || upperHex(got) != opensslSM4MAC {
		t.Errorf("%X, want %s", got, opensslSM4MAC)
	}
}

// Computed with openssl 3: single DES of the first block (des-ede with equal halves), XOR, des-ede;
// the last block of sm4-cbc.
const (
	opensslTwoBlocks = "E4C7ED43C9220748"
	opensslSM4MAC    = "757CB730EB710CFD19B91A7BBCE0D358"
)
