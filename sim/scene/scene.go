// Package scene brings a whole branch up on one machine: bank host, server, virtual
// devices, keeper, platform, shell, as the real programs in processes of their own. The
// desk uses it for people, the browser and kill tests for themselves.
package scene

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"zhigui/terminal/api/scene"
)

func addr(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// Options of a scene.
type Options struct {
	Dir string // all data; a fresh one is prepared
	// Join is the running branch to which this is one more counter: it has devices, keeper and platform of its
	// own, server and bank host are the branch's. Number is its number there, from 2 on.
	Join   *Scene
	Number int
	Bin    string // folder of the programs
	Flows  string // folder of the built flow bundle (terminal/frontend/dist/flows)
	Ports  Ports
	Zone   string // 3des or sm4, between terminal and server
	// Keys says how the PIN pad gets its master key in a fresh folder: remote (over the line) or ceremony (a
	// key file, typed in as it were). Default: remote, with Fast devices ceremony, which takes less time.
	Keys string
	// HSM is the address of a security module behind TCP that runs already; empty: the software module.
	HSM string
	// Store is the data source name of the server's database; empty: SQLite in Dir.
	Store string
	// Fast devices: no pacing and short movements, for tests.
	Fast bool
	// Scenes are what the terminal is, by the names of terminal/api/scene; nil: a smart counter. They say
	// which devices are fitted; with All those, too, that they can do without.
	Scenes []string
	// All fits every device of a whole counter, not only those that a withdrawal needs.
	All bool
	// Also fits these devices, by id, beside those that a withdrawal needs.
	Also []string
	// Reader is the driver of the card reader: creatorcrt350n (default), creatorcrt591, which reads cards
	// that are held to its antenna, too, or creatorcrt288k, into which cards are pushed by hand.
	Reader string
	// Dispenser is the driver of the cash dispenser: puloonlcdm2000 (default) with two cassettes, or
	// xfs4iotdispenser with six behind a maker's service provider.
	Dispenser string
	// Acceptor is the driver of the note acceptor: itlnv200 (default) or cashcodeccnet; Recycler is the
	// first one with a store.
	Acceptor string
	// Stored is the first filling of the recycler's store, by value in yuan; nil: a few notes.
	Stored map[string]int
	// Recycle is the terminal's policy for it (setting recycle).
	Recycle map[string]any
	// Window opens the counter's window; otherwise a browser shows the pages.
	Window bool
	// Limits has the server hold limits on cards and terminals, as a bank has them.
	Limits bool
	// Partner has the server take requests of a bill partner, too, whose book of a day has a format of its own.
	Partner bool
	// PadOver is the amount above which the lobby manager decides, minor units.
	PadOver int64
	// CardTime and CashTime are how long card and notes may lie at the exit.
	CardTime, CashTime time.Duration
	// HostTimeout is the server's patience with the bank host.
	HostTimeout time.Duration
	// BreakAfter missing answers open the breaker of the bank host; 0 = the server's default.
	BreakAfter int
	// Profile adds values to a device's driver profile, by device id.
	Profile map[string]map[string]any
	Out     io.Writer // progress for people
	Log     *slog.Logger
}

// Defaults fills what is not set.
func (o *Options) Defaults() {
	if o.Ports == (Ports{}) {
		o.Ports = DefaultPorts
	}
	if o.Partner && o.Ports.Partner == 0 {
		o.Ports.Partner = 7590
	}
	if o.Number == 0 {
		o.Number = 1
	}
	if j := o.Join; j != nil {
		o.Ports.Trade3DES, o.Ports.TradeSM4, o.Ports.Access, o.Ports.Manage, o.Ports.Partner = j.Ports.Trade3DES, j.Ports.TradeSM4, j.Ports.Access, j.Ports.Manage, j.Ports.Partner
		o.Ports.Host, o.Ports.HostControl = j.Ports.Host, j.Ports.HostControl
		o.Zone, o.Keys = j.Zone, j.Keys
	}
	if o.Zone == "" {
		o.Zone = "3des"
	}
	if o.Keys == "" {
		o.Keys = map[bool]string{false: Remote, true: Ceremony}[o.Fast]
	}
	if o.PadOver == 0 {
		o.PadOver = 500000
	}
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&o.CardTime, 30*time.Second)
	set(&o.CashTime, 30*time.Second)
	set(&o.HostTimeout, 25*time.Second)
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
}

// Ways of a master key into the PIN pad.
const (
	Remote   = "remote"
	Ceremony = "ceremony"
)

// Names of a scene's demo people and things.
const (
	Terminal = "T0000001"
	Merchant = "102290000000001"
	Branch   = "0001"
)

// User is a demo account.
type User struct{ Name, Role, Branch, Display, Password string }

