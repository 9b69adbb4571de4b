package iccard

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
)

const (
	selectPPSE = "00A404000E325041592E5359532E444446303100"
	// qualifiers, then amount 300.00, other 0, country 0156, TVR, currency 0156, date, type, number
	quickValues = "000000030000" + "000000000000" + "0156" + "0000000000" + "0156" + "261122" + "01" + "12345678"
)

func quickOptions(qualifiers string) string {
	return "80A8000023" + "8321" + qualifiers + quickValues + "00"
}

// air selects a card and gives it commands; the last one's answer counts.
func air(t *testing.T, c *Card, apdus ...string) (out []byte, sw uint16) {
	t.Helper()
	for _, a := range apdus {
		out = c.Command(unhex(t, a))
		sw = binary.BigEndian.Uint16(out[len(out)-2:])
	}
	return out[:len(out)-2], sw
}

func TestOneCardHasOneCounterForContactsAndAntenna(t *testing.T) {
	dir := t.TempDir()
	s := fresh(t, dir, Chip{})
	if atc, _ := start(t, s); !bytes.Equal(atc, []byte{0, 1}) {
		t.Fatalf("% X", atc)
	}
	c, err := New(dir, Chip{}, stripe, "ZHANG/SAN")
	if err != nil {
		t.Fatal(err)
	}
	heard, err := c.Select()
	if err != nil || heard.Kind != 'A' || int(heard.ATS[0]) != len(heard.ATS) || len(heard.UID) != 4 {
		t.Fatalf("%+v %v", heard, err)
	}
	if _, sw := air(t, c, selectPSE); sw != fileMissing {
		t.Errorf("the contacts' directory over the antenna: %04X", sw)
	}
	dirEntry, _ := air(t, c, selectPPSE)
	if !bytes.Equal(value(t, dirEntry, "4F"), AID) {
		t.Errorf("%X", dirEntry)
	}
	out, sw := air(t, c, selectAID, quickOptions("34C00000"))
	if sw != ok || !bytes.Equal(value(t, out, "9F36"), []byte{0, 2}) || !bytes.Equal(value(t, out, "9F27"), []byte{0x80}) || !bytes.Equal(value(t, out, "9F6C"), []byte{0x80, 0}) {
		t.Fatalf("%X %04X", out, sw)
	}
	// The rule of a cryptogram is that of the contacts.
	key := sessionKey(masterKey(issuerAC, "6225880000000001", 1), [8]byte{0, 2})
	want := mac(key, unhex(t, quickValues+"0000"+"0002"+"03A00000"))
	if got := value(t, out, "9F26"); !bytes.Equal(got, want) {
		t.Errorf("cryptogram %X, want %X", got, want)
	}
	rec, sw := air(t, c, "00B2011400")
	if sw != ok || fmt.Sprintf("%X", value(t, rec, "5A")) != "6225880000000001" {
		t.Errorf("%X %04X", rec, sw)
	}
	if _, sw := air(t, c, first); sw != conditions {
		t.Errorf("a second cryptogram: %04X", sw)
	}
}

func TestAQuickTransactionThatCannotBeIsRefused(t *testing.T) {
	for _, x := range []struct {
		name, options string
		sw            uint16
		kind          byte
	}{
		{"a terminal without qPBOC", quickOptions("10C00000"), conditions, 0xFF},
		{"the wrong length", "80A800000583030156" + "1400", wrongLength, 0xFF},
		{"a terminal that is never online", quickOptions("28000000"), ok, 0x00},
	} {
		c, err := New(t.TempDir(), Chip{}, stripe, "X")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Select()
		out, sw := air(t, c, selectAID, x.options)
		if sw != x.sw {
			t.Errorf("%s: %04X", x.name, sw)
		}
		if x.kind != 0xFF && value(t, out, "9F27")[0] != x.kind {
			t.Errorf("%s: %X", x.name, out)
		}
	}
}

func TestTheKindsOfCardsAtAnAntenna(t *testing.T) {
	for kind, want := range map[Chip]byte{{}: 'A', {Air: "B"}: 'B', {Air: "mifare"}: 'M', {Air: "none"}: 0, {State: "mute"}: 0} {
		c, err := New(t.TempDir(), kind, stripe, "X")
		if err != nil {
			t.Fatal(err)
		}
		heard, err := c.Select()
		if heard.Kind != want || (err != nil) != (want == 0) {
			t.Errorf("%+v: %+v %v", kind, heard, err)
		}
		if want == 'B' && (len(heard.ATQ) != 12 || heard.ATQ[0] != 0x50) {
			t.Errorf("% X", heard.ATQ)
		}
	}
	if (Chip{Air: "C"}).Check() == nil {
		t.Error("a card of type C")
	}
}

func FuzzAirCommand(f *testing.F) {
	for _, s := range []string{selectPPSE, selectAID, quickOptions("34C00000"), first, "00B2011400", "80CA9F3600"} {
		f.Add(unhex(f, s))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := New(dir, Chip{}, stripe, "X")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.Select()
		c.app.selected = "app"
		if out := c.Command(b); len(out) < 2 {
			t.Errorf("% X", out)
		}
	})
}
