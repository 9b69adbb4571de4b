package kill

import (
	"fmt"
	"math/rand"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// GarbageOnEveryPortAndLineChangesNothing puts random bytes, half frames and wrong protocols on every
// port, socket and serial line: nothing dies, and the next customer is served.
func GarbageOnEveryPortAndLineChangesNothing(t *testing.T) {
	b := newBranch(t, "3des")
	pids := b.pids()
	rng := rand.New(rand.NewSource(7))
	p := b.Ports
	for name, port := range map[string]int{
		"devices": p.Devices, "xfs": p.XFS, "pages": p.Pages, "trade": p.Trade3DES, "trade sm4": p.TradeSM4,
		"access": p.Access, "manage": p.Manage, "bank": p.Host, "bank control": p.HostControl,
	} {
		for i := range 30 {
			spray(t, "tcp", fmt.Sprintf("127.0.0.1:%d", port), name, i, rng)
		}
	}
	for _, socket := range []string{"keeper.sock", "keeperctl.sock"} {
		for i := range 30 {
			spray(t, "unix", filepath.Join(b.dir, "terminal", socket), socket, i, rng)
		}
	}
	for _, device := range []string{"card", "cash", "pinpad", "printer"} {
		if err := b.desk.Devices.Do(device, "armLine", map[string]any{"kind": "garbage", "times": 3}); err != nil {
			t.Fatal(err)
		}
	}
	b.run(fault{}, rng)
	b.check()
	for name, pid := range b.pids() {
		if pids[name] != pid {
			t.Errorf("%s died of it: process %d became %d", name, pids[name], pid)
		}
	}
}

// pids of every process of the branch but the page's.
func (b *branch) pids() map[string]int {
	out := map[string]int{"platformd": b.platformPID(), "shell": pidOf("terminal", func(_ int, args []string) bool {
		return slices.Contains(args, filepath.Join(b.dir, "terminal", "run", "flow.token"))
	})}
	for _, name := range []string{"bank", "server", "devices", "keeper"} {
		out[name] = b.Process(name).PID()
	}
	for _, model := range []string{"creatorcrt350n", "puloonlcdm2000", "szztzt598", "escposreceipt"} {
		out[model] = b.driverPID(model)
	}
	return out
}

// shapes of what is sent, from noise to almost right.
var shapes = []func(*rand.Rand) []byte{
	func(r *rand.Rand) []byte { b := make([]byte, 1+r.Intn(4000)); r.Read(b); return b },
	func(r *rand.Rand) []byte { return []byte{0xFF, 0xFF} },
	func(r *rand.Rand) []byte { return []byte("9999") },
	func(r *rand.Rand) []byte { return append([]byte{0, 40}, make([]byte, 40)...) },
	func(r *rand.Rand) []byte { return []byte("0046" + strings.Repeat("A", 46)) },
	func(r *rand.Rand) []byte {
		return []byte("GET /" + strings.Repeat("%ff", 300) + " HTTP/1.1\r\nHost: x\r\n\r\n")
	},
	func(r *rand.Rand) []byte {
		return []byte("POST /v2/api/session HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n{")
	},
	func(r *rand.Rand) []byte { return []byte("{\"hello\":{\"version\":99}}\n{\"beat\":{}}\n") },
	func(r *rand.Rand) []byte { return []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") },
}

func spray(t *testing.T, network, addr, name string, i int, rng *rand.Rand) {
	t.Helper()
	conn, err := net.DialTimeout(network, addr, 5*time.Second)
	if err != nil {
		t.Fatalf("%s does not accept any more: %v", name, err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(200 * time.Millisecond)) // it may answer, close or keep silent
	if _, err := conn.Write(shapes[i%len(shapes)](rng)); err != nil && !os.IsTimeout(err) {
		return // it has closed already
	}
	buf := make([]byte, 1024)
	_, _ = conn.Read(buf)
}
