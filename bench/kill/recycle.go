package kill

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"syscall"
	"testing"
	"time"

	"zhigui/bench/robot"
	"zhigui/sim/scene"
)

// Recycling: customers put notes in, and others draw just those. Beside all other invariants:
//
//	R1  device + customers = start: what is inside is what was put in minus what was paid out
//	R2  each recycle unit of the books holds what the device holds, and so does the cash box unless
//	    the books say that it must be counted
var recycleStates = []string{"HOST_INTENT", "HOST_RESULT", "INTENT", "MOTION", "PRESENTED", "TAKEN", "COMMIT", "SETTLE_ACK", "UNCLEAR", "REVERSE"}

func recycleMatrix(rng *rand.Rand) []fault {
	return shuffled(rng, each(recycleStates, syscall.SIGKILL, "platformd", "driver", "server", "bank", "page", "power"), each([]string{"DEPOSIT_BEGIN", "CASH_IN", "NOTES", "DEPOSIT_CLOSING", "DEPOSIT_CLOSED"}, syscall.SIGKILL, "platformd", "driver", "power"), each([]string{"INTENT", "PRESENTED"}, syscall.SIGSTOP, "driver", "platformd"))
}

// RecycledNotesAreSafeWhateverDiesWherever has notes of one customer paid to the next, with a fault at each record.
func RecycledNotesAreSafeWhateverDiesWherever(t *testing.T) {
	all := recycleMatrix(rand.New(rand.NewSource(20261123)))
	if testing.Short() {
		all = all[:len(all)/8]
	}
	const branches = 2
	for k := range branches {
		t.Run(fmt.Sprintf("branch %d", k+1), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewSource(int64(k)))
			b := start(t, scene.Options{Zone: "3des", Also: []string{"acceptor"}, Acceptor: scene.Recycler, Stored: map[string]int{}})
			b.service, b.module, b.model = "deposit", "acceptor", "itlnv200"
			b.waitReady()
			for i := k; i < len(all); i += branches {
				ok := t.Run(fmt.Sprintf("%03d %s", i+1, all[i]), func(t *testing.T) {
					b.t = t
					b.insist(func() { b.recycle(all[i], rng) })
				})
				if !ok {
					return
				}
			}
			if len(b.missed) > 0 {
				t.Errorf("these faults did not strike, so they prove nothing: %s", strings.Join(b.missed, "; "))
			}
			b.t = t
			var got, total int64
			for try := 0; try == 0 || got != total && try < 3; try++ { // after a power cut the first may be refused
				before, err := b.acceptor()
				if err != nil {
					t.Fatal(err)
				}
				total = b.recycle(fault{}, rng) // the counter is whole
				after, err := b.acceptor()
				if got = after.out() - before.out(); err != nil {
					t.Fatal(err)
				}
			}
			if got != total {
				t.Errorf("%d fen were put in and drawn, %d of them from the store", total, got)
			}
		})
	}
}

// recycle is a deposit, and a withdrawal of as much; the fault strikes in the one that has its state.
func (b *branch) recycle(f fault, rng *rand.Rand) (total int64) {
	t := b.t
	t.Helper()
	notes := make([]int, 1+rng.Intn(3))
	for i := range notes {
		notes[i] = []int{100, 50, 20}[rng.Intn(3)]
		total += int64(notes[i]) * 100
	}
	manner, in, out := robot.Takes, fault{}, f
	switch f.state {
	case "UNCLEAR": // what is left at the exit
		manner = robot.LeavesThem
	case "REVERSE":
		manner = robot.GoesBefore
	case "DEPOSIT_BEGIN", "CASH_IN", "NOTES", "DEPOSIT_CLOSING", "DEPOSIT_CLOSED":
		in, out = f, fault{}
	}
	for _, x := range []struct {
		fault
		visit
	}{{in, visit{Notes: notes}}, {out, visit{Amount: total, Manner: manner}}} {
		c := b.customer(x.visit)
		struck := b.arm(x.fault, c, rng)
		c.enter()
		<-struck
		t.Logf("customer %+v: %s", x.visit.Notes, c.left(x.target == "page"))
		if x.target == "page" {
			b.pageGone()
		}
		c.end()
		b.recover(x.fault)
		b.check()
		b.checkStore()
	}
	return total
}

