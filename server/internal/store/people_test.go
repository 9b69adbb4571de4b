package store

import (
	"errors"
	"testing"
	"time"
)

// req: DB-12, DB-23
func TestWhatPeopleDecideNamesThem(t *testing.T) {
	now := time.UnixMilli(time.Now().UnixMilli()).UTC()
	on(t, Options{}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		by := func(q string, args ...any) (who string, version int) {
			t.Helper()
			if err := s.row(ctx, q, args...).Scan(&who, &version); err != nil {
				t.Fatal(err)
			}
			return who, version
		}
		a := &Approval{ID: "a1", Terminal: "T", Request: "r1", Branch: "0001", Kind: "withdrawal", Amount: 1, Created: now, Expires: now.Add(time.Minute)}
		for range 2 { // a repeat gives the first one
			a.ID += "x"
			got, err := s.AddApproval(ctx, a)
			if err != nil || got.ID != "a1x" || !got.Created.Equal(now) {
				t.Fatal(got, err)
			}
		}
		if as, err := s.Approvals(ctx, "0001", "manager", true, now, 9); err != nil || len(as) != 1 {
			t.Fatal(as, err)
		}
		if err := s.Decide(ctx, "a1x", "approved", "anna", "", "好", now); err != nil {
			t.Fatal(err)
		}
		if err := s.Decide(ctx, "a1x", "rejected", "ben", "", "", now); !errors.Is(err, ErrState) {
			t.Fatal("the second word:", err)
		}
		if who, version := by(`SELECT UPDATE_BY, VERSION_NUMBER FROM PD_AP_APPROVAL WHERE APPROVAL_NUMBER=?`, "a1x"); who != "anna" || version != 1 {
			t.Error(who, version)
		}
		late := &Approval{ID: "a2", Terminal: "T", Request: "r2", Branch: "0001", Kind: "x", Created: now, Expires: now.Add(-time.Second)}
		if _, err := s.AddApproval(ctx, late); err != nil {
			t.Fatal(err)
		}
		if ids, err := s.ExpireApprovals(ctx, now); err != nil || len(ids) != 1 || ids[0] != "a2" {
			t.Fatal(ids, err)
		}

		x := row(1)
		x.State = Suspense
		insert(t, s, x)
		for i, user := range []string{"olga", "olga", "otto"} {
			closed, err := s.CloseByHand(ctx, x.ID, user, "counted", now)
			if closed != (i == 2) || (i == 1) != errors.Is(err, ErrState) {
				t.Fatal(i, closed, err)
			}
		}
		if who, _ := by(`SELECT UPDATE_BY, VERSION_NUMBER FROM TX_ON_JOURNAL WHERE JOURNAL_NUMBER=?`, x.ID); who != "otto" {
			t.Error(who)
		}
		if as, err := s.Audits(ctx, 9); err != nil || len(as) < 3 || as[0].User != "otto" {
			t.Error(as, err)
		}

		y := row(2)
		y.State = Suspense
		insert(t, s, y)
		again := func(user string) bool {
			closed, err := s.CloseByHand(ctx, y.ID, user, "counted", now)
			if err != nil {
				t.Fatal(user, err)
			}
			return closed
		}
		again("olga")
		for _, way := range [][2]State{{Suspense, ReversalPending}, {ReversalPending, ReversalStuck}} {
			if err := s.Finish(ctx, y.ID, &Outcome{State: way[1], At: now}, way[0]); err != nil {
				t.Fatal(err)
			}
		}
		if again("otto") {
			t.Error("closed with a word that was said before the host refused to take it back")
		}
		if !again("olga") {
			t.Error("not closed by two persons")
		}
	})
}

