package kill

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"zhigui/bench/robot"
)

// run serves one customer while the fault strikes, then brings everything back.
func (b *branch) run(f fault, rng *rand.Rand) {
	t := b.t
	t.Helper()
	b.refill()
	amount := int64(1+rng.Intn(6)) * 5000
	take := rng.Intn(4) != 0
	switch f.state { // these states need notes that are not taken, or a host that fails
	case "RETRACT_INTENT", "RETRACTED":
		take = false
	case "REVERSE":
		_ = b.bank("scenario", `{"kind":"noAnswer","count":1}`)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	visit := ctx
	leave := context.CancelFunc(func() {})
	if f.target == "page" {
		visit, leave = context.WithCancel(ctx)
	}
	struck := b.arm(f, leave, rng)
	v, err := b.desk.Withdraw(visit, "demo-1", "123456", amount, take)
	leave()
	if v.Txn != "" {
		b.txns[v.Txn] = true
	}
	<-struck
	t.Logf("customer: %+v, %v", v, err)
	b.recover(f)
}

// bank sends a JSON body to the bank host's control.
func (b *branch) bank(path, body string) error {
	return post(fmt.Sprintf("http://127.0.0.1:%d/api/%s", b.Ports.HostControl, path), body)
}

// clearScenarios makes the bank host normal again; a dead one is normal when it starts.
func (b *branch) clearScenarios() {
	req, err := http.NewRequest(http.MethodDelete, fmt.Sprintf("http://127.0.0.1:%d/api/scenario", b.Ports.HostControl), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	client := http.Client{Timeout: 10 * time.Second}
	if resp, err := client.Do(req); err == nil {
		resp.Body.Close()
	}
}

// pids of what a fault can hit.
func (b *branch) pid(target string) int {
	switch target {
	case "driver":
		return b.driverPID("puloonlcdm2000")
	case "server", "bank":
		return b.Process(target).PID()
	}
	return 0
}

// arm makes the fault happen at its state, or after a random pause; the channel is closed
// when a fault of the second kind has struck.
func (b *branch) arm(f fault, leave func(), rng *rand.Rand) <-chan struct{} {
	struck := make(chan struct{})
	cut := b.desk.Devices.URL + "/api/devices/cash/actions/powerCut"
	file := filepath.Join(b.dir, "terminal", "run", "failpoint")
	if f.target == "" {
		close(struck)
		return struck
	}
	if f.state == "" || f.target == "page" {
		pause := time.Duration(rng.Intn(700)) * time.Millisecond
		go func() {
			defer close(struck)
			time.Sleep(pause) // a random moment is what is wanted here
			switch f.target {
			case "page":
				leave()
			case "power":
				_ = post(cut, "{}")
			case "platformd":
				if pid := b.platformPID(); pid > 0 {
					_ = syscall.Kill(pid, f.signal)
				}
			default:
				if pid := b.pid(f.target); pid > 0 {
					_ = syscall.Kill(pid, f.signal)
				}
			}
		}()
		return struck
	}
	close(struck)
	line := ""
	switch f.target {
	case "platformd":
		line = fmt.Sprintf("%s %d self", f.state, f.signal)
	case "power":
		line = fmt.Sprintf("%s post %s", f.state, cut)
	default:
		line = fmt.Sprintf("%s %d %d", f.state, f.signal, b.pid(f.target))
	}
	if err := os.WriteFile(file+".new", []byte(line), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		b.t.Fatal(err)
	}
	return struck
}

// recover undoes the fault as the world would: power comes back, a stopped process is
// replaced, a dead server is started again; then it waits until all is quiet.
func (b *branch) recover(f fault) {
	t := b.t
	_ = os.Remove(filepath.Join(b.dir, "terminal", "run", "failpoint"))
	if f.signal == syscall.SIGSTOP && (f.target == "bank" || f.target == "server") {
		b.Process(f.target).Kill()
	}
	b.revive()
	b.clearScenarios()
	if f.target == "power" {
		if err := robot.Until(20*time.Second, func() error { return b.desk.Devices.Do("cash", "powerRestore", nil) }); err != nil {
			t.Fatalf("power: %v", err)
		}
	}
	b.quiet()
}

// revive starts bank and server again if they are dead, as their service manager would.
func (b *branch) revive() {
	for _, name := range []string{"bank", "server"} {
		select {
		case <-b.Process(name).Done():
			start := map[string]func(context.Context) error{"bank": b.StartHost, "server": b.StartServer}[name]
			if err := start(context.Background()); err != nil {
				b.t.Fatalf("%s does not start again: %v", name, err)
			}
		default:
		}
	}
}

// quiet waits until no session is open, the reader is empty and nothing lies at the exit.
func (b *branch) quiet() {
	t := b.t
	err := robot.Until(120*time.Second, func() error {
		b.revive() // its death may have taken a moment
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := b.desk.End(ctx); err != nil {
			return err
		}
		_ = b.desk.Devices.Do("card", "takeCard", nil) // only if one is at the mouth
		var card struct{ Physical struct{ Position string } }
		if err := b.desk.Devices.State("card", &card); err != nil {
			return err
		}
		if p := card.Physical.Position; p != "outside" && p != "retained" && p != "none" && p != "" {
			return errors.New("card is " + p)
		}
		st, err := b.cash()
		if err != nil {
			return err
		}
		if n := st.exit() + st.path(); n > 0 {
			return fmt.Errorf("%d notes at the exit or inside", n)
		}
		return b.settled()
	})
	if err != nil {
		t.Fatalf("not quiet: %v", err)
	}
	b.resolve()
	b.waitReady()
}

// settled fails while the journal has something open.
func (b *branch) settled() error {
	bk, err := b.book()
	if err != nil {
		return err
	}
	for _, x := range bk.Txns {
		if x.Pending() && x.Settle != "suspense" {
			return fmt.Errorf("%s: host %s cash %q settle %q acked %v", x.ID, x.Host, x.Cash, x.Settle, x.Acked)
		}
	}
	return nil
}
