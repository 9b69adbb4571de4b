package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/host"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/link"
	"zhigui/server/internal/risk"
	"zhigui/server/internal/route"
)

// Host configures one destination of transactions.
type Host struct {
	Name       string    `yaml:"name"`
	Dialect    string    `yaml:"dialect"`    // one that comes with the platform, or a file
	Zone       string    `yaml:"zone"`       // 3des, sm4 or aes: the kind of its keys
	Owner      string    `yaml:"owner"`      // of its keys in the security module; default: its name
	KEK        string    `yaml:"kek"`        // owner of the key that new zone keys come under; empty: the host may not change them
	NewKeys    string    `yaml:"newKeys"`    // how they come: blocks (TR-31, the default) or bare (in ECB, one by one)
	Keys       string    `yaml:"keys"`       // file of the zone keys (serverctl zone keys); empty: they were imported (serverctl key import)
	MAC        string    `yaml:"mac"`        // x9.9, x9.19, fold (UnionPay's "ECB"), sm4, cmac; with -80: padded with 0x80, not zeros; default by zone: x9.19, sm4, cmac
	PINBlock   string    `yaml:"pinBlock"`   // iso0, iso1, iso3, x9.8 (without card number), sm4, iso4; default by zone: iso0, sm4, iso4
	Management string    `yaml:"management"` // cups or none
	Acquirer   string    `yaml:"acquirer"`
	Forwarder  string    `yaml:"forwarder"`
	Link       link.Spec `yaml:"link"`
	Limits     Limits    `yaml:"limits"`

	Cipher *link.Cipher `yaml:"cipher"` // fields or messages that travel encrypted under data keys; nil: none
}

// Limits of a host; zero values are defaults.
type Limits struct {
	InFlight   int           `yaml:"inFlight"`
	Queue      int           `yaml:"queue"`
	Wait       time.Duration `yaml:"wait"`
	BreakAfter int           `yaml:"breakAfter"`
	Slow       time.Duration `yaml:"slow"`
	Rest       time.Duration `yaml:"rest"`
}

// Host makes the limits of the package host.
func (l Limits) Host() host.Limits {
	return host.Limits{InFlight: l.InFlight, Queue: l.Queue, Wait: l.Wait, BreakAfter: l.BreakAfter, Slow: l.Slow, Rest: l.Rest}
}

// Channel configures one way by which transactions come.
type Channel struct {
	Name     string `yaml:"name"`
	Dialect  string `yaml:"dialect"`
	Zone     string `yaml:"zone"`     // of its terminals: 3des or sm4 where they sign in; default: its name
	Keys     string `yaml:"keys"`     // owner of the one key of all its messages; empty: each terminal signs in
	KeyFile  string `yaml:"keyFile"`  // of that owner's keys (serverctl zone keys), taken once; empty: they were imported
	Alg      string `yaml:"alg"`      // of that owner's keys: 3des (default) or sm4
	MAC      string `yaml:"mac"`      // as of a host
	PINBlock string `yaml:"pinBlock"` // as of a host
	// Encrypt names the fields (canonical names, or all) that terminals of this channel encrypt under
	// a data key; empty: none.
	Encrypt []string  `yaml:"encrypt"`
	Clear   bool      `yaml:"clear"` // with encrypt: terminals without a data key are served, too
	Link    link.Spec `yaml:"link"`

	Cipher *link.Cipher `yaml:"cipher"` // of a partner (keys): as of a host
}

// defaults of a switch with one bank host and the two kinds of terminals.
func defaultHosts() []Host {
	return []Host{{Name: "core", Link: link.Spec{Kind: "long", Address: "127.0.0.1:7900", Count: 4}, Keys: "run/zone.keys"}}
}

func defaultChannels() []Channel {
	private := []string{"private", "track2", "track3"}
	return []Channel{
		{Name: "terminals", Dialect: "pos64", Zone: "3des", Encrypt: private, Link: link.Spec{Kind: "short", Listen: "127.0.0.1:7583"}},
		{Name: "terminalsSM4", Dialect: "pos64sm4", Zone: "sm4", Encrypt: private, Link: link.Spec{Kind: "short", Listen: "127.0.0.1:7584"}},
	}
}

