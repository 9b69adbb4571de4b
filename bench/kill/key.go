package kill

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zhigui/bench/robot"
	"zhigui/sim/hsm"
	"zhigui/sim/scene"
)

// Remote key loading: whatever dies at whichever step, the PIN pad holds a key that the server has, and the
// counter serves again without anybody at it.

// keyFaults are at each step of a load, in each of those who take part.
func keyFaults() (out []fault) {
	for _, state := range []string{"KEY_OFFER", "KEY_TOKEN", "KEY_TAKEN", "KEY_LOADED"} {
		for _, target := range []string{"platformd", "driver", "server"} {
			out = append(out, fault{state, target, syscall.SIGKILL})
		}
		out = append(out, fault{state, "power", 0})
	}
	return out
}

// padKey is the check value of the master key in the virtual pad, serverKey that of the terminal's TMK in the
// server's table.
func (b *branch) padKey() string {
	b.t.Helper()
	var v struct {
		Physical struct {
			Keys []struct{ Store, Use, KCV string }
		}
	}
	if err := b.desk.Devices.State("pinpad", &v); err != nil {
		b.t.Fatal(err)
	}
	for _, k := range v.Physical.Keys {
		if k.Use == "kek" {
			return k.KCV
		}
	}
	return ""
}

func (b *branch) serverKey() string {
	b.t.Helper()
	out, err := exec.Command(filepath.Join(binaries, "serverctl"), "key", "list", "--config", filepath.Join(b.dir, "server.yaml"), "--owner", scene.Terminal).Output()
	if err != nil {
		b.t.Fatal(err)
	}
	for _, line := range strings.Split(string(out), "\n") {
		if f := strings.Fields(line); len(f) > 2 && f[1] == "TMK" {
			return f[len(f)-1]
		}
	}
	return ""
}

// agree waits until pad and server have the same master key, and the counter serves with it.
func (b *branch) agree(rng *rand.Rand) {
	b.t.Helper()
	b.revive()
	b.waitReady()
	b.serves(rng, true)
	if pad, server := b.padKey(), b.serverKey(); pad == "" || pad != server {
		b.t.Errorf("the pad holds %q, the server %q", pad, server)
	}
	b.check()
}

// AMasterKeyComesOverTheLineWhateverDies has remote key loading struck at each step, and between customers.
func AMasterKeyComesOverTheLineWhateverDies(t *testing.T) {
	b := start(t, scene.Options{Keys: scene.Remote})
	rng := rand.New(rand.NewSource(9))
	b.waitReady()
	b.agree(rng)
	if _, err := os.Stat(filepath.Join(b.dir, "keys", "tmk.json")); err == nil {
		t.Error("there was a key file")
	}
	b.module, b.model = "pinpad", "szztzt598"
	b.duringVisits(rng)
	faults := append([]fault{{}}, keyFaults()...)
	if testing.Short() {
		faults = []fault{{}, {"KEY_TOKEN", "power", 0}, {"KEY_TAKEN", "platformd", syscall.SIGKILL}, {"KEY_TAKEN", "server", syscall.SIGKILL}}
	}
	for i, f := range faults {
		ok := t.Run(fmt.Sprintf("%d %s", i, f), func(t *testing.T) {
			b.t = t
			before := b.padKey()
			<-b.arm(f, nil, nil)
			c := b.give("loadKey", nil)
			if f.target == "power" { // and comes back
				if err := robot.Until(40*time.Second, func() error {
					var pad struct{ Power bool }
					if err := b.desk.Devices.State("pinpad", &pad); err != nil || pad.Power { // the failpoint's file goes before the power does
						return errors.Join(errors.New("not yet"), err)
					}
					return b.desk.Devices.Do("pinpad", "powerRestore", nil)
				}); err != nil {
					t.Fatal(err)
				}
			}
			c = b.ended(c.ID)
			if _, err := os.Stat(b.failpoint(f)); f.state != "" && err == nil {
				t.Error("the fault did not strike")
			}
			b.agree(rng)
			// One that failed may be ordered again; what is done has changed the key.
			if after := b.padKey(); c.State == "done" && after == before {
				t.Errorf("%+v, and the key is the same", c)
			} else if f.target != "power" && f.target != "driver" && c.State != "done" { // those two may fail: the pad was away
				t.Errorf("%+v", c)
			}
			t.Logf("%s %q", c.State, c.Result)
		})
		if !ok {
			return
		}
	}
	b.t = t
	b.exchanged(rng)
}

