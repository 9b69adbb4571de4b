// Command bench measures ZhiGui on this machine: it builds the programs, starts them as
// processes of their own on free ports, and prints one JSON line per figure; the same lines
// and a report with charts go to a folder. What counts are ratios inside one run and CPU time,
// as neighbours on the machine move rates several-fold; the disk's fsync stands beside them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"zhigui/bench/load"
	"zhigui/server/api/batch"
	"zhigui/server/api/message/brief"
	"zhigui/sim/dbserver"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "role" {
		if err := role(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "bench role:", err)
			os.Exit(1)
		}
		return
	}
	o := options{}
	var only string
	flag.BoolVar(&o.quick, "quick", false, "short runs, some minutes for all of it after building")
	flag.StringVar(&only, "only", "", "trade (codec, 8583, matrix, delay and soak together), codec, 8583, matrix, mix, delay, soak, search, driver or desk (a list with commas); empty = all")
	flag.StringVar(&o.out, "out", "bench/results/local", "folder for figures.jsonl and report.html")
	flag.IntVar(&o.conns, "connections", 100, "parallel terminals")
	flag.DurationVar(&o.run, "run", 20*time.Second, "measured time of each load run")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of ceiling and trade; the round with the best ratio is reported, the others beside it")
	flag.IntVar(&o.port, "port", 0, "first of six ports for the load runs; 0 = free ones")
	flag.BoolVar(&o.moov, "moov", false, "let the bank host use moov-io/iso8583 instead of its fast codec")
	flag.StringVar(&o.store, "store", dbserver.SQLite, "databases of the trade runs and the search: sqlite, or mariadb or postgres, which are started for the run (a list with commas, or all)")
	flag.DurationVar(&o.soak, "soak", time.Minute, "measured time of the soak; the reference had 12h")
	flag.IntVar(&o.writers, "writers", 0, "writing connections of that database; 0 = the server's default")
	flag.Int64Var(&o.rows, "rows", 1_000_000, "transactions that the searches look through; 50000000 takes a quarter of an hour and 30 GB")
	flag.StringVar(&o.profile, "profile", "", "folder for CPU profiles of server, bank host and load generator")
	reference := flag.Bool("reference", false, "users and times of the reference's runs: 100, 30 minutes each, and 12 hours for the soak")
	flag.Parse()
	if *reference {
		o.asReference()
	}
	o.warm = 2 * time.Second
	if o.quick {
		o.run, o.warm, o.rounds, o.soak = min(o.run, 5*time.Second), time.Second, min(o.rounds, 2), min(o.soak, 15*time.Second)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := bench(ctx, o, only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	quick     bool
	out       string
	conns     int
	run, warm time.Duration
	soak      time.Duration
	mixOnly   bool
	rounds    int
	port      int
	moov      bool
	profile   string
	store     string
	rows      int64
	writers   int
	db        *dbserver.Server // nil with SQLite
	self, bin string           // this program, and the folder of the built ones
	dir       string           // scratch
}

// bench runs the wanted parts; what was measured before an error is still written.
func bench(ctx context.Context, o options, only string) error {
	chosen, err := choose(only)
	if err != nil {
		return err
	}
	stores := strings.Split(o.store, ",")
	if o.store == "all" {
		stores = []string{dbserver.SQLite, dbserver.MariaDB, dbserver.Postgres}
	}
	programs := map[string]bool{}
	for _, p := range chosen {
		for _, b := range p.programs {
			programs[b] = true
		}
	}
	if o.self, err = os.Executable(); err != nil {
		return err
	}
	if o.profile, err = filepath.Abs(o.profile); err != nil {
		return err
	}
	if !isSet("profile") {
		o.profile = ""
	} else if err := os.MkdirAll(o.profile, 0o755); err != nil {
		return err
	}
	if o.dir, err = os.MkdirTemp("", "zgb"); err != nil {
		return err
	}
	defer os.RemoveAll(o.dir) //nolint:errcheck // temporary
	o.bin = filepath.Join(o.dir, "bin")
	if err := build(ctx, o.bin, programs); err != nil {
		return err
	}
	fs := &figures{enc: json.NewEncoder(os.Stdout)}
	for _, p := range chosen {
		for i, store := range stores {
			if err != nil || i > 0 && !p.stores {
				continue
			}
			one := o // each with a folder of its own
			one.store, one.dir = store, filepath.Join(o.dir, p.name+"-"+store)
			if err = os.Mkdir(one.dir, 0o700); err != nil {
				continue
			}
			if e := p.on(ctx, one, fs); e != nil {
				err = fmt.Errorf("%s on %s: %w", p.name, store, e)
			}
		}
	}
	return errors.Join(err, fs.write(o))
}

func isSet(name string) bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// role runs helpers in a process of their own: load, partner, bare, forward, echo; several generators, with "--" between
// them, at a time. It prints the results of generators in that order.
func role(args []string) error {
	var roles [][]string
	for len(args) > 0 {
		n := slices.Index(args, "--")
		if n < 0 {
			n = len(args)
		}
		roles, args = append(roles, args[:n]), args[min(n+1, len(args)):]
	}
	results, errs := make([]*load.Result, len(roles)), make([]error, len(roles))
	var wg sync.WaitGroup
	for i, a := range roles {
		wg.Go(func() { results[i], errs[i] = one(a) })
	}
	wg.Wait()
	out := json.NewEncoder(os.Stdout)
	for _, r := range results {
		errs = append(errs, out.Encode(r))
	}
	return errors.Join(errs...)
}

// generator is a role's command line.
type generator struct {
	kind               string
	load               load.Config
	partner            load.PartnerConfig
	host, wal, profile string
}

func parse(args []string) (g generator, err error) {
	if len(args) < 2 {
		return g, errors.New("role and address are wanted")
	}
	fs := flag.NewFlagSet(args[0], flag.ContinueOnError)
	var c load.Config
	c.Address = args[1]
	fs.StringVar(&c.TMKs, "tmks", "", "")
	fs.StringVar(&c.Keys, "keys", "", "")
	fs.IntVar(&c.Terminals, "terminals", 100, "")
	fs.DurationVar(&c.Warm, "warm", time.Second, "")
	fs.DurationVar(&c.Run, "run", time.Second, "")
	var pc load.PartnerConfig
	fs.StringVar(&pc.Kind, "kind", "", "")
	fs.StringVar(&pc.Dialect, "dialect", "", "")
	fs.IntVar(&pc.First, "first", 0, "")
	fs.IntVar(&c.Skip, "skip", 0, "")
	fs.Uint64Var(&c.STAN, "stan", 0, "")
	fs.DurationVar(&c.Think, "think", 0, "")
	fs.BoolVar(&c.Tolerant, "tolerant", false, "")
	fs.Float64Var(&c.Rate, "rate", 0, "")
	fs.BoolVar(&pc.Short, "short", false, "")
	fs.StringVar(&g.host, "host", "", "")
	fs.StringVar(&g.wal, "wal", "", "")
	fs.StringVar(&g.profile, "cpuprofile", "", "")
	err = fs.Parse(args[2:])
	pc.Address, pc.Keys, pc.Terminals, pc.Warm, pc.Run, pc.Think, pc.Rate, pc.Tolerant, pc.STAN = c.Address, c.Keys, c.Terminals, c.Warm, c.Run, c.Think, c.Rate, c.Tolerant, int(c.STAN) //nolint:gosec // six digits
	g.kind, g.load, g.partner = args[0], c, pc
	return g, err
}

// one runs one role.
func one(args []string) (*load.Result, error) {
	g, err := parse(args)
	if err != nil {
		return nil, err
	}
	if g.profile != "" {
		stop, err := profileTo(g.profile)
		if err != nil {
			return nil, err
		}
		defer stop()
	}
	_ = batch.Process() // as the server and the bank host do; where they may not, nor may this
	switch g.kind {
	case "load":
		return load.Trade(g.load)
	case "partner":
		return load.Partner(g.partner)
	case "bare":
		return load.Bare(g.load)
	case "forward":
		ln, err := brief.Listen(g.load.Address)
		if err != nil {
			return nil, err
		}
		return nil, load.Forward(ln, g.host, g.wal)
	case "echo":
		return nil, echo(g.load.Address)
	default:
		return nil, errors.New("unknown role")
	}
}
