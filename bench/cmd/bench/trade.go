package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"zhigui/bench/load"
	"zhigui/sim/dbserver"
)

// pass is one ceiling run and one run of the real server, close together in time.
type pass struct {
	ceiling, real *result
	fsync         float64
}

// result of a load run with the CPU time each process spent on a transaction, in µs.
type result struct {
	*load.Result
	server, bank, gen float64
	database          float64 // the database's own server
	foreign           float64 // share of the machine that other programs took, %
	line              timeline
}

func (r *result) cpu() float64 { return r.server + r.bank + r.gen + r.database }

func (p pass) ratio() float64 { return p.real.TPS / p.ceiling.TPS }

// eight runs 8583 to 8583 beside the bare forwarder, which is the ceiling.
func eight(ctx context.Context, o options, fs *figures) error {
	var ps []pass
	for i := range o.rounds {
		var p pass
		var err error
		if p.fsync, err = fsync(o.dir); err != nil {
			return err
		}
		if p.ceiling, err = loadRun(ctx, o, fmt.Sprintf("ceiling%d", i), true, 0); err != nil {
			return fmt.Errorf("ceiling: %w", err)
		}
		if p.real, err = loadRun(ctx, o, fmt.Sprintf("trade%d", i), false, 0); err != nil {
			return err
		}
		ps = append(ps, p)
	}
	slow, err := loadRun(ctx, o, "slow", false, 2*time.Millisecond)
	if err != nil {
		return fmt.Errorf("slow disk: %w", err)
	}
	r, c, lean, bare := ps[0].real, ps[0].ceiling, ps[0].real, ps[0].ceiling
	disk, low, high := ps[0].fsync, ps[0].ratio(), ps[0].ratio()
	for _, p := range ps {
		if p.real.TPS > r.TPS {
			r = p.real
		}
		if p.ceiling.TPS > c.TPS {
			c = p.ceiling
		}
		if p.real.server < lean.server {
			lean = p.real
		}
		if p.ceiling.cpu() < bare.cpu() {
			bare = p.ceiling
		}
		disk, low, high = min(disk, p.fsync), min(low, p.ratio()), max(high, p.ratio())
	}
	trade := "trade"
	if o.store != dbserver.SQLite {
		trade += "." + o.store
	}
	fs.add(trade+".8583_8583.tps", r.TPS, "1/s", vs{"goalMin": 6000, "reference": 451, "ceiling": c.TPS, "othersPercent": r.foreign},
		fmt.Sprintf("best of %d rounds; %d terminals, one TCP connection each transaction, MAC and PIN translation, intent and outcome durable; every approval found in the bank host's books; othersPercent: what other programs took of the machine meanwhile", len(ps), o.conns))
	fs.add(trade+".8583_8583.ceiling_ratio", r.TPS/c.TPS, "", vs{"goalMin": 0.6, "lowestRound": low, "highestRound": high, "byCPU": bare.cpu() / lean.cpu()},
		"best rate by best ceiling of the same run; beside it the lowest and the highest round, and byCPU: the CPU time of all processes for a transaction with the bare forwarder by that with the server, which neighbours move least")
	fs.add(trade+".8583_8583.p50_ms", r.P50, "ms", vs{"ceiling": c.P50}, "of the best round")
	fs.add(trade+".8583_8583.p99_ms", r.P99, "ms", vs{"goalMax": 40, "ceiling": c.P99}, "of the best round")
	fs.add(trade+".cpu_us_per_txn", lean.server, "µs", vs{"goalMax": 200, "ceiling": bare.server, "bank": lean.bank, "generator": lean.gen, "database": lean.database},
		"server process alone, user and system, least of the rounds; beside it the bare forwarder, the bank host and the load generator")
	fs.add("ceiling.8583.tps", c.TPS, "1/s", vs{"cpuPerTxn": bare.server, "othersPercent": c.foreign}, "best of the rounds; bare forwarder to the same bank host with one durable write: no parsing, no cryptography, no SQL")
	fs.add(trade+".8583_8583.fsync2ms.tps", slow.TPS, "1/s", vs{"goalMin": 3000, "reference": 451, "unbatched": 250, "cpuPerTxn": slow.server, "othersPercent": slow.foreign},
		"2 ms slept inside each commit, as a slower disk would; without group commit two commits a transaction would leave 250")
	fs.add(trade+".8583_8583.fsync2ms.p99_ms", slow.P99, "ms", nil, "")
	fs.timelines = append(fs.timelines, r.line)
	fs.compare(o, "tcp_8583_long_8583", published{451.4, 0.218, 100, 77.73}, r, 100)
	fs.add("fsync_us.p50", disk, "µs", nil, "append 600 bytes and fsync, 300 times, before each round; the least")
	return nil
}

