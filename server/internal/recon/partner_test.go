package recon_test

import (
	"fmt"
	"path/filepath"
	"strings"
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

// References are an hour and a trace number: institutions that count on their own have the same now and then. Both payments are
// compared, and each difference keeps its name, so that a word about one is none about the other.
func TestPaymentsOfTwoHostsWithOneReferenceAreTwo(t *testing.T) {
	now := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	const day, ref = "20261122", "632612000007"
	type payment struct {
		host, terminal string
		amount         int64
		state          store.State
	}
	for name, c := range map[string]struct {
		ours []payment
		rows []recon.Row
		want []string
	}{
		"of two terminals":                     {[]payment{{"core", "P0000001", 100, store.Confirmed}, {"network", "P0000002", 200, store.Confirmed}}, []recon.Row{{Terminal: "P0000002", Amount: 200}, {Terminal: "P0000001", Amount: 100}}, nil},
		"of one terminal":                      {[]payment{{"core", "P0000001", 100, store.Confirmed}, {"network", "P0000001", 200, store.Confirmed}}, []recon.Row{{Terminal: "P0000001", Amount: 200}, {Terminal: "P0000001", Amount: 100}}, nil},
		"in a book that names no terminals":    {[]payment{{"core", "P0000001", 100, store.Confirmed}, {"network", "P0000002", 200, store.Confirmed}}, []recon.Row{{Amount: 200}, {Amount: 100}}, nil},
		"of the same amount":                   {[]payment{{"core", "P0000001", 100, store.Confirmed}, {"network", "P0000002", 100, store.Confirmed}}, []recon.Row{{Terminal: "P0000002", Amount: 100}}, []string{"bills|core oursOnly P0000001 100 0"}},
		"one taken back":                       {[]payment{{"core", "P0000001", 100, store.Reversed}, {"network", "P0000001", 200, store.Confirmed}}, []recon.Row{{Terminal: "P0000001", Amount: 200}}, nil},
		"both unknown to the partner":          {[]payment{{"core", "P0000001", 100, store.Confirmed}, {"network", "P0000001", 200, store.Confirmed}}, nil, []string{"bills|core oursOnly P0000001 100 0", "bills|network oursOnly P0000001 200 0"}},
		"both with other amounts":              {[]payment{{"core", "P0000001", 100, store.Confirmed}, {"network", "P0000002", 200, store.Confirmed}}, []recon.Row{{Terminal: "P0000002", Amount: 201}, {Terminal: "P0000001", Amount: 101}}, []string{"bills|core amount P0000001 100 101", "bills|network amount P0000002 200 201"}},
		"one not decided":                      {[]payment{{"core", "P0000001", 100, store.ReversalPending}, {"network", "P0000002", 200, store.Confirmed}}, []recon.Row{{Terminal: "P0000002", Amount: 200}, {Terminal: "P0000001", Amount: 100}}, []string{"bills|core pending P0000001 100 100"}},
		"a partner that has one twice":         {[]payment{{"core", "P0000001", 100, store.Confirmed}, {"network", "P0000002", 200, store.Confirmed}}, []recon.Row{{Terminal: "P0000002", Amount: 200}, {Terminal: "P0000001", Amount: 100}, {Terminal: "P0000001", Amount: 100}}, []string{"bills|632612000007|3 duplicate P0000001 0 100"}},
		"a partner with names of its own":      {[]payment{{"core", "P0000001", 100, store.Confirmed}}, []recon.Row{{Terminal: "TILL 7", Amount: 100}}, nil},
		"a partner with names and another sum": {[]payment{{"core", "P0000001", 100, store.Confirmed}}, []recon.Row{{Terminal: "TILL 7", Amount: 90}}, []string{"bills|632612000007 amount P0000001 100 90"}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			st, err := store.Open(ctx, store.Options{DSN: filepath.Join(t.TempDir(), "db")})
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close() //nolint:errcheck // test
			for i, x := range c.ours {
				v := &store.Txn{ID: store.NumberAt(now) + int64(i), Idem: fmt.Sprint(i), Digest: []byte{1}, Terminal: x.terminal, Branch: "0001", Channel: "bills", Host: x.host, Kind: "purchase", Amount: x.amount, State: x.state, Reference: ref, Day: day, Created: now, Updated: now}
				if fresh, err := st.Insert(ctx, v); !fresh || err != nil {
					t.Fatal(fresh, err)
				}
			}
			for i := range c.rows {
				c.rows[i].Reference = ref
			}
			b := &recon.Books{Store: st, Products: product.Builtin(), Now: func() time.Time { return now }}
			if err := b.RunPartner(ctx, "bills", []string{"core", "network"}, day, "digest", c.rows); err != nil {
				t.Fatal(err)
			}
			ds, err := st.Differences(ctx, day, "", false, 100)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range ds {
				key := d.Key
				for i, x := range c.ours {
					key = strings.Replace(key, fmt.Sprint(store.NumberAt(now)+int64(i)), x.host, 1)
				}
				got = append(got, fmt.Sprintf("%s %s %s %d %d", key, d.Class, d.Terminal, d.Ours.Int64, d.Theirs.Int64))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
