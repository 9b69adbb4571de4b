package mgmt_test

import (
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm3"

	acc "zhigui/server/api/access"
	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/store"
	"zhigui/sim/dbserver"
)

// reach is whose the things of a route are.
type reach string

const (
	listed reach = "a list of things of branches"
	one    reach = "one thing of a branch"
	office reach = "the whole bank's, for head office alone"
	anyone reach = "nobody's: the person's own, or no business of a branch"
)

// reaches are all routes of the management: a new one is refused by the test below until somebody has said whose it is.
var reaches = map[reach][]string{
	listed: {"GET /terminals", "GET /transactions", "POST /transactions/search", "POST /transactions/totals", "GET /approvals", "GET /cases", "GET /alarms", "GET /reconciliation"},
	one: {"GET /terminals/{id}/bundles", "POST /terminals/{id}/bundles", "POST /terminals/{id}/bundles/back", "GET /terminals/{id}/commands", "POST /terminals/{id}/commands",
		"POST /terminals/{id}/commands/{command}/agree", "POST /terminals/{id}/commands/{command}/withdraw", "GET /transactions/{id}", "GET /transactions/{id}/signatures/{digest}",
		"POST /transactions/{id}/close", "POST /approvals/{id}/approve", "POST /approvals/{id}/reject", "GET /cases/{number}"},
	office: {"GET /users", "POST /users", "POST /users/{name}/agree", "DELETE /users/{name}", "POST /bundles", "GET /switch", "GET /switch/meter", "GET /switch/queue", "POST /switch/queue/{id}/retry", "GET /reconciliation/books", "POST /reconciliation/books", "POST /reconciliation/books/agree",
		"POST /reconciliation/{id}/settle", "GET /formats", "GET /formats/{name}", "PUT /formats/{name}", "DELETE /formats/{name}", "POST /formats/preview", "GET /products", "GET /limits", "POST /limits/use", "GET /merchants", "GET /clearing", "POST /clearing",
		"GET /blocks", "POST /blocks", "POST /blocks/lift"},
	anyone: {"POST /session", "GET /session", "DELETE /session", "GET /bundles", "GET /events"}, // releases are the same everywhere; events: below
}

// calls are a request of each route that is right.
type calls struct {
	fill   *strings.Replacer // of a route's path
	bodies map[string]any    // by method and path
	query  map[string]string
}