// duringVisits: a new key that is ordered while customers are served costs none of them anything.
func (b *branch) duringVisits(rng *rand.Rand) {
	t := b.t
	b.refill()
	before, err := b.cash()
	if err != nil {
		t.Fatal(err)
	}
	want := int64(0)
	for i := range 3 {
		key := b.padKey()
		c := b.customer(visit{Amount: 10000, Manner: robot.Takes})
		c.enter()
		if i > 0 { // at another moment of the visit
			time.Sleep(time.Duration(rng.Intn(900)) * time.Millisecond)
		}
		order := b.give("loadKey", nil)
		said := c.left(false)
		if strings.Contains(said, "Approved:true") {
			want += 10000
		} else if !strings.Contains(said, "out of service: keys") { // he came while it was loaded
			t.Errorf("the customer: %s", said)
		}
		c.end()
		if order = b.ended(order.ID); order.State != "done" || b.padKey() == key {
			t.Errorf("%+v", order)
		}
		b.agree(rng)
	}
	after, err := b.cash()
	if err != nil {
		t.Fatal(err)
	}
	if got := after.given() - before.given(); want == 0 || got < want {
		t.Errorf("customers took %d fen of the %d that were approved", got, want)
	}
}

// exchanged: another pad gets no key before two people have ordered it; then the counter serves.
func (b *branch) exchanged(rng *rand.Rand) {
	t := b.t
	if err := b.desk.Devices.Do("pinpad", "exchangePad", nil); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(b.dir, "log", "platformd.log")
	if err := robot.Until(90*time.Second, func() error { // the next message finds the keys gone
		ctx := t.Context()
		if v, err := b.desk.Withdraw(ctx, "demo-1", "123456", 5000, robot.Takes); err == nil && v.Approved {
			t.Fatal("a pad without keys served")
		}
		_ = b.desk.End(ctx)
		text, err := os.ReadFile(log)
		if err == nil && !bytes.Contains(text, []byte("two people have to order")) {
			err = errors.New("the platform does not know that the pad is another one")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if k := b.padKey(); k != "" {
		t.Error("the new pad has a key that nobody ordered:", k)
	}
	if c := b.ended(b.give("loadKey", nil).ID); c.State != "done" {
		t.Errorf("%+v", c)
	}
	b.agree(rng)
}

// AMasterKeyComesOverTheLineInTheSM4Zone does it with SM2 and SM4.
func AMasterKeyComesOverTheLineInTheSM4Zone(t *testing.T) {
	b := start(t, scene.Options{Keys: scene.Remote, Zone: "sm4"})
	rng := rand.New(rand.NewSource(10))
	b.waitReady()
	b.agree(rng)
	before := b.padKey()
	if c := b.ended(b.give("loadKey", nil).ID); c.State != "done" {
		t.Errorf("%+v", c)
	}
	b.agree(rng)
	if b.padKey() == before {
		t.Error("the key is the same")
	}
}

// AMasterKeyComesOverTheLineFromAModuleBehindTCP: the module makes the key and its token; this machine's server never has the key.
func AMasterKeyComesOverTheLineFromAModuleBehindTCP(t *testing.T) {
	d, err := hsm.Start(hsm.Options{Listen: "127.0.0.1:0", LMK: filepath.Join(t.TempDir(), "lmk"), Authorised: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	for _, zone := range []string{"3des", "sm4"} {
		t.Run(zone, func(t *testing.T) {
			b := start(t, scene.Options{Keys: scene.Remote, Zone: zone, HSM: d.Addr()})
			rng := rand.New(rand.NewSource(11))
			b.waitReady()
			b.agree(rng)
			before, made := b.padKey(), d.Count("GK")
			d.Authorise(false) // no clear key is needed any more
			if c := b.ended(b.give("loadKey", nil).ID); c.State != "done" {
				t.Errorf("%+v", c)
			}
			b.agree(rng)
			d.Authorise(true)
			if b.padKey() == before || d.Count("GK") != made+1 {
				t.Error("the module did not make the new key")
			}
		})
	}
}
