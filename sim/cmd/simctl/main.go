// Command simctl runs and handles the simulators.
//
//	simctl devices --config scene.yaml      run virtual devices and their panel
//	simctl list                             the devices and what they wait for
//	simctl <device> <action> key=value …    the same actions as panel and API
//	simctl <device> state | trace           what it is, what went over the wire
//	simctl events                           everything that happens, as it happens
//	simctl script file.yaml                 a written test case: actions, waits, checks
//	simctl record | replay | diff           traces of a line: written, played, compared
//
// Each simulator adds its subcommand to the table below.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// subcommand is one word after simctl.
type subcommand struct {
	name, usage string
	run         func(ctx context.Context, args []string, out, errs io.Writer) error
}

var subcommands = []subcommand{
	{"devices", "devices [--config scene.yaml] [--addr host:port]  run virtual devices", runDevices},
	{"list", "list  the running virtual devices", runList},
	{"events", "events  follow what happens", runEvents},
	{"script", "script <file.yaml> [--addr host:port]  run a test case; ends with 1 at the first step that is not as written", runScript},
	{"record", "record <port> [--link path] [--out trace] [--baud n] [--parity N]  stand between driver and device and write a trace", runRecord},
	{"replay", "replay <trace> [--link path] [--strict] [--pace 1]  stand in for the device of a trace", runReplay},
	{"diff", "diff <trace> <trace> [--all] [--first n]  compare frames, not times", runDiff},
}

// errUsage ends with exit code 2.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, errUsage):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "simctl:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	if len(args) == 0 || args[0] == "-h" || args[0] == "--help" || args[0] == "help" {
		usage(errs)
		return errUsage
	}
	for _, s := range subcommands {
		if s.name == args[0] {
			return s.run(ctx, args[1:], out, errs)
		}
	}
	return runAction(ctx, args, out, errs)
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage:")
	for _, s := range subcommands {
		fmt.Fprintln(w, "  simctl", s.usage)
	}
	fmt.Fprintln(w, "  simctl <device> <action> key=value …  act on a device")
	fmt.Fprintln(w, "  simctl <device> state|trace|actions|faults")
	fmt.Fprintln(w, "  --addr host:port (default 127.0.0.1:8600) says where the devices are; it may stand anywhere")
}
