package mgmt_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm3"
	"github.com/go-chi/chi/v5"

	acc "zhigui/server/api/access"
	"zhigui/server/internal/store"
	"zhigui/server/internal/store/schema"
	"zhigui/sim/dbserver"
)

// nouns are what paths are made of: each is a resource, and the table where its rows are. "" is one without: it is
// configuration, which people change in files.
var nouns = map[string]string{
	"session": "SY_US_SESSION", "users": "SY_US_USER", "operators": "SY_US_USER", "terminals": "FL_TM_TERMINAL", "commands": "FL_TM_COMMAND", "bundles": "FL_RL_BUNDLE", "alarms": "FL_TM_ALARM",
	"signin": "FL_TM_STATE", "beat": "FL_TM_STATE", "journal": "FL_EJ_RECORD", "signatures": "FL_EJ_SIGNATURE", "keys": "SY_KM_KEY", "held": "SY_KM_KEY", "events": "SY_EV_CHANGE",
	"transactions": "TX_ON_JOURNAL", "approvals": "PD_AP_APPROVAL", "cases": "TX_BZ_CASE", "steps": "TX_BZ_CASE_STEP", "switch": "SY_ND_STATE", "meter": "SY_ND_STATE", "queue": "TX_ON_REVERSAL",
	"reconciliation": "TX_RC_DIFFERENCE", "books": "TX_RC_RUN", "merchants": "TX_MC_MERCHANT", "clearing": "TX_CL_ENTRY", "blocks": "TX_RK_BLOCK", "limits": "TX_RK_USAGE",
	"products": "", "formats": "", "need": "",
}

// acts are what is none of the four: the last part of a path, under what it is done to, by POST. Those that only read have a
// body since what they are asked by must not be in an address, which proxies and browsers keep, or does not fit there.
var acts = map[string]struct {
	why   string
	reads bool
}{
	"/terminals/{id}/bundles/back":                {why: "assigns the release of before, whichever that is when it is done"},
	"/terminals/{id}/commands/{command}/agree":    {why: "a second person's word: an order is not changed by it"},
	"/terminals/{id}/commands/{command}/withdraw": {why: "the order stays in the books, as withdrawn"},
	"/transactions/search":                        {why: "asks by a card number", reads: true},
	"/transactions/totals":                        {why: "asks by a card number", reads: true},
	"/transactions/{id}/close":                    {why: "two persons' words, one after the other"},
	"/approvals/{id}/approve":                     {why: "a decision, with a password, that can not be taken back"},
	"/approvals/{id}/reject":                      {why: "a decision that can not be taken back"},
	"/switch/queue/{id}/retry":                    {why: "sends a message once more: nothing in the books changes"},
	"/reconciliation/{id}/settle":                 {why: "a difference keeps what it was; who settled it, and how, is added"},
	"/users/{name}/agree":                         {why: "a second person's word: who was added may sign in"},
	"/reconciliation/books/agree":                 {why: "a second person's word: the book stays what it was"},
	"/formats/preview":                            {why: "tries a whole format that is nowhere yet", reads: true},
	"/limits/use":                                 {why: "asks by a card number", reads: true},
	"/blocks/lift":                                {why: "by a card number; the block stays in the books, as lifted"},
	acc.PathApprovals + "/{id}/cancel":            {why: "the request stays in the books, as cancelled"},
	acc.PathCases + "/{number}/move":              {why: "binds a case to another terminal, which asks for it"},
	acc.PathCases + "/{number}/withdraw":          {why: "the case stays in the books, as withdrawn"},
}

// whole are resources of which there is one, for the one who asks.
var whole = []string{"/session"}

type route struct{ method, path string }

