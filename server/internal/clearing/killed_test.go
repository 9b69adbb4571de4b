package clearing

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/server/internal/product"
	"zhigui/server/internal/store"
)

const (
	shop = "102290000000001"
	host = "core"
)

// pay puts a payment to the shop into the journal.
func pay(t *testing.T, st *store.Store, day string, n, amount int64) {
	t.Helper()
	now := time.Now()
	if err := st.SetMerchant(t.Context(), &store.Merchant{Number: shop, Branch: "0001", NameZH: "书店", FeePPM: 10_000, Enabled: true, Shares: []store.Share{{Receiver: "owner", PPM: Whole}}}, "olga", now); err != nil {
		t.Fatal(err)
	}
	v := &store.Txn{ID: store.NumberAt(now) + n, Idem: strconv.FormatInt(n, 10), Digest: []byte{1}, Terminal: "P0000001", Merchant: shop, Host: host, Kind: "purchase", Amount: amount, State: store.Confirmed, Day: day, Created: now, Updated: now}
	if fresh, err := st.Insert(t.Context(), v); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
}

// A run that is killed when it has its sums leaves the day as it was, with the lease of the killed; the next run, when
// that has lapsed, has everything.
// req: TX-18
func TestARunThatIsKilledLeavesTheDayAsItWas(t *testing.T) {
	file := os.Getenv("CLEARING_DATABASE")
	child := file != ""
	if !child {
		file = filepath.Join(t.TempDir(), "db")
	}
	st, err := store.Open(t.Context(), store.Options{DSN: file})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	ctx, now := t.Context(), time.Now()
	day := now.Format("20060102")
	if child {
		computed = func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) }
		_, _, err := Day(ctx, st, product.Builtin(), []string{host}, day, "killed", now)
		t.Fatal("it is alive:", err)
	}
	pay(t, st, day, 1, 10_000)
	if _, _, err := Day(ctx, st, product.Builtin(), []string{host}, day, "olga", now); err != nil {
		t.Fatal(err)
	}
	before, err := st.Clearing(ctx, day)
	if err != nil || len(before) != 2 {
		t.Fatal(before, err)
	}
	pay(t, st, day, 2, 5_000)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$")
	c.Env = append(os.Environ(), "CLEARING_DATABASE="+file)
	out, err := c.CombinedOutput()
	var dead *exec.ExitError
	if !errors.As(err, &dead) || dead.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("%v\n%s", err, out)
	}
	if st, err = store.Open(ctx, store.Options{DSN: file}); err != nil {
		t.Fatal(err)
	}
	after, err := st.Clearing(ctx, day)
	if diff := cmp.Diff(before, after); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if by, _, _, err := st.Cleared(ctx, day); by != "olga" || err != nil {
		t.Error("cleared by", by, err)
	}
	if _, _, err := Day(ctx, st, product.Builtin(), []string{host}, day, "otto", now); !errors.Is(err, store.ErrHeld) {
		t.Error("the killed one has the lease yet:", err)
	}
	leases, err := st.Leases(ctx)
	if err != nil || len(leases) == 0 {
		t.Fatal(leases, err)
	}
	for _, l := range leases { // what the time would do
		if err := st.Leave(ctx, l.Holder, l.Name); err != nil {
			t.Fatal(err)
		}
	}
	got, _, err := Day(ctx, st, product.Builtin(), []string{host}, day, "otto", now)
	if err != nil || len(got) != 2 || got[0].Gross != 15_000 {
		t.Error(got, err)
	}
}

// A run that stood still for longer than its lease does not put its older sums over those of another.
func TestARunThatWasOvertakenStoresNothing(t *testing.T) {
	st, err := store.Open(t.Context(), store.Options{DSN: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // test
	ctx, now := t.Context(), time.Now()
	day := now.Format("20060102")
	pay(t, st, day, 1, 10_000)
	computed = func() {
		computed = func() {}
		pay(t, st, day, 2, 5_000)
		leases, _ := st.Leases(ctx)
		for _, l := range leases {
			_ = st.Leave(ctx, l.Holder, l.Name)
		}
		if _, _, err := Day(ctx, st, product.Builtin(), []string{host}, day, "otto", now); err != nil {
			t.Error(err)
		}
	}
	defer func() { computed = func() {} }()
	if _, _, err := Day(ctx, st, product.Builtin(), []string{host}, day, "olga", now); !errors.Is(err, store.ErrHeld) {
		t.Error("the overtaken one:", err)
	}
	got, err := st.Clearing(ctx, day)
	if err != nil || len(got) != 2 || got[0].Gross != 15_000 {
		t.Error(got, err)
	}
}
