package config

import (
	"errors"
	"net/url"
	"path/filepath"
	"time"

	"zhigui/server/internal/store"
)

// Store configures the database.
type Store struct {
	DSN      string `yaml:"dsn"`      // a path, mysql://user@host:port/database or postgres://user@host:port/database; empty: SQLite in the data folder
	Password string `yaml:"password"` // file that holds the password of the database's user
	Writers  int    `yaml:"writers"`  // writing connections of MariaDB and PostgreSQL; 0: the default

	Lease time.Duration `yaml:"lease"` // of several servers, one that was not heard of for so long is taken over from; 0: 10 s

	Archives   string        `yaml:"archives"`   // folder of archived months of the journal
	KeepMonths int           `yaml:"keepMonths"` // closed months that stay in the tables; 0: all
	Sessions   time.Duration `yaml:"sessions"`   // idle sessions are removed after; 0: 30 days
	Alarms     time.Duration `yaml:"alarms"`     // cleared alarms are removed after; 0: 400 days
	Cases      time.Duration `yaml:"cases"`      // business in steps that has ended is removed after; 0: 400 days
}

// StoreOptions are those of the store, with the password.
func (c *Config) StoreOptions() (store.Options, error) {
	dsn, err := c.dsn()
	return store.Options{DSN: dsn, Writers: c.Store.Writers, Archives: c.Store.Archives, Lease: c.Store.Lease, FsyncDelay: c.Bench.FsyncDelay}, err
}

func (c *Config) dsn() (string, error) {
	d := c.Store.DSN
	if d == "" {
		return filepath.Join(c.Data, "server.db"), nil
	}
	if c.Store.Password == "" {
		return d, nil
	}
	pw, err := secret("store.password", c.Store.Password)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(d)
	if err != nil || u.User == nil {
		return "", errors.New("store.dsn: with store.password, want mysql://user@… or postgres://user@…")
	}
	u.User = url.UserPassword(u.User.Username(), pw)
	return u.String(), nil
}
