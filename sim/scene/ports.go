package scene

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports of a scene.
type Ports struct {
	Devices, XFS, Pages, Trade3DES, TradeSM4, Access, Manage, Host, HostControl, CashXFS, Partner int
}

// DefaultPorts are those of docs/interfaces.md.
var DefaultPorts = Ports{Devices: 8600, XFS: 5846, Pages: 8700, Trade3DES: 7583, TradeSM4: 7584, Access: 7443, Manage: 7080, Host: 7900, HostControl: 7980, CashXFS: 8610}

// Next are the usual ports of a branch's counter by its number; those of server and bank host are the branch's.
func (p Ports) Next(number int) Ports {
	p.Devices += 20 * (number - 1)
	p.CashXFS += 20 * (number - 1)
	p.XFS += number - 1
	p.Pages += number - 1
	return p
}

// Free ports come from blocks below those that a system gives to connections (32768 on
// Linux), so that no client takes one between the choice and the start of its server.
const (
	firstPort = 12000
	block     = 11 // ports
	blocks    = 1800
)

// FreePorts finds ports that nobody uses now. They are this process's until it ends: another
// scene of this machine gets others.
func FreePorts() (Ports, error) {
	for i, at := 0, rand.IntN(blocks); i < blocks; i, at = i+1, (at+1)%blocks {
		if !reserve(at) {
			continue
		}
		b := firstPort + at*block
		p := Ports{Devices: b, XFS: b + 1, Pages: b + 2, Trade3DES: b + 3, TradeSM4: b + 4, Access: b + 5, Manage: b + 6, Host: b + 7, HostControl: b + 8, CashXFS: b + 9, Partner: b + 10}
		if p.Busy() == nil {
			return p, nil
		}
	}
	return Ports{}, fmt.Errorf("no %d free ports from %d to %d", block, firstPort, firstPort+blocks*block-1)
}

// Busy names the first port that somebody else uses, with the part that needs it.
func (p Ports) Busy() error {
	for _, x := range []struct {
		what string
		port int
	}{{"virtual devices", p.Devices}, {"platform", p.XFS}, {"pages", p.Pages}, {"transactions (3DES)", p.Trade3DES}, {"transactions (SM4)", p.TradeSM4}, {"terminal access", p.Access}, {"console and Pad", p.Manage}, {"bank host", p.Host}, {"bank host control", p.HostControl}, {"service provider of the dispenser", p.CashXFS}, {"bill partner", p.Partner}} {
		if x.port == 0 {
			continue
		}
		l, err := net.Listen("tcp", addr(x.port))
		if err != nil {
			return fmt.Errorf("port %d (%s) is in use: is another desk running? (%w)", x.port, x.what, err)
		}
		l.Close()
	}
	return nil
}
