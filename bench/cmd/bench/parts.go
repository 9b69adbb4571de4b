package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"zhigui/sim/dbserver"
)

// part is something that is measured by itself.
type part struct {
	name     string
	group    string // which names it too
	stores   bool   // it is repeated on every database
	programs []string
	run      func(context.Context, options, *figures) error
}

var (
	switching = []string{"server/cmd/server", "server/cmd/serverctl", "server/cmd/storebench", "sim/cmd/simbank"}
	parts     = []part{
		{"codec", "trade", false, nil, codec},
		{"8583", "trade", true, switching, eight},
		{"matrix", "trade", true, switching, matrix},
		{"mix", "", true, switching, func(ctx context.Context, o options, fs *figures) error {
			o.mixOnly = true
			return matrix(ctx, o, fs)
		}},
		{"delay", "trade", true, switching, delayed},
		{"soak", "trade", true, switching, soak},
		{"driver", "", false, []string{"drivers/cmd/driverd", "sim/cmd/simctl"}, driver},
		{"search", "", true, []string{"server/cmd/storebench"}, search},
		{"desk", "", false, []string{"server/cmd/server", "server/cmd/serverctl", "sim/cmd/simbank", "sim/cmd/simctl", "drivers/cmd/driverd",
			"terminal/cmd/platformd", "keeper/cmd/keeperd", "terminal"}, desk},
	}
)

// choose reads the list of parts; an empty one is all, the mix being part of the matrix.
func choose(only string) (chosen []part, err error) {
	names := strings.Split(only, ",")
	for _, n := range names {
		if only != "" && !slices.ContainsFunc(parts, func(p part) bool { return n == p.name || n == p.group && n != "" }) {
			return nil, fmt.Errorf("--only: %q is none of trade, codec, 8583, matrix, mix, delay, soak, driver, search, desk", n)
		}
	}
	for _, p := range parts {
		if only == "" && p.name != "mix" || slices.Contains(names, p.name) || p.group != "" && slices.Contains(names, p.group) {
			chosen = append(chosen, p)
		}
	}
	return chosen, nil
}

// on runs a part on the store that o names, starting its database.
func (p part) on(ctx context.Context, o options, fs *figures) error {
	if p.stores && o.store != dbserver.SQLite {
		var err error
		if o.db, err = dbserver.Start(o.store); err != nil {
			return err
		}
		defer o.db.Close()
	}
	return p.run(ctx, o, fs)
}
