package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/host"
	"zhigui/drivers/wire"
)

// echoServer is the peer of driver.call_us: plain gRPC, no TLS, no plugin, no supervision.
type echoServer struct{ wire.UnimplementedDriverServer }

func (echoServer) Health(context.Context, *wire.HealthRequest) (*wire.HealthReply, error) {
	return &wire.HealthReply{}, nil
}

// echo serves plain gRPC on a unix socket until it is killed.
func echo(socket string) error {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	s := grpc.NewServer()
	wire.RegisterDriverServer(s, echoServer{})
	return s.Serve(l)
}

// member is a driver of the fleet: device id, driver, virtual device with its baud rate and settings,
// and a command that talks with the device and moves nothing far.
type member struct {
	id, driver, device string
	baud               int
	key                string
	settings           map[string]any
	ask, payload       string
}

// fleet are the drivers of a fully fitted counter.
var fleet = []member{
	{"card", "creatorcrt350n", "crt350n", 115200, "reader", m{"motionMs": 0, "restore": "keep"}, "CardReader.Reset", `{"to":"currentPosition"}`},
	{"cash", "puloonlcdm2000", "lcdm2000", 9600, "dispenser", m{"exit": "hold", "upper": m{"count": 100, "value": 100}, "lower": m{"count": 100, "value": 50}}, "CashManagement.Reset", `{}`},
	{"pinpad", "szztzt598", "zt598", 9600, "", nil, "KeyManagement.Initialization", `{}`},
	{"printer", "escposreceipt", "escpos", 115200, "printer", m{"paperMm": 80000, "presenter": "on"}, "Printer.Reset", `{}`},
	{"acceptor", "itlnv200", "itlssp", 9600, "", nil, "CashManagement.Reset", `{}`},
	{"cards", "creatorcrt591", "crt591", 9600, "", nil, "CardReader.Reset", `{"to":"currentPosition"}`},
	{"passbook", "olivettipr2", "pr2", 9600, "", nil, "Printer.Reset", `{}`},
	{"idreader", "samv", "samv", 115200, "", nil, "X-IdCard.Reset", `{}`},
	{"scanner", "gm65", "gm65", 9600, "", nil, "BarcodeReader.Reset", `{}`},
	{"finger", "r30x", "r30x", 57600, "", nil, "Biometric.Reset", `{}`},
	{"siu", "modbussiu", "modbussiu", 9600, "", nil, "Auxiliaries.SetAuxiliaries", `{"heating":"on"}`},
	{"ups", "megatecups", "megatec", 2400, "", nil, "PowerManagement.X-SetBeeper", `{"on":true}`},
}

type m = map[string]any

// devicesFile describes the virtual devices without pacing and without time for movements.
func devicesFile(dir string) (string, error) {
	var list []m
	for _, f := range fleet {
		one := m{"id": f.id, "model": f.device, "baud": f.baud, "link": filepath.Join(dir, f.id), "pace": 0}
		if f.key != "" {
			one[f.key] = f.settings
		}
		list = append(list, one)
	}
	b, err := yaml.Marshal(m{"state": filepath.Join(dir, "devices"), "devices": list})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "devices.yaml")
	return path, os.WriteFile(path, b, 0o600)
}

