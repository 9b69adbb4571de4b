package creatorcrt591

import (
	"errors"
	"testing"

	"zhigui/drivers/internal/motorcard"
)

func TestAnswersAreReadAsTheTextHasThem(t *testing.T) {
	for _, tc := range []struct {
		cmd, text, code string
		at              motorcard.Place
		data            string
		supply          supply
	}{
		{cmd: "C10", text: "P10020", at: motorcard.Nowhere, supply: supply{stock: '2'}},
		{cmd: "C21", text: "P21211", at: motorcard.Inside, supply: supply{stock: '1', full: true}},
		{cmd: "C07", text: "P07020CRT-591-M001", at: motorcard.Nowhere, supply: supply{stock: '2'}, data: "CRT-591-M001"},
		{cmd: "C21", text: "N21A0", code: "A0"},
		{cmd: "C21", text: "E2110", code: "10"},
	} {
		got, s, err := parse(tc.cmd, []byte(tc.text))
		var f *motorcard.Fault
		if errors.As(err, &f) != (tc.code != "") || f != nil && f.Code != tc.code {
			t.Errorf("%s: %v", tc.text, err)
		}
		if got.At != tc.at || string(got.Data) != tc.data || s != tc.supply {
			t.Errorf("%s: %+v %+v", tc.text, got, s)
		}
	}
}

func TestAnAnswerOfAnotherLayoutIsNoAnswer(t *testing.T) {
	for _, text := range []string{"P1002", "P10920", "P10030"[:4] + "90", "N10A", "X10020", "P11020"} {
		if r, _, err := parse("C10", []byte(text)); !errors.Is(err, errLayout) {
			t.Errorf("%s: %+v, %v", text, r, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("C10", []byte("P10020"))
	f.Add("C21", []byte("N21A0"))
	f.Add("C\xA50", []byte("P\xA50020007"))
	f.Fuzz(func(t *testing.T, cmd string, text []byte) {
		if len(cmd) < 3 {
			return
		}
		r, _, err := parse(cmd, text)
		var f *motorcard.Fault
		if err == nil && r.At == motorcard.Unknown || err != nil && !errors.Is(err, errLayout) && !errors.As(err, &f) {
			t.Fatalf("%q: %+v, %v", text, r, err)
		}
	})
}
