// Package kill is the proof that cash is safe, run by the packages below it, a group of faults each and
// all by `go test ./bench/kill/...`; only they import it. The real programs of a whole branch, a robot customer, and at each named state of the journal something dies, hangs, loses
// power or loses its link. After every run the invariants of the cash research hold:
//
//	I1  notes are conserved: cassettes + path + exit + reject + customer = loaded
//	I2  one dispense at most for a transaction
//	I3  each approved withdrawal ends as committed, reversed or in suspense, in exactly one
//	I4  what the customer could reach is never reversed; what certainly stayed inside is
//	I5  the present status after a restart is about the last dispense that really started
//	I6  nothing that is sent twice moves cash twice
//
// (deposits: D1 to D4, new cards: C1 to C4, passbooks: B1 to B4, transfers: T1 to T4)
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
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	whole "zhigui/bench/branch"
	"zhigui/bench/robot"
	"zhigui/sim/scene"
)

var runs = flag.Int("runs", 188, "how many faults at the terminal; the whole matrix is a part of them (-short: a tenth)")

var binaries string

// Main is TestMain of the packages below. The programs are built into the user's cache, once for all of
// them.
func Main(m *testing.M) {
	if os.Getenv(customerKey) != "" {
		beTheCustomer()
		return
	}
	flag.Parse()
	_ = flag.Set("test.parallel", fmt.Sprint(branches)) // they mostly wait: more than there are processors
	code := 1
	if dir, err := programs(); err != nil {
		log.Print(err)
	} else {
		binaries = dir
		code = m.Run()
	}
	os.Exit(code)
}

// branch is a scene with what the tests look at.
type branch struct {
	*scene.Scene
	t    *testing.T
	desk robot.Desk
	dir  string
	// missed are the faults whose state did not come.
	missed []string
	// What is proved here: the service that must be offered, the device that loses power, and
	// its driver.
	service, module, model string
	withdrawn              int // from the account of the passbook
	signed                 map[string]*scene.Manage
}

func newBranch(t *testing.T, zone string, also ...string) *branch {
	t.Helper()
	acceptor := "itlnv200"
	if len(also) > 1 {
		also, acceptor = also[:1], also[1]
	}
	b := start(t, scene.Options{Also: also, Acceptor: acceptor, Zone: zone})
	if len(also) > 0 {
		b.service, b.module, b.model = "deposit", "acceptor", acceptor
	}
	b.waitReady()
	return b
}

// start starts a branch in which a customer is not waited for long.
func start(t *testing.T, o scene.Options) *branch {
	t.Helper()
	o.CardTime, o.CashTime, o.HostTimeout, o.PadOver = 2*time.Second, 2*time.Second, 2*time.Second, 1900000
	started := whole.Start(t, binaries, o)
	return &branch{Scene: started.Scene, t: t, dir: started.Dir, desk: started.Desk, service: "withdrawal", module: "cash", model: "puloonlcdm2000", signed: map[string]*scene.Manage{}}
}

// waitReady waits until the counter offers its service again.
func (b *branch) waitReady() {
	b.t.Helper()
	err := robot.Until(90*time.Second, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		services, err := b.desk.Info(ctx)
		if err != nil {
			return err
		}
		if s := services[b.service]; !s.Available {
			return errors.New(b.service + ": " + s.Reason)
		}
		return nil
	})
	if err != nil {
		b.t.Fatalf("the counter does not come back: %v", err)
	}
}

// platformPID finds the platform's process of this branch, driverPID a driver of it.
func (b *branch) platformPID() int {
	return pidOf("platformd", func(_ int, args []string) bool {
		return len(args) > 2 && args[2] == filepath.Join(b.dir, "terminal", "platform.yaml")
	})
}

func (b *branch) driverPID(model string) int {
	platform := b.platformPID()
	return pidOf("driverd", func(parent int, args []string) bool { return parent == platform && args[1] == model })
}

// pidOf finds a process of ours by its program and what is special about it.
func pidOf(program string, is func(parent int, args []string) bool) int {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		raw, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err != nil {
			continue
		}
		args := strings.Split(strings.TrimRight(string(raw), "\x00"), "\x00")
		if len(args) < 2 || args[0] != filepath.Join(binaries, program) {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		var state string
		var parent int
		_, _ = fmt.Sscan(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), &state, &parent)
		if is(parent, args) {
			var pid int
			_, _ = fmt.Sscan(e.Name(), &pid)
			return pid
		}
	}
	return 0
}

