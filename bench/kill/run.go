package kill

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
	manner := robot.Takes
	switch f.state { // what makes the state come
	case "RETRACT_INTENT", "RETRACTED":
		manner = robot.LeavesThem
	case "REVERSE", "reversal-stored":
		manner = robot.GoesBefore
	case "reversal-attempt", "reversal-answered":
		_ = b.bank("scenario", `{"kind":"noAnswer","count":1}`)
	case "":
		manner = []robot.Manner{robot.Takes, robot.Takes, robot.LeavesThem, robot.GoesBefore}[rng.Intn(4)]
	}
	c := b.customer(visit{Amount: amount, Manner: manner})
	b.visited(f, c, rng)
}

// serves proves that the counter is whole again: the next customer gets the money. After a
// power cut (power) the first may be refused.
func (b *branch) serves(rng *rand.Rand, power bool) {
	b.t.Helper()
	b.refill()
	amount := int64(1+rng.Intn(6)) * 5000
	before, err := b.cash()
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	err = robot.Until(30*time.Second, func() error { // the server may be dying only now, or look for the bank
		b.revive()
		v, err := b.desk.Withdraw(ctx, "demo-1", "123456", amount, robot.Takes)
		switch {
		case power && v.Dispensed != nil: // the module has not found itself again: reversed
			return errors.Join(v.Dispensed, b.desk.End(ctx))
		case err != nil:
			b.t.Fatalf("the next customer is not served: %+v, %v", v, err)
		case !v.Approved:
			return errors.Join(errors.New("withdrawal "+v.Outcome), b.desk.End(ctx))
		}
		return nil
	})
	if err != nil {
		b.t.Fatalf("the next customer is not served: %v", err)
	}
	b.quiet()
	after, err := b.cash()
	if err != nil {
		b.t.Fatal(err)
	}
	if got := after.given() - before.given(); got != amount {
		b.t.Errorf("the next customer asked for %d fen and took %d", amount, got)
	}
}

// pageGone waits until the platform has ended the session of a dead or stuck page by itself.
func (b *branch) pageGone() {
	err := robot.Until(60*time.Second, func() error {
		bk, err := b.book()
		if err == nil && bk.Open {
			err = errors.New("its session is open")
		}
		return err
	})
	if err != nil {
		b.t.Errorf("the page is gone, and %v", err)
	}
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

// arm makes the fault happen at its state, or after a random pause; the channel is closed
// when a fault of the second kind has struck.
func (b *branch) arm(f fault, c *customer, rng *rand.Rand) <-chan struct{} {
	struck := make(chan struct{})
	if f.target == "" {
		close(struck)
		return struck
	}
	cut := b.desk.Devices.URL + "/api/devices/" + b.module + "/actions/powerCut"
	pid := func() int { // of what is hit
		switch f.target {
		case "platformd":
			return b.platformPID()
		case "driver":
			return b.driverPID(b.model)
		case "page":
			return c.pid()
		case "power":
			return 0
		}
		return b.Process(f.target).PID()
	}
	if f.state == "" {
		pause := time.Duration(rng.Intn(700)) * time.Millisecond
		go func() {
			defer close(struck)
			time.Sleep(pause) // a random moment is what is wanted here
			if f.target == "power" {
				_ = post(cut, "{}")
			} else if pid := pid(); pid > 0 {
				_ = syscall.Kill(pid, f.signal)
			}
		}()
		return struck
	}
	close(struck)
	line := fmt.Sprintf("%s %d %d", f.state, f.signal, pid())
	switch {
	case f.target == "platformd", f.target == "server" && f.atServer():
		line = fmt.Sprintf("%s %d self", f.state, f.signal)
	case f.target == "power":
		line = fmt.Sprintf("%s post %s", f.state, cut)
	}
	file := b.failpoint(f)
	if err := os.WriteFile(file+".new", []byte(line), 0o600); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		b.t.Fatal(err)
	}
	return struck
}

