package store

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var caseSteps = []CaseStep{{Name: "identify", By: "terminal", Signers: 1, Fields: []string{"name"}}, {Name: "review", By: "teller", Signers: 1}, {Name: "sign", By: "manager", Signers: 2}, {Name: "accept", By: "terminal", Signers: 1}}

func openCase(t *testing.T, s *Store, request string, now time.Time) *Case {
	t.Helper()
	c, err := s.AddCase(t.Context(), &Case{Number: NumberAt(now) + caseCount.Add(1), Kind: "big", Terminal: "00000001", Request: request, Branch: "0001", Amount: 700, PAN: "622588******0001", Bound: "ab", Data: []byte("sealed"),
		Created: now, Expires: now.Add(time.Hour), Steps: caseSteps})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var caseCount atomic.Int64

// asked is the approval that is pending for a case.
func asked(t *testing.T, s *Store, number int64) *Approval {
	t.Helper()
	as, err := s.CaseApprovals(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range as {
		if a.State == "pending" {
			return a
		}
	}
	t.Fatal("nobody is asked")
	return nil
}

func stateOf(t *testing.T, s *Store, number int64) string {
	t.Helper()
	c, err := s.Case(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	text := c.State + ":"
	for _, x := range c.Steps {
		text += " " + x.State
	}
	return text
}

func TestACaseGoesThroughItsStepsInOrderAndIsTakenOnce(t *testing.T) {
	on(t, Options{}, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), time.Now().Truncate(time.Millisecond)
		c := openCase(t, s, "r1", now)
		want := func(text string) {
			t.Helper()
			if got := stateOf(t, s, c.Number); got != text {
				t.Fatalf("got %s, want %s", got, text)
			}
		}
		want("open: current waiting waiting waiting")
		if again := openCase(t, s, "r1", now.Add(time.Second)); again.Number != c.Number {
			t.Error("a repeat opened another case")
		}
		for name, try := range map[string]func() error{
			"a later step":       func() error { return s.DoneStep(ctx, c.Number, "00000001", "accept", nil, now) },
			"a teller's step":    func() error { return s.DoneStep(ctx, c.Number, "00000001", "review", nil, now) },
			"another terminal's": func() error { return s.DoneStep(ctx, c.Number, "00000002", "identify", nil, now) },
			"after its time":     func() error { return s.DoneStep(ctx, c.Number, "00000001", "identify", nil, now.Add(2*time.Hour)) },
		} {
			if err := try(); !errors.Is(err, ErrState) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := s.DoneStep(ctx, c.Number, "00000001", "identify", []byte("sealed too"), now); err != nil {
			t.Fatal(err)
		}
		want("open: done current waiting waiting")
		if a := asked(t, s, c.Number); a.Role != "teller" || a.Step != "review" || a.Branch != "0001" {
			t.Error(a)
		} else if err := s.Agree(ctx, a.ID, "tom", now); err != nil {
			t.Fatal(err)
		}
		want("open: done done current waiting")
		a := asked(t, s, c.Number)
		if a.Role != "manager" || a.Signers != 2 {
			t.Error(a)
		}
		if err := s.Agree(ctx, a.ID, "anna", now); err != nil {
			t.Fatal(err)
		}
		want("open: done done current waiting")
		if err := s.MoveCase(ctx, c.Number, "0002", "00000009", now); !errors.Is(err, ErrState) {
			t.Error("it went to another branch:", err)
		}
		if err := s.MoveCase(ctx, c.Number, "0001", "00000002", now); err != nil {
			t.Fatal(err)
		}
		if err := s.Agree(ctx, a.ID, "ben", now); err != nil {
			t.Fatal(err)
		}
		want("open: done done done current")
		if err := s.DoneStep(ctx, c.Number, "00000002", "accept", nil, now); err != nil {
			t.Fatal(err)
		}
		want("ready: done done done done")
		got, _ := s.Case(ctx, c.Number)
		who := []string{}
		for _, x := range got.Steps {
			who = append(who, x.Who)
		}
		if d := cmp.Diff([]string{"00000001", "tom", "anna,ben", "00000002"}, who); d != "" || string(got.Steps[0].Data) != "sealed too" || string(got.Data) != "sealed" {
			t.Error(d)
		}

		for name, q := range map[string]func() (int64, error){
			"another terminal": func() (int64, error) { return s.ReadyCase(ctx, "big", "00000001", "622588******0001", 700, "ab", now) },
			"another card":     func() (int64, error) { return s.ReadyCase(ctx, "big", "00000002", "622588******0002", 700, "ab", now) },
			"another amount":   func() (int64, error) { return s.ReadyCase(ctx, "big", "00000002", "622588******0001", 701, "ab", now) },
			"another receiver": func() (int64, error) { return s.ReadyCase(ctx, "big", "00000002", "622588******0001", 700, "ac", now) },
			"nothing carried":  func() (int64, error) { return s.ReadyCase(ctx, "big", "00000002", "622588******0001", 700, "", now) },
			"another kind": func() (int64, error) {
				return s.ReadyCase(ctx, "small", "00000002", "622588******0001", 700, "ab", now)
			},
			"too late": func() (int64, error) {
				return s.ReadyCase(ctx, "big", "00000002", "622588******0001", 700, "ab", now.Add(2*time.Hour))
			},
		} {
			if n, err := q(); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %d, %v", name, n, err)
			}
		}
		if n, err := s.ReadyCase(ctx, "big", "00000002", "622588******0001", 700, "ab", now); n != c.Number || err != nil {
			t.Fatal(n, err)
		}
		// Many transactions want it at once: one gets it, the others write nothing.
		claims := []Claim{{Rule: CaseClaim, Subject: strconv.FormatInt(c.Number, 10), Period: now.Format("20060102")}}
		var wg sync.WaitGroup
		var won atomic.Int64
		for i := range 8 {
			wg.Go(func() {
				x := &Txn{ID: NumberAt(now) + 100 + int64(i), Idem: fmt.Sprintf("T|%d", i), Digest: []byte{1}, Terminal: "00000002", Branch: "0001", Kind: "transfer", State: Intent, Created: now, Updated: now}
				fresh, over, err := s.InsertWithin(ctx, x, claims)
				if err != nil || fresh == (over != "") {
					t.Error(fresh, over, err)
				}
				if fresh && !won.CompareAndSwap(0, x.ID) {
					t.Error("two transactions took it")
				}
			})
		}
		wg.Wait()
		want("used: done done done done")
		if got, _ := s.Case(ctx, c.Number); got.Journal != won.Load() || won.Load() == 0 {
			t.Error(got.Journal, won.Load())
		}
		// The transaction comes to nothing: the case is ready again, once.
		for range 2 {
			if err := s.Finish(ctx, won.Load(), &Outcome{State: Declined, RC: "55", At: now}, Intent); err != nil && !errors.Is(err, ErrState) {
				t.Fatal(err)
			}
		}
		want("ready: done done done done")
	})
}

func TestACaseThatIsRefusedWithdrawnOrExpiredEndsWithItsQuestion(t *testing.T) {
	on(t, Options{}, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), time.Now()
		for i, c := range []struct {
			end  func(c *Case, a *Approval) error
			want string
			ask  string
		}{
			{func(_ *Case, a *Approval) error {
				return s.Decide(ctx, a.ID, "rejected", "tom", "ReasonOther", "no", now)
			}, "refused: done refused waiting waiting", "rejected"},
			{func(c *Case, _ *Approval) error { return s.EndCase(ctx, c.Number, CaseWithdrawn, "", now) }, "withdrawn: done current waiting waiting", "cancelled"},
			{func(c *Case, _ *Approval) error {
				done, err := s.ExpireCases(ctx, now.Add(2*time.Hour))
				if len(done) != 1 || done[0] != c.Number {
					t.Error(done)
				}
				return err
			}, "expired: done current waiting waiting", "expired"},
		} {
			x := openCase(t, s, fmt.Sprintf("r%d", i), now)
			if err := s.DoneStep(ctx, x.Number, "00000001", "identify", nil, now); err != nil {
				t.Fatal(err)
			}
			a := asked(t, s, x.Number)
			if err := c.end(x, a); err != nil {
				t.Fatal(err)
			}
			if got := stateOf(t, s, x.Number); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if a, _ = s.Approval(ctx, a.ID); a.State != c.ask {
				t.Error("the question is", a.State)
			}
			if err := s.Agree(ctx, a.ID, "tim", now); !errors.Is(err, ErrState) {
				t.Error("it was agreed to afterwards:", err)
			}
			if err := s.DoneStep(ctx, x.Number, "00000001", "accept", nil, now); !errors.Is(err, ErrState) {
				t.Error("it went on:", err)
			}
		}
	})
}

