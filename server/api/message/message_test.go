package message

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/fstest"
)

func TestCUPSHeaderCarriesItsTotalLength(t *testing.T) {
	d := mustDialect(t, "cups128")
	frame, _, err := build(t, d, golden["cups128"]).Pack(nil)
	if err != nil {
		t.Fatal(err)
	}
	if frame[4] != 0x2E || string(frame[6:10]) != string(frame[0:4]) {
		t.Fatalf("header % X", frame[:12])
	}
}

// Q/CUP 006: a message that cannot be read comes back as it was, with why in its header. It is no answer, whatever
// its field 39 says: the MAC does not cover the header.
func TestARejectedMessageIsNoMessage(t *testing.T) {
	d := mustDialect(t, "cups128")
	for code, read := range map[string]bool{"00000": true, "00301": false} {
		m := build(t, d, golden["cups128"])
		if err := m.SetHeaderPart("reject", code); err != nil {
			t.Fatal(err)
		}
		frame, _, err := m.Pack(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := New(d).Unpack(d, frame[4:]); read != (err == nil) || err != nil && !strings.Contains(err.Error(), "reject") {
			t.Errorf("reject code %s: %v", code, err)
		}
	}
}

func TestSetRefusesWhatTheTableForbids(t *testing.T) {
	d := mustDialect(t, "pos64")
	for name, c := range map[string]struct {
		n int
		v string
	}{
		"letters in a number":      {3, "01000A"},
		"short fixed number":       {3, "0100"},
		"too long a PAN":           {2, "62258800000000000012"},
		"a field it does not have": {70, "301"},
		"a PIN block of 16 bytes":  {52, "0123456789ABCDEF"},
		"control characters":       {41, "T\n"},
	} {
		t.Run(name, func(t *testing.T) {
			err := New(d).Set(c.n, []byte(c.v))
			var fe *FieldError
			if !errors.As(err, &fe) {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), c.v) {
				t.Error("the error repeats the value")
			}
		})
	}
}

func TestDescribeHidesEverySecret(t *testing.T) {
	for name, vals := range golden {
		s := build(t, mustDialect(t, name), vals).Describe()
		for _, n := range []int{2, 35, 36, 52, 62} {
			if v := vals[n]; v != "" && strings.Contains(s, v) {
				t.Errorf("%s shows field %d", name, n)
			}
		}
		if !strings.Contains(s, vals[2][:6]+"*") {
			t.Errorf("%s: no masked PAN in\n%s", name, s)
		}
	}
}

func TestMACIsSetAfterPackingAndComparedInItsForm(t *testing.T) {
	mac := []byte{0xA1, 0xB2, 0xC3, 0xD4, 5, 6, 7, 8}
	for name, w := range map[string]int{"pos64": 2, "cups128": 4} {
		d := mustDialect(t, name)
		m := build(t, d, golden[name])
		m.ReserveMAC()
		frame, lay, err := m.Pack(nil)
		if err != nil || !lay.PutMAC(frame, mac) {
			t.Fatal(err)
		}
		var back Message
		if err := back.Unpack(d, frame[w:]); err != nil {
			t.Fatal(err)
		}
		if !back.MACEquals(mac) || back.MACEquals([]byte{1, 2, 3, 4, 5, 6, 7, 8}) {
			t.Error(name, "MAC comparison")
		}
	}
}

func TestReplySwapsAddressesAndAdvancesTheMTI(t *testing.T) {
	d := mustDialect(t, "pos64")
	q, a := New(d), New(d)
	_ = q.SetMTI("0400")
	a.ReplyTo(q)
	if a.MTI() != "0410" || !bytes.Equal(a.HeaderPart("to"), q.HeaderPart("from")) {
		t.Fatal(a.MTI(), a.HeaderPart("to"))
	}
}

func TestMappingCopiesByCanonicalName(t *testing.T) {
	pos, cups := mustDialect(t, "pos64"), mustDialect(t, "cups128")
	src, dst := build(t, pos, golden["pos64"]), New(cups)
	if err := NewMapping(pos, cups).Copy(dst, src, PAN, Amount, Track2, Batch); err != nil {
		t.Fatal(err)
	}
	if dst.String(2) != golden["pos64"][2] || dst.String(4) != golden["pos64"][4] || dst.Has(60) {
		t.Fatal(dst.Describe())
	}
}

