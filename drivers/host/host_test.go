//go:build linux

package host_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"zhigui/drivers/api"
	"zhigui/drivers/host"
)

// req: D-01
// req: D-02
// req: D-07
// req: T-08
func TestACommandGoesToItsOwnProcessAndItsEventsComeBeforeTheCompletion(t *testing.T) {
	d := startReady(t, newHost(t, shortDir(t), nil), spec(shortDir(t), "fake"))
	if d.PID() == os.Getpid() || !alive(d.PID()) {
		t.Fatalf("driver has no process of its own: %d", d.PID())
	}
	var events []string
	c := d.Execute(t.Context(), command("1", "Fake.Ask"), func(e api.Event) { events = append(events, e.Name) })
	if diff := cmp.Diff([]string{"Fake.Began"}, events); diff != "" {
		t.Error(diff)
	}
	if c.Outcome != api.Done || string(c.Payload) != `{"greeting":"hello"}` {
		t.Errorf("completion: %+v", c)
	}
	desc, err := d.Describe(t.Context())
	if err != nil || desc.Firmware != "fw" || desc.Commands["Fake.Move"] != api.MovesCash {
		t.Errorf("description %+v, %v", desc, err)
	}
}

// req: D-03
func TestAKilledDriverLeavesTheCommandIndeterminateAndIsBackWellWithinASecond(t *testing.T) {
	recovered := make(chan api.Recovery, 8)
	s := spec(shortDir(t), "fake")
	s.OnRecovered = func(r api.Recovery) { recovered <- r }
	d := startReady(t, newHost(t, shortDir(t), nil), s)
	<-recovered
	var killed time.Time
	c := d.Execute(t.Context(), command("op-1", "Fake.Hang"), func(e api.Event) {
		if e.Name == "Fake.Now" {
			killed = time.Now()
			_ = syscall.Kill(d.PID(), syscall.SIGKILL)
		}
	})
	if c.Outcome != api.Indeterminate {
		t.Fatalf("completion: %+v", c)
	}
	if st, _ := d.State(); st == host.StateReady {
		t.Error("still ready right after the process died")
	}
	if c := d.Execute(t.Context(), command("op-2", "Fake.Ask"), nil); c.Outcome != api.NotStarted || c.Code != api.DeviceNotReady {
		t.Errorf("while not ready: %+v", c)
	}
	ready(t, d)
	t.Logf("back after %s", time.Since(killed))
	r := <-recovered
	if len(r.Ops) != 1 || r.Ops[0].Op != "op-1" || r.Ops[0].Completion.Outcome != api.Indeterminate {
		t.Errorf("recovery: %+v", r)
	}
	rec, err := d.QueryOp(t.Context(), "op-1")
	if err != nil || rec.State != api.OpUnresolved {
		t.Errorf("record %+v, %v", rec, err)
	}
	if again := d.Execute(t.Context(), command("op-1", "Fake.Move"), nil); again.Outcome != api.Indeterminate {
		t.Errorf("a repeated operation id: %+v", again)
	}
	if n := len(d.Crashes()); n != 1 {
		t.Errorf("%d crash records", n)
	}
}

func TestADriverKilledBeforeTheFirstByteProvesThatNothingStarted(t *testing.T) {
	recovered := make(chan api.Recovery, 8)
	s := spec(shortDir(t), "fake")
	s.OnRecovered = func(r api.Recovery) { recovered <- r }
	d := startReady(t, newHost(t, shortDir(t), nil), s)
	<-recovered
	d.Execute(t.Context(), command("op-1", "Fake.Before"), func(e api.Event) {
		if e.Name == "Fake.Now" {
			_ = syscall.Kill(d.PID(), syscall.SIGKILL)
		}
	})
	ready(t, d)
	if r := <-recovered; len(r.Ops) != 1 || r.Ops[0].Completion.Outcome != api.NotStarted {
		t.Errorf("recovery: %+v", r)
	}
}

func TestAWaitOfAKilledDriverNeverStarted(t *testing.T) {
	d := startReady(t, newHost(t, shortDir(t), nil), spec(shortDir(t), "fake"))
	c := d.Execute(t.Context(), command("1", "Fake.Wait"), func(api.Event) { _ = syscall.Kill(d.PID(), syscall.SIGKILL) })
	if c.Outcome != api.NotStarted || c.Code != api.HardwareError {
		t.Errorf("completion: %+v", c)
	}
}