// everything puts one thing of each kind, of branch 0001, into the database.
func (r *rig) everything() calls {
	t := r.t
	t.Helper()
	ctx, now := t.Context(), time.Now()
	content := []byte(`{"document":"card-agreement/1","text":"x","strokes":[]}`)
	sum := sm3.Sum(content)
	digest := hex.EncodeToString(sum[:])
	r.signedJournal("s1", digest, "000001/000012", 1)
	txn := store.NumberAt(now)
	day := now.In(time.FixedZone("CST", 8*3600)).Format("20060102")
	if _, err := r.st.Insert(ctx, &store.Txn{ID: txn, Idem: "a", Digest: []byte{1}, Terminal: "00000001", Branch: "0001", Kind: "withdrawal", Batch: "000001", STAN: "000012", Amount: 4_711, State: store.Suspense, Day: day, Created: now, Updated: now}); err != nil {
		t.Fatal(err)
	}
	if st := r.put(digest, content); st != 204 {
		t.Fatal(st)
	}
	approval := r.ask("r1")
	var c acc.Case
	if st := r.terminal("POST", acc.PathCases, acc.CaseRequest{Request: "c1", Kind: "largeTransfer", Amount: 30_000_000, PAN: "622588******0001", Private: "6225880000000005", Fields: map[string]string{"receiver": "李四"}}, &c); st != 200 {
		t.Fatal(st)
	}
	if err := r.st.AddAlarm(ctx, &store.Alarm{Terminal: "00000001", ID: "a1", Code: "suspense", Severity: "critical", At: now, Received: now}); err != nil {
		t.Fatal(err)
	}
	if err := r.st.AddCommand(ctx, &store.Command{ID: "c1", Terminal: "00000001", Kind: api.CommandBoxEmptied, Args: "{}", State: store.CommandProposed, By: "otto", Created: now, Expires: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if err := r.st.AddDifference(ctx, &store.Difference{Day: day, Host: "core", Book: "host", Key: "k", Class: "amount", Txn: sql.NullInt64{Int64: txn, Valid: true}, Terminal: "00000001", Branch: "0001", Owner: "clearing", At: now}); err != nil {
		t.Fatal(err)
	}
	if err := r.st.AddBundle(ctx, &store.Bundle{Digest: digest, Name: "pages", Version: "1", Manifest: []byte("x"), Signature: []byte("x"), By: "root", Created: now}); err != nil {
		t.Fatal(err)
	}
	x := calls{fill: strings.NewReplacer("/terminals/{id}", "/terminals/00000001", "{command}", "c1", "/transactions/{id}", fmt.Sprint("/transactions/", txn), "{digest}", digest, "/approvals/{id}", "/approvals/"+approval.ID, "{number}", c.Number,
		"/formats/{name}", "/formats/pos64", "/users/{name}", "/users/olga", "/reconciliation/{id}", "/reconciliation/1", "/queue/{id}", "/queue/"+strconv.FormatInt(txn, 10))}
	card := map[string]string{"kind": "card", "subject": "6225880000000001", "note": "stolen"}
	x.bodies = map[string]any{"POST /transactions/search": map[string]any{}, "POST /transactions/totals": map[string]any{}, "POST /terminals/{id}/bundles": api.Assign{Digest: digest},
		"POST /terminals/{id}/commands": map[string]any{"kind": api.CommandSuspend, "args": map[string]any{}, "note": "checked"}, "POST /transactions/{id}/close": map[string]string{"note": "counted by hand"},
		"POST /approvals/{id}/approve": api.Approve{Password: "password12", SeenInPerson: true}, "POST /approvals/{id}/reject": api.Reject{Code: "ReasonOther"},
		"POST /users": api.NewUser{Name: "eve", Role: "admin", Password: "password12"}, "POST /limits/use": map[string]string{"kind": "terminal", "subject": "00000001"}, "POST /clearing": map[string]string{"day": day}, "POST /blocks": card, "POST /blocks/lift": card,
		"POST /formats/preview": map[string]any{"yaml": acme}, "PUT /formats/{name}": api.FormatDraft{YAML: acme}, "POST /reconciliation/{id}/settle": map[string]string{"note": "checked"}, "POST /bundles": []byte("x"), "POST /reconciliation/books": []byte("x"),
		"POST /users/{name}/agree": api.AgreeUser{Role: "operator"}, "POST /reconciliation/books/agree": api.AgreeBook{Day: day, Host: "core", Digest: "d"}}
	x.query = map[string]string{"POST /reconciliation/books": "?host=core&day=" + day, "DELETE /formats/{name}": "?before=" + digest}
	return x
}

// Whoever is confined to a branch sees and does nothing of another, by any route; whom nobody has given a branch
// sees nothing at all and is told so; head office and tellers of the whole bank see all.
// req: UX-32
func TestNobodySeesOrDoesWhatIsOfAnotherBranch(t *testing.T) {
	if e := os.Getenv("STORE"); e != "" && e != dbserver.SQLite {
		t.Skip("the rows are compared in SQLite")
	}
	r := newRig(t)
	x := r.everything()
	bodies := x.bodies

	routes := map[string]bool{}
	for _, x := range r.served() {
		if !strings.HasPrefix(x.path, "/t/v1/") {
			routes[x.method+" "+x.path] = true
		}
	}
	people := map[string]*client{}
	for _, name := range []string{"nora", "nick", "theo", "carl", "olly", "adam", "anna", "tess", "olga", "root"} {
		people[name] = r.as(name)
	}
	try := func(name, route string) (int, string, string) {
		method, path, _ := strings.Cut(route, " ")
		var data json.RawMessage
		st, code := people[name].do(method, x.fill.Replace(path)+x.query[route], bodies[route], &data)
		return st, code, string(data)
	}
	before := r.rows()
	for of, list := range reaches {
		for _, route := range list {
			if !routes[route] {
				t.Errorf("there is no %s", route)
			}
			delete(routes, route)
			if of == anyone {
				continue
			}
			for _, name := range []string{"nora", "nick"} {
				if st, code, data := try(name, route); st != 403 || code != "NoBranch" && code != "Forbidden" || of == listed && code != "NoBranch" {
					t.Errorf("%s by %s, who has no branch: %d %s %s", route, name, st, code, data)
				}
			}
			for _, name := range []string{"theo", "carl", "olly", "adam"} {
				st, code, data := try(name, route)
				switch {
				case of == listed:
					if st != 200 || strings.Contains(data, "00000001") || strings.Contains(data, "0001\"") || strings.Contains(data, "4711") {
						t.Errorf("%s by %s of another branch: %d %s %s", route, name, st, code, data)
					}
				case of == one && st != 404 && st != 403, of == office && st != 403:
					t.Errorf("%s by %s of another branch: %d %s %s", route, name, st, code, data)
				}
			}
		}
	}
	for route := range routes {
		t.Errorf("nobody has said whose the things of %s are", route)
	}
	if tables := slices.DeleteFunc(changed(before, r.rows()), func(x string) bool { return strings.HasPrefix(x, "SY_US_") }); len(tables) > 0 {
		t.Error("and yet they changed", tables)
	}

	// The same for those who may: it is there.
	for _, list := range [][]string{reaches[listed], reaches[one]} {
		for _, route := range list {
			if method, _, _ := strings.Cut(route, " "); method != "GET" && bodies[route] == nil || strings.Contains(route, "/bundles") {
				continue
			}
			for name, may := range map[string]bool{"olga": !strings.Contains(route, "approve") && !strings.Contains(route, "reject"), "anna": strings.HasPrefix(route, "GET"), "tess": strings.HasPrefix(route, "GET") && route != "GET /reconciliation"} {
				if st, code, data := try(name, route); may && (st != 200 || slices.Contains(reaches[listed], route) && route != "GET /approvals" && !strings.Contains(data, "00000001") && !strings.Contains(data, "4711")) {
					t.Errorf("%s by %s, who may: %d %s %s", route, name, st, code, data)
				}
			}
		}
	}
}

func TestAPersonIsAddedWithABranchOrForTheWholeBank(t *testing.T) {
	r := newRig(t)
	root := r.as("root")
	for name, c := range map[string]struct {
		role, branch string
		want         int
	}{
		"a manager without":             {"manager", "", 400},
		"a manager of the whole bank":   {"manager", "*", 400},
		"a manager":                     {"manager", "0001", 200},
		"a teller without":              {"teller", "", 400},
		"a teller of the whole bank":    {"teller", "*", 200},
		"a teller":                      {"teller", "0002", 200},
		"an operator of head office":    {"operator", "", 200},
		"an operator of a branch":       {"operator", "0001", 200},
		"an administrator":              {"admin", "", 200},
		"an administrator of a branch":  {"admin", "0001", 200},
		"a role that nobody has":        {"emperor", "", 400},
		"an operator of the whole bank": {"operator", "*", 200},
	} {
		if st, code := root.do("POST", "/users", api.NewUser{Name: strings.ReplaceAll(name, " ", "."), Role: c.role, Branch: c.branch, Password: "password12"}, nil); st != c.want && (c.want != 400 || st != 422) {
			t.Errorf("%s: %d %s, want %d", name, st, code, c.want)
		}
	}
	// Nobody's password is replaced: who knew a colleague's could be both persons.
	if st, code := root.do("POST", "/users", api.NewUser{Name: "olga", Role: "operator", Password: "known to root"}, nil); st != 409 || code != "Conflict" {
		t.Error(st, code)
	}
	r.as("olga") // with the password she had
}
