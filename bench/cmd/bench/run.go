package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"zhigui/bench/load"
)

// figure is one JSON line of the result.
type figure struct {
	Name  string             `json:"name"`
	Value float64            `json:"value"`
	Unit  string             `json:"unit"`
	VS    map[string]float64 `json:"vs,omitempty"`
	Note  string             `json:"note,omitempty"`
}

func bench(o options) error {
	dir, err := os.MkdirTemp("", "zhigui-bench-")
	if err != nil {
		return err
	}
	if os.Getenv("BENCH_KEEP") == "" {
		defer os.RemoveAll(dir) //nolint:errcheck // temporary
	}
	for _, p := range []string{"./server/cmd/server", "./server/cmd/serverctl", "./sim/cmd/simbank"} {
		c := exec.Command("go", "build", "-o", dir+"/", p)
		c.Stderr = os.Stderr
		if err := c.Run(); err != nil {
			return fmt.Errorf("build %s: %w", p, err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var out []figure
	fs, err := fsync(dir)
	if err != nil {
		return err
	}
	out = append(out, figure{Name: "fsync_us.p50", Value: fs, Unit: "µs", Note: "append 600 bytes and fsync, 300 times"})
	ceiling, err := runCeiling(o, self, dir)
	if err != nil {
		return fmt.Errorf("ceiling: %w", err)
	}
	out = append(out, figure{Name: "ceiling.8583.tps", Value: ceiling.TPS, Unit: "1/s", Note: "bare forwarder, one durable write, no parsing, no cryptography, no SQL"})
	for _, delay := range []time.Duration{0, 2 * time.Millisecond} {
		r, cpu, err := runTrade(o, self, filepath.Join(dir, "run"+delay.String()), dir, delay)
		if err != nil {
			return fmt.Errorf("trade: %w", err)
		}
		suffix, note := "", "100 terminals, one TCP connection each transaction, MAC and PIN translation, intent and outcome durable"
		if delay > 0 {
			suffix, note = ".fsync2ms", "2 ms slept inside each commit, as a slower disk would"
		}
		out = append(out,
			figure{Name: "trade.8583_8583" + suffix + ".tps", Value: r.TPS, Unit: "1/s", VS: map[string]float64{"seed": 451, "goal": 5000, "ceiling_ratio": r.TPS / ceiling.TPS}, Note: note},
			figure{Name: "trade.8583_8583" + suffix + ".p50_ms", Value: r.P50, Unit: "ms"},
			figure{Name: "trade.8583_8583" + suffix + ".p99_ms", Value: r.P99, Unit: "ms"},
			figure{Name: "trade" + suffix + ".cpu_us_per_txn", Value: cpu, Unit: "µs", VS: map[string]float64{"goal": 250}, Note: "server process, user and system"})
	}
	enc := json.NewEncoder(os.Stdout)
	for _, f := range out {
		if err := enc.Encode(f); err != nil {
			return err
		}
	}
	return report(o.report, out)
}

// ports returns n ports: the asked-for ones, refused when busy, or free ones.
func ports(first, n int) ([]string, error) {
	var out []string
	var ls []net.Listener
	defer func() {
		for _, l := range ls {
			_ = l.Close()
		}
	}()
	for i := range n {
		a := "127.0.0.1:0"
		if first != 0 {
			a = net.JoinHostPort("127.0.0.1", strconv.Itoa(first+i))
		}
		l, err := net.Listen("tcp", a)
		if err != nil {
			return nil, fmt.Errorf("port is busy, an old run may still be there: %w", err)
		}
		ls = append(ls, l)
		out = append(out, l.Addr().String())
	}
	return out, nil
}

func start(log string, name string, args ...string) (*exec.Cmd, error) {
	c := exec.Command(name, args...)
	f, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // the child has it
	c.Stdout, c.Stderr = f, f
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c, c.Start()
}

func end(c *exec.Cmd) {
	_ = c.Process.Signal(syscall.SIGTERM)
	_, _ = c.Process.Wait()
}

func await(addr string) error {
	for range 200 {
		if c, err := net.Dial("tcp", addr); err == nil {
			return c.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New(addr + " does not come up")
}

func generate(o options, self, kind, addr string, extra ...string) (*load.Result, error) {
	args := append([]string{"role", kind, addr, "--terminals", strconv.Itoa(o.conns), "--warm", o.warm.String(), "--run", o.run.String()}, extra...)
	c := exec.Command(self, args...)
	c.Stderr = os.Stderr
	b, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("load generator: %w", err)
	}
	r := &load.Result{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, err
	}
	if len(r.Errors) > 0 {
		return nil, fmt.Errorf("failed transactions: %v", r.Errors)
	}
	return r, nil
}

func runCeiling(o options, self, dir string) (*load.Result, error) {
	p, err := ports(o.port, 2)
	if err != nil {
		return nil, err
	}
	echo, err := start(filepath.Join(dir, "echo.log"), self, "role", "echo", p[0])
	if err != nil {
		return nil, err
	}
	defer end(echo)
	if err := await(p[0]); err != nil {
		return nil, err
	}
	fw, err := start(filepath.Join(dir, "forward.log"), self, "role", "forward", p[1], "--host", p[0], "--wal", filepath.Join(dir, "wal"))
	if err != nil {
		return nil, err
	}
	defer end(fw)
	if err := await(p[1]); err != nil {
		return nil, err
	}
	return generate(o, self, "bare", p[1])
}

// runTrade measures the real server; it also checks that the bank host has booked exactly
// what the terminals were told.
func runTrade(o options, self, dir, bin string, delay time.Duration) (*load.Result, float64, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, 0, err
	}
	p, err := ports(o.port, 6)
	if err != nil {
		return nil, 0, err
	}
	cfg := filepath.Join(dir, "server.yaml")
	text := fmt.Sprintf("data: data\nlog: warn\ntrade: {listen3des: %q, listenSM4: %q}\nhost: {address: %q, keys: zone.keys}\naccess: {listen: %q}\nmanage: {listen: %q}\nbench: {fsyncDelay: %s, cpuProfile: %q}\n",
		p[0], p[1], p[2], p[4], p[5], delay, o.profile)
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		return nil, 0, err
	}
	ctl := func(args ...string) error {
		c := exec.Command(filepath.Join(bin, "serverctl"), args...)
		c.Stderr = os.Stderr
		return c.Run()
	}
	keys, tmks := filepath.Join(dir, "zone.keys"), filepath.Join(dir, "tmks")
	if err := errors.Join(ctl("zone", "keys", "--out", keys),
		ctl("terminal", "add", "--config", cfg, "--id", "00000001", "--count", strconv.Itoa(o.conns), "--tmk-out", tmks)); err != nil {
		return nil, 0, err
	}
	bank, err := start(filepath.Join(dir, "bank.log"), filepath.Join(bin, "simbank"), "-listen", p[2], "-control", p[3], "-ledger", filepath.Join(dir, "ledger"),
		"-keys", keys, "-bench-cards", strconv.Itoa(o.conns))
	if err != nil {
		return nil, 0, err
	}
	defer end(bank)
	if err := await(p[2]); err != nil {
		return nil, 0, err
	}
	srv, err := start(filepath.Join(dir, "server.log"), filepath.Join(bin, "server"), "--config", cfg, "--roles", "trade")
	if err != nil {
		return nil, 0, err
	}
	defer end(srv)
	if err := await(p[0]); err != nil {
		return nil, 0, err
	}
	time.Sleep(300 * time.Millisecond) // links and sign-on
	before, bankBefore := cpu(srv.Process.Pid), cpu(bank.Process.Pid)
	r, err := generate(o, self, "load", p[0], "--tmks", tmks)
	if err != nil {
		return nil, 0, err
	}
	used := cpu(srv.Process.Pid) - before
	if o.verbose {
		fmt.Fprintf(os.Stderr, "bank host: %.0f µs of CPU a transaction\n", float64((cpu(bank.Process.Pid)-bankBefore).Microseconds())/float64(r.Total))
	}
	if err := booked(p[3], r.Total); err != nil {
		return nil, 0, err
	}
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

// cpu is the user and system time of a process, in ticks of 10 ms.
func cpu(pid int) time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	u, _ := strconv.ParseInt(f[11], 10, 64)
	s, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(u+s) * 10 * time.Millisecond
}

// fsync measures the disk: the median time of an append of 600 bytes made durable, in µs.
func fsync(dir string) (float64, error) {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // temporary
	b := make([]byte, 600)
	var d []float64
	for range 300 {
		t := time.Now()
		if _, err := f.Write(b); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		d = append(d, float64(time.Since(t).Nanoseconds())/1000)
	}
	slices.Sort(d)
	return d[len(d)/2], nil
}
