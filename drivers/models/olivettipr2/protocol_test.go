package olivettipr2

import (
	"errors"
	"testing"
	"time"

	"zhigui/drivers/api/printer"
	"zhigui/drivers/internal/golden"
)

func TestAnswersAreHeardAmongNoise(t *testing.T) {
	src := golden.Line([]byte("\xFF\x1Br0\x1Bs622588=12\x1C\x1BB\x052\x1BZ\x1Bs12\x1Brq"))
	for i, want := range []message{{gotStatus, []byte("0")}, {gotStripe, []byte("622588=12")}, {gotDocument, []byte("2")}, {gotStatus, []byte("q")}} {
		m, err := next(src, time.Time{})
		if err != nil || m.kind != want.kind || string(m.data) != string(want.data) {
			t.Errorf("%d: %+v, %v", i, m, err)
		}
	}
}

func TestAStripeIsBelievedOnlyWhenEachCharacterWasRead(t *testing.T) {
	for raw, want := range map[string]string{"622588=12": "622588=12", "12A12": "12", "\x7F": "", "": ""} {
		if got, err := stripeData([]byte(raw)); err != nil || got != want {
			t.Errorf("%q: %q, %v", raw, got, err)
		}
	}
	for _, raw := range []string{"62\x7F588", "12A13", "12\x01"} {
		if got, err := stripeData([]byte(raw)); !errors.Is(err, errStripeData) {
			t.Errorf("%q: %q, %v", raw, got, err)
		}
	}
}

func TestLinesAreSentToTheirPlaces(t *testing.T) {
	p := &profile{Digits: 3, LineUnit: 1, ColumnUnit: 1, Lines: 24, Columns: 48, ChineseOn: "1C26", ChineseOff: "1C2E"}
	got, err := p.render([]printer.PassbookLine{{Line: 7, Column: 3, Text: "存 100"}})
	if want := "\x1C&\x1BL006\x1BH002\xB4\xE6 100\x1C."; err != nil || string(got) != want {
		t.Errorf("%q, want %q, %v", got, want, err)
	}
	for _, l := range []printer.PassbookLine{{Line: 0, Column: 1}, {Line: 25, Column: 1}, {Line: 1, Column: 48, Text: "ab"}, {Line: 1, Column: 1, Text: "a\x1BO"}} {
		if b, err := p.render([]printer.PassbookLine{l}); err == nil {
			t.Errorf("%+v: %q", l, b)
		}
	}
}

func FuzzNext(f *testing.F) {
	f.Add([]byte("\x1Br0\x1Bs12\x1C\x1BB\x052\x1BZ"))
	f.Add([]byte("\x1B\x1B\x1Bs"))
	f.Fuzz(func(t *testing.T, b []byte) {
		src := golden.Line(b)
		for {
			m, err := next(src, time.Time{})
			if err != nil {
				return
			}
			if len(m.data) > maxData || m.kind != gotStripe && len(m.data) != 1 {
				t.Fatalf("%+v", m)
			}
			if s, err := stripeData(m.data); err == nil && s != "" && (&profile{StripeMax: maxData}).writable(s) != nil {
				t.Fatalf("%q was read and cannot be written", s)
			}
		}
	})
}
