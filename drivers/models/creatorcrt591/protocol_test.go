package creatorcrt591

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnswersAreReadAsTheTextHasThem(t *testing.T) {
	for _, tc := range []struct {
		cmd, text, code string
		want            response
	}{
		{cmd: "C10", text: "P10020", want: response{card: nowhere, stock: '2'}},
		{cmd: "C21", text: "P21211", want: response{card: reading, stock: '1', full: true}},
		{cmd: "C07", text: "P07020CRT-591-M001", want: response{card: nowhere, stock: '2', data: []byte("CRT-591-M001")}},
		{cmd: "C21", text: "N21A0", code: "A0"},
		{cmd: "C21", text: "E2110", code: "10"},
	} {
		got, err := parse(tc.cmd, []byte(tc.text))
		var de *deviceError
		if errors.As(err, &de) != (tc.code != "") || de != nil && de.code != tc.code {
			t.Errorf("%s: %v", tc.text, err)
		}
		if len(got.data) == 0 {
			got.data = nil
		}
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(response{})); diff != "" {
			t.Errorf("%s: %s", tc.text, diff)
		}
	}
}

func TestAnAnswerOfAnotherLayoutIsNoAnswer(t *testing.T) {
	for _, text := range []string{"P1002", "P10920", "P10030"[:4] + "90", "N10A", "X10020", "P11020"} {
		if r, err := parse("C10", []byte(text)); !errors.Is(err, errLayout) {
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
		r, err := parse(cmd, text)
		var de *deviceError
		if err == nil && (r.card < nowhere || r.card > reading) || err != nil && !errors.Is(err, errLayout) && !errors.As(err, &de) {
			t.Fatalf("%q: %+v, %v", text, r, err)
		}
		_ = sensors(r.data)
	})
}
