package trade_test

import (
	"net"
	"testing"
	"time"

	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
)

// What a channel refuses is counted by cause, with the last one and its time; what is right is not.
func TestAChannelTellsWhyItRefusedSomething(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	x := r.terminal("00000001", trade.Zone3DES)
	z := r.chans[trade.Zone3DES]
	if h := z.Health(); h != (trade.Health{}) {
		t.Errorf("after a sign-in that is right: %+v", h)
	}
	expect := func(fault, terminal string, mac, strangers, garbage uint64) {
		t.Helper()
		until(t, "all are answered", func() bool { return z.Health().InFlight == 0 })
		h := z.Health()
		if h.Fault != fault || h.Terminal != terminal || h.MAC != mac || h.Strangers != strangers || h.Garbage != garbage || h.Broken != 0 || time.Since(h.At) > time.Minute {
			t.Errorf("%+v", h)
		}
	}
	good := x.mak
	x.mak = x.pik
	if a, err := x.try(x.request("010000", card1, "123456", 10_000), true); err != nil || a.String(39) != "A0" {
		t.Fatal(a, err)
	}
	x.mak = good
	expect(trade.FaultMAC, "00000001", 1, 0, 0)

	q := x.request("010000", card1, "123456", 10_000)
	if err := q.SetString(41, "99999999"); err != nil {
		t.Fatal(err)
	}
	if a, err := x.try(q, true); err != nil || a.String(39) != "03" {
		t.Fatal(a, err)
	}
	expect(trade.FaultStranger, "", 1, 1, 0)

	c, err := net.Dial("tcp", x.addr)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = c.Write([]byte("\x00\x05hello"))
	_, _ = c.Read(make([]byte, 1)) // it closes
	_ = c.Close()
	until(t, "it was looked at", func() bool { return z.Health().Garbage == 1 })
	expect(trade.FaultGarbage, "", 1, 1, 1)
	if _, a := x.withdraw(card1, 10_000); a.String(39) != "00" {
		t.Error(a.Describe())
	}
	expect(trade.FaultGarbage, "", 1, 1, 1)
}

func TestARequestUnderWayIsCountedUntilItIsAnswered(t *testing.T) {
	r := newRig(t, false, trade.Options{HostTimeout: 2 * time.Second})
	x := r.terminal("00000001", trade.Zone3DES)
	z := r.chans[trade.Zone3DES]
	r.bank.Arm(bankhost.Scenario{Kind: "noAnswer", Count: 1})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = x.try(x.request("010000", card1, "123456", 10_000), true)
	}()
	until(t, "one is under way", func() bool { return z.Health().InFlight == 1 })
	<-done
	until(t, "none is", func() bool { return z.Health().InFlight == 0 })
}
