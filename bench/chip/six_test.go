package chip

import (
	"context"
	"maps"
	"testing"
	"time"

	"zhigui/bench/branch"
	"zhigui/bench/robot"
	"zhigui/sim/scene"
)

func TestAWithdrawalOutOfSixCassettesThroughTheWholeBranch(t *testing.T) {
	b := &counter{t: t, Branch: branch.Start(t, "", scene.Options{Dispenser: "xfs4iotdispenser"})}
	b.ready()
	before := b.balance()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cash, err := robot.Dial(ctx, b.Desk.XFS, "cash", b.Desk.Token)
	if err != nil {
		t.Fatal(err)
	}
	defer cash.Close()
	var told struct {
		Storage map[string]struct {
			Cash struct{ Configuration struct{ Value float64 } }
		}
	}
	if err := cash.Call(ctx, "Storage.GetStorage", nil, &told); err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for u, x := range told.Storage {
		if x.Cash.Configuration.Value > 0 {
			values[u] = x.Cash.Configuration.Value
		}
	}
	if want := map[string]float64{"unit1": 100, "unit2": 50, "unit3": 20, "unit4": 10, "unit5": 5, "unit6": 1}; !maps.Equal(values, want) {
		t.Errorf("the platform's storage: %v", values)
	}
	for _, yuan := range []int64{186, 93} { // one note of each box; then 50+20+20+1+1+1
		v, err := b.Desk.Withdraw(ctx, "demo-1", "123456", yuan*100, robot.Takes)
		if err != nil || !v.Approved {
			t.Fatalf("%d yuan: %+v %v", yuan, v, err)
		}
		b.equal(before)
	}
	var s struct {
		Physical struct {
			Units map[string]struct{ Taken int }
		}
	}
	if err := b.Desk.Devices.State("cash", &s); err != nil {
		t.Fatal(err)
	}
	taken := map[string]int{}
	for u, x := range s.Physical.Units {
		taken[u] = x.Taken
	}
	if want := map[string]int{"CU1": 1, "CU2": 2, "CU3": 3, "CU4": 1, "CU5": 1, "CU6": 4}; !maps.Equal(taken, want) {
		t.Errorf("taken %v, want %v", taken, want)
	}
	// The service provider's link breaks while the notes are stacked, and is back: nobody pays twice, and
	// nothing is booked that nobody got.
	if err := b.Desk.Devices.Do("cash", "armFault", map[string]any{"code": "linkLost", "command": "CashDispenser.Present", "stage": "after-motion", "times": 1}); err != nil {
		t.Fatal(err)
	}
	v, err := b.Desk.Withdraw(ctx, "demo-1", "123456", 10000, robot.Takes)
	if err != nil || !v.Approved {
		t.Errorf("the counts prove it: %+v %v", v, err)
	}
	b.equal(before)
}