func TestAPanicIsAnInternalErrorAndTheProcessIsReplaced(t *testing.T) {
	d := startReady(t, newHost(t, shortDir(t), nil), spec(shortDir(t), "fake"))
	c := d.Execute(t.Context(), command("1", "Fake.Panic"), nil)
	if c.Outcome != api.Indeterminate || c.Code != api.InternalError {
		t.Fatalf("completion: %+v", c)
	}
	wait(t, d, host.StateBackoff)
	ready(t, d)
	cr := d.Crashes()
	if len(cr) != 1 || !strings.Contains(cr[0].Reason, "exit status 3") || !strings.Contains(strings.Join(cr[0].Stderr, "\n"), "goroutine") {
		t.Errorf("crash records: %+v", cr)
	}
	if rec, err := d.QueryOp(t.Context(), "1"); err != nil || rec.State != api.OpCompleted {
		t.Errorf("record %+v %v", rec, err)
	}
}

// req: D-03
func TestAFrozenDriverIsReplaced(t *testing.T) {
	h := newHost(t, shortDir(t), func(c *host.Config) {
		c.HealthEvery, c.HealthTimeout = 50*time.Millisecond, 200*time.Millisecond
	})
	d := startReady(t, h, spec(shortDir(t), "fake"))
	pid := d.PID()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	wait(t, d, host.StateBackoff)
	ready(t, d)
	if d.PID() == pid || alive(pid) {
		t.Errorf("the frozen process %d is still there", pid)
	}
}

func TestAStuckDeviceLoopIsReplacedThoughItsProcessAnswers(t *testing.T) {
	h := newHost(t, shortDir(t), func(c *host.Config) {
		c.HealthEvery, c.HealthTimeout = 20*time.Millisecond, 20*time.Millisecond
	})
	d := startReady(t, h, spec(shortDir(t), "fake"))
	pid := d.PID()
	d.Execute(t.Context(), command("1", "Fake.Stuck"), nil)
	wait(t, d, host.StateBackoff)
	ready(t, d)
	if d.PID() == pid {
		t.Error("not replaced")
	}
}

