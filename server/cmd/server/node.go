package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"zhigui/server/internal/access"
	"zhigui/server/internal/config"
	"zhigui/server/internal/durable"
	"zhigui/server/internal/flock"
	"zhigui/server/internal/lease"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
)

// alone sees to it that a role runs once for a data folder, and once for a SQLite file.
func alone(c *config.Config, role string) (unlock func(), err error) {
	files := []string{filepath.Join(c.Data, role+".lock")}
	if so, err := c.StoreOptions(); err == nil {
		if f := store.File(so.DSN); f != "" {
			files = append(files, store.LockName(f, role))
		}
	}
	var held []*os.File
	unlock = func() {
		for _, f := range held {
			_ = f.Close()
		}
	}
	for i, name := range files {
		f, err := flock.Take(name)
		if err == nil {
			held = append(held, f)
			if i > 0 {
				err = store.MarkLock(f)
			}
		}
		switch {
		case errors.Is(err, flock.ErrHeld) && i == 0:
			unlock()
			return nil, fmt.Errorf("another server with the role %s runs in the data folder %s", role, c.Data)
		case errors.Is(err, flock.ErrHeld):
			unlock()
			return nil, fmt.Errorf("another server with the role %s has the database %s; SQLite is one server's: several need MariaDB or PostgreSQL", role, strings.TrimSuffix(name, "."+role+".lock"))
		case err != nil:
			unlock()
			return nil, err
		}
	}
	return unlock, nil
}

// join makes this process one of the servers that share the database. Its name is a file of its data
// folder, so that it takes up what it left behind when it comes back.
func join(ctx context.Context, c *config.Config, st *store.Store, name string, has map[string]bool, log *slog.Logger) (*lease.Node, error) {
	o := lease.Options{For: c.Store.Lease, Jobs: jobsOf(has), Log: log}
	if has["trade"] {
		o.Name = name
	}
	return lease.Join(ctx, st, o)
}

// jobsOf are the jobs that a process with these roles may do for all.
func jobsOf(has map[string]bool) []string {
	jobs := []string{upkeepJob, certificatesJob}
	if has["access"] {
		jobs = append(jobs, access.Job)
	}
	if has["trade"] {
		jobs = append(jobs, trade.Job, countsJob)
	}
	return jobs
}

// ownName tells a process from all others, also after a restart: one set of roles runs once for a data folder. Its folder's
// name says which that is, also on another machine; a process without one is known by where it runs.
func ownName(c *config.Config, name string, has map[string]bool) string {
	if name == "" {
		host, _ := os.Hostname()
		data, _ := filepath.Abs(c.Data)
		name = host + " " + data
	}
	return name + " " + strings.Join(slices.Sorted(maps.Keys(has)), ",")
}

// nameOf is the name of the server with this data folder, made when it has none. It is that of the role trade:
// another role must not take the lease of a server that runs beside it, with the same folder, for its own.
func nameOf(c *config.Config, has map[string]bool) (string, error) {
	if !has["trade"] {
		return "", nil
	}
	file := filepath.Join(c.Data, "server.name")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(rand.Text())
		err = durable.Create(file, append(text, '\n')) // half a name would be another server
	}
	if err != nil {
		return "", fmt.Errorf("name of this server: %w", err)
	}
	name := strings.TrimSpace(string(text))
	if name == "" || len(name) > 60 {
		return "", fmt.Errorf("%s: want a name of 1 to 60 characters", file)
	}
	return name, nil
}
