package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A settlement day begins on the evening before, and in a bank's zone even its first hours are of the month before: what
// of it went to an archive is not taken for nothing. Differences are for people to settle, wherever their transaction is.
func TestTheFirstDayOfAMonthHasWhatIsInTheArchiveOfTheMonthBefore(t *testing.T) {
	now := time.Now().UTC()
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	before := first.AddDate(0, -1, 0)
	on(t, Options{Archives: t.TempDir()}, func(t *testing.T, s *Store) {
		s.archives = t.TempDir()
		ctx := t.Context()
		day := first.Format("20060102")
		pay := func(at time.Time, day string) int64 {
			x := &Txn{ID: NumberAt(at), Idem: fmt.Sprint(at), Digest: []byte{1}, Terminal: "P0000001", Host: "core", Kind: "purchase", Amount: 100, State: Confirmed, Day: day, Created: at, Updated: at}
			insert(t, s, x)
			return x.ID
		}
		evening, noon := pay(first.Add(-time.Hour), day), pay(first.Add(4*time.Hour), day)
		settled := func(day string) (out []int64, err error) {
			ts, err := s.Settled(ctx, "core", day, 0, 10)
			for _, x := range ts {
				out = append(out, x.ID)
			}
			return out, err
		}
		count := func() (n int64, err error) {
			ts, err := s.DayTotals(ctx, day, "")
			for _, x := range ts {
				n += x.Count
			}
			return n, err
		}
		if n, err := count(); n != 2 || err != nil {
			t.Error(n, err)
		}
		whole, err := settled(day)
		if err != nil || !cmp.Equal(whole, []int64{evening, noon}) {
			t.Fatal(whole, err)
		}
		d := &Difference{Day: day, Host: "core", Book: "host", Key: "core|1", Class: "amount", Terminal: "P0000001", Reference: "1", Owner: "clearing", At: first}
		d.Txn.Int64, d.Txn.Valid = evening, true
		if err := s.AddDifference(ctx, d); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Archive(ctx, before, first.AddDate(0, 0, 7).Add(-time.Second)); !errors.Is(err, ErrOpenMonth) {
			t.Error("days that need the month are being cleared yet:", err)
		}
		if a, err := s.Archive(ctx, before, first.AddDate(0, 0, 7)); err != nil || a.Rows != 1 {
			t.Fatal(a, err)
		}
		if got, err := settled(day); !errors.Is(err, ErrArchived) {
			t.Error("half of the day is taken for the whole:", got, err)
		}
		if n, err := count(); n != 1 || !errors.Is(err, ErrArchived) {
			t.Error("a report that does not say that it is half a day's:", n, err)
		}
		if got, err := settled(first.AddDate(0, 0, daysBefore).Format("20060102")); err != nil {
			t.Error("a day that can have nothing of the archive:", got, err)
		}
		if ds, err := s.Differences(ctx, day, "", false, 10); err != nil || len(ds) != 1 || ds[0].Txn.Int64 != evening {
			t.Error("the difference that is to be settled:", len(ds), err)
		}
		if _, err := s.Restore(ctx, before); err != nil {
			t.Fatal(err)
		}
		if got, err := settled(day); err != nil || cmp.Diff(whole, got) != "" {
			t.Error(got, err)
		}
		if ds, err := s.Differences(ctx, day, "", false, 10); err != nil || len(ds) != 1 {
			t.Error(len(ds), err)
		}
	})
}
