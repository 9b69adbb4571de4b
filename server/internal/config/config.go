// Package config reads the server's YAML file: strict (an unknown key is an error), with
// defaults, and with errors that name file, line and column. Only the commands use it.
package config

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"zhigui/server/api/datafile"
	"zhigui/server/internal/risk"
	"zhigui/server/internal/route"
)

// Config is the whole configuration. Relative paths are relative to the folder of the file.
type Config struct {
	Data  string `yaml:"data"` // folder of the master key, the bundles and, without store.dsn, the database
	Log   string `yaml:"log"`  // debug, info, warn, error
	Store Store  `yaml:"store"`
	Cache Cache  `yaml:"cache"`
	Trade Trade  `yaml:"trade"`

	Hosts    []Host       `yaml:"hosts"`
	Channels []Channel    `yaml:"channels"`
	Routes   []route.Rule `yaml:"routes"`   // the first that fits; none: everything goes to the first host
	Products string       `yaml:"products"` // file of the catalogue of products; empty: the platform's
	Books    []Book       `yaml:"books"`    // formats of books beside core and cups
	Cases    string       `yaml:"cases"`    // file of the catalogue of business in steps; empty: the platform's

	Limits []risk.Rule `yaml:"limits"` // of products with the step "limits"

	Messages Messages `yaml:"messages"`
	Logs     Messages `yaml:"logs"` // of the server itself; without a folder it goes to the console

	HSM    HSM    `yaml:"hsm"`
	Access Access `yaml:"access"`
	Manage Manage `yaml:"manage"`
	Bench  Bench  `yaml:"bench"`
}

// Trade configures the engine of transactions.
type Trade struct {
	HostTimeout   time.Duration `yaml:"hostTimeout"`
	ReversalDelay time.Duration `yaml:"reversalDelay"`
	SuspenseAfter time.Duration `yaml:"suspenseAfter"`
}

// Messages configures the files of a log: the sealed one of messages, and that of the server itself.
type Messages struct {
	Folder   string `yaml:"folder"`   // empty: there is none
	KeepDays int    `yaml:"keepDays"` // files go after; 184 is half a year
	FileMB   int64  `yaml:"fileMB"`   // size of a file at most
}

// HSM configures the security module.
type HSM struct {
	Kind        string        `yaml:"kind"` // soft, or tcp: a device with host commands
	Address     string        `yaml:"address"`
	Connections int           `yaml:"connections"`
	Timeout     time.Duration `yaml:"timeout"` // of one command
	Data        string        `yaml:"data"`    // algorithm of the keys that encrypt columns and files: sm4 or aes
	Header      int           `yaml:"header"`  // characters of the message header the device is set to
}

// Access configures the terminals' HTTPS port.
type Access struct {
	Listen string `yaml:"listen"`
	CA     string `yaml:"ca"`   // signs terminal certificates
	Cert   string `yaml:"cert"` // of this server
	Key    string `yaml:"key"`
}

// Manage configures the management port.
type Manage struct {
	Listen     string        `yaml:"listen"`
	Cert       string        `yaml:"cert"`       // with key: HTTPS; without: HTTP
	Key        string        `yaml:"key"`        //
	Secure     bool          `yaml:"secure"`     // HTTP, and a proxy before it speaks TLS: cookies are marked Secure
	ReleaseKey string        `yaml:"releaseKey"` // public key bundles are checked against; empty = no uploads
	Idle       time.Duration `yaml:"idle"`       // a session without activity ends
	PerUser    int           `yaml:"perUser"`    // sign-ins in a minute of one user
	PerAddress int           `yaml:"perAddress"` // and from one address
	PadOver    int64         `yaml:"padOver"`    // minor units above which a terminal asks a manager
	PerTxn     int64         `yaml:"perTxn"`
	Joint      []Joint       `yaml:"joint"` // requests that more than one manager must agree to
}

// Joint asks for the agreement of several managers to a kind of request, above an amount.
type Joint struct {
	Kind    string `yaml:"kind"`
	Over    int64  `yaml:"over"` // minor units; 0: always
	Signers int    `yaml:"signers"`
}

// Bench is for load tests only.
type Bench struct {
	FsyncDelay time.Duration `yaml:"fsyncDelay"` // slept inside each commit
	CPUProfile string        `yaml:"cpuProfile"` // file to write a profile to
}

// Default is the configuration of a machine with nothing installed.
func Default() Config {
	return Config{
		Data:     "run/server",
		Log:      "info",
		Cache:    Cache{Kind: "memory", Prefix: "zhigui:", Timeout: 50 * time.Millisecond, Entries: 10_000},
		Trade:    Trade{HostTimeout: 25 * time.Second, ReversalDelay: time.Second, SuspenseAfter: 10 * time.Minute},
		Messages: Messages{KeepDays: 184, FileMB: 100},
		Logs:     Messages{KeepDays: 184, FileMB: 100},
		HSM:      HSM{Kind: "soft", Data: "sm4", Address: "127.0.0.1:1500", Connections: 8, Timeout: 3 * time.Second, Header: 4},
		Access:   Access{Listen: "127.0.0.1:7443", CA: "run/pki/ca.pem", Cert: "run/pki/server.pem", Key: "run/pki/server.key"},
		Manage:   Manage{Listen: "127.0.0.1:7080", Idle: 30 * time.Minute, PerUser: 20, PerAddress: 120, PadOver: 500_000, PerTxn: 2_000_000},
	}
}

