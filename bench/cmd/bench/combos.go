package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"zhigui/bench/load"
)

// combo is one of the reference document's combinations (PT-06): how requests come and how they go on.
type combo struct {
	name      string
	published published
	in        string // channel: kind and dialect
	dialect   string
	out       string // carrier to the host
	outTo     string // dialect there
	short     bool   // http: a connection for each request, to the server and to the host, as the reference had
}

var combos = []combo{
	{"http_xml_http_xml", published{458.9, 0.215, 100, 78.30}, "http", "corexml", "http", "corexml", false},
	{"http_json_http_json", published{504.5, 0.195, 100, 76.57}, "http", "corejson", "http", "corejson", false},
	{"http_json_https_json", published{}, "http", "corejson", "https", "corejson", false},
	{"tcp_8583_tcp_8583", published{451.4, 0.218, 100, 77.73}, "short", "pos64", "short", "cups128", false},
	{"tcp_struct_tcp_struct", published{812.5, 0.119, 100, 74.15}, "short", "corefixed", "short", "corefixed", false},
	{"tcp_delimited_tcp_delimited", published{820.6, 0.118, 100, 74.09}, "short", "coredelimited", "short", "coredelimited", false},
	{"tcp_8583_group_8583", published{}, "short", "pos64", "group", "cups128", false},
	{"http_xml_http_xml.short", published{458.9, 0.215, 100, 78.30}, "http", "corexml", "http", "corexml", true},
	{"http_json_http_json.short", published{504.5, 0.195, 100, 76.57}, "http", "corejson", "http", "corejson", true},
	{"http_json_https_json.short", published{}, "http", "corejson", "https", "corejson", true},
}

// mixed are the five formats of the mixed run (PT-08), a fifth of the users each.
var mixed = []int{0, 1, 3, 4, 5}

// branch is one server with every combination configured, the bank host and its doors.
type branch struct {
	o              options
	fs             *figures
	dir, dsn       string
	in             []string // address of each combination's channel
	control, login string
	srv, bank      *exec.Cmd
	tmks, partner  string
	runs           int
	close          func()
}

func (o options) branch(ctx context.Context, fs *figures, name string) (b *branch, err error) {
	b = &branch{o: o, fs: fs, dir: filepath.Join(o.dir, name)}
	var undo []func()
	b.close = func() {
		for i := len(undo) - 1; i >= 0; i-- {
			undo[i]()
		}
	}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return nil, err
	}
	p, err := ports(o.port, 5+3*len(combos))
	if err != nil {
		return nil, err
	}
	path := func(s string) string { return filepath.Join(b.dir, s) }
	ctl := func(args ...string) error {
		c := exec.CommandContext(ctx, filepath.Join(o.bin, "serverctl"), args...)
		c.Stderr = os.Stderr
		return c.Run()
	}
	keys := path("zone.keys")
	b.tmks, b.partner = path("tmks"), path("partner.keys")
	for _, args := range [][]string{{"zone", "keys", "--out", keys}, {"zone", "keys", "--out", b.partner}, {"pki", "init", "--dir", path("pki")}} {
		if err := ctl(args...); err != nil {
			return nil, err
		}
	}
	b.control = p[1]
	args := []string{"-listen", p[0], "-control", p[1], "-ledger", path("ledger"), "-keys", keys, "-bench-cards", strconv.Itoa(o.conns), fmt.Sprintf("-fast=%v", !o.moov),
		"-cert", path("pki/server.pem"), "-key", path("pki/server.key"), "-cpuprofile", o.profileOf(name, "bank")}
	var hosts, channels, routes []string
	for i, c := range combos {
		in, door, back := p[5+3*i], p[6+3*i], p[7+3*i]
		b.in = append(b.in, in)
		kind := c.out
		l := fmt.Sprintf("{kind: %s, address: %q, max: 4096}", kind, door)
		switch c.out {
		case "http":
			l = fmt.Sprintf("{kind: http, address: %q, max: 4096, short: %v}", "http://"+door+"/", c.short)
		case "https":
			l = fmt.Sprintf("{kind: http, address: %q, max: 4096, short: %v, tls: {ca: %q, name: localhost}}", "https://"+door+"/", c.short, path("pki/ca.pem"))
		case "group":
			l = fmt.Sprintf("{kind: group, address: %q, listen: %q, count: 2}", door, back)
		}
		args = append(args, "-door", strings.Join([]string{kind, c.outTo, door, back, "2"}, ","))
		manage := "none"
		if c.out == "group" {
			manage = "cups"
		}
		hosts = append(hosts, fmt.Sprintf("{name: h%d, owner: bank, dialect: %s, keys: zone.keys, management: %s, link: %s, limits: {inFlight: 2048}}", i, c.outTo, manage, l))
		listen := in
		if c.in == "http" {
			listen += "/trade"
			b.in[i] = listen
		}
		own := ", keys: partner, keyFile: partner.keys, zone: partner"
		if c.dialect == "pos64" {
			own = ", zone: 3des"
		}
		channels = append(channels, fmt.Sprintf("{name: c%d, dialect: %s%s, link: {kind: %s, listen: %q, max: 4096}}", i, c.dialect, own, c.in, listen))
		routes = append(routes, fmt.Sprintf("{channels: [c%d], to: [{host: h%d}]}", i, i))
	}
	text := fmt.Sprintf("data: data\nlog: warn\nhosts: [%s]\nchannels: [%s]\nroutes: [%s]\naccess: {listen: %q}\nmanage: {listen: %q}\nbench: {cpuProfile: %q}\n",
		strings.Join(hosts, ", "), strings.Join(channels, ", "), strings.Join(routes, ", "), p[2], p[3], o.profileOf(name, "server"))
	b.dsn = filepath.Join(b.dir, "data/server.db")
	if o.db != nil {
		if b.dsn, err = o.db.Database(name); err != nil {
			return nil, err
		}
		undo = append(undo, func() { _ = o.db.Drop(name) })
		text += fmt.Sprintf("store: {dsn: %q, writers: %d}\n", b.dsn, o.writers)
	}
	cfg := path("server.yaml")
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		return nil, err
	}
	n := strconv.Itoa(o.conns)
	for _, args := range [][]string{{"terminal", "add", "--config", cfg, "--id", "00000001", "--count", n, "--tmk-out", b.tmks},
		{"terminal", "add", "--config", cfg, "--id", "20000001", "--count", n, "--zone", "partner"}} {
		if err := ctl(args...); err != nil {
			return nil, err
		}
	}
	if b.bank, err = startWith(elsewhere(), path("bank.log"), filepath.Join(o.bin, "simbank"), args...); err != nil {
		return nil, err
	}
	undo = append(undo, func() { end(b.bank) })
	if err := await(ctx, "bank host", listening(p[0])); err != nil {
		return nil, err
	}
	if b.srv, err = start(path("server.log"), filepath.Join(o.bin, "server"), "--config", cfg, "--roles", "trade"); err != nil {
		return nil, err
	}
	undo = append(undo, func() {
		if b.srv != nil {
			end(b.srv)
		}
	})
	addr, _, _ := strings.Cut(b.in[len(b.in)-1], "/")
	if err := await(ctx, "server", listening(addr)); err != nil {
		return nil, err
	}
	time.Sleep(500 * time.Millisecond) // the group's links and their sign-on
	return b, nil
}