// What has ended goes with its steps when its time is over; what is open, or ended lately, stays.
func TestEndedCasesGoAfterTheirTime(t *testing.T) {
	on(t, Options{}, func(t *testing.T, s *Store) {
		ctx, now := t.Context(), time.Now().Truncate(time.Millisecond)
		then := now.Add(-500 * 24 * time.Hour)
		old, withdrawn, young := openCase(t, s, "old", then), openCase(t, s, "withdrawn", then), openCase(t, s, "young", now)
		for c, at := range map[*Case]time.Time{withdrawn: then, young: now} {
			if err := s.EndCase(ctx, c.Number, CaseWithdrawn, "", at); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Upkeep(ctx, now, Retention{Cases: 499 * 24 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Case(ctx, withdrawn.Number); !errors.Is(err, ErrNotFound) {
			t.Errorf("a case that ended long ago: %v", err)
		}
		for _, c := range []*Case{old, young} { // old is open still: the expiry ends it first
			if x, err := s.Case(ctx, c.Number); err != nil || len(x.Steps) != len(caseSteps) {
				t.Errorf("%s: %v", c.Request, err)
			}
		}
		var steps int
		if err := s.row(ctx, `SELECT COUNT(*) FROM TX_BZ_CASE_STEP WHERE CASE_NUMBER=?`, withdrawn.Number).Scan(&steps); err != nil || steps != 0 {
			t.Errorf("%d steps are left: %v", steps, err)
		}
	})
}