func TestDialectErrorsNameFileLineAndColumn(t *testing.T) {
	head := "name: x\nfields: 64\ndigits: bcd\nlengths: bcd\nframe: {prefix: binary2, max: 100}\n"
	for name, c := range map[string]struct{ text, want string }{
		"an unknown key":     {head + "colour: red\n", "x.yaml:6:1: "},
		"a wrong type":       {head + "table:\n  - {n: 3, name: a, type: q, max: 6}\n", "x.yaml:7:27: type"},
		"an unmasked PAN":    {head + "table:\n  - {n: 2, name: a, type: n, max: 19, var: 2, canon: pan}\n", "pan must be masked"},
		"a field too high":   {head + "table:\n  - {n: 65, name: a, type: n, max: 6}\n", "x.yaml:7:9: field number"},
		"two of one meaning": {head + "table:\n  - {n: 3, name: a, type: n, max: 6, canon: stan}\n  - {n: 4, name: a, type: n, max: 6, canon: stan}\n", "x.yaml:8:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(fstest.MapFS{"x.yaml": {Data: []byte(c.text)}}, "x.yaml")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestReadFrameRefusesLengthsThatCannotBe(t *testing.T) {
	pos, cups := mustDialect(t, "pos64"), mustDialect(t, "cups128")
	for name, c := range map[string]struct {
		d    *Dialect
		in   string
		want error
	}{
		"a huge length":      {pos, "\xff\xff1", ErrFrame},
		"letters for digits": {cups, "GET / HTTP/1.1\r\n", ErrFrame},
		"a body cut short":   {pos, "\x00\x20abc", io.ErrUnexpectedEOF},
		"a prefix cut short": {cups, "00", io.ErrUnexpectedEOF},
		"nothing":            {cups, "", io.EOF},
		"an idle frame":      {cups, "0000", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := c.d.ReadFrame(bufio.NewReader(strings.NewReader(c.in)), nil); !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
}

func FuzzUnpack(f *testing.F) {
	var ds []*Dialect
	for _, n := range []string{"pos64", "pos64sm4", "pos64fold", "cups128", "cups128sm4", "cups128mab", "visa", "visabcd", "mastercard", "bank128"} {
		d := mustDialect(f, n)
		ds = append(ds, d)
		v := golden[n]
		if d.Odd {
			v = visaValues
		}
		if v != nil {
			frame, _, err := build(f, d, v).Pack(nil)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(frame[2:])
			f.Add(frame[4:])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, d := range ds {
			m := New(d)
			if m.Unpack(d, b) != nil {
				continue
			}
			_ = m.Describe()
			out, _, err := m.Pack(nil)
			if err != nil {
				t.Fatalf("%s: cannot pack what was unpacked: %v", d.Name, err)
			}
			if back, ok := d.Frame.Strip(out); !ok || !bytes.Equal(back, b) {
				t.Fatalf("%s: %X became %X", d.Name, b, out)
			}
		}
	})
}

func TestHotPathAllocatesNothing(t *testing.T) {
	for name, vals := range golden {
		d := mustDialect(t, name)
		m := build(t, d, vals)
		buf, _, _ := m.Pack(nil)
		body := append([]byte(nil), buf[map[Prefix]int{PrefixBinary2: 2, PrefixASCII4: 4}[d.Prefix]:]...)
		if n := testing.AllocsPerRun(100, func() {
			if err := m.Unpack(d, body); err != nil {
				t.Fatal(err)
			}
			_ = m.SetString(39, "00")
			_ = m.SetNumber(11, 7)
			buf, _, _ = m.Pack(buf[:0])
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkUnpackAndPack(b *testing.B) {
	for _, name := range []string{"pos64", "cups128"} {
		b.Run(name, func(b *testing.B) {
			d := mustDialect(b, name)
			m := build(b, d, golden[name])
			buf, _, _ := m.Pack(nil)
			body := append([]byte(nil), buf[map[Prefix]int{PrefixBinary2: 2, PrefixASCII4: 4}[d.Prefix]:]...)
			b.ReportAllocs()
			for b.Loop() {
				_ = m.Unpack(d, body)
				buf, _, _ = m.Pack(buf[:0])
			}
		})
	}
}
