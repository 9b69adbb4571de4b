package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// Transactions that begin and end together share statements; each keeps what is its own, and one
// that is in another state is refused alone.
func TestManyTransactionsInOneCommitKeepTheirOwn(t *testing.T) {
	on(t, Options{FsyncDelay: 10 * time.Millisecond}, func(t *testing.T, s *Store) {
		const n = 150
		at := time.UnixMilli(time.Now().UnixMilli()).UTC()
		all := make([]*Txn, n)
		var wg sync.WaitGroup
		each := func(f func(i int) error) {
			t.Helper()
			for i := range n {
				wg.Go(func() {
					if err := f(i); err != nil {
						t.Errorf("%d: %v", i, err)
					}
				})
			}
			wg.Wait()
		}
		each(func(i int) error {
			all[i] = row(int64(i + 1))
			all[i].Request = bytes.Repeat([]byte{0xff, '\'', '\\', 0, byte(i)}, 40)
			fresh, err := s.Insert(context.Background(), all[i])
			if err == nil && !fresh {
				err = errors.New("not fresh")
			}
			return err
		})
		answer := func(i int) []byte { return bytes.Repeat([]byte{0xfe, 0x80, '\'', '\\', 0, byte(i)}, 50) }
		finishAll := func() {
			each(func(i int) error {
				o := &Outcome{State: Approved, RC: "00", Auth: fmt.Sprintf("%06d", i), Answer: answer(i), At: at}
				if i%2 == 0 {
					o.Day = "20261231"
				}
				from := []State{Intent, Unknown}
				if i%50 == 7 {
					from = []State{Suspense}
				}
				err := s.Finish(context.Background(), all[i].ID, o, from...)
				if i%50 == 7 && errors.Is(err, ErrState) {
					return nil
				}
				return err
			})
		}
		before := s.Stats().Commits
		finishAll()
		if c := s.Stats().Commits - before; c > n/2 {
			t.Errorf("%d commits", c)
		}
		each(func(i int) error {
			got, err := s.ByID(context.Background(), all[i].ID)
			if err != nil {
				return err
			}
			switch {
			case !bytes.Equal(got.Request, all[i].Request):
				return errors.New("another request")
			case i%50 == 7 && (got.State != Intent || got.Answer != nil):
				return errors.New("changed")
			case i%50 != 7 && (got.State != Approved || got.RC != "00" || got.Auth != fmt.Sprintf("%06d", i) || !bytes.Equal(got.Answer, answer(i)) || !got.Updated.Equal(at)):
				return fmt.Errorf("%+v", got)
			case i%50 != 7 && i%2 == 0 && got.Day != "20261231", i%50 != 7 && i%2 != 0 && got.Day != all[i].Day:
				return fmt.Errorf("settlement day %q", got.Day)
			}
			return nil
		})
	})
}
