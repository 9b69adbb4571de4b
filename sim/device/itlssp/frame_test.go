package itlssp

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The frames were computed or seen independently of this code.
func TestFramesAreThoseOfTheProtocol(t *testing.T) {
	for _, tc := range []struct {
		addr byte
		data string
		want string
	}{
		{0x80, "07", "7F 80 01 07 12 02"},
		{0x80, "F0 EE 03", "7F 80 03 F0 EE 03 C6 4C"},
		{0x80, "02 7F 00", "7F 80 03 02 7F 7F 00 2E 26"},
	} {
		got := pack(tc.addr, unhex(t, tc.data))
		if !bytes.Equal(got, unhex(t, tc.want)) {
			t.Errorf("% X, want %s", got, tc.want)
		}
		var d deframer
		for i, b := range got {
			p, ok, bad := d.push(b)
			if bad || ok != (i == len(got)-1) || ok && !bytes.Equal(p.data, unhex(t, tc.data)) {
				t.Errorf("byte %d of %s: %+v %v %v", i, tc.want, p, ok, bad)
			}
		}
	}
}

func TestEncryptedPacketsOfAnIndependentHostOpen(t *testing.T) {
	key := unhex(t, "67 45 23 01 67 45 23 01 DF 82 00 00 00 00 00 00")
	if got := sessionKey(defaultFixedKey, 0x82DF); !bytes.Equal(got, key) {
		t.Fatalf("key % X", got)
	}
	for _, tc := range []struct {
		frame string
		key   []byte
		count uint32
		want  byte
	}{
		{"7F 80 11 7E 1B FB 15 EA 29 E5 0B 36 D5 F1 D0 4C F8 9A 9E 2D 19 7E", key, 0, 0x0C},
		{"7F 00 11 7E 86 FC 82 E4 70 00 DF 2A 70 D0 D2 D7 31 5C AF A0 23 C5", key, 1, 0x07},
		{"7F 80 11 7E 36 31 15 45 D2 14 5E 2D 97 91 12 FD E6 39 15 16 35 8A", key, 2, 0x0C},
		{"7F 80 11 7E A4 AD CA 37 19 A7 3E 1F 0E 54 86 B7 45 E6 70 F3 5D DA", sessionKey(defaultFixedKey, 0x1122), 0, 0x07},
	} {
		var d deframer
		var got packet
		for _, b := range unhex(t, tc.frame) {
			if p, ok, _ := d.push(b); ok {
				got = p
			}
		}
		if len(got.data) != 17 || got.data[0] != stex {
			t.Fatalf("%s: %+v", tc.frame, got)
		}
		count, plain, ok := open(tc.key, got.data[1:])
		if !ok || count != tc.count || !bytes.Equal(plain, []byte{tc.want}) {
			t.Errorf("%s: count %d, % X, %v", tc.frame, count, plain, ok)
		}
	}
}

func FuzzDeframe(f *testing.F) {
	f.Add(unhex(f, "7F 80 03 02 7F 7F 00 2E 26"), uint64(1))
	f.Add(unhex(f, "7F 80 7F 80 01 07 12 02"), uint64(2))
	f.Add(unhex(f, "7F 80 11 7E A4 AD CA 37 19 A7 3E 1F 0E 54 86 B7 45 E6 70 F3 5D DA"), uint64(0x1122))
	f.Fuzz(func(t *testing.T, b []byte, shared uint64) {
		var d deframer
		for _, c := range b {
			p, ok, _ := d.push(c)
			if ok && len(p.data) == 0 {
				t.Fatal("a packet without data")
			}
			if ok && p.data[0] == stex {
				_, _, _ = open(sessionKey(defaultFixedKey, shared), p.data[1:])
			}
		}
		if len(b) > 0 && len(b) <= maxData { // what is packed comes out again
			i, frame := 0, pack(0x80, b)
			got := Deframe(func() (byte, bool) { i++; return frame[min(i, len(frame))-1], i <= len(frame) })
			if !bytes.Equal(got, b) {
				t.Fatalf("% X came out as % X", b, got)
			}
		}
	})
}
