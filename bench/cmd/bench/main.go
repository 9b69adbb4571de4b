// Command bench measures the trade path: it builds and starts server, bank host and load
// generator as separate processes on free ports, and prints one JSON line per figure and an
// HTML report. Ratios inside one run are what counts; the disk's fsync time stands beside them.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"time"

	"zhigui/bench/load"
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
	quick := flag.Bool("quick", false, "short runs, under a minute after building")
	flag.StringVar(&o.report, "report", "bench/results/local/trade.html", "HTML report to write")
	flag.IntVar(&o.conns, "connections", 100, "parallel terminals")
	flag.DurationVar(&o.run, "run", 20*time.Second, "measured time of each run")
	flag.IntVar(&o.port, "port", 0, "first of five ports; 0 = free ones")
	flag.StringVar(&o.profile, "cpuprofile", "", "absolute path for a CPU profile of the server (of the last run)")
	flag.BoolVar(&o.verbose, "v", false, "also tell what the bank host costs")
	flag.Parse()
	o.warm = 2 * time.Second
	if *quick {
		o.run, o.warm = 6*time.Second, time.Second
	}
	if err := bench(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	report    string
	conns     int
	run, warm time.Duration
	port      int
	profile   string
	verbose   bool
}

// role runs one of the helper processes: load, bare, echo, forward.
func role(args []string) error {
	if len(args) < 2 {
		return errors.New("role and address are wanted")
	}
	fs := flag.NewFlagSet(args[0], flag.ContinueOnError)
	var c load.Config
	c.Address = args[1]
	fs.StringVar(&c.TMKs, "tmks", "", "")
	fs.IntVar(&c.Terminals, "terminals", 100, "")
	fs.DurationVar(&c.Warm, "warm", time.Second, "")
	fs.DurationVar(&c.Run, "run", time.Second, "")
	host := fs.String("host", "", "")
	wal := fs.String("wal", "", "")
	if err := fs.Parse(args[2:]); err != nil {
		return err
	}
	var res *load.Result
	var err error
	switch args[0] {
	case "load":
		res, err = load.Trade(c)
	case "bare":
		res, err = load.Bare(c)
	case "echo", "forward":
		ln, err := net.Listen("tcp", c.Address)
		if err != nil {
			return err
		}
		if args[0] == "forward" {
			return load.Forward(ln, *host, *wal)
		}
		load.Echo(ln)
		return nil
	default:
		return errors.New("unknown role")
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(res)
}
