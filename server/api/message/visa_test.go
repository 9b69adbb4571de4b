package message

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"testing/fstest"
)

var visaValues = map[int]string{
	2: "4761739001010119005", 3: "010000", 4: "000000010000", 7: "0711154841", 11: "001171", 32: "476173",
	35: "4761739001010119=22122011143804489", 41: "TERMID01", 44: "A5", 49: "840", 52: "\x01\x02\x03\x04\x05\x06\x07\x08", 128: "MACVALUE",
}

// The bytes were written by hand from the header and field layouts.
func TestAVISAMessageIsEBCDICWithNumbersFilledUpOnTheLeft(t *testing.T) {
	d := mustDialect(t, "visa")
	frame, lay, err := build(t, d, visaValues).Pack(nil)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.ToUpper(hex.EncodeToString(frame[lay.MTI:]))
	for name, part := range map[string]string{
		"MTI":                          "0200",
		"19 digits behind a nibble":    "1304761739001010119005",
		"an even number":               "06476173",
		"track 2 of 34 characters":     "224761739001010119D22122011143804489",
		"terminal in EBCDIC":           "E3C5D9D4C9C4F0F1",
		"additional response":          "02C1F5",
		"currency with a filling zero": "0840",
	} {
		if !strings.Contains(body, part) {
			t.Errorf("%s: no %s in %s", name, part, body)
		}
	}
	if n := len(frame) - 4; int(frame[1]) != n || int(frame[8]) != n || frame[2] != 0 || frame[4] != 0x16 || lay.MTI != 26 {
		t.Errorf("frame and header % X", frame[:26])
	}
	m := New(d)
	if err := m.Unpack(d, frame[4:]); err != nil {
		t.Fatal(err)
	}
	for n, v := range visaValues {
		if m.String(n) != v {
			t.Errorf("field %d is %q", n, m.String(n))
		}
	}
	if !bytes.Equal(m.Covered(), lay.Cover(frame)) {
		t.Error("the MAC covers other bytes")
	}
}

func TestLengthsAreBinaryOrBCDAsTheFileSays(t *testing.T) {
	for name, want := range map[string]string{"visa": "\x22\x47\x61", "visabcd": "\x34\x47\x61"} {
		frame, _, err := build(t, mustDialect(t, name), visaValues).Pack(nil)
		if err != nil || !bytes.Contains(frame, []byte(want)) {
			t.Errorf("%s: %v % X", name, err, frame)
		}
	}
}

func TestABanksOwnDialectHasNoHeaderAndAHexadecimalBitmap(t *testing.T) {
	d := mustDialect(t, "bank128")
	frame, _, err := build(t, d, map[int]string{3: "010000", 11: "000001", 70: "301"}).Pack(nil)
	if want := "0051" + "0200" + "A020000000000000" + "0400000000000000" + "010000000001301"; err != nil || string(frame) != want {
		t.Fatalf("%v\n%s\n%s", err, frame, want)
	}
	if err := New(d).Unpack(d, frame[4:]); err != nil {
		t.Fatal(err)
	}
}

func TestAFieldMayHaveACharacterSetOfItsOwn(t *testing.T) {
	text := `name: x
fields: 64
digits: ebcdic
lengths: ebcdic
charset: ebcdic
frame: {prefix: ebcdic4, max: 100}
table:
  - {n: 3, name: a, type: n, max: 6}
  - {n: 44, name: b, type: ans, max: 25, var: 2, charset: ascii}
  - {n: 63, name: c, type: ans, max: 25, var: 2}
`
	d, err := Load(fstest.MapFS{"x.yaml": {Data: []byte(text)}}, "x.yaml")
	if err != nil {
		t.Fatal(err)
	}
	frame, _, err := build(t, d, map[int]string{3: "000001", 44: "AB", 63: "AB"}).Pack(nil)
	if err != nil || !bytes.HasSuffix(frame, []byte("\xf0\xf0\xf0\xf0\xf0\xf1\xf0\xf2AB\xf0\xf2\xc1\xc2")) {
		t.Fatalf("%v % X", err, frame)
	}
	m := New(d)
	if err := m.Unpack(d, frame[4:]); err != nil || m.MTI() != "0200" || m.String(63) != "AB" || m.String(44) != "AB" {
		t.Fatal(err, m.Describe())
	}
}

func TestTheVISAPathAllocatesNothing(t *testing.T) {
	d := mustDialect(t, "visa")
	m := build(t, d, visaValues)
	buf, _, _ := m.Pack(nil)
	body := append([]byte(nil), buf[4:]...)
	if n := testing.AllocsPerRun(100, func() {
		_ = m.Unpack(d, body)
		buf, _, _ = m.Pack(buf[:0])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The bytes were written by hand from the field layouts.
func TestAMastercardMessageIsEBCDICThroughout(t *testing.T) {
	d := mustDialect(t, "mastercard")
	values := map[int]string{2: "5222220000000005", 3: "010000", 4: "000000010000", 22: "051", 41: "TERMID01", 49: "840", 52: "\x01\x02\x03\x04\x05\x06\x07\x08", 128: "MACVALUE"}
	frame, lay, err := build(t, d, values).Pack(nil)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.ToUpper(hex.EncodeToString(frame))
	if n := len(frame) - 2; int(frame[0])<<8|int(frame[1]) != n || lay.MTI != 2 || !strings.HasPrefix(body[4:], "F0F2F0F0") {
		t.Errorf("frame % X", frame[:10])
	}
	fields := "F1F6" + "F5F2F2F2F2F2F0F0F0F0F0F0F0F0F0F5" + "F0F1F0F0F0F0" + "F0F0F0F0F0F0F0F1F0F0F0F0" + "F0F5F1" + "E3C5D9D4C9C4F0F1" + "F8F4F0" + "0102030405060708"
	if !strings.Contains(body, fields) {
		t.Errorf("no %s in %s", fields, body)
	}
	if bitmap := body[12:44]; bitmap != "F0000400008090000000000000000001" {
		t.Errorf("bitmap %s", bitmap)
	}
	m := New(d)
	if err := m.Unpack(d, frame[2:]); err != nil {
		t.Fatal(err)
	}
	for n, v := range values {
		if m.String(n) != v {
			t.Errorf("field %d is %q", n, m.String(n))
		}
	}
}
