package message

import (
	"bytes"
	"errors"
	"testing"
)

func enveloped(t testing.TB) *Message {
	t.Helper()
	d, err := Builtin("pos64")
	if err != nil {
		t.Fatal(err)
	}
	m := New(d)
	for n, v := range map[int]string{3: "910000", 11: "000001", 35: "6225880000000001=49121010000012300000", 41: "T0000001", 53: "2600000000000000", 62: "110101199003070000|13800000000|name"} {
		if err := m.SetString(n, v); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// req: TX-28 TX-29
func TestFieldsGoIntoAnEnvelopeAndComeBack(t *testing.T) {
	for names, want := range map[string][]int{"private": {62}, "track2": {35}, EncloseAll: {35, 62}} {
		m := enveloped(t)
		fields, err := m.Dialect().Enclosed([]string{names})
		if err != nil {
			t.Fatal(err)
		}
		plain := m.Plain(nil, fields, 16)
		if len(plain)%16 != 0 || m.Envelope() != nil {
			t.Fatalf("%s: %d bytes", names, len(plain))
		}
		again := m.Plain(nil, fields, 16)
		if bytes.Equal(plain[:16], again[:16]) {
			t.Error("the block that stands for the IV is not random")
		}
		secret := bytes.Repeat([]byte{0xEE}, len(plain))
		if err := m.Enclose(fields, secret); err != nil {
			t.Fatal(err)
		}
		frame, _, err := m.Pack(nil)
		if err != nil {
			t.Fatal(err)
		}
		back := New(m.Dialect())
		body, _ := m.Dialect().Frame.Strip(frame)
		if err := back.Unpack(m.Dialect(), body); err != nil {
			t.Fatal(err)
		}
		for _, n := range want {
			if n != 62 && back.Has(n) {
				t.Errorf("%s: field %d is still in the clear", names, n)
			}
		}
		if !bytes.Equal(back.Envelope(), secret) || back.String(53) != "2610000000000000" || back.String(11) != "000001" {
			t.Errorf("%s: %s", names, back.Describe())
		}
		if err := back.Disclose(plain, 16); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{35, 62} {
			if !bytes.Equal(back.Get(n), enveloped(t).Get(n)) {
				t.Errorf("%s: field %d is %d bytes", names, n, len(back.Get(n)))
			}
		}
	}
}

func TestAnEnvelopeCarriesNoFieldThatSaysWhoseMessageItIs(t *testing.T) {
	d := enveloped(t).Dialect()
	for _, name := range []string{"stan", "terminal", "mac", "pinBlock", "network", "nothing"} {
		if _, err := d.Enclosed([]string{name}); err == nil {
			t.Errorf("%s may be encrypted", name)
		}
	}
	random := make([]byte, 8)
	for what, plain := range map[string][]byte{
		"a trace number": append(append([]byte(nil), random...), 11, 0, 6, '0', '0', '0', '0', '0', '9', 0x80, 0, 0, 0, 0, 0, 0),
		"a field twice":  append(append([]byte(nil), random...), 35, 0, 1, '1', 0x80, 0, 0, 0),
		"cut short":      append(append([]byte(nil), random...), 62, 0, 9, '1', 0x80, 0, 0, 0),
		"no padding":     append(append([]byte(nil), random...), 62, 0, 5, 1, 2, 3, 4, 5),
		"nothing":        {},
	} {
		if err := enveloped(t).Disclose(plain, 8); !errors.Is(err, ErrEnvelope) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzDisclose(f *testing.F) {
	m := enveloped(f)
	fields, _ := m.Dialect().Enclosed([]string{EncloseAll})
	f.Add(m.Plain(nil, fields, 8))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 62, 255, 255, 0x80, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, plain []byte) {
		m := enveloped(t)
		m.Unset(35)
		if m.Disclose(plain, 8) == nil && m.String(11) != "000001" {
			t.Error("an envelope changed the trace number")
		}
	})
}
