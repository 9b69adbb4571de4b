package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"zhigui/server/internal/cache"
)

// Cache configures where copies of rows are kept that are read often.
type Cache struct {
	Kind      string        `yaml:"kind"`      // memory, redis (one node), sentinel, cluster, or none
	Addresses []string      `yaml:"addresses"` // of the node, the sentinels, or some nodes of the cluster
	Master    string        `yaml:"master"`    // its name at the sentinels
	User      string        `yaml:"user"`
	Password  string        `yaml:"password"` // file that holds it
	Sentinel  string        `yaml:"sentinel"` // file with the password of the sentinels
	TLS       *CacheTLS     `yaml:"tls"`
	Prefix    string        `yaml:"prefix"`  // of all keys
	Timeout   time.Duration `yaml:"timeout"` // of a question; then the database is asked
	Entries   int           `yaml:"entries"` // of memory at most
}

// CacheTLS protects the way to a Redis.
type CacheTLS struct {
	CA   string `yaml:"ca"`   // signs its certificate
	Cert string `yaml:"cert"` // of this server; with key
	Key  string `yaml:"key"`
	Name string `yaml:"name"` // in its certificate; default: its address
}

func (c *Cache) validate() (key, reason string) {
	redis := c.Kind == "redis" || c.Kind == "sentinel" || c.Kind == "cluster"
	switch {
	case !redis && c.Kind != "memory" && c.Kind != "none":
		return "cache.kind", "want memory, redis, sentinel, cluster or none"
	case redis && len(c.Addresses) == 0:
		return "cache.addresses", "want host:port of a Redis"
	case !redis && len(c.Addresses) > 0:
		return "cache.addresses", "is for redis, sentinel and cluster"
	case c.Kind == "redis" && len(c.Addresses) != 1:
		return "cache.addresses", "want one; several are sentinels or a cluster"
	case (c.Kind == "sentinel") != (c.Master != ""):
		return "cache.master", "is the name of the master at the sentinels"
	case c.Timeout < 5*time.Millisecond || c.Timeout > time.Second:
		return "cache.timeout", "want 5ms to 1s"
	case c.Entries < 100 || c.Entries > 10_000_000:
		return "cache.entries", "want 100 to 10000000"
	case c.TLS != nil && (c.TLS.Cert == "") != (c.TLS.Key == ""):
		return "cache.tls", "cert and key go together"
	}
	for i, a := range c.Addresses {
		if _, _, err := net.SplitHostPort(a); err != nil {
			return fmt.Sprintf("cache.addresses[%d]", i), "want host:port"
		}
	}
	return "", ""
}

func (c *Cache) files() []*string {
	out := []*string{&c.Password, &c.Sentinel}
	if c.TLS != nil {
		out = append(out, &c.TLS.CA, &c.TLS.Cert, &c.TLS.Key)
	}
	return out
}

// Engine opens the engine; nil is none. It does not wait for a Redis that is away.
func (c *Cache) Engine() (cache.Engine, error) {
	switch c.Kind {
	case "none":
		return nil, nil
	case "memory":
		return cache.NewMemory(c.Entries), nil
	}
	o := cache.RedisOptions{Addresses: c.Addresses, Master: c.Master, Cluster: c.Kind == "cluster", User: c.User, Prefix: c.Prefix, Timeout: c.Timeout}
	var err error
	if o.Password, err = secret("cache.password", c.Password); err != nil {
		return nil, err
	}
	if o.Sentinel, err = secret("cache.sentinel", c.Sentinel); err != nil {
		return nil, err
	}
	if c.TLS != nil {
		if o.TLS, err = c.TLS.config(); err != nil {
			return nil, fmt.Errorf("cache.tls: %w", err)
		}
	}
	return cache.NewRedis(o)
}

func (t *CacheTLS) config() (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.Name}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, err
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("ca holds no certificate")
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, err
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

// secret reads a password's file, which others must not read; no file is no password.
func secret(key, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	fi, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s may be read by others; set mode 0600", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	return strings.TrimSpace(string(b)), nil
}