func driver(ctx context.Context, o options, fs *figures) error {
	dir := filepath.Join(o.dir, "d")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	cfg, err := devicesFile(dir)
	if err != nil {
		return err
	}
	p, err := ports(0, 1)
	if err != nil {
		return err
	}
	sim, err := start(filepath.Join(dir, "sim.log"), filepath.Join(o.bin, "simctl"), "devices", "--config", cfg, "--addr", p[0])
	if err != nil {
		return err
	}
	defer end(sim)
	if err := await(ctx, "virtual devices", listening(p[0])); err != nil {
		return err
	}
	h, err := host.New(host.Config{RunDir: filepath.Join(dir, "r")}, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = h.Close(ctx)
	}()
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	devices := map[string]*host.Device{}
	for _, f := range fleet {
		d, err := h.Start(ctx, host.Spec{ID: f.id, Model: f.driver, Binary: filepath.Join(o.bin, "driverd"), Port: filepath.Join(dir, f.id), StateDir: filepath.Join(dir, "state", f.id)})
		if err != nil {
			return err
		}
		devices[f.id] = d
	}
	for id, d := range devices {
		if err := d.WaitReady(ctx); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	if err := calls(ctx, o, fs, dir, devices); err != nil {
		return err
	}
	if err := ours(ctx, o, fs, devices); err != nil {
		return err
	}
	if err := ownMemory(fs, devices); err != nil {
		return err
	}
	if err := restarts(ctx, fs, devices, syscall.SIGKILL, "driver.recover_ms.p50",
		"SIGKILL to ready again, each driver once: pause of 0.2 s ± 20 %, start, open, Recover with the device; the median of the classes, each beside it", 1000); err != nil {
		return err
	}
	return restarts(ctx, fs, devices, syscall.SIGSTOP, "driver.recover_stop_ms.p50",
		"SIGSTOP to ready again: three unanswered checks, one every 2 s with 1 s to answer, then as after SIGKILL", 12000)
}

// calls measures what a call to a driver process costs beside plain gRPC: Status of every
// class, and of one class a command and the empty call.
func calls(ctx context.Context, o options, fs *figures, dir string, devices map[string]*host.Device) error {
	n := 2000
	if o.quick {
		n = 1000
	}
	peer, err := start(filepath.Join(dir, "echo.log"), o.self, "role", "echo", filepath.Join(dir, "echo.sock"))
	if err != nil {
		return err
	}
	defer end(peer)
	conn, err := grpc.NewClient("unix:"+filepath.Join(dir, "echo.sock"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // bench
	plain := wire.NewDriverClient(conn)
	if _, err := plain.Health(ctx, &wire.HealthRequest{}, grpc.WaitForReady(true)); err != nil {
		return err
	}
	d := devices["pinpad"]
	type kind struct {
		all  []time.Duration
		call func(op string) error
	}
	kinds := []*kind{
		{call: func(string) error { _, err := plain.Health(ctx, &wire.HealthRequest{}); return err }},
		{call: func(string) error { return d.Health(ctx) }},
		{call: func(op string) error { return execute(ctx, d, op, pinpad.CmdGetKeyDetail, "{}") }},
	}
	own := len(kinds) // from here on one for each class
	for _, f := range fleet {
		dev := devices[f.id]
		kinds = append(kinds, &kind{call: func(string) error { _, err := dev.Status(ctx); return err }})
	}
	const blocks = 10 // in turns, so that a neighbour's burst hits all kinds; the first warms up
	for b := range blocks + 1 {
		for i, k := range kinds {
			var ds []time.Duration
			for j := range n / blocks {
				t := time.Now()
				if err := k.call(fmt.Sprintf("bench-%d-%d-%d", b, i, j)); err != nil {
					return err
				}
				ds = append(ds, time.Since(t))
			}
			if b > 0 {
				k.all = append(k.all, ds...)
			}
		}
	}
	plain50, plain99 := micro(kinds[0].all, 0.5), micro(kinds[0].all, 0.99)
	add := func(name string, k *kind, note string) {
		p50 := micro(k.all, 0.5)
		fs.add(name, p50, "µs", vs{"p99": micro(k.all, 0.99), "grpc": plain50, "ratio": p50 / plain50}, note+"; beside it plain gRPC echo, in turns with it")
	}
	p50, p99, ratio := vs{"grpc": plain50, "goalMax": 150}, vs{"grpc": plain99}, vs{"goalMax": 1.3}
	var all []time.Duration
	worst := 0.0
	for i, f := range fleet {
		k := kinds[own+i]
		p50[f.id], p99[f.id], ratio[f.id] = micro(k.all, 0.5), micro(k.all, 0.99), micro(k.all, 0.5)/plain50
		worst = max(worst, ratio[f.id])
		all = append(all, k.all...)
	}
	fs.add("driver.call_us.p50", micro(all, 0.5), "µs", p50, "Status through host, go-plugin and mutual TLS to a driver process, with its full status, no word with the device; all classes, each beside it, and plain gRPC echo in turns with them")
	fs.add("driver.call_us.p99", micro(all, 0.99), "µs", p99, "the same")
	fs.add("driver.call_ratio", worst, "", ratio, "the class with the dearest call against plain gRPC, by medians")
	add("driver.health_us.p50", kinds[1], "the empty call, the same message as the plain echo")
	add("driver.command_us.p50", kinds[2], "PinPad.GetKeyDetail: a command with its stream of events, no word with the device")
	return nil
}

func execute(ctx context.Context, d *host.Device, op, name, payload string) error {
	c := d.Execute(ctx, api.Command{Op: api.OpID(op), Name: name, Payload: json.RawMessage(payload)}, nil)
	if c.Outcome != api.Done {
		return fmt.Errorf("%s: %s %s", name, c.Code, c.Description)
	}
	return nil
}

// ours measures how much of a command is the software's: the line and the movements take no
// time here, so that what is left is ours, and the virtual device's.
func ours(ctx context.Context, o options, fs *figures, devices map[string]*host.Device) error {
	n := 100
	if o.quick {
		n = 30
	}
	beside := vs{"goalMax": 2}
	var medians []float64
	for _, f := range fleet {
		var ds []time.Duration
		for i := range n {
			t := time.Now()
			if err := execute(ctx, devices[f.id], fmt.Sprintf("ours-%d", i), f.ask, f.payload); err != nil {
				return fmt.Errorf("%s: %w", f.id, err)
			}
			ds = append(ds, time.Since(t))
		}
		beside[f.id] = micro(ds, 0.5) / 1000
		medians = append(medians, beside[f.id])
	}
	slices.Sort(medians)
	fs.add("driver.ours_ms.p50", medians[len(medians)/2], "ms", beside, "a command that talks with the device (reset, lamp, beeper), on a line and with movements that take no time; median of the classes, each beside it. Journalled commands write to the disk before the first byte")
	return nil
}

// ownMemory is what the driver processes have for themselves alone.
func ownMemory(fs *figures, devices map[string]*host.Device) error {
	sum := 0.0
	beside := vs{"goalMax": 120}
	for id, d := range devices {
		kb, err := private(d.PID())
		if err != nil {
			return err
		}
		beside[id] = kb / 1024
		sum += kb / 1024
	}
	fs.add("driver.memory_mb.private", sum, "MB", beside, fmt.Sprintf("private memory of %d driver processes of one binary", len(devices)))
	return nil
}

// private reads the private pages of a process, in kB.
func private(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[0], "Private_") {
			kb, err := strconv.ParseFloat(f[1], 64)
			if err != nil {
				return 0, err
			}
			sum += kb
		}
	}
	return sum, nil
}

// restarts strikes every driver once and waits until it is ready again. Once each, as the
// pause before a start doubles with every crash.
func restarts(ctx context.Context, fs *figures, devices map[string]*host.Device, sig syscall.Signal, name, note string, goal float64) error {
	beside := vs{"goalMax": goal}
	var mu sync.Mutex
	var all []float64
	g, ctx := errgroup.WithContext(ctx)
	if sig == syscall.SIGKILL {
		g.SetLimit(1) // alone; those that hang wait for the watchdog side by side
	}
	for id, d := range devices {
		g.Go(func() error {
			pid := d.PID()
			t := time.Now()
			if err := syscall.Kill(pid, sig); err != nil {
				return err
			}
			if err := d.WaitState(ctx, host.StateBackoff); err != nil {
				return err
			}
			if err := d.WaitReady(ctx); err != nil {
				return err
			}
			took := float64(time.Since(t).Microseconds()) / 1000
			if d.PID() == pid {
				return errors.New("the driver was not replaced")
			}
			mu.Lock()
			defer mu.Unlock()
			beside[id] = took
			all = append(all, took)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	slices.Sort(all)
	fs.add(name, all[len(all)/2], "ms", beside, note)
	return nil
}
