package cashier

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/terminal/internal/book"
)

func TestACallersChoiceOfNotesMustMakeTheAmount(t *testing.T) {
	x := open(t, t.TempDir(), newModule())
	must(t, x.SetCounts(map[string]book.Unit{"unit1": {Currency: "CNY", Value: 10000, Count: 5}, "unit2": {Currency: "CNY", Value: 5000, Count: 50},
		"unit3": {Currency: "CNY", Value: 10000, Count: 5, Inaccurate: true}}, "test"))
	for name, c := range map[string]struct {
		counts map[string]int
		want   map[string]int
		err    error
	}{
		"the fewest":           {nil, map[string]int{"unit1": 3}, nil},
		"small ones":           {map[string]int{"unit1": 1, "unit2": 4}, map[string]int{"unit1": 1, "unit2": 4}, nil},
		"another amount":       {map[string]int{"unit2": 4}, nil, ErrNotDispensable},
		"a unit that is none":  {map[string]int{"unit9": 3}, nil, ErrNotDispensable},
		"one that is in doubt": {map[string]int{"unit3": 3}, nil, ErrNotDispensable},
		"a negative number":    {map[string]int{"unit1": 4, "unit2": -2}, nil, ErrNotDispensable},
	} {
		got, err := x.Choose(30000, c.counts)
		if d := cmp.Diff(c.want, got); d != "" || !errors.Is(err, c.err) {
			t.Errorf("%s: %v %s", name, err, d)
		}
	}
	if _, err := x.Choose(205000, map[string]int{"unit2": 41}); !errors.Is(err, ErrTooMany) {
		t.Errorf("%v", err)
	}
}

func TestATestOfTheUnitsIsBookedAndNeverBesideACustomer(t *testing.T) {
	x := approved(t)
	if done := x.Maintain(context.Background(), cash.CmdTest, nothing); done.Outcome != api.NotStarted || len(x.dev.ran) != 0 {
		t.Fatalf("beside a customer: %+v", done)
	}
	y := open(t, t.TempDir(), newModule())
	must(t, y.SetCounts(map[string]book.Unit{"unit1": {Currency: "CNY", Value: 10000, Initial: 100, Count: 100}}, "test"))
	y.dev.script[cash.CmdTest] = func() api.Completion {
		if _, doubt := y.count(t); !doubt {
			t.Error("a crash now would leave a wrong count that everybody believes")
		}
		return api.Completion{Outcome: api.Done, Payload: moved(cash.UnitMoved{Rejected: 1}, false)}
	}
	if done := y.Maintain(context.Background(), cash.CmdTest, nothing); done.Outcome != api.Done || done.Payload != nil {
		t.Errorf("%+v", done)
	}
	if n, doubt := y.count(t); n != 99 || doubt {
		t.Errorf("%d %v", n, doubt)
	}
	y.dev.script[cash.CmdTest] = func() api.Completion { return api.Refuse(api.DeviceNotReady, "") }
	if done := y.Maintain(context.Background(), cash.CmdTest, nothing); done.Outcome != api.NotStarted {
		t.Errorf("%+v", done)
	}
	if n, doubt := y.count(t); n != 99 || doubt {
		t.Errorf("after a test that was refused: %d %v", n, doubt)
	}
	y.dev.script[cash.CmdTest] = func() api.Completion { return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError} }
	y.Maintain(context.Background(), cash.CmdTest, nothing)
	if n, doubt := y.count(t); n != 99 || !doubt {
		t.Errorf("after an unclear test: %d %v", n, doubt)
	}
}