// Load reads and checks path. A missing key keeps its default.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	c := Default()
	if len(bytes.TrimSpace(data)) == 0 {
		data = []byte("{}")
	}
	if err := datafile.Decode(path, data, &c); err != nil {
		return nil, err
	}
	if c.Hosts == nil {
		c.Hosts = defaultHosts()
	}
	if c.Channels == nil {
		c.Channels = defaultChannels()
	}
	c.complete()
	if key, reason := c.Validate(); reason != "" {
		return nil, datafile.Wrong(path, data, key, "%s: %s", key, reason)
	}
	dir := filepath.Dir(path)
	for _, p := range append(append(c.files(), c.Cache.files()...), &c.Data, &c.Products, &c.Cases, &c.Access.CA, &c.Access.Cert, &c.Access.Key, &c.Manage.Cert, &c.Manage.Key, &c.Manage.ReleaseKey, &c.Store.Password, &c.Store.Archives, &c.Messages.Folder, &c.Logs.Folder) {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	return &c, nil
}

// Validate returns the first wrong key and why, or two empty strings.
func (c *Config) Validate() (key, reason string) {
	for _, a := range []struct{ key, v string }{{"hsm.address", c.HSM.Address}, {"access.listen", c.Access.Listen}, {"manage.listen", c.Manage.Listen}} {
		if _, _, err := net.SplitHostPort(a.v); err != nil {
			return a.key, "want host:port"
		}
	}
	switch {
	case slices.ContainsFunc(c.Manage.Joint, func(j Joint) bool { return j.Kind == "" || j.Signers < 2 || j.Signers > 5 || j.Over < 0 }):
		return "manage.joint", "want a kind, 2 to 5 signers, and over not negative"
	case c.Data == "":
		return "data", "is missing"
	case c.Manage.PerUser < 1 || c.Manage.PerAddress < c.Manage.PerUser:
		return "manage.perUser", "want 1 at least, and perAddress not less"
	case (c.Manage.Cert == "") != (c.Manage.Key == ""):
		return "manage.cert", "cert and key go together"
	case c.HSM.Kind != "soft" && c.HSM.Kind != "tcp":
		return "hsm.kind", "want soft or tcp"
	case c.HSM.Data != "sm4" && c.HSM.Data != "aes":
		return "hsm.data", "want sm4 or aes"
	case c.HSM.Connections < 1 || c.HSM.Connections > 256:
		return "hsm.connections", "want 1 to 256"
	case c.HSM.Timeout < 50*time.Millisecond || c.HSM.Timeout > 20*time.Second:
		return "hsm.timeout", "want 50ms to 20s"
	case c.HSM.Header < 1 || c.HSM.Header > 32:
		return "hsm.header", "want 1 to 32"
	case c.Trade.HostTimeout < 100*time.Millisecond || c.Trade.HostTimeout > 55*time.Second:
		return "trade.hostTimeout", "want 100ms to 55s, less than a terminal waits"
	case c.Trade.ReversalDelay < 0:
		return "trade.reversalDelay", "must not be negative"
	case c.Trade.SuspenseAfter < time.Second:
		return "trade.suspenseAfter", "want at least 1s"
	case c.Log != "debug" && c.Log != "info" && c.Log != "warn" && c.Log != "error":
		return "log", "want debug, info, warn or error"
	case c.Store.Lease != 0 && (c.Store.Lease < time.Second || c.Store.Lease > 5*time.Minute):
		return "store.lease", "want 1s to 5m"
	case c.Messages.KeepDays < 180:
		return "messages.keepDays", "want 180 at least"
	case c.Logs.KeepDays < 184:
		return "logs.keepDays", "want 184 at least: half a year"
	case c.Logs.FileMB < 1 || c.Logs.FileMB > 300:
		return "logs.fileMB", "want 1 to 300"
	case c.Messages.FileMB < 1 || c.Messages.FileMB > 300:
		return "messages.fileMB", "want 1 to 300"
	case c.Store.KeepMonths < 0:
		return "store.keepMonths", "must not be negative"
	case c.Store.KeepMonths > 0 && c.Store.Archives == "":
		return "store.archives", "is missing: months that are not kept go there"
	case c.Bench.FsyncDelay < 0 || c.Bench.FsyncDelay > time.Second:
		return "bench.fsyncDelay", "want 0 to 1s"
	}
	if key, reason := c.Cache.validate(); reason != "" {
		return key, reason
	}
	return c.validateSwitch()
}
