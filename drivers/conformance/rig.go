// Package conformance is what every driver must pass, through the real plugin wire: the
// test binary starts itself as the driver process (Main), a host supervises it, and a device
// answers on the other end of a port: a virtual device of sim/device or a scripted peer.
// Imported by tests only.
package conformance

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/host"
	"zhigui/drivers/sdk"
)

// Patience is how long anything that must happen is waited for.
const Patience = 30 * time.Second

// Main is for TestMain: the process is a driver if a host started it, else it runs the tests.
func Main(m *testing.M, models ...sdk.Model) {
	if sdk.Started() && len(os.Args) > 1 {
		for _, model := range models {
			if model.Name == os.Args[1] {
				sdk.Serve(model)
				os.Exit(0)
			}
		}
		os.Exit(9)
	}
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen { // a test of a driver waits more than it computes
		if err := flag.Set("test.parallel", strconv.Itoa(together*runtime.GOMAXPROCS(0))); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// together is how many parallel tests run for each processor.
const together = 2

// Rig is one driver process under a host.
type Rig struct {
	T          testing.TB
	Host       *host.Host
	Device     *host.Device
	Recoveries chan api.Recovery
	Log        *Log
	StateDir   string // the driver's own folder

	ops     atomic.Int64
	mu      sync.Mutex
	notices []api.Notice
	came    chan struct{}
}

// Log keeps everything that the host logged, the driver's lines among it.
type Log struct {
	mu sync.Mutex
	b  []byte
}

func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, p...)
	return len(p), nil
}

// String is the whole log.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.b)
}

// Launch starts the model for the port without waiting for it.
func Launch(t testing.TB, m sdk.Model, port string, profile map[string]any) *Rig {
	t.Helper()
	dir, err := os.MkdirTemp("", "zgc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &Rig{T: t, Recoveries: make(chan api.Recovery, 64), Log: &Log{}, StateDir: filepath.Join(dir, "state"), came: make(chan struct{})}
	log := slog.New(slog.NewTextHandler(r.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.Host, err = host.New(host.Config{RunDir: filepath.Join(dir, "r"), HealthEvery: 500 * time.Millisecond}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		if err := r.Host.Close(ctx); err != nil {
			t.Errorf("close the host: %v", err)
		}
		if t.Failed() {
			t.Logf("log:\n%s", r.Log)
		}
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var raw json.RawMessage
	if profile != nil {
		raw = JSON(profile)
	}
	r.Device, err = r.Host.Start(t.Context(), host.Spec{ID: "dev", Model: m.Name, Binary: self, Port: port, Profile: raw,
		StateDir: r.StateDir, OnRecovered: func(v api.Recovery) { r.Recoveries <- v }})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for n := range r.Device.Notices(t.Context()) {
			r.mu.Lock()
			r.notices = append(r.notices, n)
			close(r.came)
			r.came = make(chan struct{})
			r.mu.Unlock()
		}
	}()
	return r
}

// Start launches and waits until the device is ready.
func Start(t testing.TB, m sdk.Model, port string, profile map[string]any) *Rig {
	t.Helper()
	r := Launch(t, m, port, profile)
	r.Ready()
	return r
}

// Ready waits until the device is ready.
func (r *Rig) Ready() {
	r.T.Helper()
	ctx, cancel := context.WithTimeout(r.T.Context(), Patience)
	defer cancel()
	if err := r.Device.WaitReady(ctx); err != nil {
		r.T.Fatalf("%v\n%s", err, r.Log)
	}
}

// NotReady waits until the driver is in another state.
func (r *Rig) NotReady(s host.State) {
	r.T.Helper()
	ctx, cancel := context.WithTimeout(r.T.Context(), Patience)
	defer cancel()
	if err := r.Device.WaitState(ctx, s); err != nil {
		r.T.Fatal(err)
	}
}

// JSON encodes what tests write down.
func JSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// Command makes a command with an operation id of its own.
func (r *Rig) Command(name string, payload any) api.Command {
	c := api.Command{Op: api.OpID(fmt.Sprintf("op-%d", r.ops.Add(1))), Name: name}
	if payload != nil {
		c.Payload = JSON(payload)
	}
	return c
}

// Do runs a command and gives its completion and events.
func (r *Rig) Do(name string, payload any) (api.Completion, []string) {
	r.T.Helper()
	var events []string
	c := r.Device.Execute(r.T.Context(), r.Command(name, payload), func(e api.Event) { events = append(events, e.Name) })
	return c, events
}

// Begin runs a command in the background; its events and its completion come through the
// channels.
func (r *Rig) Begin(ctx context.Context, cmd api.Command) (<-chan api.Event, <-chan api.Completion) {
	events, done := make(chan api.Event, 256), make(chan api.Completion, 1)
	go func() {
		c := r.Device.Execute(ctx, cmd, func(e api.Event) { events <- e })
		close(events)
		done <- c
	}()
	return events, done
}

// Await waits for a notice and removes it and those before it.
func (r *Rig) Await(what string, ok func(api.Notice) bool) api.Notice {
	r.T.Helper()
	limit := time.After(Patience)
	for {
		r.mu.Lock()
		for i, n := range r.notices {
			if ok(n) {
				r.notices = r.notices[i+1:]
				r.mu.Unlock()
				return n
			}
		}
		came := r.came
		r.mu.Unlock()
		select {
		case <-came:
		case <-limit:
			r.T.Fatalf("%s did not come\n%s", what, r.Log)
		}
	}
}

// Event waits for an unsolicited event.
func (r *Rig) Event(name string) json.RawMessage {
	r.T.Helper()
	return r.Await(name, func(n api.Notice) bool { return n.Event != nil && n.Event.Name == name }).Event.Payload
}

// Saw reports whether a notice with that event is waiting.
func (r *Rig) Saw(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.notices {
		if n.Event != nil && n.Event.Name == name {
			return true
		}
	}
	return false
}

// Status decodes one interface of the full status.
func (r *Rig) Status(class string, v any) {
	r.T.Helper()
	s, err := r.Device.Status(r.T.Context())
	if err != nil {
		r.T.Fatal(err)
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(s.Classes, &m); err != nil {
		r.T.Fatal(err)
	}
	if err := json.Unmarshal(m[class], v); err != nil {
		r.T.Fatalf("status has no %s: %s", class, s.Classes)
	}
}

// Next waits for an event of a command.
func Next(t testing.TB, events <-chan api.Event, name string) api.Event {
	t.Helper()
	limit := time.After(Patience)
	for {
		select {
		case e, ok := <-events:
			if !ok {
				t.Fatalf("the command ended without %s", name)
			}
			if e.Name == name {
				return e
			}
		case <-limit:
			t.Fatalf("%s did not come", name)
		}
	}
}

// Ended waits for a completion.
func Ended(t testing.TB, done <-chan api.Completion) api.Completion {
	t.Helper()
	select {
	case c := <-done:
		return c
	case <-time.After(Patience):
		t.Fatal("the command does not end")
		return api.Completion{}
	}
}
