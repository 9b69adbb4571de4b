// Command desk brings a branch up on this machine: bank host and server, and for each counter its virtual
// devices, keeper, platform and pages. Ctrl-C ends all of it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"zhigui/sim/dbserver"
	"zhigui/sim/scene"
	kind "zhigui/terminal/api/scene"
)

func main() {
	o := scene.Options{Out: os.Stdout, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	var more [][]string
	pay, window, free, asJSON, file := define(flag.CommandLine, &o, &more)
	flag.Parse()
	if *file != "" {
		if err := fromFile(flag.CommandLine, *file); err != nil {
			fmt.Fprintln(os.Stderr, "desk:", err)
			os.Exit(1)
		}
	}
	o.Recycle = map[string]any{"pay": *pay}
	o.Window = *window == "yes" || (*window == "auto" && (os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "") && windowed(filepath.Join(o.Bin, "terminal")))
	if *asJSON {
		o.Out = io.Discard
	}
	if *free {
		var err error
		if o.Ports, err = scene.FreePorts(); err != nil {
			fmt.Fprintln(os.Stderr, "desk:", err)
			os.Exit(1)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, more, *free, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "desk:", err)
		os.Exit(1)
	}
}

// define are the flags; a scene file has the same names.
func define(fl *flag.FlagSet, o *scene.Options, more *[][]string) (pay, window *string, free, asJSON *bool, file *string) {
	exe, err := os.Executable()
	if err != nil {
		exe = os.Args[0]
	}
	fl.StringVar(&o.Dir, "dir", "run", "folder of all data; remove it to begin anew")
	fl.StringVar(&o.Bin, "bin", filepath.Dir(exe), "folder of the programs")
	fl.StringVar(&o.Flows, "flows", "terminal/frontend/dist/flows", "folder of the built flow pages")
	fl.StringVar(&o.Zone, "zone", "3des", "keys between terminal and server: 3des or sm4 (only with a fresh folder)")
	fl.StringVar(&o.Keys, "keys", "", "how the PIN pad gets its master key: remote (over the line) or ceremony (only with a fresh folder; default remote, with -fast ceremony)")
	fl.StringVar(&o.Store, "store", "", "the server's database: mysql://user@host:port/database or postgres://user@host:port/database, empty before the first run; mariadb or postgres starts one for this run (default SQLite in -dir)")
	fl.BoolVar(&o.Fast, "fast", false, "devices without the waiting times of real ones")
	fl.BoolVar(&o.Limits, "limits", false, "the server holds limits on cards and terminals")
	fl.BoolVar(&o.Partner, "partner", false, "the server takes requests of a bill partner, too, and its book")
	fl.Int64Var(&o.PadOver, "pad-over", 500000, "amount in fen above which the lobby manager decides")
	fl.BoolVar(&o.All, "all", true, "fit every device of a whole counter; -all=false: only those that a withdrawal needs")
	fl.Func("scene", "what the terminal is, commas between: "+scenes()+" (default "+kind.Default+")", func(v string) error { o.Scenes = strings.Split(v, ","); return nil })
	fl.Func("counter", "one more counter of the branch, what it is, as -scene; may be given again", func(v string) error { *more = append(*more, strings.Split(v, ",")); return nil })
	fl.StringVar(&o.Reader, "reader", "creatorcrt350n", "the card reader: creatorcrt350n; creatorcrt591, to whose antenna cards can be held; creatorcrt288k, without a motor")
	fl.StringVar(&o.Dispenser, "dispenser", "puloonlcdm2000", "the cash dispenser: puloonlcdm2000, or xfs4iotdispenser with six cassettes behind a service provider")
	fl.StringVar(&o.Acceptor, "acceptor", "itlnv200", "the note acceptor: itlnv200; "+scene.Recycler+", which is one with a store; cashcodeccnet")
	pay = fl.String("recycler-pays", "first", "which module a withdrawal is paid from, with -acceptor "+scene.Recycler+": first (the recycler if it can), last, only, never")
	free = fl.Bool("free-ports", false, "use ports that nobody uses, instead of the usual ones")
	asJSON = fl.Bool("json", false, "print one JSON line with the addresses instead of the text for people")
	fl.DurationVar(&o.CardTime, "card-time", 0, "how long a card may lie at the exit (default 30s)")
	fl.DurationVar(&o.CashTime, "cash-time", 0, "how long notes may lie at the exit (default 30s)")
	fl.IntVar(&o.BreakAfter, "break-after", 0, "missing answers in a row that open the breaker of the bank host (default: the server's)")
	fl.DurationVar(&o.HostTimeout, "host-timeout", 0, "the server's patience with the bank host (default 25s)")
	window = fl.String("window", "auto", "open the counter's window: auto, yes or no")
	file = fl.String("file", "", "a scene file: flags and their values, as sim/cmd/desk/branch.yaml; those of the command line win")
	return pay, window, free, asJSON, file
}

// scenes are the names of what a terminal can be.
func scenes() string {
	var names []string
	for _, k := range kind.All {
		names = append(names, k.Name)
	}
	return strings.Join(names, ", ")
}

// windowed asks the shell whether it was built with the window.
func windowed(shell string) bool {
	out, _ := exec.Command("ldd", shell).Output() // a static build has no webkit and no window
	for i := 0; i+6 <= len(out); i++ {
		if string(out[i:i+6]) == "webkit" {
			return true
		}
	}
	return false
}

func run(ctx context.Context, o scene.Options, more [][]string, free, asJSON bool) error {
	fmt.Fprintln(o.Out, "智柜 ZhiGui · a whole counter on this machine")
	if o.Store == dbserver.MariaDB || o.Store == dbserver.Postgres {
		if _, err := os.Stat(o.Dir); err == nil {
			return errors.New("-store " + o.Store + " begins with an empty database: -dir must not exist yet")
		}
		db, err := dbserver.Start(o.Store)
		if err != nil {
			return err
		}
		defer db.Close()
		if o.Store, err = db.Database("zhigui"); err != nil {
			return err
		}
	}
	s, err := scene.Prepare(ctx, o)
	if err != nil {
		return err
	}
	all := []*scene.Scene{s}
	stop := func() error {
		var errs []error
		for _, s := range slices.Backward(all) {
			errs = append(errs, s.Stop())
		}
		return errors.Join(errs...)
	}
	if err := s.Start(ctx); err != nil {
		_ = stop() // the cause is err
		return err
	}
	for i, scenes := range more {
		n, err := join(ctx, s, i+2, scenes, free)
		if n != nil {
			all = append(all, n)
		}
		if err != nil {
			_ = stop() // the cause is err
			return fmt.Errorf("counter %d: %w", i+2, err)
		}
	}
	if asJSON {
		announceJSON(all)
	} else {
		announce(s)
		for _, n := range all[1:] {
			fmt.Printf("  Counter %d (%s): http://127.0.0.1:%d/, its devices http://127.0.0.1:%d/\n", n.Number, strings.Join(n.Scenes, ", "), n.Ports.Pages, n.Ports.Devices)
		}
	}
	select {
	case <-ctx.Done():
		fmt.Fprintln(o.Out, "\nending …")
	case <-s.Process("keeper").Done():
		fmt.Fprintln(o.Out, "\nthe keeper has ended: ending everything …")
	case <-s.Process("server").Done():
		fmt.Fprintln(o.Out, "\nthe server has ended: ending everything …")
	}
	err = stop()
	if err == nil {
		fmt.Fprintln(o.Out, "all ended")
	}
	return err
}

// join starts one more counter of the branch.
func join(ctx context.Context, s *scene.Scene, number int, scenes []string, free bool) (*scene.Scene, error) {
	o := s.Options
	o.Join, o.Number, o.Scenes, o.Window, o.Dir = s, number, scenes, false, filepath.Join(s.Dir, fmt.Sprintf("counter%d", number))
	o.Ports = scene.DefaultPorts.Next(number)
	if free {
		var err error
		if o.Ports, err = scene.FreePorts(); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(o.Out, "counter %d\n", number)
	n, err := scene.Prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	return n, n.Start(ctx)
}

func announce(s *scene.Scene) {
	p := s.Ports
	fmt.Printf(`
  Counter          http://127.0.0.1:%d/  %s
  Virtual devices  http://127.0.0.1:%d/  insert a card here, press the PIN pad, take the cash
  Console          http://127.0.0.1:%d/console/  operator / Operator#2026, admin / Admin#2026
  Pad              http://127.0.0.1:%d/pad/  manager / Manager#2026 (withdrawals over %d yuan)
  Bank host        http://127.0.0.1:%d/api/accounts

  Cards (PIN 123456): demo-1 张三 20,000.00 · demo-2 李四 50.00 · demo-3 blocked · demo-4 expired · demo-5 孙七 20,000.00 · demo-6 周八 2,000,000.00
  Data and logs in %s. Ctrl-C ends everything.
`, p.Pages, map[bool]string{true: "(its window is open)", false: "(open it in a browser)"}[s.Window], p.Devices, p.Manage, p.Manage, s.PadOver/100, p.HostControl, s.Dir)
}

// announceJSON tells tests where everything is.
func announceJSON(all []*scene.Scene) {
	s := all[0]
	url := func(port int) string { return fmt.Sprintf("http://127.0.0.1:%d", port) }
	more := []map[string]any{}
	for _, n := range all[1:] {
		more = append(more, map[string]any{"terminal": n.Terminal(), "counter": url(n.Ports.Pages), "devices": url(n.Ports.Devices), "dir": n.Dir})
	}
	b, err := json.Marshal(map[string]any{
		"more":    more,
		"counter": url(s.Ports.Pages), "devices": url(s.Ports.Devices), "manage": url(s.Ports.Manage), "host": url(s.Ports.HostControl), "access": fmt.Sprintf("https://127.0.0.1:%d", s.Ports.Access), "partner": url(s.Ports.Partner) + "/pay",
		"dir": s.Dir, "bin": s.Bin, "terminal": s.Terminal(),
	})
	if err == nil {
		fmt.Println(string(b))
	}
}