// complete fills in what a host or channel may leave out.
func (c *Config) complete() {
	for i := range c.Hosts {
		h := &c.Hosts[i]
		set(&h.Zone, "3des")
		if h.Dialect == "" {
			h.Dialect = map[string]string{"sm4": "cups128sm4"}[h.Zone]
			set(&h.Dialect, "cups128")
		}
		set(&h.Owner, h.Name)
		set(&h.Management, "cups")
		set(&h.Acquirer, "99992900")
		set(&h.Forwarder, "99990000")
	}
	for i := range c.Channels {
		set(&c.Channels[i].Zone, c.Channels[i].Name)
	}
	if len(c.Routes) == 0 && len(c.Hosts) > 0 {
		c.Routes = []route.Rule{{To: []route.Target{{Host: c.Hosts[0].Name}}}}
	}
}

func set(p *string, v string) {
	if *p == "" {
		*p = v
	}
}

// HostNames lists the hosts.
func (c *Config) HostNames() (out []string) {
	for _, h := range c.Hosts {
		out = append(out, h.Name)
	}
	return out
}

// validateSwitch is Validate for hosts, channels and routes.
func (c *Config) validateSwitch() (key, reason string) {
	number := func(s string) bool {
		for _, r := range s {
			if r < '0' || r > '9' {
				return false
			}
		}
		return len(s) > 0 && len(s) <= 11
	}
	seen := map[string]bool{}
	for i, h := range c.Hosts {
		at := fmt.Sprintf("hosts[%d]", i)
		if key, reason := h.Link.Validate(false); reason != "" {
			return at + ".link." + key, reason
		}
		if h.Cipher != nil {
			if key, reason := h.Cipher.Validate(); reason != "" {
				return at + ".cipher." + key, reason
			}
		}
		if key, reason := practice(h.MAC, h.PINBlock, h.Zone); reason != "" {
			return at + "." + key, reason
		}
		for _, ch := range c.Channels {
			if unbound[h.PINBlock] && !unbound[ch.PINBlock] && c.reaches(ch.Name, h.Name) {
				return at + ".pinBlock", "ISO 9564-1 lets no PIN block with a card number become one without, and those of channel " + ch.Name + " come here: agree on iso0 or iso3 with this host, or route the channel elsewhere"
			}
		}
		if h.PINBlock == "x9.8" && c.HSM.Kind == "tcp" {
			return at + ".pinBlock", "the security module behind TCP has no such block"
		}
		switch {
		case h.Name == "" || seen[h.Name]:
			return at + ".name", "want a name of its own"
		case h.Zone != "3des" && h.Zone != "sm4" && h.Zone != "aes":
			return at + ".zone", "want 3des, sm4 or aes"
		case h.NewKeys != "" && h.NewKeys != "blocks" && h.NewKeys != "bare":
			return at + ".newKeys", "want blocks or bare"
		case h.NewKeys == "bare" && (h.KEK == "" || h.Zone == "aes"):
			return at + ".newKeys", "bare keys want a kek, and the zone 3des or sm4"
		case h.Management != "cups" && h.Management != "none":
			return at + ".management", "want cups or none"
		case !number(h.Acquirer):
			return at + ".acquirer", "want up to 11 digits"
		case !number(h.Forwarder):
			return at + ".forwarder", "want up to 11 digits"
		case h.Limits.InFlight < 0 || h.Limits.InFlight > 65536:
			return at + ".limits.inFlight", "want 1 to 65536"
		case h.Limits.Wait < 0 || h.Limits.Wait > 10*time.Second:
			return at + ".limits.wait", "want up to 10s"
		}
		seen[h.Name] = true
	}
	seen = map[string]bool{}
	for i, ch := range c.Channels {
		at := fmt.Sprintf("channels[%d]", i)
		if key, reason := ch.Link.Validate(true); reason != "" {
			return at + ".link." + key, reason
		}
		if ch.Cipher != nil {
			if key, reason := ch.Cipher.Validate(); reason != "" {
				return at + ".cipher." + key, reason
			}
			if ch.Keys == "" {
				return at + ".cipher", "is for partners; the bank's own terminals have data keys of their own (encrypt)"
			}
		}
		zone := cmp.Or(ch.Alg, "3des")
		if ch.Keys == "" && ch.Zone == "sm4" {
			zone = ch.Zone
		}
		if key, reason := practice(ch.MAC, ch.PINBlock, zone); reason != "" {
			return at + "." + key, reason
		}
		if ch.PINBlock == "x9.8" && c.HSM.Kind == "tcp" {
			return at + ".pinBlock", "the security module behind TCP has no such block"
		}
		switch {
		case ch.Name == "" || seen[ch.Name]:
			return at + ".name", "want a name of its own"
		case ch.KeyFile != "" && ch.Keys == "":
			return at + ".keys", "want the name under which the security module keeps the keys of keyFile"
		case ch.Keys != "" && (ch.Zone == "3des" || ch.Zone == "sm4"):
			return at + ".zone", "is that of terminals with keys of their own, for which a partner may not speak: leave it out, and say alg: sm4 where the partner's keys are SM4"
		case ch.Alg != "" && ch.Alg != "3des" && ch.Alg != "sm4":
			return at + ".alg", "want 3des or sm4"
		case ch.Dialect == "":
			return at + ".dialect", "want a dialect (serverctl describe lists them) or a file"
		}
		seen[ch.Name] = true
	}
	if len(c.Hosts) == 0 {
		return "hosts", "want one at least"
	}
	for i, r := range c.Routes {
		for j, name := range r.Channels {
			if !seen[name] {
				return fmt.Sprintf("routes[%d].channels[%d]", i, j), fmt.Sprintf("%q is no channel", name)
			}
		}
	}
	for i, l := range c.Limits {
		for j, name := range l.Channels {
			if !seen[name] {
				return fmt.Sprintf("limits[%d].channels[%d]", i, j), fmt.Sprintf("%q is no channel", name)
			}
		}
	}
	if _, err := route.New(c.Routes, c.HostNames()); err != nil {
		return "routes", err.Error()
	}
	if _, err := risk.New(c.Limits); err != nil {
		return "limits", err.Error()
	}
	return c.validateBooks()
}

