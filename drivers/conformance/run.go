//go:build unix

package conformance

import (
	"context"
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/drivers/host"
	"zhigui/drivers/sdk"
)

// Device is the device on the other end of the port, as far as the common cases need it.
type Device interface {
	Port() string
	PowerCut()
	PowerRestore()
	// Vanish takes the port away, Return brings it back through the same path.
	Vanish() error
	Return() error
	// Garbage makes the device send noise before its next answer.
	Garbage() error
}

// Request is a command with its payload.
type Request struct {
	Name    string
	Payload any
}

// Options say what the common cases may do with a model.
type Options struct {
	Model   sdk.Model
	Profile map[string]any
	Device  func(t *testing.T) Device
	// Harmless succeeds on a fresh device and may be repeated.
	Harmless Request
	// BadPayload is a command that looks at its payload.
	BadPayload string
	// Before makes a fresh device ready for Wait.
	Before []Request
	// Wait waits for a person and can be canceled; Began is an event that it emits when it
	// waits. Empty for devices that wait for nobody.
	Wait  Request
	Began string
}

// Run is what every driver must pass; the subtests are model/rule, of which make conform
// makes its table. Each has a device and a process of its own, so they run beside each other.
//
// req: D-09
func Run(t *testing.T, o Options) {
	t.Helper()
	t.Parallel()
	t.Run(o.Model.Name, func(t *testing.T) { rules(t, o) })
}

func rules(t *testing.T, o Options) {
	start := func(t *testing.T) (Device, *Rig) {
		t.Helper()
		t.Parallel()
		d := o.Device(t)
		r := Start(t, o.Model, d.Port(), o.Profile)
		<-r.Recoveries
		return d, r
	}
	t.Run("it describes itself", func(t *testing.T) {
		_, r := start(t)
		d, err := r.Device.Describe(t.Context())
		if err != nil || d.Model != o.Model.Name || d.Class != o.Model.Class || d.Version == "" || d.Maker == "" || len(d.Commands) != len(o.Model.Commands) {
			t.Fatalf("%+v, %v", d, err)
		}
		var caps map[string]map[string]any
		if err := json.Unmarshal(d.Capabilities, &caps); err != nil || len(caps) == 0 {
			t.Errorf("capabilities %s: %v", d.Capabilities, err)
		}
		for _, p := range xfs4iot.Check("completion", "Common.Capabilities", d.Capabilities) {
			t.Error(p)
		}
	})
	t.Run("an unknown command and a bad payload are refused before anything happens", func(t *testing.T) {
		_, r := start(t)
		if c, _ := r.Do("Nobody.Knows", nil); c.Outcome != api.NotStarted || c.Code != api.UnsupportedCommand {
			t.Errorf("%+v", c)
		}
		cmd := r.Command(o.Harmless.Name, nil)
		bad := r.Command(o.BadPayload, nil)
		bad.Payload = json.RawMessage(`[7]`)
		if c := r.Device.Execute(t.Context(), bad, nil); c.Outcome != api.NotStarted || c.Code != api.InvalidData {
			t.Errorf("%+v", c)
		}
		cmd.Op = ""
		if c := r.Device.Execute(t.Context(), cmd, nil); c.Code != api.InvalidRequestID {
			t.Errorf("no operation id: %+v", c)
		}
		cmd = r.Command(o.Harmless.Name, o.Harmless.Payload)
		cmd.Deadline = time.Now().Add(-time.Second)
		if c := r.Device.Execute(t.Context(), cmd, nil); c.Outcome != api.TimedOut {
			t.Errorf("deadline in the past: %+v", c)
		}
	})
	t.Run("status is whole, then deltas with epoch and sequence", func(t *testing.T) {
		d, r := start(t)
		s, err := r.Device.Status(t.Context())
		if err != nil || !s.Full || s.Epoch == "" || !strings.Contains(string(s.Classes), `"common"`) {
			t.Fatalf("%+v, %v", s, err)
		}
		for _, p := range xfs4iot.Check("completion", "Common.Status", s.Classes) {
			t.Error(p)
		}
		d.PowerCut()
		n := r.delta(s.Seq, "offline")
		if n.Epoch != s.Epoch {
			t.Errorf("%+v after %+v", n, s)
		}
		d.PowerRestore()
		r.delta(n.Seq, "online")
	})
	t.Run("an operation is remembered and not done twice", func(t *testing.T) {
		_, r := start(t)
		if rec, err := r.Device.QueryOp(t.Context(), "never"); err != nil || rec.State != api.OpUnknown {
			t.Errorf("%+v, %v", rec, err)
		}
		m := o.Model.Commands[o.Harmless.Name]
		cmd := r.Command(o.Harmless.Name, o.Harmless.Payload)
		if c := r.Device.Execute(t.Context(), cmd, nil); c.Outcome != api.Done {
			t.Fatalf("%+v", c)
		}
		if m == api.Still || m == api.Wait {
			return
		}
		if rec, err := r.Device.QueryOp(t.Context(), cmd.Op); err != nil || rec.State != api.OpCompleted || rec.Completion.Outcome != api.Done {
			t.Errorf("%+v, %v", rec, err)
		}
		r.signal(syscall.SIGKILL)
		if rec, err := r.Device.QueryOp(t.Context(), cmd.Op); err != nil || rec.State != api.OpCompleted {
			t.Errorf("after a restart: %+v, %v", rec, err)
		}
	})
	if o.Wait.Name != "" {
		t.Run("a wait ends by cancel and deadline, and nothing runs beside it", func(t *testing.T) { waits(t, o, start) })
	}
	t.Run("garbage on the line does not kill it", func(t *testing.T) {
		d, r := start(t)
		pid := r.Device.PID()
		for range 3 {
			if err := d.Garbage(); err != nil {
				t.Fatal(err)
			}
			if c, _ := r.Do(o.Harmless.Name, o.Harmless.Payload); c.Outcome != api.Done {
				t.Errorf("%+v", c)
			}
		}
		if r.Device.PID() != pid {
			t.Error("the driver was replaced")
		}
	})
	t.Run("a port that vanishes comes back without a restart", func(t *testing.T) {
		d, r := start(t)
		pid := r.Device.PID()
		s, err := r.Device.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Vanish(); err != nil {
			t.Fatal(err)
		}
		gone := r.delta(s.Seq, "offline")
		if err := d.Return(); err != nil {
			t.Fatal(err)
		}
		r.delta(gone.Seq, "online")
		if c, _ := r.Do(o.Harmless.Name, o.Harmless.Payload); c.Outcome != api.Done || r.Device.PID() != pid {
			t.Errorf("%+v", c)
		}
	})
	t.Run("killed, it is back and has asked the device", func(t *testing.T) {
		_, r := start(t)
		r.signal(syscall.SIGKILL)
		if c, _ := r.Do(o.Harmless.Name, o.Harmless.Payload); c.Outcome != api.Done {
			t.Errorf("%+v", c)
		}
	})
	t.Run("stopped, it is noticed by the watchdog and replaced", func(t *testing.T) {
		_, r := start(t)
		r.signal(syscall.SIGSTOP)
		if c, _ := r.Do(o.Harmless.Name, o.Harmless.Payload); c.Outcome != api.Done {
			t.Errorf("%+v", c)
		}
	})
	t.Run("a port in use is refused by name", func(t *testing.T) {
		d, r := start(t)
		pid := r.Device.PID()
		other := Launch(t, o.Model, d.Port(), o.Profile)
		other.NotReady(host.StateBackoff)
		if _, why := other.Device.State(); !strings.Contains(why, "in use") {
			t.Errorf("second driver: %s", why)
		}
		if r.Device.PID() != pid {
			t.Error("the first driver was disturbed")
		}
	})
	t.Run("drained, it gives the port up", func(t *testing.T) {
		d, r := start(t)
		if err := r.Device.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if c, _ := r.Do(o.Harmless.Name, o.Harmless.Payload); c.Code != api.DeviceNotReady {
			t.Errorf("%+v", c)
		}
		Start(t, o.Model, d.Port(), o.Profile)
	})
}

