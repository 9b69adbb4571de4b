// Package config is the configuration of the native platform: one YAML file, unknown
// keys refused with file, line and column; a wrong value is named by its setting. Only the
// native platform and its shell import it.
package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"zhigui/terminal/api/scene"
	"zhigui/terminal/api/xfs"
	"zhigui/terminal/internal/guard"
	"zhigui/terminal/internal/operator"
)

// Config of a terminal's platform. Paths are relative to the file's folder.
type Config struct {
	Terminal string `yaml:"terminal"` // 8 characters, field 41
	Merchant string `yaml:"merchant"` // 15 characters, field 42
	Data     string `yaml:"data"`     // journal, bundles, driver state
	Run      string `yaml:"run"`      // sockets, per-boot token; emptied at start

	XFS struct {
		Addr    string     `yaml:"addr"`
		Origins []string   `yaml:"origins"`
		Compat  xfs.Compat `yaml:"compat"`
	} `yaml:"xfs"`

	Host struct {
		Addr string `yaml:"addr"`
		Zone string `yaml:"zone"` // 3des or sm4
		// Encrypt names the fields that travel encrypted (canonical names, or all). [] is the layout without.
		Encrypt []string      `yaml:"encrypt"`
		Timeout time.Duration `yaml:"timeout"`
		// RemoteKey has the PIN pad's master key loaded over the line; the pad's driver needs remoteKeys in
		// its profile, and server.url must be set.
		RemoteKey bool `yaml:"remoteKey"`
	} `yaml:"host"`

	Server struct {
		URL  string `yaml:"url"`
		CA   string `yaml:"ca"`
		Cert string `yaml:"cert"`
		Key  string `yaml:"key"`
	} `yaml:"server"`

	Release struct {
		Key string `yaml:"key"` // PEM, who may sign flow bundles
	} `yaml:"release"`

	Driverd string            `yaml:"driverd"` // path of the driver binary
	SHA256  string            `yaml:"sha256"`  // its checksum; empty: not checked
	Devices map[string]Device `yaml:"devices"` // card, cash, pinpad, printer; acceptor (takes deposits) if one is fitted; any other id becomes a service of that name
	// CrashLimit is how many crashes of a driver in ten minutes make its device failed until
	// an operator rearms it.
	CrashLimit int `yaml:"crashLimit"`
	// Watchdog is how often a driver is asked whether it lives; three missing answers end it.
	Watchdog time.Duration `yaml:"watchdog"`

	Limits struct {
		PadOver  int64 `yaml:"padOver"`  // minor units; above it the lobby manager decides; 0: never
		PerTxn   int64 `yaml:"perTxn"`   // minor units
		Multiple int64 `yaml:"multiple"` // minor units
		MaxNotes int   `yaml:"maxNotes"` // of one dispense
		// Deposit is what one deposit may take in, minor units and notes.
		Deposit      int64 `yaml:"deposit"`
		DepositNotes int   `yaml:"depositNotes"`
		// DepositOver: a deposit that has reached it takes more notes only when the lobby manager agrees; 0: never asked.
		DepositOver int64 `yaml:"depositOver"`
	} `yaml:"limits"`

	// Recycle is for an acceptor that can pay notes out again; another has no use for it.
	Recycle Recycle `yaml:"recycle"`

	// Scenes are what this terminal is (zhigui/terminal/api/scene): the services that they start, with the
	// devices that they need.
	Scenes []string `yaml:"scenes"`
	// Notices are what an information display shows, in turn.
	Notices []Text `yaml:"notices"`
	// Queues are what a customer of a queue ticket machine can wait for.
	Queues []Queue `yaml:"queues"`

	Chip struct {
		Fallback   bool `yaml:"fallback"`   // a card whose chip cannot be read may be used by its stripe
		AskExpired bool `yaml:"askExpired"` // a chip that has expired is left to the host, in place of refused
	} `yaml:"chip"`

	Timeouts struct {
		Idle time.Duration `yaml:"idle"`
		Warn time.Duration `yaml:"warn"`
		Card time.Duration `yaml:"card"`
		Cash time.Duration `yaml:"cash"`
		Move time.Duration `yaml:"move"`
		Page time.Duration `yaml:"page"` // a session whose page is silent this long ends
	} `yaml:"timeouts"`

	Signatures struct {
		Retain time.Duration `yaml:"retain"` // how long what a customer signed stays here after the server has it
	} `yaml:"signatures"`

	Guard  []guard.Rule             `yaml:"guard"`  // rules beside the built-in ones
	Units  map[string]Unit          `yaml:"units"`  // first filling of the cash units, used while the journal has none
	Stock  map[string]operator.Item `yaml:"stock"`  // blank cards, passbooks and forms in the machine
	Keeper string                   `yaml:"keeper"` // the keeper's socket; empty: none
}