// Practice is how keys are used where their kind does not say.
func Practice(mac, pinBlock string) hsm.Practice {
	return hsm.Practice{MAC: paycrypto.ParseMAC(mac), PIN: paycrypto.ParseFormat(pinBlock)}
}

// reaches tells whether a route may lead from a channel to a host.
func (c *Config) reaches(channel, host string) bool {
	return slices.ContainsFunc(c.Routes, func(r route.Rule) bool {
		return (len(r.Channels) == 0 || slices.Contains(r.Channels, channel)) && slices.ContainsFunc(r.To, func(t route.Target) bool { return t.Host == host })
	})
}

// unbound are the PIN blocks without card number.
var unbound = map[string]bool{"iso1": true, "x9.8": true}

// practice is Validate for what Practice takes.
func practice(mac, pinBlock, zone string) (key, reason string) {
	alg := map[string]paycrypto.Alg{"3des": paycrypto.DES, "sm4": paycrypto.SM4, "aes": paycrypto.AES}[zone]
	p := Practice(mac, pinBlock)
	switch {
	case alg == 0: // the zone's own refusal tells
	case mac != "" && p.MAC == 0:
		return "mac", "want x9.9, x9.19, fold, sm4 or cmac; the first, second and fourth may end in -80"
	case mac != "" && !p.MAC.Fits(alg):
		return "mac", mac + " cannot be made with " + zone + " keys"
	case pinBlock != "" && (p.PIN == 0 || p.PIN == paycrypto.ISO2):
		return "pinBlock", "want iso0, iso1, iso3, x9.8, sm4 or iso4"
	case pinBlock != "" && !p.PIN.Fits(alg):
		return "pinBlock", pinBlock + " cannot stand under " + zone + " keys"
	}
	return "", ""
}

// files are the paths in hosts and channels.
func (c *Config) files() (out []*string) {
	file := func(dialect *string) {
		if strings.HasSuffix(*dialect, ".yaml") {
			out = append(out, dialect)
		}
	}
	for i := range c.Hosts {
		file(&c.Hosts[i].Dialect)
		out = append(out, &c.Hosts[i].Keys)
	}
	for i := range c.Channels {
		file(&c.Channels[i].Dialect)
		out = append(out, &c.Channels[i].KeyFile)
	}
	for i := range c.Books {
		out = append(out, &c.Books[i].Format)
	}
	for _, l := range c.links() {
		if l.TLS != nil {
			out = append(out, l.TLS.Files()...)
		}
		if l.SASL != nil {
			out = append(out, &l.SASL.Password)
		}
		if l.Signature != nil {
			out = append(out, &l.Signature.Partner)
		}
	}
	return out
}

// links are those of hosts and channels.
func (c *Config) links() (out []*link.Spec) {
	for i := range c.Hosts {
		out = append(out, &c.Hosts[i].Link)
	}
	for i := range c.Channels {
		out = append(out, &c.Channels[i].Link)
	}
	return out
}
