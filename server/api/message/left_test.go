package message

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestTheTimeLeftStandsInItsPlaceAndNowhereElse(t *testing.T) {
	d, err := Builtin("pos64")
	if err != nil {
		t.Fatal(err)
	}
	m, back := New(d), New(d)
	for _, c := range []struct {
		name string
		set  func()
		want time.Duration
		ok   bool
		bad  bool
	}{
		{"nothing said", func() {}, 0, false, false},
		{"an operator", func() { _ = m.SetString(63, "001") }, 0, false, false},
		{"whole milliseconds", func() { m.SetTimeLeft(24_500*time.Millisecond + 999*time.Microsecond) }, 24_500 * time.Millisecond, true, false},
		{"more than is believed", func() { m.SetTimeLeft(time.Hour) }, MostTimeLeft, true, false},
		{"less than nothing", func() { m.SetTimeLeft(-time.Second) }, 0, true, false},
		{"a tag without digits", func() { _ = m.SetString(63, "TL") }, 0, true, true},
		{"a sign", func() { _ = m.SetString(63, "TL-00500") }, 0, true, true},
		{"too much", func() { _ = m.SetString(63, "TL600001") }, 0, true, true},
		{"far too long", func() { _ = m.SetString(63, "TL"+strings.Repeat("0", 30)+"5") }, 0, true, true},
	} {
		m.Reset(d)
		_ = m.SetMTI("0200")
		c.set()
		frame, _, err := m.Pack(nil)
		if err == nil {
			err = back.Unpack(d, frame[2:])
		}
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got, ok, err := back.TimeLeft(); got != c.want || ok != c.ok || (err != nil) != c.bad {
			t.Errorf("%s: %s %v %v", c.name, got, ok, err)
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		m.Reset(d)
		m.SetTimeLeft(time.Second)
		_, _, _ = m.TimeLeft()
		_ = m.CarriesTimeLeft(63)
	}); n != 0 {
		t.Errorf("%.0f allocations", n)
	}
}

func TestAPlaceThatCannotHoldTheTimeLeftIsRefused(t *testing.T) {
	for name, place := range map[string]string{
		"no such field": "{field: 5}", "the MAC": "{field: 64}", "bytes": "{field: 62}", "another value's, without a tag": "{field: 63}", "too short": "{field: 14, tag: TL}",
		"digits with a tag": "{field: 60, tag: TL}", "a tag that is none": "{field: 63, tag: '|'}", "a tag alone": "{tag: TL}",
	} {
		pos, err := builtin.ReadFile("dialects/pos64.yaml")
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(pos), "timeLeft: {field: 63, tag: TL}", "timeLeft: "+place, 1)
		if _, err := Load(fstest.MapFS{"x.yaml": {Data: []byte(text)}}, "x.yaml"); err == nil || !strings.Contains(err.Error(), "x.yaml:13:") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(fstest.MapFS{"x.yaml": {Data: []byte("name: x\nfields: 64\ndigits: bcd\nlengths: bcd\nframe: {prefix: binary2, max: 99}\ntable:\n  - {n: 59, name: w, type: n, max: 6, canon: timeLeft}\n")}}, "x.yaml"); err == nil || !strings.Contains(err.Error(), "timeLeft: {field: 59}") {
		t.Error(err)
	}
}

func FuzzTimeLeft(f *testing.F) {
	for _, s := range []string{"", "0", "000500", "600000", "600001", "-1", "+5", "1e3", "٣", "99999999999999999999"} {
		f.Add(s)
	}
	d, err := Builtin("pos64")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseTimeLeft(s)
		if v < 0 || v > MostTimeLeft || err != nil && v != 0 {
			t.Fatal(v, err)
		}
		m := New(d)
		if m.SetString(63, "TL"+s) != nil {
			return
		}
		if got, ok, bad := m.TimeLeft(); got != v || !ok || (bad == nil) != (err == nil) {
			t.Fatalf("%s %v %v, want %s %v", got, ok, bad, v, err)
		}
		if err != nil {
			return
		}
		if again, bad := ParseTimeLeft(FormatTimeLeft(v)); again != v || bad != nil {
			t.Fatal(again, bad)
		}
	})
}
