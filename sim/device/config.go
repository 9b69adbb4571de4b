package device

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"zhigui/sim/device/ccnet"
	"zhigui/sim/device/crt288k"
	"zhigui/sim/device/crt350n"
	"zhigui/sim/device/crt591"
	"zhigui/sim/device/engine"
	"zhigui/sim/device/escp"
	"zhigui/sim/device/escpos"
	"zhigui/sim/device/gm65"
	"zhigui/sim/device/itlssp"
	"zhigui/sim/device/kmy3501"
	"zhigui/sim/device/lcdm2000"
	"zhigui/sim/device/lcdm4000"
	"zhigui/sim/device/megatec"
	"zhigui/sim/device/modbussiu"
	"zhigui/sim/device/omron3s4yr"
	"zhigui/sim/device/pr2"
	"zhigui/sim/device/r30x"
	"zhigui/sim/device/samv"
	"zhigui/sim/device/starline"
	"zhigui/sim/device/vtpanel"
	"zhigui/sim/device/xfscdm"
	"zhigui/sim/device/zt598"
)

// Config is one virtual device. The zero value of everything but Model works: no pacing, no
// motion time, a state folder and a link of its own.
type Config struct {
	ID    string `yaml:"id" json:"id"`
	Model string `yaml:"model" json:"model"` // a name of the catalogue
	// Link is the path that leads to the PTY; a driver opens it.
	Link     string `yaml:"link" json:"link"`
	StateDir string `yaml:"stateDir" json:"stateDir"`
	Baud     int    `yaml:"baud" json:"baud"`
	// Pace makes the line as slow as its baud rate: 1 real time, 0 no pacing.
	Pace float64 `yaml:"pace" json:"pace"`
	// PortReturnMs is how long a vanished port stays away; 0: until the action portReturn.
	PortReturnMs int `yaml:"portReturnMs" json:"portReturnMs"`
	// LateAckMs is how late a late ACK is; 0 means 800.
	LateAckMs int `yaml:"lateAckMs" json:"lateAckMs"`
	// Latency delays the answers to commands; Seed makes the times the same in each run.
	Latency []engine.Latency `yaml:"latency" json:"latency,omitempty"`
	Seed    int              `yaml:"seed" json:"seed,omitempty"`

	Reader    *crt350n.Config  `yaml:"reader" json:"reader,omitempty"`
	Cards     *crt591.Config   `yaml:"cards" json:"cards,omitempty"`
	Dispenser *lcdm2000.Config `yaml:"dispenser" json:"dispenser,omitempty"`
	PinPad    *zt598.Config    `yaml:"pinpad" json:"pinpad,omitempty"`
	Printer   *escpos.Config   `yaml:"printer" json:"printer,omitempty"`
	Statement *escp.Config     `yaml:"statement" json:"statement,omitempty"`
	Passbook  *pr2.Config      `yaml:"passbook" json:"passbook,omitempty"`
	Acceptor  *itlssp.Config   `yaml:"acceptor" json:"acceptor,omitempty"`

	// Second makes.
	Cash4     *lcdm4000.Config   `yaml:"cash4" json:"cash4,omitempty"`
	CashXFS   *xfscdm.Config     `yaml:"cashXfs" json:"cashXfs,omitempty"`
	KMY       *kmy3501.Config    `yaml:"kmy" json:"kmy,omitempty"`
	Omron     *omron3s4yr.Config `yaml:"omron" json:"omron,omitempty"`
	Dip       *crt288k.Config    `yaml:"dip" json:"dip,omitempty"`
	Validator *ccnet.Config      `yaml:"validator" json:"validator,omitempty"`
	Star      *starline.Config   `yaml:"star" json:"star,omitempty"`

	// The smaller devices.
	Scanner  *gm65.Config      `yaml:"scanner" json:"scanner,omitempty"`
	Sensors  *modbussiu.Config `yaml:"sensors" json:"sensors,omitempty"`
	UPS      *megatec.Config   `yaml:"ups" json:"ups,omitempty"`
	IDReader *samv.Config      `yaml:"idReader" json:"idReader,omitempty"`
	Finger   *r30x.Config      `yaml:"finger" json:"finger,omitempty"`
	Panel    *vtpanel.Config   `yaml:"panel" json:"panel,omitempty"`

	Clock engine.Clock `yaml:"-" json:"-"`
	Log   *slog.Logger `yaml:"-" json:"-"`
	Hub   *engine.Hub  `yaml:"-" json:"-"`
}

// Validate names what is wrong with the configuration.
func (c Config) Validate() error {
	own, ok := find(c.Model)
	if !ok {
		return fmt.Errorf("model: %q is none of %s", c.Model, strings.Join(modelNames(), ", "))
	}
	if c.ID != "" && strings.ContainsAny(c.ID, "/\\ \t\n") {
		return fmt.Errorf("id: %q must not hold slashes or blanks", c.ID)
	}
	if c.Baud < 0 || c.Pace < 0 || c.PortReturnMs < 0 || c.LateAckMs < 0 {
		return fmt.Errorf("baud, pace, portReturnMs and lateAckMs must not be negative")
	}
	for _, l := range c.Latency {
		if err := l.Validate(); err != nil {
			return err
		}
	}
	for _, k := range catalogue {
		given, err := k.check(c)
		if given && k.model != own.model {
			return fmt.Errorf("%s: settings of a %s given", c.Model, k.model)
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", c.Model, own.id, err)
		}
	}
	return nil
}

func (c Config) withDefaults() Config {
	k, _ := find(c.Model)
	if c.ID == "" {
		c.ID = k.id
	}
	if c.Baud == 0 {
		c.Baud = k.baud
	}
	if c.Link == "" {
		c.Link = filepath.Join(c.StateDir, c.ID+".port")
	}
	return c
}

func (c Config) options() engine.Options {
	return engine.Options{ID: c.ID, Link: c.Link, StateDir: c.StateDir, Baud: c.Baud, Pace: c.Pace, Clock: c.Clock, Log: c.Log, Hub: c.Hub,
		ReturnAfter: time.Duration(c.PortReturnMs) * time.Millisecond, LateBy: time.Duration(c.LateAckMs) * time.Millisecond,
		Latency: c.Latency, Seed: c.Seed}
}