// loadRun measures the real server, or the bare forwarder in its place; it also checks that
// the bank host has booked exactly what the terminals were told.
func loadRun(ctx context.Context, o options, name string, bare bool, delay time.Duration) (*result, error) {
	dir := filepath.Join(o.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	p, err := ports(o.port, 6)
	if err != nil {
		return nil, err
	}
	cfg := filepath.Join(dir, "server.yaml")
	text := fmt.Sprintf("data: data\nlog: warn\nchannels: [{name: terminals, dialect: pos64, zone: 3des, link: {kind: short, listen: %q}}]\nhosts: [{name: core, keys: zone.keys, link: {kind: long, address: %q, count: 4}, limits: {inFlight: 1024}}]\naccess: {listen: %q}\nmanage: {listen: %q}\nbench: {fsyncDelay: %s, cpuProfile: %q}\n",
		p[0], p[2], p[4], p[5], delay, o.profileOf(name, "server"))
	if o.db != nil {
		dsn, err := o.db.Database(name)
		if err != nil {
			return nil, err
		}
		defer o.db.Drop(name) //nolint:errcheck // goes with the server
		text += fmt.Sprintf("store: {dsn: %q, writers: %d}\n", dsn, o.writers)
	}
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		return nil, err
	}
	ctl := func(args ...string) error {
		c := exec.CommandContext(ctx, filepath.Join(o.bin, "serverctl"), args...)
		c.Stderr = os.Stderr
		return c.Run()
	}
	keys, tmks := filepath.Join(dir, "zone.keys"), filepath.Join(dir, "tmks")
	if err := ctl("zone", "keys", "--out", keys); err != nil {
		return nil, err
	}
	args := []string{"-listen", p[2], "-control", p[3], "-ledger", filepath.Join(dir, "ledger"), "-keys", keys,
		"-bench-cards", strconv.Itoa(o.conns), "-cpuprofile", o.profileOf(name, "bank"), fmt.Sprintf("-fast=%v", !o.moov)}
	bank, err := startWith(elsewhere(), filepath.Join(dir, "bank.log"), filepath.Join(o.bin, "simbank"), args...)
	if err != nil {
		return nil, err
	}
	defer end(bank)
	if err := await(ctx, "bank host", listening(p[2])); err != nil {
		return nil, err
	}
	var srv *exec.Cmd
	gen := []string{"load", "--tmks", tmks}
	if bare {
		gen = []string{"bare", "--keys", keys}
		srv, err = start(filepath.Join(dir, "server.log"), o.self, "role", "forward", p[0], "--host", p[2], "--wal", filepath.Join(dir, "wal"))
	} else {
		if err := ctl("terminal", "add", "--config", cfg, "--id", "00000001", "--count", strconv.Itoa(o.conns), "--tmk-out", tmks); err != nil {
			return nil, err
		}
		srv, err = start(filepath.Join(dir, "server.log"), filepath.Join(o.bin, "server"), "--config", cfg, "--roles", "trade")
	}
	if err != nil {
		return nil, err
	}
	defer end(srv)
	if err := await(ctx, "server", listening(p[0])); err != nil {
		return nil, err
	}
	time.Sleep(300 * time.Millisecond) // links and sign-on
	quiet(ctx, o)
	samples := sampled(ctx, srv.Process.Pid)
	s0, b0, d0, m0 := cpu(srv.Process.Pid), cpu(bank.Process.Pid), o.database(), machineTime()
	r := &result{}
	if r.Result, r.gen, err = generate(ctx, o, p[0], gen, o.profileOf(name, "load")); err != nil {
		return nil, err
	}
	r.line = lay(o.store+": 8583 to 8583", []*load.Result{r.Result}, samples())
	per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(r.Total) }
	r.database = per(o.database() - d0)
	r.server, r.bank = per(cpu(srv.Process.Pid)-s0), per(cpu(bank.Process.Pid)-b0)
	m1 := machineTime()
	own := time.Duration(r.cpu()*float64(r.Total)) * time.Microsecond
	r.foreign = 100 * max(0, float64(m1.busy-m0.busy-own)) / max(1, float64(m1.all-m0.all))
	return r, booked(p[3], r.Total)
}

