package scene

import (
	"net"
	"testing"
)

func TestTwoScenesNeverShareAPort(t *testing.T) {
	seen := map[int]bool{}
	for range 20 {
		p, err := FreePorts()
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{p.Devices, p.XFS, p.Pages, p.Trade3DES, p.TradeSM4, p.Access, p.Manage, p.Host, p.HostControl, p.CashXFS, p.Partner} {
			if seen[n] || n >= 32768 {
				t.Errorf("port %d", n)
			}
			seen[n] = true
		}
	}
}

func TestAPortInUseIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := (Ports{Devices: l.Addr().(*net.TCPAddr).Port}).Busy(); err == nil {
		t.Error("nothing is said")
	}
}
