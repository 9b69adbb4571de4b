//go:build linux

package host_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-plugin"

	"zhigui/drivers/api"
	"zhigui/drivers/host"
	"zhigui/drivers/sdk"
	"zhigui/drivers/wire"
)

// The test binary is its own driver: a host starts it with the model's name.
func TestMain(m *testing.M) {
	if sdk.Started() {
		switch os.Args[1] {
		case "fake":
			sdk.Serve(fakeModel)
		case "dies":
			fmt.Fprintln(os.Stderr, "last words")
			time.AfterFunc(20*time.Millisecond, func() { os.Exit(7) })
			sdk.Serve(fakeModel)
		case "future":
			plugin.Serve(&plugin.ServeConfig{HandshakeConfig: wire.Handshake, GRPCServer: plugin.DefaultGRPCServer,
				VersionedPlugins: map[int]plugin.PluginSet{99: {wire.PluginName: &wire.Plugin{Impl: wire.UnimplementedDriverServer{}}}}})
		}
		os.Exit(9)
	}
	if len(os.Args) > 2 && os.Args[1] == "be-a-host" {
		beAHost(os.Args[2])
		return
	}
	os.Exit(m.Run())
}

var fakeModel = sdk.Model{
	Name: "fake", Class: api.ClassCardReader, Maker: "nobody", Version: "1",
	Profile: []byte("greeting: hello\n"),
	Commands: map[string]api.Motion{
		"Fake.Ask": api.Still, "Fake.Wait": api.Wait, "Fake.Move": api.MovesCash, "Fake.Hang": api.MovesCash,
		"Fake.Before": api.MovesCash, "Fake.Panic": api.MovesCash, "Fake.Stuck": api.Still,
	},
	Capabilities: func(sdk.Env) (map[string]any, error) { return map[string]any{"cardReader": map[string]any{}}, nil },
	New: func(e sdk.Env) (sdk.Driver, error) {
		var p struct {
			Greeting string `json:"greeting"`
		}
		if err := e.Profile(&p); err != nil {
			return nil, err
		}
		return &fake{env: e, greeting: p.Greeting}, nil
	},
}

type fake struct {
	env      sdk.Env
	greeting string
	mu       sync.Mutex
	moves    int
}

func (f *fake) Open(context.Context) error { return nil }

func (f *fake) Recover(context.Context, []sdk.OpenOp) (api.Recovery, error) {
	f.env.Event("Fake.Found", nil)
	return api.Recovery{Media: map[string]int{"exit": -1}}, nil
}

func (f *fake) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	emit(api.Event{Name: "Fake.Began"})
	switch cmd.Name {
	case "Fake.Wait":
		<-ctx.Done()
		return sdk.Ended(ctx)
	case "Fake.Before", "Fake.Hang", "Fake.Move", "Fake.Panic":
		if cmd.Name == "Fake.Before" {
			emit(api.Event{Name: "Fake.Now"})
			<-context.Background().Done()
		}
		if err := sdk.Moving(ctx); err != nil {
			return api.Refuse(api.InternalError, err.Error())
		}
		f.mu.Lock()
		f.moves++
		f.mu.Unlock()
		f.env.StatusChanged()
		if cmd.Name == "Fake.Panic" {
			var none map[string]int
			none["secret"] = 1
		}
		if cmd.Name == "Fake.Hang" {
			emit(api.Event{Name: "Fake.Now"})
			<-context.Background().Done()
		}
	case "Fake.Stuck":
		f.env.Heart.Expect(time.Nanosecond)
	}
	return sdk.Ok(map[string]string{"greeting": f.greeting})
}

func (f *fake) Status() map[string]any {
	if f.greeting == "slow" {
		time.Sleep(30 * time.Millisecond)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return map[string]any{"common": map[string]any{"device": api.Online, "moves": f.moves}}
}

func (f *fake) Identity() (string, string) { return "fw", "sn" }
func (f *fake) Close() error               { return nil }

// beAHost is a host in a process of its own, to be killed.
func beAHost(dir string) {
	h, err := host.New(host.Config{RunDir: filepath.Join(dir, "r")}, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		panic(err)
	}
	d, err := h.Start(context.Background(), spec(dir, "fake"))
	if err != nil {
		panic(err)
	}
	if err := d.WaitReady(context.Background()); err != nil {
		panic(err)
	}
	fmt.Println(d.PID())
	select {}
}

func spec(dir, model string) host.Spec {
	return host.Spec{ID: model, Model: model, Binary: self(), Port: filepath.Join(dir, "port-"+model), StateDir: filepath.Join(dir, "state-"+model)}
}

func self() string {
	p, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return p
}

// shortDir is a folder whose name is short enough for sockets.
func shortDir(t *testing.T) string {
	t.Helper()
	d, err := os.MkdirTemp("", "zg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(d) })
	return d
}

func newHost(t *testing.T, dir string, change func(*host.Config)) *host.Host {
	t.Helper()
	cfg := host.Config{RunDir: filepath.Join(dir, "r"), Jitter: func() float64 { return 0.5 }}
	if change != nil {
		change(&cfg)
	}
	h, err := host.New(cfg, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := h.Close(ctx); err != nil {
			t.Errorf("close the host: %v", err)
		}
	})
	return h
}

func start(t *testing.T, h *host.Host, s host.Spec) *host.Device {
	t.Helper()
	d, err := h.Start(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func startReady(t *testing.T, h *host.Host, s host.Spec) *host.Device {
	t.Helper()
	d := start(t, h, s)
	ready(t, d)
	return d
}

func ready(t *testing.T, d *host.Device) {
	t.Helper()
	wait(t, d, host.StateReady)
}

func wait(t *testing.T, d *host.Device, s host.State) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := d.WaitState(ctx, s); err != nil {
		t.Fatal(err)
	}
}

func command(op, name string) api.Command {
	return api.Command{Op: api.OpID(op), Name: name, Payload: json.RawMessage(`{"n":1}`)}
}

// alive reads /proc: a zombie is dead.
func alive(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] == ')' {
			return b[i+2] != 'Z' && b[i+2] != 'X'
		}
	}
	return false
}

func selfCommand(args ...string) *exec.Cmd { return exec.Command(self(), args...) }
