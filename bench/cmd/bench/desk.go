package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"zhigui/bench/robot"
	"zhigui/sim/scene"
)

// desk measures a whole branch: start, calls of a page, memory.
func desk(ctx context.Context, o options, fs *figures) (err error) {
	flows, note := "terminal/frontend/dist/flows", "the built pages"
	if _, e := os.Stat(filepath.Join(flows, "index.html")); e != nil {
		flows, note = filepath.Join(o.dir, "flows"), "an empty page, as the pages are not built"
		if err := errors.Join(os.MkdirAll(flows, 0o700), os.WriteFile(filepath.Join(flows, "index.html"), []byte("<!doctype html>"), 0o600)); err != nil {
			return err
		}
	}
	ports, err := scene.FreePorts()
	if err != nil {
		return err
	}
	so := scene.Options{Dir: filepath.Join(o.dir, "s"), Bin: o.bin, Flows: flows, Ports: ports, Fast: true}
	d := robot.Desk{XFS: fmt.Sprintf("ws://127.0.0.1:%d", ports.XFS), Token: filepath.Join(so.Dir, "terminal", "run", "flow.token")}
	up := func() (s *scene.Scene, prepared, started time.Duration, err error) {
		t := time.Now()
		if s, err = scene.Prepare(ctx, so); err != nil {
			return s, 0, 0, err
		}
		prepared = time.Since(t)
		if err = s.Start(ctx); err == nil {
			err = await(ctx, "withdrawals", func() bool {
				v, err := d.Info(ctx)
				return err == nil && v["withdrawal"].Available
			})
		}
		return s, prepared, time.Since(t) - prepared, err
	}
	s, prepared, fresh, err := up()
	if s != nil {
		defer func() { err = errors.Join(err, s.Stop()) }()
	}
	if err != nil {
		return err
	}
	if err := s.Stop(); err != nil {
		return err
	}
	var again time.Duration
	if s, _, again, err = up(); err != nil {
		return err
	}
	fs.add("desk.start_s", (prepared + fresh).Seconds(), "s", vs{"preparation": prepared.Seconds(), "firstStart": fresh.Seconds(), "laterStart": again.Seconds()},
		"empty folder to withdrawals offered: keys, certificates, accounts, then bank host, server, four devices, keeper, platform, pages ("+note+"); fast devices; beside it its parts and a later start of the same branch")
	if err := page(ctx, o, fs, d); err != nil {
		return err
	}
	return idle(ctx, fs, s)
}

// page measures a call as the pages make it.
func page(ctx context.Context, o options, fs *figures, d robot.Desk) error {
	c, err := robot.Dial(ctx, d.XFS, "platform", d.Token)
	if err != nil {
		return err
	}
	defer c.Close()
	n := 3000
	if o.quick {
		n = 1000
	}
	var ds []time.Duration
	for i := range n + n/10 {
		t := time.Now()
		if err := c.Call(ctx, "X-Terminal.Info", nil, nil); err != nil {
			return err
		}
		if i >= n/10 {
			ds = append(ds, time.Since(t))
		}
	}
	fs.add("sjsl.call_ms.p50", micro(ds, 0.5)/1000, "ms", vs{"p99": micro(ds, 0.99) / 1000}, "X-Terminal.Info over the pages' WebSocket, from a Go client, to a whole running counter")
	return nil
}

// idle reads the memory of what runs on a counter and of the server.
func idle(ctx context.Context, fs *figures, s *scene.Scene) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(3 * time.Second):
	}
	keeper := s.Process("keeper").PID()
	platform, err := child(keeper, "platformd")
	if err != nil {
		return err
	}
	for _, p := range []struct {
		name string
		pid  int
	}{{"platformd", platform}, {"keeperd", keeper}, {"server", s.Process("server").PID()}} {
		rss, pss, err := memory(p.pid)
		if err != nil {
			return err
		}
		fs.add("idle.rss_mb."+p.name, rss, "MB", vs{"pss": pss}, "resident memory 3 s after the last call; pss: shared pages divided")
	}
	return nil
}
