package scene

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"zhigui/sim/device/pictures"
	"zhigui/sim/epp"
	"zhigui/terminal/api/scene"
)

type m = map[string]any

func (s *Scene) write(v any, elem ...string) error {
	b, err := yaml.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(s.path(elem...), b, 0o600)
}

// writeConfigs writes the configuration files of every program.
func (s *Scene) writeConfigs() error {
	for _, d := range []string{"log", "terminal", "keys"} {
		if err := os.MkdirAll(s.path(d), 0o700); err != nil {
			return err
		}
	}
	if s.Join == nil {
		if err := s.write(s.serverConfig(), "server.yaml"); err != nil {
			return err
		}
		if err := s.write(billsBook, "bills-book.yaml"); err != nil {
			return err
		}
	}
	if err := s.write(s.devicesConfig(), "devices.yaml"); err != nil {
		return err
	}
	if s.has("camera") {
		if _, err := pictures.Make(s.path("tty", "camera"), 3); err != nil {
			return err
		}
	}
	if err := s.write(s.platformConfig(), "terminal", "platform.yaml"); err != nil {
		return err
	}
	return s.write(s.keeperConfig(), "terminal", "keeper.yaml")
}

func (s *Scene) serverConfig() m {
	private := []string{"private", "track2", "track3"}
	module := m{"kind": "soft"}
	if s.HSM != "" {
		module = m{"kind": "tcp", "address": s.HSM}
	}
	limits := []m{}
	if s.Limits {
		limits = []m{
			{"name": "cardDay", "of": "card", "per": "day", "amount": 2000000, "count": 10, "products": []string{"withdrawal"}},
			{"name": "cardTransfer", "of": "card", "per": "transaction", "amount": 20000000, "products": []string{"transfer", "remittance"}},
			{"name": "terminalHour", "of": "terminal", "per": "hour", "count": 500},
			{"name": "channelMonth", "of": "channel", "per": "month", "amount": 100000000000, "channels": []string{"terminals"}},
		}
	}
	channels := []m{
		{"name": "terminals", "dialect": "pos64", "zone": "3des", "encrypt": private, "link": m{"kind": "short", "listen": addr(s.Ports.Trade3DES)}},
		{"name": "terminalsSM4", "dialect": "pos64sm4", "zone": "sm4", "encrypt": private, "link": m{"kind": "short", "listen": addr(s.Ports.TradeSM4)}},
	}
	books := []m{}
	if s.Partner {
		channels = append(channels, m{"name": "bills", "dialect": "corejson", "keys": "bills", "keyFile": "keys/zone.keys", "link": m{"kind": "http", "listen": addr(s.Ports.Partner) + "/pay"}})
		books = append(books, m{"name": "bills", "format": "bills-book.yaml", "of": "bills"})
	}
	return m{
		"books":    books,
		"limits":   limits,
		"hsm":      module,
		"data":     "server",
		"store":    m{"dsn": s.Store},
		"trade":    m{"hostTimeout": s.HostTimeout.String()},
		"hosts":    []m{{"name": "core", "keys": "keys/zone.keys", "limits": m{"breakAfter": s.BreakAfter}, "link": m{"kind": "long", "address": addr(s.Ports.Host), "count": 4}}},
		"channels": channels,
		"access":   m{"listen": addr(s.Ports.Access), "ca": "pki/ca.pem", "cert": "pki/server.pem", "key": "pki/server.key"},
		"manage":   s.manage(),
	}
}

// billsBook describes the lines of the partner's book.
var billsBook = m{"kind": "delimited", "name": "bookbills", "charset": "gb18030", "frame": m{"prefix": "none", "end": "0A", "max": 512}, "delimited": m{"separator": ";", "escape": "\\"},
	"table": []m{
		{"name": "reference", "canon": "reference", "type": "an", "max": 12, "required": true},
		{"name": "terminal", "canon": "terminal", "type": "ans", "max": 8},
		{"name": "amount", "canon": "amount", "type": "n", "max": 12},
		{"name": "sign", "type": "an", "max": 1},
		{"name": "state", "type": "an", "max": 1},
	}}

func (s *Scene) manage() m {
	c := m{"listen": addr(s.Ports.Manage), "releaseKey": "keys/release.pub", "padOver": s.PadOver}
	if s.Fast { // tests sign in all the time
		c["perUser"], c["perAddress"] = 10000, 10000
	}
	return c
}

func (s *Scene) platformConfig() m {
	trade := s.Ports.Trade3DES
	if s.Zone == "sm4" {
		trade = s.Ports.TradeSM4
	}
	origin := fmt.Sprintf("http://127.0.0.1:%d", s.Ports.Pages)
	crashes, watchdog, hostMargin, page := 5, "2s", 15*time.Second, "15s"
	if s.Fast { // tests kill and stop things all the time
		crashes, watchdog, hostMargin, page = 10000, "1s", 3*time.Second, "6s"
	}
	return m{
		"scenes":     s.scenes(),
		"crashLimit": crashes, "watchdog": watchdog,
		"terminal": s.Terminal(), "merchant": Merchant, "data": "data", "run": "run",
		"xfs":      m{"addr": addr(s.Ports.XFS), "origins": []string{origin, fmt.Sprintf("http://localhost:%d", s.Ports.Pages), "wails://wails", "http://wails.localhost"}},
		"host":     m{"addr": addr(trade), "zone": s.Zone, "timeout": (s.HostTimeout + hostMargin).String(), "remoteKey": s.Keys == Remote && s.has("pinpad")},
		"server":   m{"url": fmt.Sprintf("https://127.0.0.1:%d", s.Ports.Access), "ca": s.branch("pki", "ca.pem"), "cert": s.branch("pki", "terminal-"+s.Terminal()+".pem"), "key": s.branch("pki", "terminal-"+s.Terminal()+".key")},
		"release":  m{"key": s.branch("keys", "release.pub")},
		"driverd":  s.bin("driverd"),
		"devices":  s.driversConfig(),
		"limits":   m{"padOver": s.PadOver, "perTxn": 2000000, "multiple": s.multiple(), "maxNotes": 60, "depositOver": s.PadOver},
		"recycle":  s.recycle(),
		"timeouts": m{"card": s.CardTime.String(), "cash": s.CashTime.String(), "page": page},
		"units":    s.unitsConfig(),
		"keeper":   "keeper.sock",
	}
}

