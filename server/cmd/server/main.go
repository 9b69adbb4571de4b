// Command server runs the bank-side services: trade, access and manage in one process
// (--roles=all) or some of them.
package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"zhigui/server/api/batch"
	"zhigui/server/internal/config"
	"zhigui/server/internal/hsm/choose"
	"zhigui/server/internal/mgmt"
	"zhigui/server/internal/store"
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400) // a small live heap: collect less often
	}
	path := flag.String("config", "server.yaml", "configuration file")
	roles := flag.String("roles", "all", "all, or a list of trade, access, manage")
	force := flag.Bool("force", false, "bring the database up to date though other servers that use it are alive")
	flag.Parse()
	if err := run(*path, *roles, *force); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

func run(path, roles string, force bool) error {
	c, err := config.Load(path)
	if err != nil {
		return err
	}
	has := map[string]bool{}
	for r := range strings.SplitSeq(roles, ",") {
		if r != "all" && r != "trade" && r != "access" && r != "manage" {
			return fmt.Errorf("--roles: %q is none of all, trade, access, manage", r)
		}
		if r == "all" {
			has["trade"], has["access"], has["manage"] = true, true, true
		} else {
			has[r] = true
		}
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if c.Bench.CPUProfile != "" {
		f, err := os.Create(c.Bench.CPUProfile)
		if err != nil {
			return fmt.Errorf("bench.cpuProfile: %w", err)
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return fmt.Errorf("bench.cpuProfile: %w", err)
		}
		defer pprof.StopCPUProfile()
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	for role := range has {
		unlock, err := alone(c, role)
		if err != nil {
			return err
		}
		defer unlock()
	}
	log, say, end, err := openLog(c, roles, os.Stderr) // not before: it would put away the files of the one that runs here
	if err != nil {
		return err
	}
	defer end()
	seen := newFaults()
	log = slog.New(seen.over(log.Handler()))
	if err := batch.Process(); err != nil {
		log.Info("threads do not finish their turns: more of the processor goes into changing tasks", "error", err)
	}
	so, err := c.StoreOptions()
	if err != nil {
		return err
	}
	so.Tool, so.Force, so.Log = !has["trade"], force, log
	so.Roles = slices.Collect(maps.Keys(has))
	name, err := nameOf(c, has)
	if err != nil {
		return err
	}
	so.Name = name
	st, err := store.Open(ctx, so)
	if err != nil {
		return err
	}
	defer st.Close() //nolint:errcheck // everything durable already
	node, err := join(ctx, c, st, name, has, log)
	if err != nil {
		return err
	}
	defer node.Close()
	sec, err := choose.Open(c, st)
	if err != nil {
		return err
	}
	s := &services{c: c, name: ownName(c, name, has), log: log, st: st, node: node, hsm: sec, broker: mgmt.NewBroker()}
	if s.loader, err = choose.Loader(sec, st); err != nil {
		return err
	}
	defer s.close()
	if err := s.openCache(ctx); err != nil {
		return err
	}
	if err := s.catalogues(); err != nil {
		return err
	}
	if has["trade"] {
		if err := s.startTrade(ctx); err != nil {
			return err
		}
	}
	if has["access"] {
		if err := s.startAccess(); err != nil {
			return err
		}
	}
	if has["manage"] {
		if err := s.startManage(len(has) < 3); err != nil {
			return err
		}
	}
	if err := s.relay(ctx, len(has) < 3); err != nil {
		return err
	}
	s.keepUp(ctx)
	if has["trade"] {
		s.compareCounts(ctx)
		s.keepSums(ctx)
	}
	s.watchKeys(ctx)
	s.watchCertificates(ctx)
	s.watchFaults(ctx, seen)
	say("server is up", "roles", roles, "number", node.Number())
	select {
	case <-node.Lost():
		return store.ErrFenced // whoever supervises it starts it again
	case <-ctx.Done():
		say("server is going down")
		return nil
	}
}

// zoneKeys reads the host zone's PIN and MAC key. The file must not be readable by others.
func zoneKeys(path string) (pik, mak []byte, err error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("zone keys (serverctl zone keys writes them): %w", err)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return nil, nil, fmt.Errorf("%s may be read by others; set mode 0600", path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("zone keys: %w", err)
	}
	f := strings.Fields(string(data))
	if len(f) != 2 {
		return nil, nil, fmt.Errorf("%s: two lines of 32 hexadecimal digits are wanted", path)
	}
	pik, err1 := hex.DecodeString(f[0])
	mak, err2 := hex.DecodeString(f[1])
	if err := errors.Join(err1, err2); err != nil || len(pik) != 16 || len(mak) != 16 {
		return nil, nil, fmt.Errorf("%s: two lines of 32 hexadecimal digits are wanted", path)
	}
	if none := make([]byte, 16); bytes.Equal(pik, none) || bytes.Equal(mak, none) {
		return nil, nil, fmt.Errorf("%s: a key of zeros is none (serverctl zone keys makes two)", path)
	}
	return pik, mak, nil
}

func (s *services) close() {
	ctx, cancel := context.WithTimeout(context.Background(), s.c.Trade.HostTimeout+2*time.Second)
	defer cancel()
	for _, f := range s.stop {
		f()
	}
	for _, h := range s.web {
		_ = h.Close() // event streams would not end by themselves
	}
	for _, l := range s.lis {
		l.Close(ctx)
	}
	if s.eng != nil {
		s.eng.Close()
	}
	for _, c := range s.links {
		c.Close()
	}
	for _, f := range s.ends {
		f()
	}
}
