package kill

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"zhigui/bench/robot"
	"zhigui/drivers/api/cash"
	"zhigui/sim/scene"
)

// resolveFaults are at the records of a resolution that people have ordered at the console.
var resolveFaults = []fault{
	{},
	{"ORDER", "platformd", syscall.SIGKILL}, {"RESOLVED", "platformd", syscall.SIGKILL}, {"ORDER_DONE", "platformd", syscall.SIGKILL}, {"SETTLE_ACK", "platformd", syscall.SIGKILL},
	{"ORDER", "server", syscall.SIGKILL}, {"RESOLVED", "server", syscall.SIGKILL}, {"ORDER_DONE", "server", syscall.SIGKILL},
	{"RESOLVED", "bank", syscall.SIGKILL},
}

// ASuspenseThatTheConsoleResolvesIsResolvedOnceWhateverDies has a person's word on a withdrawal in doubt struck on its way.
func ASuspenseThatTheConsoleResolvesIsResolvedOnceWhateverDies(t *testing.T) {
	b := start(t, scene.Options{Zone: "3des", Also: []string{"acceptor"}, Acceptor: scene.Recycler, Stored: map[string]int{}})
	b.service, b.module, b.model = "deposit", "acceptor", "itlnv200"
	b.waitReady()
	faults := resolveFaults
	if testing.Short() {
		faults = faults[2:3]
	}
	var put, given int64 // by customers; to them, as people said
	for i, f := range faults {
		ok := t.Run(fmt.Sprintf("%d %s", i, f), func(t *testing.T) {
			b.t = t
			paid := []int64{10000, 0}[i%2] // the customer came back for the note, or the staff have it
			id := b.leaves()
			<-b.arm(f, nil, nil)
			c := b.give("resolve", map[string]any{"txn": id, "paid": paid})
			if c = b.ended(c.ID); c.State != "done" {
				t.Errorf("%+v", c)
			}
			if err := robot.Until(60*time.Second, func() error { b.revive(); return b.settledAll() }); err != nil {
				t.Fatal(err)
			}
			if f.state != "" && !b.strikes(f) {
				t.Error("the fault did not strike")
			}
			put, given = put+10000, given+paid
			b.bankAgrees(given - put)
			again := b.ended(b.give("resolve", map[string]any{"txn": id, "paid": 10000 - paid}).ID)
			if again.State != "failed" {
				t.Errorf("a second word about it: %+v", again)
			}
			bk, err := b.book()
			if err != nil {
				t.Fatal(err)
			}
			want := map[int64]string{10000: "commit", 0: "reverse"}[paid]
			if x := bk.Txns[id]; x.Resolved != 1 || x.Paid != paid || x.Settle != want {
				t.Errorf("%+v", x)
			}
			b.waitReady()
		})
		if !ok {
			return
		}
	}
}

// leaves is a customer who puts a note in, draws it again, and leaves it at the mouth; a person takes
// it. It is the withdrawal that then waits for a person's word.
func (b *branch) leaves() string {
	t := b.t
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if v, err := b.desk.Put(ctx, "demo-1", "123456", []int{100}, false); err != nil || v.Outcome != "credited" {
		t.Fatalf("%+v, %v", v, err)
	}
	if err := robot.Until(30*time.Second, func() error { return errors.Join(b.settledAll(), b.clear(ctx)) }); err != nil {
		t.Fatal(err)
	}
	v, err := b.desk.Withdraw(ctx, "demo-5", "123456", 10000, robot.LeavesThem)
	if err != nil || v.Service != "acceptor" {
		t.Fatalf("%+v, %v", v, err)
	}
	if err := robot.Until(30*time.Second, func() error {
		bk, err := b.book()
		if err == nil && (bk.Txns[v.Txn] == nil || bk.Txns[v.Txn].Settle != "suspense") {
			err = errors.New("it is not in suspense")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := b.desk.Devices.Do("acceptor", "takeNotes", nil); err != nil {
		t.Fatal(err)
	}
	return v.Txn
}

// clear fails while the recycler, as the terminal sees it, has something in its way: the cash module would pay in its place.
func (b *branch) clear(ctx context.Context) error {
	s, err := robot.Dial(ctx, b.desk.XFS, "acceptor", b.desk.Token)
	if err != nil {
		return err
	}
	defer s.Close()
	var st struct {
		CashDispenser cash.Status
	}
	if err := s.Call(ctx, "Common.Status", nil, &st); err != nil {
		return err
	}
	for _, p := range st.CashDispenser.Positions {
		if p.PositionStatus != "empty" {
			return errors.New("a note is at an exit")
		}
	}
	if st.CashDispenser.Transport != "empty" {
		return fmt.Errorf("the transport is %q", st.CashDispenser.Transport)
	}
	return nil
}

// bankAgrees waits until the bank has debited so much, all accounts together.
func (b *branch) bankAgrees(want int64) {
	b.t.Helper()
	err := robot.Until(60*time.Second, func() error {
		b.revive()
		var inv struct {
			OK               bool
			Opened, Balances int64
			Problems         []string
		}
		if err := robot.GetJSON(fmt.Sprintf("http://127.0.0.1:%d/api/invariants", b.Ports.HostControl), &inv); err != nil {
			return err
		}
		if debited := inv.Opened - inv.Balances; !inv.OK || debited != want {
			return fmt.Errorf("the bank debited %d fen, not %d; %v", debited, want, inv.Problems)
		}
		return nil
	})
	if err != nil {
		b.t.Error(err)
	}
}