// failpoint is the file that the program with the state looks at.
func (b *branch) failpoint(f fault) string {
	if f.atServer() {
		return filepath.Join(b.dir, "server", "failpoint")
	}
	return filepath.Join(b.dir, "terminal", "run", "failpoint")
}

// insist has a fault run again whose state did not come, as the visit may have ended before: three times, then it stays missed.
func (b *branch) insist(run func()) {
	before := b.missed
	for try := 0; try == 0 || len(b.missed) > 0 && try < 3; try++ {
		b.missed = nil
		run()
	}
	b.missed = append(before, b.missed...)
}

// recover undoes the fault as the world would: power comes back, a stopped process is
// replaced, a dead server is started again; then it waits until all is quiet.
func (b *branch) recover(f fault) {
	t := b.t
	if f.state != "" {
		if !b.strikes(f) {
			b.missed = append(b.missed, f.String())
		} else if f.target == "power" { // the failpoint's file goes before the power does
			_ = robot.Until(5*time.Second, func() error {
				var d struct{ Power bool }
				if err := b.desk.Devices.State(b.module, &d); err != nil || d.Power {
					return errors.Join(errors.New("not yet"), err)
				}
				return nil
			})
		}
	}
	if f.signal == syscall.SIGSTOP && (f.target == "bank" || f.target == "server") {
		b.Process(f.target).Kill()
	}
	b.revive()
	b.clearScenarios()
	if f.signal == syscall.SIGSTOP && (f.target == "driver" || f.target == "platformd") {
		b.unstuck()
	}
	if f.target == "power" {
		if err := robot.Until(20*time.Second, func() error { return b.desk.Devices.Do(b.module, "powerRestore", nil) }); err != nil {
			t.Fatalf("power: %v", err)
		}
	}
	b.quiet()
}

// strikes waits until the fault has struck. Many states come after the customer has left; it
// is false if all is settled without it.
func (b *branch) strikes(f fault) bool {
	file := b.failpoint(f)
	struck, settled := false, 0
	err := robot.Until(40*time.Second, func() error {
		if _, err := os.Stat(file); err != nil {
			struck = true
			return nil
		}
		bk, err := b.book()
		if err != nil {
			return err
		}
		st, err := b.cash()
		if err != nil {
			return err
		}
		if bk.Open || st.exit()+st.path() > 0 {
			return errors.New("the visit is not over")
		}
		if err := b.settled(); err != nil {
			return err
		}
		if settled++; settled < 20 { // the record may be there and the fault on its way
			return errors.New("settled")
		}
		return nil
	})
	_ = os.Remove(file)
	if err != nil {
		b.t.Logf("waiting for %s: %v", f, err)
	}
	return struck
}

// revive starts bank and server again if they are dead, as their service manager would.
func (b *branch) revive() {
	for name, start := range map[string]func(context.Context) error{"bank": b.StartHost, "server": b.StartServer} {
		if !is(b.Process(name).PID(), 'Z') {
			continue
		}
		<-b.Process(name).Done()
		if err := start(context.Background()); err != nil {
			b.t.Fatalf("%s does not start again: %v", name, err)
		}
	}
}

// unstuck waits until the watchdogs have replaced what is stopped.
func (b *branch) unstuck() {
	err := robot.Until(60*time.Second, func() error {
		for name, pid := range map[string]int{"the platform": b.platformPID(), "the driver": b.driverPID(b.model)} {
			if pid == 0 || is(pid, 'T') {
				return errors.New(name + " is stopped")
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// is reports whether a process is in a state: T stopped, Z dead (also if it is gone).
func is(pid int, state byte) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return state == 'Z'
	}
	return strings.Contains(string(stat), fmt.Sprintf(") %c ", state))
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
		if err := errors.Join(b.acceptorQuiet(), b.productsQuiet()); err != nil {
			return err
		}
		return b.settled()
	})
	if err != nil {
		t.Fatalf("not quiet: %v", err)
	}
	b.resolve()
	b.resolveDeposits()
	b.resolveCards()
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
