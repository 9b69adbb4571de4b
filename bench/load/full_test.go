package load_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"zhigui/bench/load"
	"zhigui/sim/scene"
)

// built makes the programs of the test.
func built(t *testing.T, programs ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	args := []string{"build", "-o", dir + "/"}
	for _, p := range programs {
		args = append(args, "zhigui/"+p)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for range 3000 {
		if f() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("did not come about: " + what)
}

// The disk is full in the middle of the traffic: the files of the server may not grow any more. New
// transactions are refused before anything is sent, outcomes that cannot be stored are not told as
// approvals, and when there is room again every amount that the bank has booked is one that a terminal
// was told, or is taken back.
func TestAFullDiskRefusesAndLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts processes")
	}
	bin, dir := built(t, "server/cmd/server", "server/cmd/serverctl", "sim/cmd/simbank"), t.TempDir()
	p, err := scene.FreePorts()
	if err != nil {
		t.Fatal(err)
	}
	addr := func(i int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Devices+i)) }
	keys, tmks, cfg := filepath.Join(dir, "zone.keys"), filepath.Join(dir, "tmks"), filepath.Join(dir, "server.yaml")
	ctl := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(filepath.Join(bin, "serverctl"), args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	ctl("zone", "keys", "--out", keys)
	text := fmt.Sprintf("data: data\nlog: error\ntrade: {hostTimeout: 2s, reversalDelay: 100ms}\nchannels: [{name: terminals, dialect: pos64, zone: 3des, link: {kind: short, listen: %q}}]\nhosts: [{name: core, keys: zone.keys, link: {kind: long, address: %q, count: 2}}]\naccess: {listen: %q}\nmanage: {listen: %q}\n", addr(0), addr(1), addr(2), addr(3))
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctl("terminal", "add", "--config", cfg, "--id", "00000001", "--count", "20", "--tmk-out", tmks)
	begin := func(name string, args ...string) *exec.Cmd {
		t.Helper()
		c := exec.Command(name, args...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
		return c
	}
	listens := func(a string) func() bool {
		return func() bool {
			c, err := net.Dial("tcp", a)
			if err == nil {
				_ = c.Close()
			}
			return err == nil
		}
	}
	begin(filepath.Join(bin, "simbank"), "-listen", addr(1), "-control", addr(4), "-ledger", filepath.Join(dir, "ledger"), "-keys", keys, "-bench-cards", "20", "-fast")
	until(t, "the bank", listens(addr(1)))
	// The shell counts in blocks of 512 bytes: some 2 MB, of which the tables take a quarter.
	srv := begin("/bin/sh", "-c", `ulimit -f 4000; exec "$0" --config "$1" --roles trade`, filepath.Join(bin, "server"), cfg)
	until(t, "the server", listens(addr(0)))
	var r *load.Result
	until(t, "a sign-in", func() bool {
		r, err = load.Trade(load.Config{Address: addr(0), TMKs: tmks, Terminals: 20, Run: 4 * time.Second})
		return err == nil
	})
	if r.Total == 0 || r.Errors["response 96"]+r.Errors["response 98"] == 0 {
		t.Fatalf("%d approved, %v: the disk was never full", r.Total, r.Errors)
	}
	for what := range r.Errors {
		if what != "response 96" && what != "response 98" && what != "response 91" {
			t.Errorf("terminals were told %v", r.Errors)
		}
	}
	_ = srv.Process.Kill()
	_ = srv.Wait()
	begin(filepath.Join(bin, "server"), "--config", cfg, "--roles", "trade") // there is room again
	until(t, "the server again", listens(addr(0)))
	var v struct {
		OK                     bool
		Clearing               int64
		Withdrawals, Reversals int
	}
	until(t, "what nobody was told to be taken back", func() bool {
		a, err := http.Get("http://" + addr(4) + "/api/invariants")
		if err != nil {
			return false
		}
		defer a.Body.Close() //nolint:errcheck // reading
		return json.NewDecoder(a.Body).Decode(&v) == nil && v.OK && v.Clearing == int64(r.Total)*10_000
	})
	t.Logf("%d approved, %v; the bank booked %d and took %d back", r.Total, r.Errors, v.Withdrawals, v.Reversals)
}
