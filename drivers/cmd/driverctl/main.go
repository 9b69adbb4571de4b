// Command driverctl tries a device by hand, through the same process, wire and supervision
// as in a terminal:
//
//	driverctl models
//	driverctl new    <class> <maker> <model>
//	driverctl run    <model> <port> [--profile key=value]… [--state DIR]
//	driverctl exec   <model> <port> [--profile key=value]… <command> [payload]
//	driverctl doctor <model> <port> [--profile key=value]… [--probe]
//
// It is its own driver process: no driverd is needed.
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
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/host"
	"zhigui/drivers/models"
	"zhigui/drivers/sdk"
)

const usage = `driverctl models                                       what can be driven
driverctl new    <class> <maker> <model>               begin a driver: files, tests, tables
driverctl run    <model> <port> [options]              prompt: status, commands, events, bytes
driverctl exec   <model> <port> [options] <command> [payload]
driverctl doctor <model> <port> [options]              what is wrong, which profile values hold
options: --profile key=value (repeat), --state DIR, --verbose, --timeout 30s; doctor: --probe
`

func main() {
	if sdk.Started() && len(os.Args) == 2 {
		m, ok := models.Find(os.Args[1])
		if !ok {
			os.Exit(2)
		}
		tellTap(os.Getenv(tapKey))
		sdk.Serve(m)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "driverctl:", err)
		os.Exit(1)
	}
}

// profileFlag collects key=value; a value that is JSON is taken as JSON, else as text.
type profileFlag map[string]json.RawMessage

func (p profileFlag) String() string { return "" }

func (p profileFlag) Set(s string) error {
	k, v, ok := strings.Cut(s, "=")
	if !ok || k == "" {
		return errors.New("want key=value")
	}
	if json.Valid([]byte(v)) {
		p[k] = json.RawMessage(v)
	} else {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		p[k] = b
	}
	return nil
}

type options struct {
	model   sdk.Model
	port    string
	state   string
	profile profileFlag
	verbose bool
	probe   bool
	timeout time.Duration
	tap     *tap // what went over the line; nil: nobody asked
	rest    []string
}

func parse(args []string) (options, error) {
	o := options{profile: profileFlag{}}
	if len(args) == 0 {
		return o, errors.New("no model named; see driverctl models")
	}
	var ok bool
	if o.model, ok = models.Find(args[0]); !ok {
		return o, fmt.Errorf("no model %q; see driverctl models", args[0])
	}
	f := flag.NewFlagSet(args[0], flag.ContinueOnError)
	args = args[1:]
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		o.port, args = args[0], args[1:]
	}
	f.StringVar(&o.port, "port", o.port, "path of the serial device or of the link to a virtual one")
	f.StringVar(&o.state, "state", "", "state folder (default: a temporary one)")
	f.Var(o.profile, "profile", "key=value, overrides profile.yaml")
	f.BoolVar(&o.verbose, "verbose", false, "show the driver's log")
	f.BoolVar(&o.probe, "probe", false, "doctor: when nothing understandable comes back, try the other models, which sends their bytes")
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "how long to wait for the device, and for waits of exec")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.rest = f.Args()
	if o.port == "" {
		return o, errors.New("no port named: want driverctl … <model> <port>")
	}
	return o, nil
}

func (o options) profileJSON() json.RawMessage {
	if len(o.profile) == 0 {
		return nil
	}
	b, _ := json.Marshal(o.profile) // raw messages that were checked
	return b
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(out, usage)
		return nil
	}
	switch args[0] {
	case "models":
		for _, m := range models.All() {
			fmt.Fprintf(out, "%-16s %-14s %s\n", m.Name, m.Class, m.Maker)
		}
		return nil
	case "new":
		return create(args[1:], out)
	case "run", "exec", "doctor":
	default:
		fmt.Fprint(out, usage)
		return fmt.Errorf("no such subcommand: %s", args[0])
	}
	o, err := parse(args[1:])
	if err != nil {
		return err
	}
	if args[0] != "exec" {
		var closeTap func()
		if o.tap, closeTap, err = newTap(); err != nil {
			return err
		}
		defer closeTap()
	}
	if args[0] == "doctor" {
		return doctor(ctx, o, out)
	}
	d, end, err := o.start(ctx)
	if err != nil {
		return err
	}
	defer end()
	wait, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	if err := d.WaitReady(wait); err != nil {
		return err
	}
	if args[0] == "exec" {
		if len(o.rest) == 0 {
			return errors.New("no command named")
		}
		c := execute(ctx, d, strings.Join(o.rest, " "), o.timeout, out)
		if c.Outcome != api.Done {
			return fmt.Errorf("%s", c.Outcome)
		}
		return nil
	}
	return prompt(ctx, d, o, in, out)
}

// start runs the model under a host of its own.
func (o options) start(ctx context.Context) (*host.Device, func(), error) {
	dir, err := os.MkdirTemp("", "driverctl")
	if err != nil {
		return nil, nil, err
	}
	level := slog.LevelError + 4
	if o.verbose {
		level = slog.LevelDebug
	}
	h, err := host.New(host.Config{RunDir: dir}, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})))
	if err != nil {
		return nil, nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	if o.state == "" {
		o.state = filepath.Join(dir, "state")
	}
	end := func() {
		cctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		_ = h.Close(cctx)
		_ = os.RemoveAll(dir)
	}
	spec := host.Spec{ID: "device", Model: o.model.Name, Binary: self, Port: o.port, Profile: o.profileJSON(), StateDir: o.state}
	if o.tap != nil {
		spec.Env = []string{tapKey + "=" + o.tap.path}
	}
	d, err := h.Start(ctx, spec)
	if err != nil {
		end()
		return nil, nil, err
	}
	return d, end, nil
}

// execute runs "<command> [payload]"; a command may be named by its last part ("Move").
func execute(ctx context.Context, d *host.Device, line string, timeout time.Duration, out io.Writer) api.Completion {
	word, payload, _ := strings.Cut(strings.TrimSpace(line), " ")
	desc, err := d.Describe(ctx)
	if err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	name := word
	for full := range desc.Commands {
		if strings.EqualFold(full, word) || strings.EqualFold(full[strings.IndexByte(full, '.')+1:], word) {
			name = full
		}
	}
	cmd := api.Command{Op: api.OpID(fmt.Sprintf("driverctl-%d", time.Now().UnixNano())), Name: name, Deadline: time.Now().Add(timeout)}
	if payload = strings.TrimSpace(payload); payload != "" {
		if !json.Valid([]byte(payload)) {
			c := api.Refuse(api.InvalidData, "the payload is not JSON")
			show(out, c)
			return c
		}
		cmd.Payload = json.RawMessage(payload)
	}
	c := d.Execute(ctx, cmd, func(e api.Event) { fmt.Fprintf(out, "  event %s %s\n", e.Name, e.Payload) })
	show(out, c)
	return c
}

func show(out io.Writer, c api.Completion) {
	fmt.Fprintf(out, "  %s", c.Outcome)
	for _, s := range []string{string(c.Code), c.ErrorCode, c.Description} {
		if s != "" {
			fmt.Fprintf(out, " · %s", s)
		}
	}
	if c.Vendor != nil {
		fmt.Fprintf(out, " · vendor %s %s", c.Vendor.Code, c.Vendor.Name)
	}
	fmt.Fprintln(out)
	if len(c.Payload) > 0 {
		fmt.Fprintf(out, "  %s\n", c.Payload)
	}
}
