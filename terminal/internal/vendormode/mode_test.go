package vendormode

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/terminal/internal/service"
)

// app is a client that writes down what it is told.
type app struct {
	mu   sync.Mutex
	told []string
	t    *testing.T
	gone chan struct{}
}

func (a *app) Notify(ev api.Event) {
	for _, p := range xfs4iot.Check("unsolicited", ev.Name, ev.Payload) {
		a.t.Error(p)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.told = append(a.told, strings.TrimPrefix(ev.Name, "VendorMode.")+string(ev.Payload))
}
func (a *app) Done() <-chan struct{} { return a.gone }

type rig struct {
	*Mode
	t         *testing.T
	mu        sync.Mutex
	suspended bool
	busy      bool
	changes   []State
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t}
	r.Mode = New(Hooks{
		Suspend: func(on bool) { r.set(func() { r.suspended = on }) },
		Busy:    func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.busy },
		Changed: func(s State) { r.set(func() { r.changes = append(r.changes, s) }) },
	})
	return r
}

func (r *rig) set(f func()) { r.mu.Lock(); defer r.mu.Unlock(); f() }

func (r *rig) app(name string) *app {
	a := &app{t: r.t, gone: make(chan struct{})}
	r.Register(a, name)
	return a
}

func (r *rig) is(s State, suspended bool) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if got := r.State(); got != s || r.suspended != suspended {
		r.t.Errorf("%s, out of service %v; want %s %v", got, r.suspended, s, suspended)
	}
}

func TestTheModeIsEnteredAndLeftWhenAllAgree(t *testing.T) {
	r := newRig(t)
	a, b := r.app("A"), r.app("B")
	r.is(Inactive, false)
	if c := r.Enter(); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	r.is(EnterPending, true)
	r.Acknowledge(a, EnterPending)
	r.is(EnterPending, true)
	r.Acknowledge(b, EnterPending)
	r.is(Active, true)
	r.Exit()
	r.is(ExitPending, true)
	r.Acknowledge(b, ExitPending)
	r.Acknowledge(a, ExitPending)
	r.is(Inactive, false)
	want := []string{"EnterModeRequestEvent", "ModeEnteredEvent", "ExitModeRequestEvent", `ModeExitedEvent{"connectedApplications":["A","B"]}`}
	if d := cmp.Diff([][]string{want, want}, [][]string{a.told, b.told}); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]State{EnterPending, Active, ExitPending, Inactive}, r.changes); d != "" {
		t.Error(d)
	}
}

func TestTheModeWaitsForTheCustomer(t *testing.T) {
	r := newRig(t)
	r.busy = true
	r.Enter()
	r.is(EnterPending, true) // nobody is registered, but somebody is served
	r.set(func() { r.busy = false })
	r.Look()
	r.is(Active, true)
}

func TestWhoHasGoneIsNotWaitedFor(t *testing.T) {
	r := newRig(t)
	a := r.app("A")
	r.Enter()
	r.is(EnterPending, true)
	close(a.gone)
	for end := time.Now().Add(20 * time.Second); r.State() != Active; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(r.State())
		}
	}
}

func TestCommandsOutOfTurnAreRefused(t *testing.T) {
	r := newRig(t)
	a, stranger := r.app("A"), &app{t: t, gone: make(chan struct{})}
	for name, c := range map[string]api.Completion{
		"exit before enter": r.Exit(), "acknowledge before a request": r.Acknowledge(a, EnterPending),
	} {
		if c.Code != api.SequenceError {
			t.Errorf("%s: %+v", name, c)
		}
	}
	r.Enter()
	for name, c := range map[string]api.Completion{
		"enter twice": r.Enter(), "an acknowledgement of a stranger": r.Acknowledge(stranger, EnterPending), "of the other change": r.Acknowledge(a, ExitPending),
	} {
		if c.Code != api.SequenceError {
			t.Errorf("%s: %+v", name, c)
		}
	}
	r.is(EnterPending, true)
	r.Acknowledge(a, EnterPending)
	if c := r.Acknowledge(a, EnterPending); c.Code != api.SequenceError {
		t.Errorf("acknowledged twice: %+v", c)
	}
}

func TestAnOrderEndsTheModeOfAClientThatIsGone(t *testing.T) {
	r := newRig(t)
	r.app("A")
	r.End()
	r.is(Inactive, false)
	r.Enter()
	r.End()
	r.is(Inactive, false)
}

func TestTheStatusIsAsPublished(t *testing.T) {
	for _, s := range []State{Inactive, EnterPending, Active, ExitPending} {
		for _, p := range xfs4iot.Check("completion", "Common.Status", service.Done(Status(s)).Payload) {
			t.Error(p)
		}
	}
}
