package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"zhigui/sim/device"
	"zhigui/sim/device/engine"
)

const defaultAddr = "127.0.0.1:8600"

func runDevices(ctx context.Context, args []string, out, errs io.Writer) error {
	fl := flag.NewFlagSet("simctl devices", flag.ContinueOnError)
	fl.SetOutput(errs)
	config := fl.String("config", "", "scene file; without one the four models with demo cards and filled cassettes")
	state := fl.String("state", "simstate", "state folder when there is no scene file")
	addr := fl.String("addr", defaultAddr, "where panel and API listen")
	verbose := fl.Bool("verbose", false, "log more")
	if err := fl.Parse(args); err != nil || fl.NArg() > 0 {
		return errUsage
	}
	level := slog.LevelInfo
	if *verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: level}))
	scene := device.DefaultScene(*state)
	if *config != "" {
		var err error
		if scene, err = device.LoadScene(*config); err != nil {
			return err
		}
	}
	ln, err := net.Listen("tcp", *addr)
	if err != nil {
		return fmt.Errorf("panel and API (--addr): %w", err)
	}
	defer ln.Close()
	hub := engine.NewHub()
	var sims []*device.Sim
	defer func() {
		for _, s := range sims {
			s.Close()
		}
	}()
	for _, c := range scene.Devices {
		c.Hub, c.Log = hub, log
		s, err := device.Start(ctx, c)
		if err != nil {
			return err
		}
		sims = append(sims, s)
		fmt.Fprintf(out, "%-10s %-9s %s\n", s.ID(), c.Model, s.Port())
	}
	fmt.Fprintf(out, "panel http://%s/\n", ln.Addr())
	api := device.NewServer(hub, log, sims...)
	srv := &http.Server{Handler: api, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-ctx.Done():
		case <-api.Done():
			log.Info("every virtual device has been ended")
		}
		for _, s := range sims { // ends the event streams too
			s.Close()
		}
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if srv.Shutdown(end) != nil {
			_ = srv.Close()
		}
	}()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-ended // the answers that are under way
	return nil
}
