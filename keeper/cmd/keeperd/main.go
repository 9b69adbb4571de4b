// Command keeperd keeps a terminal running: it checks the machine, starts the native
// platform and the shell, watches their processes and heartbeats, and starts them again
// when they die or hang.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"zhigui/keeper/api/node"
	"zhigui/keeper/internal/config"
	"zhigui/keeper/internal/envcheck"
	"zhigui/keeper/internal/supervise"
)

func main() {
	path := flag.String("config", "keeper.yaml", "configuration file")
	test := flag.Bool("t", false, "check the configuration and the machine, and exit")
	flag.Parse()
	if err := run(*path, *test); err != nil {
		fmt.Fprintln(os.Stderr, "keeperd:", err)
		os.Exit(1)
	}
}

func run(path string, test bool) error {
	cfg, err := config.Load(path)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	probe := envcheck.System()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if test {
		fs := cfg.Env.Check(ctx, probe, cfg.Data)
		for _, f := range fs {
			fmt.Printf("%s: %s\n", f.Check, f.Text)
		}
		return envcheck.Mandatory(fs)
	}
	programs := map[string]*supervise.Program{}
	for _, s := range cfg.Programs {
		p := supervise.NewProgram(s, cfg.Policy, log)
		p.Gate = func(ctx context.Context) error { return envcheck.Mandatory(cfg.Env.Check(ctx, probe, cfg.Data)) }
		p.OnChange = func(s supervise.State) {
			log.Info("program", "role", s.Role, "state", s.State, "pid", s.PID, "why", s.Why)
		}
		programs[s.Role] = p
	}
	if err := supervise.Listen(ctx, cfg.Socket, programs, log); err != nil {
		return err
	}
	if err := control(ctx, cfg, programs, probe); err != nil {
		return err
	}
	var wg sync.WaitGroup
	for _, s := range cfg.Programs { // in order: the platform before the shell that shows it
		wg.Go(func() { programs[s.Role].Run(ctx) })
	}
	var files []string
	for _, s := range cfg.Programs {
		if s.Log != "" {
			files = append(files, s.Log)
		}
	}
	wg.Go(func() { cfg.Logs.Watch(ctx, files, 30*time.Second, log) })
	wg.Wait()
	return nil
}

// control serves keeperctl on a unix socket.
func control(ctx context.Context, cfg config.Config, programs map[string]*supervise.Program, probe envcheck.Probe) error {
	if err := os.Remove(cfg.Control); err != nil && !os.IsNotExist(err) {
		return err
	}
	l, err := net.Listen("unix", cfg.Control)
	if err != nil {
		return fmt.Errorf("control socket %s: %w", cfg.Control, err)
	}
	if err := os.Chmod(cfg.Control, 0o600); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) {
		out := struct {
			Programs    []supervise.State  `json:"programs"`
			Environment []envcheck.Finding `json:"environment"`
		}{Environment: cfg.Env.Check(r.Context(), probe, cfg.Data)}
		for _, s := range cfg.Programs {
			out.Programs = append(out.Programs, programs[s.Role].State())
		}
		_ = json.NewEncoder(w).Encode(out)
	})
	mux.HandleFunc("POST /restart/{role}", func(w http.ResponseWriter, r *http.Request) {
		p := programs[r.PathValue("role")]
		if p == nil {
			http.Error(w, "no such program", http.StatusNotFound)
			return
		}
		p.Restart("asked by keeperctl")
	})
	for _, kind := range []string{node.Suspend, node.Resume} {
		mux.HandleFunc("POST /"+kind, func(w http.ResponseWriter, r *http.Request) {
			p := programs["platformd"]
			if p == nil {
				http.Error(w, "no platform is configured", http.StatusNotFound)
				return
			}
			if err := p.Order(node.Order{Kind: kind, Reason: "operator"}); err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
			}
		})
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { srv.Close() })
	go func() { _ = srv.Serve(l) }() // ends with Close
	return nil
}