// Device is one device.
type Device struct {
	Model   string         `yaml:"model"`
	Port    string         `yaml:"port"`
	Profile map[string]any `yaml:"profile"`
}

// Text in both languages.
type Text struct {
	ZH string `yaml:"zh" json:"zh"`
	EN string `yaml:"en" json:"en"`
}

// Queue is one line of waiting customers. Its numbers begin anew each day.
type Queue struct {
	Prefix string `yaml:"prefix" json:"prefix"` // of its numbers
	Text   `yaml:",inline"`
}

// Recycle is the policy of a recycler.
type Recycle struct {
	Deposit bool `yaml:"deposit"` // what customers put in may be paid out again; false: all goes to the cash box
	// High is how many notes of a value (minor units) its unit may hold; more go to the cash box. 0: none; a value
	// that is not named: as many as the device takes.
	High map[int64]int `yaml:"high"`
	// Pay is which module a withdrawal is paid from: first (the recycler if it can, else the dispenser), last (the
	// other way), only (the recycler), never. One withdrawal is paid by one module.
	Pay string `yaml:"pay"`
	// MaxNotes of one withdrawal from it: it gives one after the other.
	MaxNotes int `yaml:"maxNotes"`
}

// Unit is the first filling of a cash unit.
type Unit struct {
	Value int64 `yaml:"value"` // minor units
	Count int   `yaml:"count"`
}

// Default is what a file need not say.
func Default() Config {
	var c Config
	c.Merchant = "000000000000001"
	c.Data, c.Run = "data", "run"
	c.XFS.Addr = "127.0.0.1:5846"
	c.XFS.Origins = []string{"http://127.0.0.1:8700", "http://localhost:8700", "wails://wails", "http://wails.localhost"}
	c.Host.Addr, c.Host.Zone, c.Host.Timeout = "127.0.0.1:7583", "3des", 60*time.Second
	c.Host.Encrypt = []string{"private", "track2", "track3"}
	c.Driverd, c.CrashLimit, c.Watchdog = "driverd", 5, 2*time.Second
	c.Limits.PadOver, c.Limits.PerTxn, c.Limits.Multiple, c.Limits.MaxNotes = 500000, 2000000, 10000, 60
	c.Limits.Deposit, c.Limits.DepositNotes, c.Limits.DepositOver = 5000000, 200, 2000000
	c.Scenes = []string{scene.Default}
	c.Queues = []Queue{{"A", Text{"个人业务", "Personal banking"}}, {"B", Text{"对公业务", "Business banking"}}, {"C", Text{"理财咨询", "Investments"}}}
	c.Notices = []Text{{"请妥善保管银行卡和密码，不要告诉任何人。", "Keep your card and PIN safe, and tell the PIN to nobody."}, {"警惕电信诈骗：银行不会要求您向陌生账户转账。", "Beware of fraud: your bank never asks you to transfer money to an unknown account."}}
	c.Recycle = Recycle{Deposit: true, Pay: "first", MaxNotes: 20}
	c.Timeouts.Idle, c.Timeouts.Warn = 60*time.Second, 20*time.Second
	c.Timeouts.Card, c.Timeouts.Cash = 30*time.Second, 30*time.Second
	c.Timeouts.Move, c.Timeouts.Page = 90*time.Second, 15*time.Second
	c.Signatures.Retain = 7 * 24 * time.Hour
	c.Stock = map[string]operator.Item{
		"cards":     {ZH: "空白卡", EN: "Blank cards", Warn: 20},
		"passbooks": {ZH: "存折", EN: "Passbooks", Warn: 5},
		"forms":     {ZH: "重要凭证", EN: "Numbered forms", Warn: 20},
	}
	return c
}

