package sdk

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"zhigui/drivers/wire"
)

const (
	drainLimit  = 150 * time.Second // the longest mechanical step: sixty notes and its time-outs
	parentEvery = 500 * time.Millisecond
)

// Started reports whether this process was started by a host as a driver.
func Started() bool { return os.Getenv(wire.CookieKey) == wire.CookieValue }

// Serve runs the model as a driver process and does not return before the host closes it.
// The log goes to standard error, one JSON object a line, which the host reads.
func Serve(m Model) {
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	e := NewEngine(m, log, func(code int) {
		time.Sleep(100 * time.Millisecond) // the completion leaves first
		os.Exit(code)
	})
	leave := func(why string) {
		log.Info("driver ends", "why", why)
		ctx, cancel := context.WithTimeout(context.Background(), drainLimit)
		defer cancel()
		if err := e.Drain(ctx); err != nil {
			log.Error("drain", "error", err)
		}
		os.Exit(0)
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go func() { <-term; leave("SIGTERM") }()
	go watchParent(leave)

	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  wire.Handshake,
		VersionedPlugins: wire.Versions(&server{e: e}),
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, wire.ServerOptions()...)...)
		},
		Logger: hclog.New(&hclog.LoggerOptions{Output: io.Discard}),
	})
}

// watchParent is the second line behind Pdeathsig: it ends the driver when the host's
// process is gone.
func watchParent(leave func(string)) {
	host, err := strconv.Atoi(os.Getenv(wire.HostPIDKey))
	if err != nil || host <= 0 {
		host = os.Getppid()
	}
	tick := time.NewTicker(parentEvery)
	defer tick.Stop()
	for range tick.C {
		if os.Getppid() != host {
			leave("host is gone")
			return
		}
	}
}
