// Command terminal is the shell of a counter: it shows the flow pages in a kiosk window
// (built with the tags desktop,production,webkit2_41) or serves them to a kiosk browser
// (any other build), watches that the page paints, and starts it again when it does not.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"zhigui/keeper/api/node"
	"zhigui/terminal/internal/bundle"
	"zhigui/terminal/internal/flowhost"
)

// settings of the shell.
type settings struct {
	listen   string
	bundles  string
	token    string
	platform string
	keeper   string
	kiosk    bool
	window   bool
	browser  string
	patience time.Duration
}

func main() {
	var o settings
	flag.StringVar(&o.listen, "listen", "127.0.0.1:8700", "where the pages are served; loopback only")
	flag.StringVar(&o.bundles, "bundles", "data/bundles", "folder of the flow bundles")
	flag.StringVar(&o.token, "token", "run/flow.token", "file with the platform's per-boot token")
	flag.StringVar(&o.platform, "platform", "ws://127.0.0.1:5846", "the platform's WebSocket address")
	flag.StringVar(&o.keeper, "keeper", "", "the keeper's socket; empty: none")
	flag.BoolVar(&o.kiosk, "kiosk", false, "full screen, no way out")
	flag.BoolVar(&o.window, "window", hasWindow, "open the window (only in a desktop build)")
	flag.StringVar(&o.browser, "browser", "", "start this browser in kiosk mode and watch it; empty: none")
	flag.DurationVar(&o.patience, "patience", 4*time.Second, "how long a page may stand still before it is started again")
	flag.Parse()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(o, log); err != nil {
		fmt.Fprintln(os.Stderr, "terminal:", err)
		os.Exit(1)
	}
}

func run(o settings, log *slog.Logger) error {
	host, _, err := net.SplitHostPort(o.listen)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("-listen %q is not a loopback address: the pages must not leave the machine", o.listen)
	}
	store, err := bundle.Open(o.bundles, nil)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	pages := flowhost.New(flowhost.Config{Bundles: store, TokenFile: o.token, Platform: o.platform, Kiosk: o.kiosk}, nil)
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("-listen: %w", err)
	}
	srv := &http.Server{Handler: pages, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = srv.Serve(l) }() // ends with Close
	defer srv.Close()
	log.Info("pages", "url", "http://"+l.Addr().String()+"/", "window", o.window && hasWindow)

	var quit atomic.Bool
	var ticks atomic.Uint64
	if o.keeper != "" {
		go node.Keep(ctx, o.keeper, node.Hello{Role: "shell", PID: os.Getpid()}, time.Second, func() node.Beat {
			age, seen := pages.Alive()
			b := node.Beat{Progress: map[string]uint64{"main": ticks.Add(1)}, Ready: !seen || age < o.patience, Lease: pages.Beat().Session}
			if !b.Ready {
				b.Why = "the page does not paint"
			}
			return b
		}, func(ord node.Order) {
			if ord.Kind == node.Stop {
				quit.Store(true)
				stop()
			}
		}, func(gone bool) { log.Warn("keeper", "gone", gone) })
	}
	if o.browser != "" {
		go watchBrowser(ctx, o, pages, "http://"+l.Addr().String()+"/", log)
	}
	return show(ctx, o, pages, &quit, log)
}
