package trade_test

import (
	"path/filepath"
	"testing"

	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	simhsm "zhigui/sim/hsm"
)

// deviceRig is a rig whose keys are in a security module behind TCP.
func deviceRig(t *testing.T, hostSM4 bool) (*rig, *simhsm.HSM) {
	t.Helper()
	d := moduleOf(t)
	return newRigOf(&rig{t: t, dir: t.TempDir(), hostSM: hostSM4, device: d.Addr()}), d
}

func moduleOf(t *testing.T) *simhsm.HSM {
	t.Helper()
	d, err := simhsm.Start(simhsm.Options{Listen: "127.0.0.1:0", LMK: filepath.Join(t.TempDir(), "lmk"), Authorised: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// req: TX-24 TX-27
func TestAWithdrawalIsBookedOnceWithKeysInADevice(t *testing.T) {
	for _, hostSM4 := range []bool{false, true} {
		r, d := deviceRig(t, hostSM4)
		for id, zone := range map[string]string{"00000001": trade.Zone3DES, "00000002": trade.ZoneSM4} {
			x := r.terminal(id, zone)
			before := r.balance(card5)
			q, a := x.withdraw(card5, 30000)
			if a.String(39) != "00" || before-r.balance(card5) != 30000 {
				t.Fatalf("zone %s: %s", zone, a.Describe())
			}
			d.DropConnections() // a restart of the device between two messages
			if a := x.do(x.about("0220", q, 30000), true); a.String(39) != "00" {
				t.Fatalf("confirmation: %s", a.Describe())
			}
		}
		if v := r.bank.Check(); !v.OK {
			t.Fatal(v)
		}
	}
}

func TestADeviceThatFailsBeforeSendingLeavesNothingBehind(t *testing.T) {
	for name, f := range map[string]simhsm.Fault{
		"PIN translation refused":       {Command: "CA", Kind: "error", Code: "13"},
		"PIN translation not answered":  {Command: "CA", Kind: "silence"},
		"the terminal's MAC not judged": {Command: "M6", Kind: "drop", Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			r, d := deviceRig(t, false)
			x := r.terminal("00000001", trade.Zone3DES)
			before := r.balance(card5)
			d.DropConnections() // so that the fault does not only cost a stale connection
			if err := d.Arm(f); err != nil {
				t.Fatal(err)
			}
			if f.Times > 0 { // once on the stale connection, once on the new one
				if err := d.Arm(f); err != nil {
					t.Fatal(err)
				}
			}
			if _, a := x.withdraw(card5, 10000); a.String(39) != "96" {
				t.Errorf("answered %s", a.String(39))
			}
			d.ClearFaults()
			if n := r.eng.Stats().ReversalsPending; n != 0 || r.balance(card5) != before {
				t.Errorf("%d reversals, balance %d", n, r.balance(card5))
			}
			if _, a := x.withdraw(card5, 10000); a.String(39) != "00" || before-r.balance(card5) != 10000 {
				t.Errorf("afterwards: %s", a.Describe())
			}
		})
	}
}

// A device that fails one command in four: whatever the terminal was told, the books agree at the end,
// and what it was not told was taken back.
func TestADeviceThatFailsAtAnyPointLosesNoMoney(t *testing.T) {
	r, d := deviceRig(t, true)
	x := r.terminal("00000001", trade.ZoneSM4)
	before := r.balance(card5)
	for _, f := range []simhsm.Fault{{Kind: "error", Code: "13", Percent: 10}, {Kind: "drop", After: true, Percent: 10}, {Kind: "cut", Percent: 10}} {
		if err := d.Arm(f); err != nil {
			t.Fatal(err)
		}
	}
	paid := int64(0)
	for range 40 {
		q := x.request("010000", card5, "123456", 10000)
		a, err := x.try(q, true)
		if err != nil || a.String(39) != "00" {
			continue // no answer, or none that pays
		}
		paid += 10000
		until(t, "confirmation", func() bool {
			a, err := x.try(x.about("0220", q, 10000), true)
			return err == nil && a.String(39) == "00"
		})
	}
	d.ClearFaults()
	if paid == 0 {
		t.Fatal("nothing was approved: the test proves nothing")
	}
	// An approval whose answer the device kept from the terminal is open: the terminal reverses it.
	for stan, last := 1, x.stan; stan <= last; stan++ {
		q := x.request("010000", card5, "123456", 10000)
		_ = q.SetNumber(11, uint64(stan))
		if txn, err := r.st.ByOriginal(t.Context(), x.id, "000001", q.String(11)); err == nil && txn.State == store.Approved {
			if a := x.do(x.about("0400", q, 10000), true); a.String(39) != "00" {
				t.Errorf("reversal: %s", a.Describe())
			}
		}
	}
	until(t, "all reversals", func() bool { return r.eng.Stats().ReversalsPending == 0 })
	until(t, "the books agree", func() bool { return before-r.balance(card5) == paid })
	if v := r.bank.Check(); !v.OK {
		t.Error(v)
	}
}