// database is the CPU time of the database's server and its children.
func (o options) database() time.Duration {
	if o.db == nil {
		return 0
	}
	return family(o.db.Pid())
}

// quiet waits for a moment when others leave the machine alone, but not for ever.
func quiet(ctx context.Context, o options) {
	tries := 40
	if o.quick {
		tries = 10
	}
	for m := machineTime(); tries > 0 && ctx.Err() == nil; tries-- {
		time.Sleep(500 * time.Millisecond)
		n := machineTime()
		if 10*(n.busy-m.busy) < n.all-m.all {
			return
		}
		m = n
	}
}

// elsewhere is the environment of generators and bank hosts, which stand for other machines: one processor, as they
// wait most of the time, and their scheduler would look for work on the other one and take it from the server.
func elsewhere() []string { return append(os.Environ(), "GOMAXPROCS=1", "GOGC=800") }

// generate runs the load generator and returns its CPU time a transaction, too.
func generate(ctx context.Context, o options, addr string, kind []string, profile string) (*load.Result, float64, error) {
	args := append([]string{"role", kind[0], addr, "--terminals", strconv.Itoa(o.conns), "--warm", o.warm.String(), "--run", o.run.String(), "--cpuprofile", profile}, kind[1:]...)
	ctx, cancel := context.WithTimeout(ctx, o.warm+o.run+time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, o.self, args...)
	c.Env = elsewhere()
	c.Stderr = os.Stderr
	b, err := c.Output()
	if err != nil {
		return nil, 0, fmt.Errorf("load generator: %w", err)
	}
	r := &load.Result{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, 0, err
	}
	if len(r.Errors) > 0 || r.Approved == 0 {
		return nil, 0, fmt.Errorf("%d approved, failed transactions: %v", r.Approved, r.Errors)
	}
	used := c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	return r, float64(used.Microseconds()) / float64(r.Total), nil
}

// booked compares the bank host's books with the number of approvals.
func booked(control string, approvals int) error {
	a, err := http.Get("http://" + control + "/api/invariants")
	if err != nil {
		return err
	}
	defer a.Body.Close() //nolint:errcheck // reading
	var v struct {
		OK          bool
		Withdrawals int
		Reversals   int
	}
	if err := json.NewDecoder(a.Body).Decode(&v); err != nil {
		return err
	}
	if !v.OK || v.Withdrawals != approvals || v.Reversals != 0 {
		return fmt.Errorf("books differ: ok %v, %d withdrawals, %d reversals, %d approvals", v.OK, v.Withdrawals, v.Reversals, approvals)
	}
	return nil
}

// fsync measures the disk: the median time of an append of 600 bytes made durable, in µs.
func fsync(dir string) (float64, error) {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // temporary
	b := make([]byte, 600)
	var d []time.Duration
	for range 300 {
		t := time.Now()
		_, err1 := f.Write(b)
		if err := errors.Join(err1, f.Sync()); err != nil {
			return 0, err
		}
		d = append(d, time.Since(t))
	}
	return micro(d, 0.5), nil
}

// micro is a quantile of times in µs.
func micro(d []time.Duration, p float64) float64 {
	slices.Sort(d)
	return float64(load.Quantile(d, p).Nanoseconds()) / 1000
}
