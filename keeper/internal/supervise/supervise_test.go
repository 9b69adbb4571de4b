package supervise

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"zhigui/keeper/api/node"
)

// The test binary is also the program under supervision.
func TestMain(m *testing.M) {
	if mode := os.Getenv("SUPERVISED"); mode != "" {
		supervised(mode)
		return
	}
	os.Exit(m.Run())
}

func supervised(mode string) {
	if mode == "dies" {
		os.Exit(4)
	}
	n := uint64(0)
	node.Keep(context.Background(), os.Getenv("SOCKET"), node.Hello{Role: "p", PID: os.Getpid()}, 20*time.Millisecond, func() node.Beat {
		if mode == "works" {
			n++
		}
		return node.Beat{Progress: map[string]uint64{"main": n}, Ready: true}
	}, func(o node.Order) {
		if o.Kind == node.Stop {
			os.Exit(0)
		}
	}, func(bool) {})
}

func quick() Policy {
	p := DefaultPolicy()
	p.Delays = []time.Duration{time.Millisecond}
	p.Missing, p.StartWithin, p.StopWithin = 300*time.Millisecond, 5*time.Second, 2*time.Second
	return p
}

// begin supervises one program and returns its state changes.
func begin(t *testing.T, mode string, policy Policy) (*Program, <-chan State) {
	t.Helper()
	dir, err := os.MkdirTemp("", "kp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	sock := filepath.Join(dir, "s")
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	p := NewProgram(Spec{Role: "p", Path: os.Args[0], Env: []string{"SUPERVISED=" + mode, "SOCKET=" + sock}, Beats: true, Log: os.DevNull}, policy, log)
	changes := make(chan State, 1000)
	p.OnChange = func(s State) {
		select {
		case changes <- s:
		default:
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := Listen(ctx, sock, map[string]*Program{"p": p}, log); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return p, changes
}

func until(t *testing.T, changes <-chan State, what string, ok func(State) bool) State {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case s := <-changes:
			if ok(s) {
				return s
			}
		case <-deadline:
			t.Fatalf("never saw: %s", what)
		}
	}
}

// req: K-01, K-05
func TestAKilledProgramIsStartedAgain(t *testing.T) {
	_, changes := begin(t, "works", quick())
	first := until(t, changes, "running", func(s State) bool { return s.State == "running" && s.Ready })
	if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	again := until(t, changes, "running again", func(s State) bool { return s.State == "running" && s.PID != first.PID })
	if again.Restarts != 1 {
		t.Errorf("restarts %d", again.Restarts)
	}
}

func TestAStoppedProcessIsKilledAndStartedAgain(t *testing.T) {
	_, changes := begin(t, "works", quick())
	first := until(t, changes, "running", func(s State) bool { return s.State == "running" })
	if err := syscall.Kill(first.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	until(t, changes, "hung", func(s State) bool { return s.State == "hung" && s.Why == "heartbeats stopped" })
	until(t, changes, "running again", func(s State) bool { return s.State == "running" && s.PID != first.PID })
}

func TestBeatsWithoutProgressCountAsHung(t *testing.T) {
	_, changes := begin(t, "hangs", quick())
	until(t, changes, "hung", func(s State) bool {
		return s.State == "hung" && s.Why == "heartbeats go on but its main loop stands still"
	})
}

func TestAProgramThatDiesAtOnceEndsAsFailed(t *testing.T) {
	policy := quick()
	policy.Attempts, policy.Slow = 3, time.Hour
	_, changes := begin(t, "dies", policy)
	s := until(t, changes, "failed", func(s State) bool { return s.State == "failed" })
	if s.Restarts != 4 || s.Why != "exit status 4" {
		t.Errorf("%+v", s)
	}
}

func TestTheGateDelaysTheStart(t *testing.T) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	p := NewProgram(Spec{Role: "p", Path: os.Args[0], Env: []string{"SUPERVISED=works", "SOCKET=/nowhere"}, Log: os.DevNull}, quick(), log)
	changes := make(chan State, 100)
	p.OnChange = func(s State) { changes <- s }
	p.Gate = func(context.Context) error { return fmt.Errorf("memory: too little") }
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { p.Run(ctx); close(done) }()
	s := until(t, changes, "waiting", func(s State) bool { return s.State == "waiting" })
	if s.Why != "memory: too little" || s.PID != 0 {
		t.Errorf("%+v", s)
	}
	cancel()
	<-done
}

func TestAHelloFromAnotherProcessIsRefused(t *testing.T) {
	p, changes := begin(t, "works", quick())
	until(t, changes, "running", func(s State) bool { return s.State == "running" })
	if _, err := p.Connected(node.Hello{Role: "p", PID: 1}, nil); err == nil {
		t.Error("accepted")
	}
}