// Users are the demo accounts. They exist only in scenes.
var Users = []User{
	{"admin", "admin", "", "系统管理员", "Admin#2026"},
	{"operator", "operator", "", "运营员", "Operator#2026"},
	{"manager", "manager", Branch, "大堂经理 李静", "Manager#2026"},
	{"other", "manager", "0002", "外网点经理", "Manager#2026"},
	{"teller", "teller", "*", "远程柜员 王芳", "Teller#2026"},
}

// Scene is a running branch.
type Scene struct {
	Options
	procs map[string]*Process
	order []string
}

// Prepare makes the data folder if it is not there yet, or takes the one that is.
func Prepare(ctx context.Context, o Options) (*Scene, error) {
	o.Defaults()
	s := &Scene{Options: o, procs: map[string]*Process{}}
	var err error
	if s.Dir, err = filepath.Abs(o.Dir); err != nil {
		return nil, err
	}
	if s.Bin, err = filepath.Abs(o.Bin); err != nil {
		return nil, err
	}
	for _, p := range []string{"server", "serverctl", "simbank", "simctl", "platformd", "keeperd", "driverd", "terminal"} {
		if _, err := os.Stat(s.bin(p)); err != nil {
			return nil, fmt.Errorf("program %s is missing in %s: run make build", p, s.Bin)
		}
	}
	for _, name := range s.Scenes {
		if _, ok := scene.Find(name); !ok {
			return nil, fmt.Errorf("scenes: there is no %q", name)
		}
	}
	if s.Keys != Remote && s.Keys != Ceremony {
		return nil, fmt.Errorf("keys: %q is neither remote nor ceremony", s.Keys)
	}
	_, err = os.Stat(s.path("prepared"))
	prepared := err == nil
	if prepared { // it stays with the way it began with
		s.Keys = Remote
		if _, err := os.Stat(s.path("keys", "tmk.json")); err == nil {
			s.Keys = Ceremony
		}
	}
	if err := s.writeConfigs(); err != nil {
		return nil, err
	}
	if prepared {
		return s, nil
	}
	if err := s.prepareFresh(); err != nil {
		return nil, fmt.Errorf("prepare %s: %w", s.Dir, err)
	}
	return s, os.WriteFile(s.path("prepared"), nil, 0o600)
}

func (s *Scene) path(elem ...string) string {
	return filepath.Join(append([]string{s.Dir}, elem...)...)
}
func (s *Scene) bin(name string) string { return filepath.Join(s.Bin, name) }

type step struct {
	what string
	run  func(context.Context) error
}

// Terminal is the number of this counter.
func (s *Scene) Terminal() string { return fmt.Sprintf("T%07d", s.Number) }

// branch is the path of what the counters of a branch share.
func (s *Scene) branch(elem ...string) string {
	if s.Join != nil {
		return s.Join.branch(elem...)
	}
	return s.path(elem...)
}

// Start brings everything up in order and returns when a customer could be served.
func (s *Scene) Start(ctx context.Context) error {
	ports := s.Ports
	if s.Join != nil {
		ports = Ports{Devices: ports.Devices, XFS: ports.XFS, Pages: ports.Pages, CashXFS: ports.CashXFS}
	}
	if err := ports.Busy(); err != nil {
		return err
	}
	for _, step := range []step{
		{"bank host", s.StartHost},
		{"server", s.StartServer},
		{"virtual devices", s.StartDevices},
		{"master key", s.InstallKey},
		{"flow bundle", s.PublishFlows},
		{"counter", s.StartKeeper},
		{"in service", s.WaitInService},
		{"key over the line", s.WaitKey},
	} {
		if s.Join != nil && (step.what == "bank host" || step.what == "server") {
			continue // the branch's
		}
		fmt.Fprintf(s.Out, "  %-18s", step.what)
		began := time.Now()
		if err := step.run(ctx); err != nil {
			fmt.Fprintln(s.Out, "failed")
			return fmt.Errorf("%s: %w", step.what, err)
		}
		fmt.Fprintf(s.Out, "%5.1f s\n", time.Since(began).Seconds())
	}
	return nil
}

// Stop ends everything in reverse order and says what did not end by itself.
func (s *Scene) Stop() error {
	var errs []error
	for i := len(s.order) - 1; i >= 0; i-- {
		if p := s.procs[s.order[i]]; p != nil {
			if err := p.Stop(20 * time.Second); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// Process is a part's process: bank, server, devices, keeper.
func (s *Scene) Process(name string) *Process { return s.procs[name] }

func (s *Scene) launch(name, program string, args ...string) (*Process, error) {
	p, err := startProcess(name, s.bin(program), s.path("log", name+".log"), args...)
	if err != nil {
		return nil, err
	}
	if s.procs[name] == nil {
		s.order = append(s.order, name)
	}
	s.procs[name] = p
	return p, nil
}