func (s *Scene) scenes() []string {
	if len(s.Scenes) == 0 {
		return []string{scene.Default}
	}
	return s.Scenes
}

// multiple is what amounts must be a multiple of, so that each note of the counter is of use.
func (s *Scene) multiple() int {
	switch {
	case s.six():
		return 100
	case s.Acceptor == Recycler:
		return 1000
	}
	return 5000
}

func (s *Scene) recycle() m {
	policy := m{"high": map[int]int{10000: 40, 5000: 20, 2000: 20}}
	maps.Copy(policy, s.Recycle)
	return policy
}

func (s *Scene) keeperConfig() m {
	shell := []string{"-listen", addr(s.Ports.Pages), "-bundles", s.path("terminal", "data", "bundles"), "-token", s.path("terminal", "run", "flow.token"),
		"-platform", "ws://" + addr(s.Ports.XFS), "-keeper", s.path("terminal", "keeper.sock"), fmt.Sprintf("-window=%v", s.Window)}
	policy := m{}
	if s.Fast {
		policy = m{"delays": []string{"200ms"}, "attempts": 10000, "missing": "3s"}
	}
	return m{
		"policy": policy,
		"set":    s.Bin, "environment": m{"minFreeMB": 128, "minDiskMB": 100},
		"programs": []m{
			{"role": "platformd", "path": "platformd", "args": []string{"-config", s.path("terminal", "platform.yaml")}, "beats": true, "log": s.path("log", "platformd.log")},
			{"role": "shell", "path": "terminal", "args": shell, "beats": true, "log": s.path("log", "shell.log")},
		},
	}
}

// prepareFresh makes keys, certificates and accounts of the branch, and registers the counter.
func (s *Scene) prepareFresh() error {
	ctl, cfg := s.bin("serverctl"), s.branch("server.yaml")
	var steps [][]string
	if s.Join == nil {
		steps = [][]string{
			{"", "pki", "init", "--dir", s.path("pki")},
			{"", "zone", "keys", "--out", s.path("keys", "zone.keys")},
			{"", "bundle", "keygen", "--private", s.path("keys", "release.key"), "--public", s.path("keys", "release.pub")},
		}
		for _, u := range Users {
			steps = append(steps, []string{u.Password + "\n", "user", "add", "--config", cfg, "--name", u.Name, "--role", u.Role, "--branch", u.Branch, "--display", u.Display, "--keep"})
		}
	}
	if s.Join == nil && s.Keys == Remote { // the server's signature key and the maker of the PIN pad, as a secure room has them
		if _, err := epp.OpenMaker(s.path("maker")); err != nil {
			return err
		}
		alg := map[string]string{"3des": "rsaPss", "sm4": "sm2"}[s.Zone]
		admin := Users[0]
		steps = append(steps, []string{admin.Password + "\n", "key", "signer", "--config", cfg, "--owner", "keyload", "--by", admin.Name, "--alg", alg, "--out", s.path("keys", "keyload.pem")},
			[]string{admin.Password + "\n", "key", "maker", "--config", cfg, "--owner", "virtual", "--by", admin.Name, "--ca", s.path("maker", "ca.pem")})
	}
	register := []string{"", "terminal", "add", "--config", cfg, "--id", s.Terminal(), "--merchant", Merchant, "--branch", Branch, "--zone", s.Zone,
		"--name-zh", fmt.Sprintf("解放路支行 %d 号机", s.Number), "--name-en", fmt.Sprintf("Jiefang Road No. %d", s.Number)}
	if s.Keys == Remote {
		register = append(register, "--remote")
	} else {
		register = append(register, "--tmk-out", s.tmk())
	}
	steps = append(steps, []string{"", "pki", "issue", "--dir", s.branch("pki"), "--terminal", s.Terminal()}, register)
	if s.Join == nil && s.Partner {
		steps = append(steps, []string{"", "terminal", "add", "--config", cfg, "--id", "P0000001", "--merchant", Merchant, "--branch", Branch, "--zone", "bills", "--name-zh", "缴费机构", "--name-en", "Bill partner"})
	}
	for _, st := range steps {
		if err := run(st[0], ctl, st[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// SignFlows packs and signs a folder of flow pages as a bundle of that version.
func (s *Scene) SignFlows(dir, version string) (file string, err error) {
	file = s.path("keys", "flows-"+strings.ReplaceAll(version, "/", "-")+".tar.gz")
	return file, run("", s.bin("serverctl"), "bundle", "sign", "--dir", dir, "--name", "flows", "--version", version, "--key", s.path("keys", "release.key"), "--out", file)
}
