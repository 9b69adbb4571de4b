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
	"os"
	"path/filepath"
	"time"

	"zhigui/sim/device"
	"zhigui/sim/device/engine"
	"zhigui/sim/device/script"
)

func runScript(ctx context.Context, args []string, out, errs io.Writer) error {
	fl := flag.NewFlagSet("simctl script", flag.ContinueOnError)
	addr := fl.String("addr", defaultAddr, "where the virtual devices are, for scripts without a scene")
	words, err := parsed(fl, args, 1, errs)
	if err != nil {
		return err
	}
	s, err := script.Load(words[0])
	if err != nil {
		return err
	}
	if s.Scene != "" {
		own, end, err := ownDevices(ctx, s.Scene)
		if err != nil {
			return err
		}
		defer end()
		*addr = own
	}
	if err := script.Play(ctx, s, *addr, out); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d steps, all as written\n", len(s.Steps))
	return nil
}

// ownDevices starts a scene for one script, with state that is new and goes with it.
func ownDevices(ctx context.Context, file string) (addr string, end func(), err error) {
	scene, err := device.LoadScene(file)
	if err != nil {
		return "", nil, err
	}
	state, err := os.MkdirTemp("", "simctl-script")
	if err != nil {
		return "", nil, err
	}
	hub, log := engine.NewHub(), slog.New(slog.DiscardHandler)
	var sims []*device.Sim
	var srv *http.Server
	end = func() {
		for _, s := range sims {
			s.Close()
		}
		if srv != nil {
			_ = srv.Close()
		}
		_ = os.RemoveAll(state)
	}
	for _, c := range scene.Devices {
		c.Hub, c.Log, c.StateDir = hub, log, filepath.Join(state, c.ID)
		s, err := device.Start(ctx, c)
		if err != nil {
			end()
			return "", nil, err
		}
		sims = append(sims, s)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		end()
		return "", nil, err
	}
	srv = &http.Server{Handler: device.NewServer(hub, log, sims...), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("api", "err", err)
		}
	}()
	return ln.Addr().String(), end, nil
}
