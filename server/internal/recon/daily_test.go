package recon_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/server/internal/product"
	"zhigui/server/internal/recon"
	"zhigui/server/internal/store"
	"zhigui/sim/dbserver/dbtest"
	"zhigui/terminal/api/journal"
)

// What was counted is compared when its day is over, without any host's book; a count that comes late is compared on its own
// day, and what was missed because of it goes.
func TestCountsAreComparedEveryDayAndWhenTheyComeLate(t *testing.T) {
	st, err := store.Open(t.Context(), store.Options{DSN: dbtest.Chosen(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.FixedZone("CST", 8*3600))
	now := noon
	b := &recon.Books{Store: st, Products: product.Builtin(), Now: func() time.Time { return now }}
	step := func(name string, at time.Time, days, want []string) {
		t.Helper()
		now = at
		done, err := b.DailyCounts(t.Context())
		if err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(days, done); diff != "" {
			t.Error(name, diff)
		}
		ds, err := st.Differences(t.Context(), "", "", false, 100)
		if err != nil {
			t.Fatal(name, err)
		}
		var got []string
		for _, d := range ds {
			got = append(got, d.Day+" "+d.Terminal+" "+d.Class+" "+d.Reference)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(name, diff)
		}
	}
	short, cut := newVault(t, st, "T0010001", noon.AddDate(0, 0, -1)), newVault(t, st, "T0020001", noon.AddDate(0, 0, -10))
	cut.pays("unit1", 3, 0)
	step("the day before, and that of a first filling", noon, []string{"20261112", "20261121"}, []string{"20261121 T0020001 notCounted since 2026-11-12"})
	step("again", noon.Add(time.Hour), nil, []string{"20261121 T0020001 notCounted since 2026-11-12"})

	short.now = noon.Add(9 * time.Hour)
	short.pays("unit1", 3, 1)
	short.exchanges("unit1")
	step("the day lasts", noon.Add(12*time.Hour-time.Second), nil, []string{"20261121 T0020001 notCounted since 2026-11-12"})
	step("it is over", noon.Add(12*time.Hour), []string{"20261122"}, []string{"20261122 T0010001 short unit1", "20261122 T0020001 notCounted since 2026-11-12", "20261121 T0020001 notCounted since 2026-11-12"})

	cut.now, cut.late = noon.AddDate(0, 0, -2), 48*time.Hour+13*time.Hour // counted in time, and cut off from the network
	cut.units["unit1"]--
	cut.exchanges("unit1")
	step("a count has come that was made before", noon.Add(14*time.Hour), []string{"20261120", "20261121", "20261122"}, []string{"20261122 T0010001 short unit1", "20261120 T0020001 short unit1"})

	id := short.switched("withdrawal", 10_000, store.Intent)
	short.now = noon.Add(24 * time.Hour)
	short.record(journal.Presented, id, `{"moved":{"X-units":{"unit1":{"presented":1}}}}`)
	short.units["unit1"]--
	short.book["unit1"]--
	short.exchanges("unit1")
	open := []string{"20261122 T0010001 short unit1", "20261120 T0020001 short unit1"}
	step("an end that is not known yet", noon.Add(36*time.Hour), []string{"20261123"}, append([]string{"20261123 T0010001 pending R0001000002"}, open...))
	x, err := st.ByOriginal(t.Context(), "T0010001", "000001", "000002")
	if err == nil {
		err = st.Finish(t.Context(), x.ID, &store.Outcome{State: store.Approved, RC: "00", At: now}, store.Intent)
	}
	if err == nil {
		err = st.Confirm(t.Context(), x.ID, 10_000, now, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	step("it is known the next day", noon.Add(61*time.Hour), []string{"20261120", "20261122", "20261123", "20261124"}, open)
}
