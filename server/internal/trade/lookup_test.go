package trade_test

import (
	"testing"

	"zhigui/server/internal/trade"
)

// A terminal of which nobody can say whether it is one of ours is not told that it is none: what it asks, or takes
// back, may be the repeat of what was approved.
func TestATerminalThatCannotBeLookedUpIsNotToldThatItIsNone(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", "3des")
	never := *x
	never.id = "00000002"
	if a := never.do(never.request("010000", card1, "123456", 10000), false); a.String(39) != "03" {
		t.Fatalf("one that there is not: %s", a.String(39))
	}
	if err := r.st.Close(); err != nil {
		t.Fatal(err)
	}
	for mti, want := range map[string]string{"0200": "98", "0100": "98", "0220": "96", "0400": "96", "0800": "96"} {
		m := never.request("010000", card1, "123456", 10000)
		_ = m.SetMTI(mti)
		if a := never.do(m, false); a.String(39) != want {
			t.Errorf("%s: %s, want %s", mti, a.String(39), want)
		}
	}
}
