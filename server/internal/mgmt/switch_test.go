package mgmt_test

import (
	"database/sql"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/store"
)

func TestTheSwitchBelongsToTheBanksOwnPeople(t *testing.T) {
	r := newRig(t)
	anna, olga := r.as("anna"), r.as("olga")
	for _, path := range []string{"/switch", "/switch/meter", "/switch/queue", "/blocks"} {
		if st, _ := anna.do("GET", path, nil, nil); st != 403 {
			t.Errorf("a branch's manager sees %s: %d", path, st)
		}
		if st, code := olga.do("GET", path, nil, nil); st != 200 {
			t.Errorf("%s: %d %s", path, st, code)
		}
		if st, _ := r.as("").do("GET", path, nil, nil); st != 401 {
			t.Errorf("%s without a sign-in: %d", path, st)
		}
	}
	if st, _ := olga.do("GET", "/switch/meter?by=moon", nil, nil); st < 400 || st >= 500 {
		t.Errorf("by=moon: %d", st)
	}
}

func TestTheReportOfADaySaysThatPartOfItIsInAnArchive(t *testing.T) {
	r := newRig(t)
	at := time.Date(2025, 3, 10, 4, 0, 0, 0, time.UTC)
	txn := &store.Txn{ID: store.NumberAt(at), Idem: "a", Digest: []byte{1}, Terminal: "00000001", Branch: "0001", Kind: "purchase", State: store.Confirmed, Day: "20250310", Created: at, Updated: at}
	if fresh, err := r.st.Insert(t.Context(), txn); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	olga := r.as("olga")
	for _, archived := range []bool{false, true} {
		if archived {
			if _, err := r.st.Archive(t.Context(), time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		var day api.Day
		if st, code := olga.do("GET", "/reconciliation?day=20250310", nil, &day); st != 200 || day.Archived != archived || (len(day.Totals) == 0) != archived {
			t.Errorf("%d %s %+v", st, code, day)
		}
	}
}

func TestADifferenceIsSettledByTwoPersons(t *testing.T) {
	r := newRig(t)
	now := time.Now()
	txn := &store.Txn{ID: store.NumberAt(now), Idem: "a", Digest: []byte{1}, Terminal: "00000001", Branch: "0001", Kind: "purchase", State: store.Confirmed, Created: now, Updated: now}
	if fresh, err := r.st.Insert(t.Context(), txn); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	run := &store.Run{Day: "20261122", Host: "core", Book: "host", Ours: 2, Theirs: 1, At: now}
	if err := r.st.SaveRun(t.Context(), run, []*store.Difference{
		{Day: run.Day, Host: run.Host, Book: run.Book, Key: "core|1", Class: "oursOnly", Txn: sql.NullInt64{Int64: txn.ID, Valid: true}, Terminal: "00000001", Branch: "0001", Reference: "1", Owner: "clearing"},
		{Day: run.Day, Host: run.Host, Book: run.Book, Key: "core|2", Class: "amount", Terminal: "00000002", Branch: "0002", Reference: "2", Owner: "clearing"},
	}); err != nil {
		t.Fatal(err)
	}
	var day api.Day
	olga, otto, anna := r.as("olga"), r.as("otto"), r.as("anna")
	if st, _ := anna.do("GET", "/reconciliation?day=20261122", nil, &day); st != 200 || len(day.Differences) != 1 || len(day.Runs) != 0 {
		t.Errorf("a manager sees the own branch: %d %+v", st, day)
	}
	if st, _ := r.as("theo").do("GET", "/reconciliation?day=20261122", nil, &day); st != 200 || len(day.Differences) != 1 || len(day.Runs) != 0 || day.Differences[0].Branch != "0002" {
		t.Errorf("a branch's teller sees the own branch: %d %+v", st, day)
	}
	if st, _ := r.as("tess").do("GET", "/reconciliation?day=20261122", nil, nil); st != 403 {
		t.Errorf("a teller without a branch sees the whole bank: %d", st)
	}
	if st, _ := olga.do("GET", "/reconciliation?day=20261122", nil, &day); st != 200 || len(day.Differences) != 2 || len(day.Runs) != 1 {
		t.Fatalf("%d %+v", st, day)
	}
	path := "/reconciliation/" + day.Differences[0].ID + "/settle"
	note := map[string]any{"note": "given back by hand", "refunded": true}
	for _, c := range []struct {
		who  *client
		want int
	}{{anna, 403}, {olga, 200}, {olga, 409}, {otto, 200}, {otto, 409}} {
		if st, code := c.who.do("POST", path, note, nil); st != c.want {
			t.Errorf("%d %s, want %d", st, code, c.want)
		}
	}
	if st, _ := olga.do("GET", "/reconciliation?day=20261122&all=true", nil, &day); st != 200 || day.Differences[0].State != "settled" || !day.Differences[0].Refunded || !day.Differences[0].Payment || day.Differences[1].Payment || day.Differences[1].State != "open" {
		t.Errorf("%d %+v", st, day.Differences)
	}
	// Another book does not show the second one: not who compared it says that it is none.
	run.Digest, run.By, run.At = "d2", "olga", now.Add(time.Second)
	d := &store.Difference{Day: run.Day, Host: run.Host, Book: run.Book, Key: "core|3", Class: "oursOnly", Txn: sql.NullInt64{Int64: txn.ID, Valid: true}, Terminal: "00000001", Branch: "0001", Reference: "3", Owner: "clearing"}
	if err := r.st.SaveRun(t.Context(), run, []*store.Difference{d}); err != nil {
		t.Fatal(err)
	}
	run.Digest, run.At = "d3", now.Add(2*time.Second)
	if err := r.st.SaveRun(t.Context(), run, nil); err != nil {
		t.Fatal(err)
	}
	if st, _ := otto.do("GET", "/reconciliation?day=20261122", nil, &day); st != 200 || len(day.Differences) != 1 || day.Differences[0].State != "absent" || day.Differences[0].First != "olga" || day.Runs[0].Digest != "d3" {
		t.Errorf("%d %+v", st, day)
	}
	for _, c := range []struct {
		who    *client
		digest string
		want   int
	}{{anna, "d3", 403}, {olga, "d3", 409}, {otto, "d2", 409}, {otto, "d3", 200}, {otto, "d3", 409}} {
		if st, code := c.who.do("POST", "/reconciliation/books/agree", api.AgreeBook{Day: run.Day, Host: run.Host, Digest: c.digest}, nil); st != c.want {
			t.Errorf("%s: %d %s, want %d", c.digest, st, code, c.want)
		}
	}
	if st, _ := otto.do("POST", "/reconciliation/books/agree", api.AgreeBook{Day: run.Day, Host: "nobody", Digest: "d3"}, nil); st != 404 {
		t.Error(st)
	}
	for path, want := range map[string]int{"/reconciliation?day=today": 422, "/reconciliation/x/settle": 404} {
		method := "GET"
		if want == 404 {
			method = "POST"
		}
		if st, _ := olga.do(method, path, note, nil); st != want && st != 400 {
			t.Errorf("%s: %d", path, st)
		}
	}
}

func TestABlockIsSetAndLiftedWithoutShowingTheCard(t *testing.T) {
	r := newRig(t)
	olga := r.as("olga")
	b := map[string]string{"kind": "card", "subject": "6225880000000001", "note": "stolen"}
	if st, code := olga.do("POST", "/blocks", b, nil); st != 200 {
		t.Fatal(st, code)
	}
	var list []api.Block
	if st, _ := olga.do("GET", "/blocks", nil, &list); st != 200 || len(list) != 1 || list[0].Name != "622588******0001" {
		t.Fatalf("%d %+v", st, list)
	}
	for what, x := range map[string]struct {
		kind, subject string
		want          int
	}{
		"half a card number":           {"card", "622588", 400},
		"a card number with spaces":    {"card", "6225 8800 0000 0002", 400},
		"a card's track":               {"card", "6225880000000002=2812", 400},
		"a card as a merchant":         {"merchant", "6225880000000002", 400},
		"a card as a terminal":         {"terminal", "6225880000000002", 400},
		"a terminal that there is not": {"terminal", "00000009", 404},
	} {
		if st, _ := olga.do("POST", "/blocks", map[string]string{"kind": x.kind, "subject": x.subject, "note": "stolen"}, nil); st != x.want {
			t.Errorf("%s: %d, want %d", what, st, x.want)
		}
	}
	if olga.do("GET", "/blocks", nil, &list); len(list) != 1 {
		t.Errorf("what blocks nothing is listed: %+v", list)
	}
	if st, _ := olga.do("POST", "/blocks/lift", b, nil); st != 200 {
		t.Error(st)
	}
	if st, _ := olga.do("GET", "/blocks", nil, &list); st != 200 || len(list) != 0 {
		t.Errorf("%d %+v", st, list)
	}
}

// Two managers must agree; one alone does not, twice neither, and one word against it is enough.
// req: TX-19
func TestAJointRequestWantsTheWordOfTwoManagers(t *testing.T) {
	r := newRig(t)
	now := time.Now()
	ask := func(id string) {
		t.Helper()
		if _, err := r.st.AddApproval(t.Context(), &store.Approval{ID: id, Terminal: "00000001", Request: id, Branch: "0001", Kind: "withdrawal", Amount: 3_000_000, Signers: 2, Created: now, Expires: now.Add(time.Minute)}); err != nil {
			t.Fatal(err)
		}
	}
	anna, ben := r.as("anna"), r.as("ben")
	yes := map[string]any{"password": "password12", "seenInPerson": true}
	var a api.Approval
	ask("one")
	if st, code := anna.do("POST", "/approvals/one/approve", yes, &a); st != 200 || a.State != "pending" || a.Signers != 2 || len(a.Signed) != 1 {
		t.Fatalf("%d %s %+v", st, code, a)
	}
	if st, code := anna.do("POST", "/approvals/one/approve", yes, nil); st != 409 {
		t.Errorf("the same person again: %d %s", st, code)
	}
	if st, code := ben.do("POST", "/approvals/one/approve", yes, &a); st != 200 || a.State != "approved" || len(a.Signed) != 2 {
		t.Errorf("%d %s %+v", st, code, a)
	}
	ask("two")
	anna.do("POST", "/approvals/two/approve", yes, nil)
	if st, code := ben.do("POST", "/approvals/two/reject", map[string]string{"code": "RejectedOther", "note": "no"}, &a); st == 200 && a.State != "rejected" {
		t.Errorf("%d %s %+v", st, code, a)
	}
	if x, err := r.st.Approval(t.Context(), "two"); err != nil || x.State == "approved" {
		t.Errorf("%v %+v", err, x)
	}
}

// What is settled without the question is the merchant's when the day is cleared again.
func TestWhetherThePayerHasTheMoneyBackIsAskedOfAllThatMayBeAMerchants(t *testing.T) {
	r := newRig(t)
	now := time.Now()
	var ds []*store.Difference
	want := map[string]bool{}
	for i, c := range []struct {
		name, kind string
		asked      bool
	}{{"a purchase", "purchase", true}, {"a transfer", "transfer", false}, {"cash", "withdrawal", false}, {"no product of the file any more", "kiosk", true}, {"in an archive", "", true}} {
		id := store.NumberAt(now) + int64(i)
		if c.kind != "" {
			txn := &store.Txn{ID: id, Idem: c.name, Digest: []byte{1}, Terminal: "00000001", Branch: "0001", Kind: c.kind, Amount: 100, State: store.Confirmed, Created: now, Updated: now}
			if fresh, err := r.st.Insert(t.Context(), txn); !fresh || err != nil {
				t.Fatal(fresh, err)
			}
		}
		ds = append(ds, &store.Difference{Day: "20261122", Host: "core", Book: "host", Key: c.name, Class: "oursOnly", Txn: sql.NullInt64{Int64: id, Valid: true}, Reference: strconv.Itoa(i), Ours: sql.NullInt64{Int64: 100, Valid: true}, Owner: "clearing"})
		want[strconv.Itoa(i)] = c.asked
	}
	if err := r.st.SaveRun(t.Context(), &store.Run{Day: "20261122", Host: "core", Book: "host", At: now}, ds); err != nil {
		t.Fatal(err)
	}
	var day api.Day
	if st, code := r.as("olga").do("GET", "/reconciliation?day=20261122", nil, &day); st != 200 {
		t.Fatal(st, code)
	}
	got := map[string]bool{}
	for _, d := range day.Differences {
		got[d.Reference] = d.Payment
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestATimeLineHasStepsThatFitIt(t *testing.T) {
	olga := newRig(t).as("olga")
	for query, want := range map[string]int{"": 200, "?seconds=60&step=5&by=host": 200, "?span=today&step=600": 200, "?span=yesterday&step=3600&by=product": 200, "?span=week&step=86400&by=channel": 200,
		"?span=today": 400, "?span=today&step=700": 400, "?span=week&step=50400": 400, "?step=600": 400, "?span=year&step=86400": 422, "?span=week&step=86401": 422} {
		if st, code := olga.do("GET", "/switch/meter"+query, nil, nil); st != want {
			t.Errorf("%s: %d %s", query, st, code)
		}
	}
}
