package config

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Store configures the database.
type Store struct {
	DSN      string `yaml:"dsn"`      // a path, mysql://user@host:port/database or postgres://user@host:port/database; empty: SQLite in the data folder
	Password string `yaml:"password"` // file that holds the password of the database's user
	Writers  int    `yaml:"writers"`  // writing connections of MariaDB and PostgreSQL; 0: the default
}

// DSN is the data source name of the store, with the password.
func (c *Config) DSN() (string, error) {
	d := c.Store.DSN
	if d == "" {
		return filepath.Join(c.Data, "server.db"), nil
	}
	if c.Store.Password == "" {
		return d, nil
	}
	fi, err := os.Stat(c.Store.Password)
	if err != nil {
		return "", fmt.Errorf("store.password: %w", err)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s may be read by others; set mode 0600", c.Store.Password)
	}
	pw, err := os.ReadFile(c.Store.Password)
	if err != nil {
		return "", fmt.Errorf("store.password: %w", err)
	}
	u, err := url.Parse(d)
	if err != nil || u.User == nil {
		return "", errors.New("store.dsn: with store.password, want mysql://user@… or postgres://user@…")
	}
	u.User = url.UserPassword(u.User.Username(), strings.TrimSpace(string(pw)))
	return u.String(), nil
}