// checkStore proves R1 and R2.
func (b *branch) checkStore() {
	t := b.t
	t.Helper()
	a, err := b.acceptor()
	if err != nil {
		t.Fatal(err)
	}
	var held, put int64
	box := 0
	for _, n := range a.Notes {
		switch {
		case inside(n.Place):
			held += int64(n.Value) * 100
			if n.Place == "cashbox" {
				box++
			}
		case n.Place != "customer":
			t.Errorf("R1: a note of %d is at %s", n.Value, n.Place)
		}
		if inside(n.Place) || n.PaidOut {
			put += int64(n.Value) * 100
		}
	}
	if held != put-a.out() {
		t.Errorf("R1: %d fen are inside, %d were put in and %d paid out", held, put, a.out())
	}
	if err := robot.Until(20*time.Second, func() error { return b.sameStore(a, box) }); err != nil {
		t.Errorf("R2: %v", err)
	}
}

// sameStore compares the acceptor's Storage with what the device holds.
func (b *branch) sameStore(a acceptor, box int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := robot.Dial(ctx, b.desk.XFS, "acceptor", b.desk.Token)
	if err != nil {
		return err
	}
	defer s.Close()
	var got struct {
		Storage map[string]struct {
			Cash struct {
				Configuration struct{ Value float64 }
				Status        struct {
					Count    int `json:"X-count"`
					Accuracy string
				}
			}
		}
	}
	if err := s.Call(ctx, "Storage.GetStorage", nil, &got); err != nil {
		return err
	}
	for id, u := range got.Storage {
		n, want := u.Cash.Status.Count, a.Levels[int(u.Cash.Configuration.Value)]
		if id == "unitcashbox" {
			if want = box; u.Cash.Status.Accuracy == "inaccurate" {
				want = n
			}
		}
		if n != want || (id != "unitcashbox" && u.Cash.Status.Accuracy != "accurate") {
			return fmt.Errorf("%s: the books have %d (%s), the device %d", id, n, u.Cash.Status.Accuracy, want)
		}
	}
	if len(got.Storage) < 2 {
		return errors.New("no recycle units")
	}
	return nil
}

// AJamOfARecyclersPayoutIsClearedAndTheBooksAgree has the device stop in the middle of a payout.
func AJamOfARecyclersPayoutIsClearedAndTheBooksAgree(t *testing.T) {
	b := start(t, scene.Options{Zone: "sm4", Also: []string{"acceptor"}, Acceptor: scene.Recycler, Stored: map[string]int{}})
	b.service, b.module, b.model = "deposit", "acceptor", "itlnv200"
	b.waitReady()
	for _, after := range []int{0, 100} { // before the first note has come out, and after it
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		if v, err := b.desk.Put(ctx, "demo-1", "123456", []int{100, 100}, false); err != nil || v.Outcome != "credited" {
			t.Fatalf("%+v, %v", v, err)
		}
		if err := b.desk.Devices.Do("acceptor", "armFault", map[string]any{"code": "B1", "command": "pay", "stage": "mid-motion", "times": 1, "after": after}); err != nil {
			t.Fatal(err)
		}
		v, err := b.desk.Withdraw(ctx, "demo-5", "123456", 20000, robot.Takes)
		cancel()
		t.Logf("%d: %+v, %v", after, v, err)
		if v.Service != "acceptor" || v.Dispensed == nil {
			t.Errorf("%+v", v)
		}
		b.quiet()
		b.check()
		b.checkStore()
	}
}