// req: D-11
func TestADriverThatStartsAndDiesEndsFailedAndItsNeighbourDoesNotNotice(t *testing.T) {
	dir := shortDir(t)
	h := newHost(t, shortDir(t), func(c *host.Config) { c.BackoffMin, c.BackoffMax = time.Millisecond, 4*time.Millisecond })
	good := startReady(t, h, spec(dir, "fake"))
	pid := good.PID()
	bad := start(t, h, spec(dir, "dies"))
	wait(t, bad, host.StateFailed)
	if n := len(bad.Crashes()); n == 0 || !strings.Contains(strings.Join(bad.Crashes()[0].Stderr, "\n"), "last words") {
		t.Errorf("crash records: %+v", bad.Crashes())
	}
	st, err := bad.Status(t.Context())
	if err != nil || !strings.Contains(string(st.Classes), "hardwareError") {
		t.Errorf("status %s, %v", st.Classes, err)
	}
	if c := good.Execute(t.Context(), command("1", "Fake.Ask"), nil); c.Outcome != api.Done || good.PID() != pid {
		t.Errorf("the neighbour: %+v, pid %d then %d", c, pid, good.PID())
	}
	if err := bad.Rearm(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait(t, bad, host.StateStarting)
	wait(t, bad, host.StateFailed)
}

func TestADriverOfAnotherProtocolVersionIsRefusedByName(t *testing.T) {
	d := start(t, newHost(t, shortDir(t), nil), spec(shortDir(t), "future"))
	wait(t, d, host.StateFailed)
	if _, why := d.State(); !strings.Contains(why, "counter.driver version 1") || !strings.Contains(why, "future") || !strings.Contains(why, "99") {
		t.Errorf("reason %q", why)
	}
}

func TestABinaryWithAnotherChecksumIsNotStarted(t *testing.T) {
	s := spec(shortDir(t), "fake")
	s.SHA256 = strings.Repeat("00", 32)
	d := start(t, newHost(t, shortDir(t), nil), s)
	wait(t, d, host.StateFailed)
	if _, why := d.State(); !strings.Contains(why, "checksum") {
		t.Errorf("reason %q", why)
	}
}

func TestAnUnknownProfileKeyIsNamed(t *testing.T) {
	s := spec(shortDir(t), "fake")
	s.Profile = json.RawMessage(`{"greetings":"x"}`)
	changes := make(chan host.Change, 64)
	s.OnChange = func(c host.Change) { changes <- c }
	d := start(t, newHost(t, shortDir(t), nil), s)
	wait(t, d, host.StateBackoff)
	for c := range changes {
		if c.State == host.StateBackoff {
			if !strings.Contains(c.Reason, `unknown key "greetings"`) {
				t.Errorf("reason %q", c.Reason)
			}
			return
		}
	}
}

// req: D-06
// req: D-08
func TestNoticesGoOnAfterARestartOfTheDriver(t *testing.T) {
	d := startReady(t, newHost(t, shortDir(t), nil), spec(shortDir(t), "fake"))
	ns := d.Notices(t.Context())
	first := <-ns
	if first.Status == nil || !first.Status.Full {
		t.Fatalf("first notice: %+v", first)
	}
	d.Execute(t.Context(), command("m", "Fake.Move"), nil)
	delta := <-ns
	if delta.Status == nil || delta.Status.Full || string(delta.Status.Classes) != `{"common":{"moves":1}}` || delta.Seq != first.Seq+1 {
		t.Fatalf("delta: %+v", delta)
	}
	_ = syscall.Kill(d.PID(), syscall.SIGKILL)
	for n := range ns {
		if n.Status != nil && n.Status.Full && n.Epoch != first.Epoch && n.Epoch != "host" {
			return
		}
	}
	t.Error("no full status of the new process")
}

// The driver's status takes its time here: what it finds is told before the first full status is made.
func TestWhatADriverTellsWhileItRecoversArrives(t *testing.T) {
	s := spec(shortDir(t), "fake")
	s.Profile = json.RawMessage(`{"greeting":"slow"}`)
	d := startReady(t, newHost(t, shortDir(t), nil), s)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ns := d.Notices(ctx)
	<-ns
	for range 3 {
		_ = syscall.Kill(d.PID(), syscall.SIGKILL)
		for n := range ns {
			if n.Event != nil && n.Event.Name == "Fake.Found" {
				break
			}
		}
		if ctx.Err() != nil {
			t.Fatal("it did not arrive")
		}
		ready(t, d)
	}
}

func TestASecondCommandIsASequenceErrorUnlessItOnlyAsks(t *testing.T) {
	d := startReady(t, newHost(t, shortDir(t), nil), spec(shortDir(t), "fake"))
	ctx, cancel := context.WithCancel(t.Context())
	began := make(chan struct{})
	ended := make(chan api.Completion, 1)
	go func() {
		ended <- d.Execute(ctx, command("1", "Fake.Wait"), func(api.Event) { close(began) })
	}()
	<-began
	if c := d.Execute(t.Context(), command("2", "Fake.Move"), nil); c.Code != api.SequenceError || c.Outcome != api.NotStarted {
		t.Errorf("second command: %+v", c)
	}
	if c := d.Execute(t.Context(), command("3", "Fake.Ask"), nil); c.Outcome != api.Done {
		t.Errorf("still command: %+v", c)
	}
	cancel()
	if c := <-ended; c.Outcome != api.Canceled {
		t.Errorf("canceled wait: %+v", c)
	}
	cmd := command("4", "Fake.Wait")
	cmd.Deadline = time.Now().Add(30 * time.Millisecond)
	if c := d.Execute(t.Context(), cmd, nil); c.Outcome != api.TimedOut {
		t.Errorf("wait with deadline: %+v", c)
	}
}

func TestNoDriverOutlivesAHostThatWasKilled(t *testing.T) {
	for _, stopped := range []bool{false, true} {
		dir := shortDir(t)
		hostCmd := selfCommand("be-a-host", dir)
		out, err := hostCmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := hostCmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		if stopped {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
		_ = hostCmd.Process.Kill()
		_ = hostCmd.Wait()
		if stopped { // no signal but SIGKILL reaches it: the next host of the port does it
			startReady(t, newHost(t, shortDir(t), nil), spec(dir, "fake"))
		}
		// The descriptor becomes readable when the process ends.
		if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 3000); n != 1 || alive(pid) {
			t.Errorf("driver %d (stopped %v) is alive 3 s after its host died: %v", pid, stopped, err)
		}
		_ = unix.Close(fd)
	}
}

func TestDrainEndsTheProcessAndRestartReplacesIt(t *testing.T) {
	var mu sync.Mutex
	var states []host.State
	s := spec(shortDir(t), "fake")
	s.OnChange = func(c host.Change) { mu.Lock(); states = append(states, c.State); mu.Unlock() }
	d := startReady(t, newHost(t, shortDir(t), nil), s)
	first := d.PID()
	if err := d.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait(t, d, host.StateStarting)
	ready(t, d)
	second := d.PID()
	if second == first || alive(first) {
		t.Errorf("restart: pid %d then %d", first, second)
	}
	if err := d.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if alive(second) || d.PID() != 0 {
		t.Errorf("process %d lives after the drain", second)
	}
	if c := d.Execute(t.Context(), command("1", "Fake.Ask"), nil); c.Code != api.DeviceNotReady {
		t.Errorf("after the drain: %+v", c)
	}
	if len(d.Crashes()) != 0 {
		t.Errorf("counted as a crash: %+v", d.Crashes())
	}
}
