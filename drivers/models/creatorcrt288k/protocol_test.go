package creatorcrt288k

import (
	"errors"
	"fmt"
	"testing"

	"zhigui/drivers/internal/motorcard"
)

// Derived from the rule: no address, ETX, XOR of everything.
func TestTheFrameHasNoAddress(t *testing.T) {
	if got := fmt.Sprintf("%X", frame.Append(nil, []byte("C10"))); got != "F2000343313003B0" {
		t.Error(got)
	}
}

func TestAnswersAreReadAsTheirSourceHasThem(t *testing.T) {
	for text, want := range map[string]struct {
		at   motorcard.Place
		data string
		code string
	}{
		"P1000": {at: motorcard.Nowhere}, "P1011": {at: motorcard.Gate}, "P1002": {at: motorcard.Inside}, "P1012x": {at: motorcard.Inside, data: "x"}, "N1011": {code: "11"},
	} {
		a, err := parse("C10", []byte(text))
		var f *motorcard.Fault
		if errors.As(err, &f) != (want.code != "") || f != nil && f.Code != want.code || a.At != want.at || string(a.Data) != want.data {
			t.Errorf("%s: %+v %v", text, a, err)
		}
	}
	for _, bad := range []string{"", "P10", "P1020", "P1003", "X1000", "P1100", "N101"} {
		if _, err := parse("C10", []byte(bad)); !errors.Is(err, errLayout) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestATrackIsTakenOutOfAllThree(t *testing.T) {
	all := []byte("PB622588^X^4912~P622588=4912~N24")
	for n, want := range []string{"B622588^X^4912", "622588=4912", ""} {
		b, err := track(all, n)
		var f *motorcard.Fault
		if string(b) != want || (n == 2) != errors.As(err, &f) || f != nil && f.Code != "24" {
			t.Errorf("%d: %s %v", n, b, err)
		}
	}
	for _, bad := range []string{"", "Px~Py", "~~", "X1~P~P", "N2~P~P"} {
		if _, err := track([]byte(bad), 0); !errors.Is(err, errLayout) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("P6112PB622588^X^4912~P622588=4912~N24"), 1)
	f.Add([]byte("N6102"), 0)
	f.Fuzz(func(t *testing.T, text []byte, n int) {
		a, err := parse(cmdRead, text)
		if err != nil {
			return
		}
		_, _ = track(a.Data, n&1)
	})
}