func TestUsersAndSessionsAndTheLock(t *testing.T) {
	now := time.UnixMilli(time.Now().UnixMilli()).UTC()
	on(t, Options{}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		u := &User{Name: "anna", Display: "安娜", Role: "manager", Branch: "0001", Hash: "h", Enabled: true, Created: now}
		if err := s.AddUser(ctx, u); err != nil {
			t.Fatal(err)
		}
		if err := s.AddSession(ctx, []byte{1, 0, 255}, "anna", now); err != nil {
			t.Fatal(err)
		}
		if got, err := s.SessionUser(ctx, []byte{1, 0, 255}, now.Add(time.Minute), now.Add(-time.Hour)); err != nil || got.Display != "安娜" {
			t.Fatal(got, err)
		}
		for i := range 3 {
			if err := s.SignedIn(ctx, "anna", false, 3, now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			got, err := s.User(ctx, "anna")
			if err != nil || got.LockedUntil.After(now) != (i == 2) || got.Failed != (i+1)%3 {
				t.Fatal(i, got, err)
			}
		}
		if err := s.AddUser(ctx, u); err != nil { // the same name again: sessions end, the lock is gone
			t.Fatal(err)
		}
		if got, err := s.User(ctx, "anna"); err != nil || got.LockedUntil.After(now) {
			t.Error(got, err)
		}
		if _, err := s.SessionUser(ctx, []byte{1, 0, 255}, now, now.Add(-time.Hour)); !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
		if _, err := s.User(ctx, "ANNA"); !errors.Is(err, ErrNotFound) {
			t.Error("a name in capitals is another name:", err)
		}
	})
}

func TestTheFleetReportsIntoTheSameRows(t *testing.T) {
	now := time.UnixMilli(time.Now().UnixMilli()).UTC()
	on(t, Options{}, func(t *testing.T, s *Store) {
		ctx := t.Context()
		if err := s.AddTerminal(ctx, &Terminal{ID: "T1", Merchant: "m", Branch: "0001", NameZH: "解放路", Zone: "sm4", Enabled: true, Created: now}); err != nil {
			t.Fatal(err)
		}
		if err := s.AddTerminal(ctx, &Terminal{ID: "T1", Merchant: "m", Branch: "0002", Zone: "sm4", Created: now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		if x, err := s.Terminal(ctx, "T1"); err != nil || x.Branch != "0002" || x.Enabled || !x.Created.Equal(now) {
			t.Fatal(x, err)
		}
		for i, modules := range []string{`{"a":1}`, ""} {
			v := &Status{Terminal: "T1", Boot: "b", Seq: uint64(i), State: "inService", Modules: modules, Cash: "{}", At: now, Received: now.Add(time.Duration(i) * time.Second)}
			if err := s.SaveStatus(ctx, v); err != nil {
				t.Fatal(err)
			}
		}
		if vs, err := s.Statuses(ctx); err != nil || len(vs) != 1 || vs["T1"].Modules != `{"a":1}` || vs["T1"].Seq != 1 || !vs["T1"].Received.Equal(now.Add(time.Second)) {
			t.Fatal(vs, err)
		}
		for range 2 { // uploaded twice
			recs := []Record{{Seq: 1, Hash: "h1", Body: []byte{0xff, 0}, Txn: "1/1"}, {Seq: 2, Prev: "h1", Hash: "h2", Body: []byte("x")}}
			if err := s.AddRecords(ctx, "T1", recs, now); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := s.LastRecord(ctx, "T1"); err != nil || r.Seq != 2 || r.Prev != "h1" {
			t.Fatal(r, err)
		}
		if rs, err := s.RecordsOf(ctx, "T1", "1/1"); err != nil || len(rs) != 1 || string(rs[0].Body) != "\xff\x00" {
			t.Fatal(rs, err)
		}
		for _, cleared := range []bool{false, true, false} { // a late repeat does not open it again
			if err := s.AddAlarm(ctx, &Alarm{Terminal: "T1", ID: "1", Code: "jam", At: now, Received: now, Cleared: cleared}); err != nil {
				t.Fatal(err)
			}
		}
		if as, err := s.Alarms(ctx, "0002", true, 9); err != nil || len(as) != 1 || !as[0].Cleared {
			t.Fatal(as, err)
		}
		if as, err := s.Alarms(ctx, "0002", false, 9); err != nil || len(as) != 0 {
			t.Fatal(as, err)
		}
		b := &Bundle{Digest: "d", Name: "flows", Version: "1", Size: 1 << 40, Manifest: []byte{0}, Signature: []byte{0xff}, By: "root", Created: now}
		for range 2 {
			if err := s.AddBundle(ctx, b); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Assign(ctx, Assignment{Terminal: "T1", Digest: "none", By: "root", Created: now}); !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
		if err := s.Assign(ctx, Assignment{Terminal: "T1", Digest: "d", By: "root", Created: now}); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Assigned(ctx, "T1"); err != nil || got.Size != 1<<40 {
			t.Fatal(got, err)
		}
	})
}