// role is the generator's command line for users of one combination, the first of them from a number on.
func (b *branch) role(i, users, first int, run time.Duration, more ...string) []string {
	c := combos[i]
	b.runs++ // every run has trace numbers of its own: a terminal's number is not used twice
	a := []string{"load", b.in[i], "--tmks", b.tmks, "--skip", strconv.Itoa(first)}
	if c.dialect != "pos64" {
		a = []string{"partner", b.in[i], fmt.Sprintf("--short=%v", c.short), "--kind", c.in, "--dialect", c.dialect, "--keys", b.partner, "--first", strconv.Itoa(20_000_001 + first)}
	}
	return append(append(a, "--stan", strconv.Itoa(b.runs*1_000_000), "--terminals", strconv.Itoa(users), "--warm", b.o.warm.String(), "--run", run.String()), more...)
}

// together runs generators at a time, in one process, and adds them up.
func (b *branch) together(ctx context.Context, name string, roles [][]string) (all []*load.Result, r *result, err error) {
	quiet(ctx, b.o)
	samples := sampled(ctx, b.srv.Process.Pid)
	s0, k0, d0, m0 := cpu(b.srv.Process.Pid), cpu(b.bank.Process.Pid), b.o.database(), machineTime()
	args := []string{"role"}
	for _, a := range roles {
		args = append(append(args, a...), "--")
	}
	args = slices.Insert(args, 3, "--cpuprofile", b.o.profileOf(filepath.Base(b.dir), "load"+strconv.Itoa(b.runs)))
	c := exec.CommandContext(ctx, b.o.self, args...)
	c.Env = elsewhere()
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, nil, fmt.Errorf("generators: %w", err)
	}
	seen := samples()
	all = make([]*load.Result, len(roles))
	in := json.NewDecoder(bytes.NewReader(out))
	for i, a := range roles {
		if err := in.Decode(&all[i]); err != nil {
			return nil, nil, fmt.Errorf("generators: %w", err)
		}
		if len(all[i].Errors) > 0 && !slices.Contains(a, "--tolerant") || all[i].Approved == 0 {
			return nil, nil, fmt.Errorf("%d approved, failed: %v", all[i].Approved, all[i].Errors)
		}
	}
	r = &result{Result: &load.Result{}}
	for i := range roles {
		r.Total += all[i].Total
		r.TPS += all[i].TPS
		r.Approved += all[i].Approved
		r.Mean += all[i].Mean * float64(all[i].Approved)
		r.P99 = max(r.P99, all[i].P99)
		r.P50 = max(r.P50, all[i].P50)
	}
	r.Mean /= float64(max(1, r.Approved))
	r.line = lay(b.o.store+": "+name, all, seen)
	per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(r.Total) }
	r.server, r.bank, r.gen, r.database = per(cpu(b.srv.Process.Pid)-s0), per(cpu(b.bank.Process.Pid)-k0), per(c.ProcessState.UserTime()+c.ProcessState.SystemTime()), per(b.o.database()-d0)
	m1 := machineTime()
	own := time.Duration(r.cpu()*float64(r.Total)) * time.Microsecond
	r.foreign = 100 * max(0, float64(m1.busy-m0.busy-own)) / max(1, float64(m1.all-m0.all))
	return all, r, nil
}

