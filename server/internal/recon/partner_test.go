package recon_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/server/internal/product"
	"zhigui/server/internal/recon"
	"zhigui/server/internal/store"
	"zhigui/sim/dbserver/dbtest"
)

// A partner's book is compared with what came by its channel alone, whatever host it went to.
//
// req: TX-16
func TestAPartnersBookIsComparedWithWhatCameByItsChannel(t *testing.T) {
	ctx := t.Context()
	st, err := store.Open(ctx, store.Options{DSN: dbtest.Chosen(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // test
	now := time.Now()
	day := now.Format("20060102")
	for i, x := range []struct {
		channel, host, reference string
		amount                   int64
		state                    store.State
	}{
		{"bills", "core", "000000000001", 100, store.Confirmed}, {"bills", "network", "000000000002", 200, store.Confirmed}, // agree
		{"bills", "core", "000000000003", 300, store.Confirmed},       // the partner has another amount
		{"bills", "core", "000000000004", 400, store.Confirmed},       // the partner does not know it
		{"bills", "core", "000000000005", 500, store.Reversed},        // the partner kept it
		{"bills", "core", "000000000006", 600, store.ReversalPending}, // not decided
		{"terminals", "core", "000000000007", 700, store.Confirmed},   // another channel's
	} {
		v := &store.Txn{ID: store.NumberAt(now) + int64(i), Idem: fmt.Sprint(i), Digest: []byte{1}, Terminal: "P0000001", Branch: "0001", Channel: x.channel, Host: x.host, Kind: "purchase", Amount: x.amount, State: x.state, Reference: x.reference, Day: day, Created: now, Updated: now}
		if fresh, err := st.Insert(ctx, v); !fresh || err != nil {
			t.Fatal(fresh, err)
		}
	}
	b := &recon.Books{Store: st, Products: product.Builtin(), Now: func() time.Time { return now }}
	rows := []recon.Row{{Reference: "000000000001", Amount: 100}, {Reference: "000000000002", Amount: 200}, {Reference: "000000000003", Amount: 330}, {Reference: "000000000005", Amount: 500}, {Reference: "000000000006", Amount: 600},
		{Reference: "000000000099", Terminal: "P0000009", Amount: 99}, {Reference: "000000000001", Amount: 100}}
	for range 2 { // again: the same
		if err := b.RunPartner(ctx, "bills", []string{"core", "network"}, day, "digest", rows); err != nil {
			t.Fatal(err)
		}
	}
	runs, err := st.Runs(ctx, day)
	if err != nil || len(runs) != 1 {
		t.Fatal(runs, err)
	}
	if r := runs[0]; r.Host != "bills" || r.Book != recon.Partner || r.Ours != 6-1+1 || r.Matched != 2 || r.Theirs != 7 {
		t.Errorf("%+v", r)
	}
	ds, err := st.Differences(ctx, day, "", false, 100)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range ds {
		if d.Book != recon.Partner || d.Host != "bills" {
			t.Errorf("%+v", d)
		}
		got[d.Reference+" "+d.Class] = d.Owner
	}
	want := map[string]string{"000000000001 duplicate": "clearing", "000000000003 amount": "clearing", "000000000004 oursOnly": "clearing", "000000000005 state": "clearing", "000000000006 pending": "operator", "000000000099 theirsOnly": "clearing"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
