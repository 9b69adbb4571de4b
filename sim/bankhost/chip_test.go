package bankhost

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Published results of another implementation (pyemv's documentation); parity bits do not matter to DES.
func TestChipKeysAndCryptogramsAreThePublishedOnes(t *testing.T) {
	session := sessionOf(cardKeyOf(issuerAC, "99012345678901234"+"45"), unhex(t, "1234567890123456"))
	ac := retail(session, unhex(t, "0123456789ABCDEF0123456789ABCDEF"))
	if got := fmt.Sprintf("%X", ac); got != "FA624250B008B59A" {
		t.Errorf("cryptogram %s", got)
	}
	q := &request{rc: "\x00\x00", chip: &issuer{ac: session, request: ac}}
	if got := fmt.Sprintf("%X", q.chipAnswer()); got != "910A45D4255EEF10C9200000" {
		t.Errorf("answer %s", got)
	}
	if got := fmt.Sprintf("%X", retail(unhex(t, issuerAC), unhex(t, "8424000008"))); got != "0BFFF5DF3FAA24E1" {
		t.Errorf("script %s", got)
	}
}

// byChip is a request with a chip of counter 5 that signed amount.
func byChip(t *testing.T, h *Host, amount int, change func(f []byte) []byte) *request {
	t.Helper()
	m := compose(t, h, "0200", 9)
	values := map[string]string{"9f02": fmt.Sprintf("%012d", amount), "9f03": "000000000000", "9f1a": "0156", "95": "8000048000", "5f2a": "0156", "9a": "261122",
		"9c": "01", "9f37": "12345678", "82": "1c00", "9f36": "0005"}
	var f, data []byte
	for _, s := range signed {
		v := unhex(t, values[s.tag])
		f = append(append(append(f, unhex(t, s.tag)...), byte(len(v))), v...)
		data = append(data, v...)
	}
	iad := unhex(t, "07010103a0000001")
	data = append(data, iad[3:7]...)
	key := sessionOf(cardKeyOf(issuerAC, card+"01"), []byte{0, 5, 0, 0, 0, 0, 0, 0})
	f = append(append(append(f, 0x9F, 0x27, 1, 0x80, 0x9F, 0x10, 8), iad...), append([]byte{0x9F, 0x26, 8}, retail(key, data)...)...)
	for n, v := range map[int]string{4: fmt.Sprintf("%012d", 10000), 22: "051", 23: "001"} {
		if err := m.Field(n, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.BinaryField(55, change(f)); err != nil {
		t.Fatal(err)
	}
	return &request{m: moovMessage{m}, mti: "0200"}
}

func TestACryptogramDecides(t *testing.T) {
	h := host(t, t.TempDir())
	defer h.Close()
	same := func(f []byte) []byte { return f }
	for _, x := range []struct {
		name   string
		amount int
		change func([]byte) []byte
		want   string
	}{
		{"good", 10000, same, ""},
		{"another amount signed", 9900, same, rcCryptogram},
		{"a bit of the cryptogram", 10000, func(f []byte) []byte { f[len(f)-1] ^= 1; return f }, rcCryptogram},
		{"a bit of the country", 10000, func(f []byte) []byte { i := bytes.Index(f, []byte{0x9F, 0x1A}); f[i+4] ^= 1; return f }, rcCryptogram},
		{"a tag is missing", 10000, func(f []byte) []byte { return f[9:] }, "30"},
		{"no TLV", 10000, func(f []byte) []byte { return f[:len(f)-1] }, "30"},
		{"no data at all", 10000, func([]byte) []byte { return nil }, rcCryptogram},
	} {
		q := byChip(t, h, x.amount, x.change)
		if rc := q.checkChip(card); rc != x.want {
			t.Errorf("%s: %q, want %q", x.name, rc, x.want)
		}
		q.rc = "00"
		if got := q.chipAnswer(); (x.want == "") != (len(got) == 12) {
			t.Errorf("%s: answer %X", x.name, got)
		}
	}
	for mode, want := range map[string]string{"071": "", "021": "30"} { // over the antenna; a stripe signs nothing
		q := byChip(t, h, 10000, same)
		if err := q.m.(moovMessage).Field(22, mode); err != nil {
			t.Fatal(err)
		}
		if rc := q.checkChip(card); rc != want {
			t.Errorf("entry mode %s: %q", mode, rc)
		}
	}
	q := byChip(t, h, 10000, same)
	_ = q.checkChip(card)
	q.rc = "38"
	if got := fmt.Sprintf("%X", q.chipAnswer()); !strings.Contains(got, "720B8609841E000004") {
		t.Errorf("%s", got)
	}
}
