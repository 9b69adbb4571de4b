// Package chip proves withdrawals with chip cards through the whole branch: the real programs, a
// card that signs, a bank host that verifies on its own, and books that agree whatever the card does.
package chip

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhigui/bench/branch"
	"zhigui/bench/robot"
	"zhigui/sim/scene"
)

type counter struct {
	*branch.Branch
	t *testing.T
}

func start(t *testing.T, zone string) *counter {
	t.Helper()
	b := &counter{t: t, Branch: branch.Start(t, "", scene.Options{Zone: zone})}
	b.ready()
	return b
}

// ready waits until a withdrawal is offered.
func (b *counter) ready() {
	b.t.Helper()
	if err := robot.Until(30*time.Second, func() error {
		services, err := b.Desk.Info(context.Background())
		if err == nil && !services["withdrawal"].Available {
			err = errors.New("no withdrawal is offered: " + fmt.Sprint(services["withdrawal"]))
		}
		return err
	}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *counter) host(path string, v any) {
	b.t.Helper()
	if err := robot.GetJSON(fmt.Sprintf("http://127.0.0.1:%d/api/%s", b.Ports.HostControl, path), v); err != nil {
		b.t.Fatal(err)
	}
}

func (b *counter) balance() int64 {
	b.t.Helper()
	var list []struct {
		Card    string
		Balance int64
	}
	b.host("accounts", &list)
	for _, a := range list {
		if a.Card == "6225880000000001" {
			return a.Balance
		}
	}
	b.t.Fatal("no account")
	return 0
}

// given is what customers took from the module, in fen.
func (b *counter) given() (sum int64) {
	b.t.Helper()
	var s struct {
		Physical struct {
			Units map[string]struct{ Taken, Value int }
		}
	}
	if err := b.Desk.Devices.State("cash", &s); err != nil {
		b.t.Fatal(err)
	}
	for _, u := range s.Physical.Units {
		sum += int64(u.Taken) * int64(u.Value) * 100
	}
	return sum
}

// equal waits until the bank's books say what the customers hold.
func (b *counter) equal(before int64) {
	b.t.Helper()
	err := robot.Until(30*time.Second, func() error {
		if got, want := before-b.balance(), b.given(); got != want {
			return fmt.Errorf("%d fen are booked and %d were taken", got, want)
		}
		return nil
	})
	if err != nil {
		b.t.Error(err)
	}
	var v struct {
		OK       bool
		Problems []string
	}
	if b.host("invariants", &v); !v.OK {
		b.t.Errorf("the bank's books: %v", v.Problems)
	}
}

// counter adds up what the chips remember.
func (b *counter) counter() (atc, lastOnline int) {
	b.t.Helper()
	var files []string
	_ = filepath.WalkDir(filepath.Join(b.Dir), func(p string, _ os.DirEntry, _ error) error {
		if strings.HasPrefix(filepath.Base(p), "chip-") {
			files = append(files, p)
		}
		return nil
	})
	for _, f := range files {
		var m struct{ ATC, LastOnline int }
		text, err := os.ReadFile(f)
		if err != nil || json.Unmarshal(text, &m) != nil {
			b.t.Fatal(f, err)
		}
		atc, lastOnline = atc+m.ATC, lastOnline+m.LastOnline
	}
	return atc, lastOnline
}

func (b *counter) save(args map[string]any) {
	b.t.Helper()
	all := map[string]any{"ic": true, "track1": "B6225880000000001^ZHANG/SAN^49122010000012300000", "track2": "6225880000000001=49122010000012300000"}
	for k, v := range args {
		all[k] = v
	}
	if err := b.Desk.Devices.Do("card", "saveCard", all); err != nil {
		b.t.Fatal(err)
	}
}

func (b *counter) withdraw(card string) (robot.Visit, error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	v, err := b.Desk.Withdraw(ctx, card, "123456", 30000, robot.Takes)
	_ = b.Desk.End(ctx)
	if err := robot.Until(20*time.Second, func() error { // the card goes back to the customer
		var s struct{ Physical struct{ Position string } }
		if err := b.Desk.Devices.State("card", &s); err != nil {
			return err
		}
		switch s.Physical.Position {
		case "mouth":
			_ = b.Desk.Devices.Do("card", "takeCard", nil)
			return errors.New("the card lies at the mouth")
		case "outside":
			return nil
		}
		return errors.New("the card is inside")
	}); err != nil {
		b.t.Fatal(err)
	}
	return v, err
}

func TestAWithdrawalByChipThroughTheWholeBranch(t *testing.T) {
	for _, zone := range []string{"3des", "sm4"} {
		t.Run(zone, func(t *testing.T) {
			b := start(t, zone)
			before := b.balance()
			v, err := b.withdraw("demo-1")
			if err != nil || !v.Approved {
				t.Fatalf("%+v %v", v, err)
			}
			if atc, last := b.counter(); atc != 1 || last != 1 {
				t.Errorf("the chip counted %d transactions, the last one that its issuer confirmed is %d", atc, last)
			}
			b.equal(before)
			if zone == "sm4" {
				return // what follows is not about the zone
			}
			b.save(map[string]any{"name": "t1", "protocol": "T1"})
			if v, err := b.withdraw("t1"); err != nil || !v.Approved {
				t.Errorf("T=1: %+v %v", v, err)
			}
			b.equal(before)
			for chip, want := range map[string]string{"forged": "82", "blocked": "62", "dead": "62", "mute": "Z2", "foreign": "Z2"} {
				b.save(map[string]any{"name": chip, "chip": chip})
				taken := b.given()
				v, err := b.withdraw(chip)
				var e *robot.Error
				switch {
				case chip == "forged" && (err != nil || v.Outcome != "declined" || v.Code != want):
					t.Errorf("%s: %+v %v", chip, v, err)
				case chip != "forged" && (!errors.As(err, &e) || e.ErrorCode != "invalidMedia" || !bytes.Contains(e.Payload, []byte(`"responseCode":"`+want+`"`))):
					t.Errorf("%s: %+v %v", chip, v, err)
				case b.given() != taken:
					t.Errorf("%s: money was given", chip)
				}
				b.equal(before)
			}
			if _, err := b.withdraw("demo-4"); !expired(err) {
				t.Errorf("an expired chip: %v", err)
			}
			// The host approves but its cryptogram is wrong: the card refuses, and it is reversed.
			resp, err := http.Post(fmt.Sprintf("http://127.0.0.1:%d/api/scenario", b.Ports.HostControl), "application/json", strings.NewReader(`{"kind":"badChip","count":1}`))
			if err != nil || resp.StatusCode >= 300 {
				t.Fatal(err, resp)
			}
			resp.Body.Close()
			taken := b.given()
			if v, err := b.withdraw("demo-1"); err != nil || v.Outcome != "declined" || v.Code != "Z1" || b.given() != taken {
				t.Errorf("%+v %v", v, err)
			}
			b.equal(before)
			// The chip dies anywhere: in the selection, at its signature (15, 16), when it is told the
			// host's answer (17, 18) and when it has taken it (19).
			for _, after := range []int{0, 5, 9, 15, 16, 17, 18, 19} {
				if err := b.Desk.Devices.Do("card", "armFault", map[string]any{"code": "CHIP-PULLED", "stage": "mid-motion", "times": 1, "after": after}); err != nil {
					t.Fatal(err)
				}
				if v, err := b.withdraw("demo-1"); v.Approved {
					t.Errorf("pulled after %d commands: %+v %v", after, v, err)
				}
				if err := b.Desk.Devices.Do("card", "clearFaults", nil); err != nil {
					t.Fatal(err)
				}
				b.equal(before)
				b.ready()
			}
			if v, err := b.withdraw("demo-1"); err != nil || !v.Approved {
				t.Errorf("the next customer: %+v %v", v, err)
			}
			b.equal(before)
		})
	}
}

func expired(err error) bool {
	var e *robot.Error
	return errors.As(err, &e) && bytes.Contains(e.Payload, []byte(`"responseCode":"54"`))
}