// Load reads a file over the defaults and validates it.
func Load(path string) (Config, error) {
	c := Default()
	b, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	if err := yaml.UnmarshalWithOptions(b, &c, yaml.Strict()); err != nil {
		return c, fmt.Errorf("%s:%s", path, yaml.FormatError(err, false, true))
	}
	c.resolve(filepath.Dir(path))
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (c *Config) resolve(dir string) {
	for _, p := range []*string{&c.Data, &c.Run, &c.Server.CA, &c.Server.Cert, &c.Server.Key, &c.Release.Key, &c.Driverd, &c.Keeper} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	for id, d := range c.Devices {
		if d.Port != "" && !filepath.IsAbs(d.Port) && !strings.Contains(d.Port, "://") {
			d.Port = filepath.Join(dir, d.Port)
			c.Devices[id] = d
		}
	}
}

var (
	terminalForm = regexp.MustCompile(`^[A-Za-z0-9]{8}$`)
	queueForm    = regexp.MustCompile(`^[A-Z]$`)
	deviceForm   = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	merchantForm = regexp.MustCompile(`^[A-Za-z0-9]{15}$`)
)

// Validate says everything that is wrong, each with its setting's name.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !terminalForm.MatchString(c.Terminal) {
		bad("terminal: %q is not 8 letters and digits", c.Terminal)
	}
	if !merchantForm.MatchString(c.Merchant) {
		bad("merchant: %q is not 15 letters and digits", c.Merchant)
	}
	for name, a := range map[string]string{"xfs.addr": c.XFS.Addr, "host.addr": c.Host.Addr} {
		if _, _, err := net.SplitHostPort(a); err != nil {
			bad("%s: %v", name, err)
		}
	}
	if c.Host.Zone != "3des" && c.Host.Zone != "sm4" {
		bad("host.zone: %q is neither 3des nor sm4", c.Host.Zone)
	}
	if c.Host.RemoteKey && c.Server.URL == "" {
		bad("host.remoteKey: server.url is missing: keys come from there")
	}
	if len(c.Scenes) == 0 {
		bad("scenes: name at least one")
	}
	if err := scene.Check(c.Scenes, func(id string) bool { return c.Devices[id].Model != "" && c.Devices[id].Port != "" }); err != nil {
		bad("scenes: %v", err)
	}
	if _, ok := c.Devices["pinpad"]; c.Host.RemoteKey && !ok {
		bad("host.remoteKey: there is no pinpad in devices")
	}
	seen := map[string]bool{}
	for i, q := range c.Queues {
		if !queueForm.MatchString(q.Prefix) || q.ZH == "" || q.EN == "" || seen[q.Prefix] {
			bad("queues[%d]: prefix is one capital letter of its own, zh and en are its name", i)
		}
		seen[q.Prefix] = true
	}
	for id, d := range c.Devices {
		if !deviceForm.MatchString(id) || id == "platform" {
			bad("devices.%s: an id is lower-case letters, digits and hyphens, and not \"platform\"", id)
		}
		if d.Model == "" {
			bad("devices.%s: model is needed", id)
		}
	}
	for name, d := range map[string]time.Duration{"host.timeout": c.Host.Timeout, "timeouts.idle": c.Timeouts.Idle, "timeouts.card": c.Timeouts.Card, "timeouts.cash": c.Timeouts.Cash, "timeouts.move": c.Timeouts.Move, "timeouts.page": c.Timeouts.Page, "watchdog": c.Watchdog, "signatures.retain": c.Signatures.Retain} {
		if d <= 0 {
			bad("%s must be above zero", name)
		}
	}
	if c.Timeouts.Warn < 20*time.Second && c.Timeouts.Idle > 0 {
		bad("timeouts.warn: a customer is warned at least 20s before a time-out (UX-01)")
	}
	if c.Limits.Deposit <= 0 || c.Limits.DepositNotes <= 0 {
		bad("limits.deposit and limits.depositNotes must be above zero")
	}
	if !slices.Contains([]string{"first", "last", "only", "never"}, c.Recycle.Pay) || c.Recycle.MaxNotes < 1 {
		bad("recycle: pay is first, last, only or never, and maxNotes above zero")
	}
	for v, n := range c.Recycle.High {
		if v <= 0 || n < 0 {
			bad("recycle.high: %d: %d: a value in minor units and a number of notes, 0 or more", v, n)
		}
	}
	if c.CrashLimit < 1 {
		bad("crashLimit must be above zero")
	}
	if c.Limits.Multiple <= 0 || c.Limits.PerTxn < 0 || c.Limits.PadOver < 0 || c.Limits.MaxNotes < 0 || c.Limits.DepositOver < 0 {
		bad("limits: multiple must be above zero, the others not below it")
	}
	for id, u := range c.Units {
		if u.Value <= 0 || u.Count < 0 {
			bad("units.%s: value must be above zero and count not below it", id)
		}
	}
	return errors.Join(errs...)
}
