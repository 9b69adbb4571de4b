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
	"syscall"
	"time"

	"github.com/goccy/go-yaml"
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

// models by device id; the second name is the virtual device's.
var models = []struct{ id, driver, device string }{
	{"card", "creatorcrt350n", "crt350n"}, {"cash", "puloonlcdm2000", "lcdm2000"}, {"pinpad", "szztzt598", "zt598"}, {"printer", "escposreceipt", "escpos"},
}

// devicesFile describes virtual devices without pacing, with short movements.
func devicesFile(dir string) (string, error) {
	type m = map[string]any
	list := []m{
		{"id": "card", "model": "crt350n", "baud": 115200, "reader": m{"motionMs": 1, "restore": "keep"}},
		{"id": "cash", "model": "lcdm2000", "baud": 9600, "dispenser": m{"exit": "hold", "noteMs": 2, "upper": m{"count": 100, "value": 100}, "lower": m{"count": 100, "value": 50}}},
		{"id": "pinpad", "model": "zt598", "baud": 9600},
		{"id": "printer", "model": "escpos", "baud": 115200, "printer": m{"paperMm": 80000, "presenter": "on", "lineMs": 0}},
	}
	for _, d := range list {
		d["link"], d["pace"] = filepath.Join(dir, fmt.Sprint(d["id"])), 0
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
	for _, m := range models {
		d, err := h.Start(ctx, host.Spec{ID: m.id, Model: m.driver, Binary: filepath.Join(o.bin, "driverd"), Port: filepath.Join(dir, m.id), StateDir: filepath.Join(dir, "state", m.id)})
		if err != nil {
			return err
		}
		devices[m.id] = d
	}
	for id, d := range devices {
		if err := d.WaitReady(ctx); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	if err := calls(ctx, o, fs, dir, devices["pinpad"]); err != nil {
		return err
	}
	return restarts(ctx, fs, devices)
}

// calls measures a command that needs no word with the device, against plain gRPC.
func calls(ctx context.Context, o options, fs *figures, dir string, d *host.Device) error {
	n := 5000
	if o.quick {
		n = 2000
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
	kinds := []struct {
		all  []time.Duration
		call func(op string) error
	}{
		{call: func(string) error { _, err := plain.Health(ctx, &wire.HealthRequest{}); return err }},
		{call: func(string) error { return d.Health(ctx) }},
		{call: func(string) error { _, err := d.Status(ctx); return err }},
		{call: func(op string) error {
			c := d.Execute(ctx, api.Command{Op: api.OpID(op), Name: pinpad.CmdGetKeyDetail, Payload: json.RawMessage("{}")}, nil)
			if c.Outcome != api.Done {
				return fmt.Errorf("%s: %s", c.Code, c.Description)
			}
			return nil
		}},
	}
	const blocks = 10 // in turns, so that a neighbour's burst hits all kinds; the first warms up
	for b := range blocks + 1 {
		for k := range kinds {
			var ds []time.Duration
			for i := range n / blocks {
				t := time.Now()
				if err := kinds[k].call(fmt.Sprintf("bench-%d-%d", b, i)); err != nil {
					return err
				}
				ds = append(ds, time.Since(t))
			}
			if b > 0 {
				kinds[k].all = append(kinds[k].all, ds...)
			}
		}
	}
	add := func(name string, k int, goal bool, note string) {
		p50, plain := micro(kinds[k].all, 0.5), micro(kinds[0].all, 0.5)
		beside := vs{"p99": micro(kinds[k].all, 0.99), "grpc": plain, "ratio": p50 / plain}
		if goal {
			beside["goalMax"] = 150
		}
		fs.add(name, p50, "µs", beside, note+"; beside it plain gRPC echo, in turns with it")
	}
	add("driver.call_us.p50", 2, true, "Status through host, go-plugin and mutual TLS to a driver process, with its full status, no word with the device")
	add("driver.health_us.p50", 1, false, "the empty call, the same message as the plain echo")
	add("driver.command_us.p50", 3, false, "PinPad.GetKeyDetail: a command with its stream of events, no word with the device")
	return nil
}

// restarts kills every driver once and waits until it is ready again. Once each, as the pause
// before a start doubles with every crash.
func restarts(ctx context.Context, fs *figures, devices map[string]*host.Device) error {
	var slowest time.Duration
	beside := vs{"goalMax": 1000}
	for _, m := range models {
		d := devices[m.id]
		pid := d.PID()
		t := time.Now()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return err
		}
		if err := d.WaitState(ctx, host.StateBackoff); err != nil {
			return err
		}
		if err := d.WaitReady(ctx); err != nil {
			return err
		}
		took := time.Since(t)
		if d.PID() == pid {
			return errors.New("the driver was not replaced")
		}
		slowest = max(slowest, took)
		beside[m.id] = float64(took.Microseconds()) / 1000
	}
	fs.add("driver.restart_ms", float64(slowest.Microseconds())/1000, "ms", beside,
		"SIGKILL to ready again: pause of 0.2 s ± 20 %, start, open, Recover with the device; the slowest of the four drivers, each beside it")
	return nil
}