// fault is what happens at a state.
type fault struct {
	state  string // a record of the terminal's journal, or a state of the server's transaction; "" at a random moment
	target string // platformd, driver, server, bank, page, power
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

// atServer reports whether the state is one of the server's.
func (f fault) atServer() bool {
	state, _, _ := strings.Cut(f.state, ":") // "stored:2": the second time
	return slices.Contains(serverStates, state) || f.state == "credit-stored" || f.state == "signature-stored"
}

// states are the records of the terminal's journal, serverStates the moments of a
// transaction in the server (server/internal/trade).
var (
	states       = []string{"SESSION_BEGIN", "CARD_IN", "HOST_INTENT", "HOST_RESULT", "CARD_OUT", "CARD_TAKEN", "INTENT", "MOTION", "PRESENTED", "TAKEN", "COMMIT", "SETTLE_ACK", "RETRACT_INTENT", "RETRACTED", "REVERSE"}
	serverStates = []string{"received", "intent", "answered", "stored", "confirmed", "reversal-stored", "reversal-attempt", "reversal-answered"}
)

var both = []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP}

// atTerminal lists every state of the journal with every target and signal, then random moments up to n.
func atTerminal(n int, rng *rand.Rand) (out []fault) {
	for _, s := range states {
		for _, target := range []string{"platformd", "driver", "server", "bank", "page"} {
			for _, sig := range both {
				out = append(out, fault{s, target, sig})
			}
		}
		out = append(out, fault{s, "power", 0})
	}
	targets := []string{"platformd", "driver", "server", "bank", "page", "power"}
	for len(out) < n {
		f := fault{"", targets[rng.Intn(len(targets))], both[rng.Intn(2)]}
		if f.target == "power" {
			f.signal = 0
		}
		out = append(out, f)
	}
	return out
}

// atServer lists every state of the server with its targets and signals.
func atServer() (out []fault) {
	for _, s := range serverStates {
		for _, target := range []string{"server", "bank"} {
			for _, sig := range both {
				out = append(out, fault{s, target, sig})
			}
		}
	}
	return out
}

// branches stand side by side, as most of a run is waiting; go test runs two of the packages at a time.
const branches = 3

// CashIsSafeWhateverDiesAtTheTerminal has a fault at each record of the journal.
func CashIsSafeWhateverDiesAtTheTerminal(t *testing.T) {
	rng := rand.New(rand.NewSource(20261121))
	withdrawals(t, atTerminal(*runs, rng), rng)
}

// CashIsSafeWhateverDiesAtTheServer has a fault at each state of the transaction there.
func CashIsSafeWhateverDiesAtTheServer(t *testing.T) {
	withdrawals(t, atServer(), rand.New(rand.NewSource(20261121)))
}

func withdrawals(t *testing.T, all []fault, rng *rand.Rand) {
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if testing.Short() {
		all = all[:len(all)/10]
	}
	for k := range min(branches, len(all)) {
		t.Run(fmt.Sprintf("branch %d", k+1), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewSource(int64(k)))
			b := newBranch(t, "3des")
			for i := k; i < len(all); i += branches {
				ok := t.Run(fmt.Sprintf("%03d %s", i+1, all[i]), func(t *testing.T) {
					b.t = t
					b.insist(func() { b.run(all[i], rng) })
					b.check()
					b.serves(rng, all[i].target == "power")
					b.check()
				})
				if !ok {
					return // the later runs would only repeat it
				}
			}
			if len(b.missed) > 0 {
				t.Errorf("these faults did not strike, so they prove nothing: %s", strings.Join(b.missed, "; "))
			}
		})
	}
}

// TheSM4ZoneIsAsSafe has a withdrawal and one that is struck, under SM4 keys.
func TheSM4ZoneIsAsSafe(t *testing.T) {
	b := newBranch(t, "sm4")
	b.run(fault{}, rand.New(rand.NewSource(1)))
	b.check()
	b.run(fault{"INTENT", "platformd", syscall.SIGKILL}, rand.New(rand.NewSource(2)))
	b.check()
}