// served are all routes of both services, of which nothing is written down here: those of the management below its base.
func (r *rig) served() (all []route) {
	r.t.Helper()
	if err := chi.Walk(r.mgmt.Routes(), func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if p, ok := strings.CutPrefix(path, "/v2/api"); ok {
			all = append(all, route{method, p})
		} else if strings.HasPrefix(path, "/v2/") && method != http.MethodGet { // the API's description
			r.t.Errorf("%s %s is outside of the API", method, path)
		}
		return nil
	}); err != nil {
		r.t.Fatal(err)
	}
	for _, x := range r.acc.Routes() {
		method, path, ok := strings.Cut(x, " ")
		if !ok {
			r.t.Errorf("%q has no method", x)
		}
		all = append(all, route{method, path})
	}
	if len(all) < 60 {
		r.t.Fatalf("only %d routes", len(all))
	}
	return all
}

// A path is nouns and ids: a resource that stands for a table, then ids and resources below it. GET is for any, POST for those
// without an id behind them (it makes a row) or with a step's name, PUT and DELETE for one that an id names. What is none of these is in the list of acts.
//
// req: AP-04 AP-05
func TestPathsAreNounsAndVerbsAreTheMethods(t *testing.T) {
	r := newRig(t)
	tables, used := map[string]bool{}, map[string]bool{}
	for _, x := range schema.Tables {
		tables[x.Name] = true
	}
	of := 0
	for noun, table := range nouns {
		if table != "" && !tables[table] {
			t.Errorf("%s: there is no table %s", noun, table)
		}
		if table != "" {
			of++
		}
	}
	if of*10 < len(nouns)*9 {
		t.Errorf("only %d of %d resources are tables", of, len(nouns))
	}
	paths := map[string]bool{}
	all := r.served()
	for _, x := range all {
		paths[x.path] = true
	}
	for _, x := range all {
		act, isAct := acts[x.path]
		path := x.path
		if isAct {
			used[path] = true
			if x.method != http.MethodPost || act.why == "" {
				t.Errorf("%s %s: an act is a POST, and has a reason", x.method, path)
			}
			path = path[:strings.LastIndexByte(path, '/')]
			// it is done to something that is there by itself, or to one of its rows
			if over := strings.TrimSuffix(path[:strings.LastIndexByte(path, '/')+1], "/"); !paths[path] && !paths[over] {
				t.Errorf("%s: an act upon nothing that has a path", x.path)
			}
		}
		parts := strings.Split(strings.TrimPrefix(strings.TrimPrefix(path, "/t/v1"), "/"), "/")
		for i, p := range parts {
			if strings.HasPrefix(p, "{") {
				if i == 0 || strings.HasPrefix(parts[i-1], "{") {
					t.Errorf("%s %s: an id of nothing", x.method, x.path)
				}
				continue
			}
			used[p] = true
			if _, ok := nouns[p]; !ok {
				t.Errorf("%s %s: %q is no resource; if it is an act that is none of the four, it wants a reason", x.method, x.path, p)
			}
		}
		id := strings.HasPrefix(parts[len(parts)-1], "{")
		switch x.method {
		case http.MethodGet:
		case http.MethodPost:
			if id && !isAct && parts[len(parts)-1] != "{step}" { // the name of a step is the customer's part of a case: done once
				t.Errorf("%s %s: what has an id is there already", x.method, x.path)
			}
		case http.MethodPut, http.MethodDelete:
			if !id && !slices.Contains(whole, x.path) || isAct {
				t.Errorf("%s %s: of which?", x.method, x.path)
			}
		default:
			t.Errorf("%s %s: the methods are GET, POST, PUT and DELETE", x.method, x.path)
		}
	}
	for x := range nouns {
		if !used[x] {
			t.Errorf("%s is in no path", x)
		}
	}
	for x := range acts {
		if !used[x] {
			t.Errorf("%s is no path", x)
		}
	}
}