func waits(t *testing.T, o Options, start func(*testing.T) (Device, *Rig)) {
	_, r := start(t)
	for _, b := range o.Before {
		if c, _ := r.Do(b.Name, b.Payload); c.Outcome != api.Done {
			t.Fatalf("%s: %+v", b.Name, c)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	events, done := r.Begin(ctx, r.Command(o.Wait.Name, o.Wait.Payload))
	Next(t, events, o.Began)
	for name, m := range o.Model.Commands {
		if m == api.Still {
			continue
		}
		if c, _ := r.Do(name, nil); c.Code != api.SequenceError || c.Outcome != api.NotStarted {
			t.Errorf("%s beside a wait: %+v", name, c)
		}
	}
	cancel()
	if c := Ended(t, done); c.Outcome != api.Canceled || c.Code != api.CodeCanceled {
		t.Errorf("canceled: %+v", c)
	}
	cmd := r.Command(o.Wait.Name, o.Wait.Payload)
	cmd.Deadline = time.Now().Add(150 * time.Millisecond)
	if c := r.Device.Execute(t.Context(), cmd, nil); c.Outcome != api.TimedOut || c.Code != api.CodeTimeOut {
		t.Errorf("deadline: %+v", c)
	}
	_, done = r.Begin(t.Context(), r.Command(o.Wait.Name, o.Wait.Payload))
	if err := r.Device.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := Ended(t, done); c.Outcome == api.Done || c.Outcome == api.Indeterminate {
		t.Errorf("a wait that a drain ended: %+v", c)
	}
	r.Ready()
}

// signal sends a signal that the driver does not survive and waits until it is back.
func (r *Rig) signal(s syscall.Signal) {
	r.T.Helper()
	if err := syscall.Kill(r.Device.PID(), s); err != nil {
		r.T.Fatal(err)
	}
	select {
	case <-r.Recoveries:
	case <-time.After(Patience):
		r.T.Fatalf("no recovery\n%s", r.Log)
	}
	r.Ready()
}

// delta waits for a status delta after a sequence number that says the device is in a state.
func (r *Rig) delta(after uint64, state string) api.Notice {
	r.T.Helper()
	return r.Await(state, func(n api.Notice) bool {
		return n.Seq > after && n.Status != nil && !n.Status.Full && strings.Contains(string(n.Status.Classes), `"device":"`+state+`"`)
	})
}
