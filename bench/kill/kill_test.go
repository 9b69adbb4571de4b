// Package kill is the proof that cash is safe: the real programs of a whole branch, a
// robot customer, and at each named state of the journal something dies, hangs, loses
// power or loses its link. After every run the invariants of the cash research hold:
//
//	I1  notes are conserved: cassettes + path + exit + reject + customer = loaded
//	I2  one dispense at most for a transaction
//	I3  each approved withdrawal ends as committed, reversed or in suspense, in exactly one
//	I4  what the customer could reach is never reversed; what certainly stayed inside is
//	I5  the present status after a restart is about the last dispense that really started
//	I6  nothing that is sent twice moves cash twice
//
// and Σ ledger of the bank = Σ cash given, once a person has counted what is in suspense.
package kill

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zhigui/bench/robot"
	"zhigui/sim/scene"
)

var runs = flag.Int("runs", 200, "how many faults (-short: a tenth of them)")

var binaries string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "kill")
	if err != nil {
		log.Fatal(err)
	}
	code := 1
	if err := build(dir); err != nil {
		log.Print(err)
	} else {
		binaries = dir
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// build builds the programs, the platform with its failpoints.
func build(dir string) error {
	args := []string{"build", "-tags", "failpoint", "-o", dir + "/"}
	for _, p := range []string{"drivers/cmd/driverd", "terminal", "terminal/cmd/platformd", "keeper/cmd/keeperd", "server/cmd/server", "server/cmd/serverctl", "sim/cmd/simctl", "sim/cmd/simbank"} {
		args = append(args, "zhigui/"+p)
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// branch is a scene with what the tests look at.
type branch struct {
	*scene.Scene
	t    *testing.T
	desk robot.Desk
	dir  string
	txns map[string]bool // every transaction the robot knows of
}

func newBranch(t *testing.T, zone string) *branch {
	t.Helper()
	dir, err := os.MkdirTemp("", "kb")
	if err != nil {
		t.Fatal(err)
	}
	ports, err := scene.FreePorts()
	if err != nil {
		t.Fatal(err)
	}
	flows := filepath.Join(dir, "flows")
	if err := os.MkdirAll(flows, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(flows, "index.html"), []byte("<!doctype html>"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := scene.Prepare(context.Background(), scene.Options{
		Dir: filepath.Join(dir, "s"), Bin: binaries, Flows: flows, Ports: ports, Zone: zone, Fast: true,
		CardTime: 2 * time.Second, CashTime: 2 * time.Second, HostTimeout: 2 * time.Second, PadOver: 1900000,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &branch{Scene: s, t: t, dir: filepath.Join(dir, "s"), txns: map[string]bool{}}
	b.desk = robot.Desk{
		XFS: fmt.Sprintf("ws://127.0.0.1:%d", ports.XFS), Token: filepath.Join(b.dir, "terminal", "run", "flow.token"),
		Devices: robot.Devices{URL: fmt.Sprintf("http://127.0.0.1:%d", ports.Devices)},
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Logf("stop: %v", err)
		}
		if t.Failed() {
			t.Logf("left for you to look at: %s", dir)
			return
		}
		os.RemoveAll(dir)
	})
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.waitReady()
	return b
}

// waitReady waits until the counter offers withdrawals again.
func (b *branch) waitReady() {
	b.t.Helper()
	err := robot.Until(90*time.Second, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		services, err := b.desk.Info(ctx)
		if err != nil {
			return err
		}
		if s := services["withdrawal"]; !s.Available {
			return errors.New("withdrawals: " + s.Reason)
		}
		return nil
	})
	if err != nil {
		b.t.Fatalf("the counter does not come back: %v", err)
	}
}

// driverPID finds a driver's process, platformPID the platform's.
func (b *branch) driverPID(model string) int { return pidOf("driverd", model) }

func (b *branch) platformPID() int { return pidOf("platformd", "-config") }

func pidOf(program, arg string) int {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		raw, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err != nil {
			continue
		}
		args := strings.Split(strings.TrimRight(string(raw), "\x00"), "\x00")
		if len(args) >= 2 && args[0] == filepath.Join(binaries, program) && args[1] == arg {
			var pid int
			_, _ = fmt.Sscan(e.Name(), &pid)
			return pid
		}
	}
	return 0
}

// fault is what happens at a state.
type fault struct {
	state  string // journal record kind; "" at a random moment
	target string // platformd, driver, server, bank, power, page
	signal syscall.Signal
}

func (f fault) String() string {
	name := map[syscall.Signal]string{syscall.SIGKILL: "kill", syscall.SIGSTOP: "stop", 0: "cut"}[f.signal]
	state := f.state
	if state == "" {
		state = "anywhere"
	}
	return strings.ToLower(f.target + " " + name + " at " + state)
}

var states = []string{"SESSION_BEGIN", "CARD_IN", "HOST_INTENT", "HOST_RESULT", "CARD_OUT", "CARD_TAKEN", "INTENT", "MOTION", "PRESENTED", "TAKEN", "COMMIT", "SETTLE_ACK", "RETRACT_INTENT", "RETRACTED", "REVERSE"}

// matrix lists every state with every target, then random moments up to n.
func matrix(n int, rng *rand.Rand) []fault {
	var out []fault
	for _, s := range states {
		out = append(out,
			fault{s, "platformd", syscall.SIGKILL}, fault{s, "driver", syscall.SIGKILL}, fault{s, "server", syscall.SIGKILL},
			fault{s, "bank", syscall.SIGKILL}, fault{s, "power", 0}, fault{s, "page", 0})
	}
	for _, s := range []string{"HOST_INTENT", "INTENT", "MOTION", "PRESENTED", "RETRACT_INTENT"} {
		for _, target := range []string{"platformd", "driver", "server", "bank"} {
			out = append(out, fault{s, target, syscall.SIGSTOP})
		}
	}
	targets := []string{"platformd", "driver", "server", "bank", "power", "page"}
	for len(out) < n {
		f := fault{"", targets[rng.Intn(len(targets))], syscall.SIGKILL}
		if f.target == "power" || f.target == "page" {
			f.signal = 0
		}
		out = append(out, f)
	}
	if n < len(out) { // a sample that still meets every target
		rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		out = out[:n]
	}
	return out
}

func TestCashIsSafeWhateverDiesWherever(t *testing.T) {
	n := *runs
	if testing.Short() {
		n /= 10
	}
	rng := rand.New(rand.NewSource(20261121))
	b := newBranch(t, "3des")
	for i, f := range matrix(n, rng) {
		ok := t.Run(fmt.Sprintf("%03d %s", i+1, f), func(t *testing.T) {
			b.t = t
			b.run(f, rng)
			b.check()
		})
		if !ok {
			return // the later runs would only repeat it
		}
	}
}

func TestTheSM4ZoneIsAsSafe(t *testing.T) {
	b := newBranch(t, "sm4")
	b.run(fault{}, rand.New(rand.NewSource(1)))
	b.check()
	b.run(fault{"INTENT", "platformd", syscall.SIGKILL}, rand.New(rand.NewSource(2)))
	b.check()
}