// Routes are made in these files only; what a partner's messages come by is no API of resources: one POST for all.
func TestRoutesAreWhereTheRulesSeeThem(t *testing.T) {
	makes := regexp.MustCompile(`(?i)mux\.(Handle|HandleFunc|Get|Post|Put|Patch|Delete|Method|Mount)\(|huma\.(Register|Get|Post|Put|Patch|Delete)\(|http\.Handle`)
	known := map[string]bool{"internal/mgmt": true, "internal/access/access.go": true, "internal/link/http.go": true}
	found := map[string]bool{}
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && d.Name() == "node_modules" {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		b, err := fs.ReadFile(root, path)
		if err != nil || !makes.Match(bytes.ReplaceAll(b, []byte("http.HandlerFunc"), nil)) {
			return err
		}
		at := path
		if strings.HasPrefix(path, "internal/mgmt/") {
			at = "internal/mgmt"
		}
		if found[at] = true; !known[at] {
			t.Errorf("%s makes routes: the rules of the API are not tried on them", path)
		}
		return nil
	})
	if err != nil || len(found) != len(known) {
		t.Error(found, err)
	}
	b, err := os.ReadFile("../link/http.go")
	if err != nil || bytes.Count(b, []byte(`mux.HandleFunc("POST "`)) != 1 || bytes.Count(b, []byte(`mux.HandleFunc("GET "`)) != 1 { // the second: what a soap service looks like
		t.Error("the way of partners' messages has another route", err)
	}
}