// matrix runs the seven combinations, those with HTTP in both ways of it, and the mix; every approval is found in the bank host's books and in the journal at the end.
func matrix(ctx context.Context, o options, fs *figures) error {
	b, err := o.branch(ctx, fs, "matrix")
	if err != nil {
		return err
	}
	defer b.close()
	total := 0
	add := func(p planned, rounds int, note string, pub published, min float64) error {
		name := p.name
		var r *result
		low := math.Inf(1)
		for range rounds {
			_, x, err := b.together(ctx, name, b.roles(p))
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			total += x.Total
			if low = math.Min(low, x.TPS); r == nil || x.TPS > r.TPS {
				r = x
			}
		}
		fs.timelines = append(fs.timelines, r.line)
		v := vs{"cpuPerTxn": r.server, "bank": r.bank, "generator": r.gen, "database": r.database, "othersPercent": r.foreign}
		if rounds > 1 {
			v["lowestRound"] = low
		}
		if pub.TPS > 0 {
			v["reference"] = pub.TPS
		}
		p99 := vs{}
		v["goalMin"] = cmp.Or(min, goalTPS)
		if min > 0 {
			p99["goalMax"] = 40
		}
		fs.add("matrix."+o.store+"."+name+".tps", r.TPS, "1/s", v, note)
		fs.add("matrix."+o.store+"."+name+".per_day", r.TPS*24*3600, "1/day", vs{"goalMin": goalDay}, "the rate of this run for a day")
		fs.add("matrix."+o.store+"."+name+".p99_ms", r.P99, "ms", p99, "")
		fs.compare(o, name, pub, r, 100)
		return nil
	}
	every := fmt.Sprintf("%d users, no think time; MAC on, intent and outcome durable in %s; reference: published, on 8 cores", o.conns, o.store)
	for i, p := range pressure(o) {
		if i == len(combos) {
			if err := add(p, o.rounds, fmt.Sprintf("best of %d rounds; xml, json, 8583, struct and delimited, a fifth of the users each, at the same time", o.rounds), publishedMix, 6000); err != nil {
				return err
			}
			break
		}
		if o.mixOnly {
			continue
		}
		c := combos[i]
		goal, note := 0.0, every
		if c.short {
			note += "; a connection for each request, to the server and to the host, as the reference had"
		}
		if c.name == "tcp_8583_tcp_8583" {
			goal = 6000
		}
		if err := add(p, 1, note, c.published, goal); err != nil {
			return err
		}
	}
	return b.finish(ctx, "matrix", total)
}

// What the reference document asks of its services (AR-11, AR-12): ten million transactions a day, and more than 800 a second.
const (
	goalDay = 10_000_000
	goalTPS = 801
)

// finish ends the server, which must have run until now, looks for errors in its log, and compares its journal, and the bank host's books,
// with the approvals (PT-07, PT-16).
func (b *branch) finish(ctx context.Context, name string, approvals int) error {
	if err := booked(b.control, approvals); err != nil {
		return err
	}
	if err := b.journal(ctx, "", approvals); err != nil {
		return err
	}
	n, first, err := errorsIn(filepath.Join(b.dir, "server.log"))
	if err != nil {
		return err
	}
	b.fs.add(name+"."+b.o.store+".log_errors", float64(n), "lines", vs{"goalMax": 0}, first)
	return nil
}

// journal ends the server, and compares the journal's transactions with a response code, "" for all, with the approvals.
func (b *branch) journal(ctx context.Context, rc string, approvals int) error {
	err := ended(b.srv)
	if b.srv = nil; err != nil {
		return fmt.Errorf("the server crashed, or did not end: %w", err)
	}
	c := exec.CommandContext(ctx, filepath.Join(b.o.bin, "storebench"), "-count", "-rc", rc, "-dsn", b.dsn)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if n, err := strconv.Atoi(strings.TrimSpace(string(out))); n != approvals || err != nil {
		return fmt.Errorf("the journal has %q transactions, %d were approved", out, approvals)
	}
	return nil
}