// rows are all rows of all tables, but for what every request leaves: the age of its session, who has read what, and how far
// the store's own indexer has come.
func (r *rig) rows() map[string]string {
	r.t.Helper()
	db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(r.dsn, "sqlite:"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // reading
	out := map[string]string{}
	for _, table := range schema.Tables {
		if slices.Contains([]string{"SY_US_SESSION", "SY_US_AUDIT_LOG", "SY_DB_WRITER"}, table.Name) {
			continue
		}
		var n int
		if err := db.QueryRow("SELECT COUNT(*) FROM sqlite_master WHERE name=?", table.Name).Scan(&n); err != nil {
			r.t.Fatal(err)
		}
		if n == 0 { // one that only partitioned tables want
			continue
		}
		rows, err := db.Query("SELECT * FROM " + table.Name)
		if err != nil {
			r.t.Fatal(table.Name, err)
		}
		names, _ := rows.Columns()
		var all []string
		for rows.Next() {
			v, at := make([]any, len(names)), make([]any, len(names))
			for i := range v {
				at[i] = &v[i]
			}
			if err := rows.Scan(at...); err != nil {
				r.t.Fatal(err)
			}
			if i := slices.Index(names, "SEARCH_STATE"); i >= 0 {
				v[i] = nil
			}
			if slices.Contains(v, any("journal.searchable")) {
				continue
			}
			all = append(all, fmt.Sprint(v))
		}
		if err := rows.Err(); err != nil {
			r.t.Fatal(err)
		}
		slices.Sort(all)
		out[table.Name] = strings.Join(all, "\n")
	}
	return out
}

func changed(a, b map[string]string) (tables []string) {
	for name := range a {
		if a[name] != b[name] {
			tables = append(tables, name)
		}
	}
	return tables
}

// Every GET of both services, and every POST that is said to read only, is answered and leaves each table as it was.
//
// req: AP-04
func TestAGetChangesNothing(t *testing.T) {
	if e := os.Getenv("STORE"); e != "" && e != dbserver.SQLite {
		t.Skip("the rows are compared in SQLite")
	}
	r := newRig(t)
	now := time.Now()
	content := []byte(`{"document":"card-agreement/1","text":"x","strokes":[]}`)
	sum := sm3.Sum(content)
	digest := hex.EncodeToString(sum[:])
	r.signedJournal("s1", digest, "000001/000012", 1)
	txn := store.NumberAt(now)
	if _, err := r.st.Insert(t.Context(), &store.Txn{ID: txn, Idem: "00000001|000012", Digest: []byte{1}, Terminal: "00000001", Kind: "cardIssue", Batch: "000001", STAN: "000012", State: store.Approved, Created: now, Updated: now}); err != nil {
		t.Fatal(err)
	}
	if st := r.put(digest, content); st != 204 {
		t.Fatal(st)
	}
	if st := r.put(digest, content); st != 204 { // a PUT may be sent again
		t.Fatal(st)
	}
	approval := r.ask("r1")
	var c acc.Case
	if st := r.terminal("POST", acc.PathCases, acc.CaseRequest{Request: "c1", Kind: "largeTransfer", Amount: 30_000_000, PAN: "622588******0001", Private: "6225880000000005", Fields: map[string]string{"receiver": "李四"}}, &c); st != 200 {
		t.Fatal(st)
	}
	if err := r.st.AddBundle(t.Context(), &store.Bundle{Digest: digest, Name: "pages", Version: "1", Size: 1, Manifest: []byte("x"), Signature: []byte("x"), By: "root", Created: now}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(r.dir+"/bundles", 0o700), os.WriteFile(r.dir+"/bundles/"+digest, content, 0o600)); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("/terminals/{id}", "/terminals/00000001", "/transactions/{id}", fmt.Sprint("/transactions/", txn), "{digest}", digest, "/approvals/{id}", "/approvals/"+approval.ID, "{number}", c.Number,
		"/formats/{name}", "/formats/pos64", "{$}", "")
	people := []*client{r.as("root"), r.as("olga"), r.as("anna"), r.as("tess")}
	answered := func(path string, do func() int) {
		t.Helper()
		before := r.rows()
		st := do()
		if st < 200 || st > 204 {
			t.Errorf("%s: %d for everybody: it was not tried", path, st)
		}
		if tables := changed(before, r.rows()); tables != nil {
			t.Errorf("%s changes %v", path, tables)
		}
	}
	bodies := map[string]any{"/transactions/search": map[string]any{"pan": "6225880000000001"}, "/transactions/totals": map[string]any{}, "/limits/use": map[string]any{"kind": "card", "subject": "6225880000000001"},
		"/formats/preview": map[string]any{"yaml": acme}}
	tried := 0
	for _, x := range r.served() {
		path := fill.Replace(x.path)
		if x.method != http.MethodGet && !acts[x.path].reads {
			continue
		}
		tried++
		answered(x.method+" "+path, func() (st int) {
			switch {
			case x.path == acc.PathBundles+"{digest}":
				return r.terminal("GET", path, nil, nil)
			case strings.HasPrefix(path, "/t/v1/"):
				return r.terminal("GET", path+"?product=transfer&amount=6000000", nil, nil)
			case path == "/events":
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				q, _ := http.NewRequestWithContext(ctx, http.MethodGet, r.web.URL+"/v2/api/events", nil)
				a, err := people[0].c.Do(q)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = a.Body.Read(make([]byte, 10))
				_ = a.Body.Close()
				return a.StatusCode
			case x.path == "/transactions/{id}/signatures/{digest}":
				q, _ := http.NewRequest(http.MethodGet, r.web.URL+"/v2/api"+path, nil)
				a, err := people[1].c.Do(q)
				if err != nil {
					t.Fatal(err)
				}
				_ = a.Body.Close()
				return a.StatusCode
			}
			for _, p := range people {
				if st, _ = p.do(x.method, path, bodies[x.path], nil); st == 200 {
					break
				}
			}
			return st
		})
	}
	if tried < 30 {
		t.Errorf("only %d were tried", tried)
	}
	before := r.rows()
	r.ask("r2")
	if got := changed(before, r.rows()); !slices.Equal(got, []string{"PD_AP_APPROVAL"}) {
		t.Errorf("a POST makes a row, and the comparison sees it: %v", got)
	}
	me := people[3]
	if st, _ := me.do("DELETE", "/session", nil, nil); st != 200 {
		t.Error(st)
	}
	if st, _ := me.do("GET", "/session", nil, nil); st != 401 {
		t.Error("what was deleted is there:", st)
	}
}
