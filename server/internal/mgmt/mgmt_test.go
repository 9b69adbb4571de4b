package mgmt_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"zhigui/keeper/api/release"
	acc "zhigui/server/api/access"
	"zhigui/server/internal/access"
	"zhigui/server/internal/blob"
	"zhigui/server/internal/cases"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/mgmt"
	"zhigui/server/internal/recon"
	"zhigui/server/internal/risk"
	"zhigui/server/internal/store"
	"zhigui/sim/dbserver/dbtest"
)

type rig struct {
	t     *testing.T
	st    *store.Store
	acc   *access.Service
	web   *httptest.Server
	sk    *release.PrivateKey
	dir   string
	dsn   string
	blobs blob.Store
	mgmt  *mgmt.Service
}

// acme is the format of a partner's book.
const acme = `kind: delimited
name: bookacme
charset: gbk
frame: {prefix: none, end: "0A", max: 512}
delimited: {separator: ";", escape: "\\", closed: true}
table:
  - {name: reference, canon: reference, type: an, max: 12, required: true}
  - {name: terminal, canon: terminal, type: ans, max: 8}
  - {name: amount, canon: amount, type: n, max: 12}
  - {name: sign, type: an, max: 1}
  - {name: state, type: an, max: 1}
`

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), dsn: dbtest.Chosen(t)}
	ctx := context.Background()
	var err error
	if r.st, err = store.Open(ctx, store.Options{DSN: r.dsn, Archives: r.dir}); err != nil {
		t.Fatal(err)
	}
	vault, err := hsm.NewVault(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	br := mgmt.NewBroker()
	r.blobs = blob.Folder(filepath.Join(r.dir, "blobs"))
	r.acc = access.New(r.st, access.Options{Cases: cases.Builtin(), Vault: vault, Blobs: r.blobs, Bundles: filepath.Join(r.dir, "bundles"), Publish: br.Publish, Log: log})
	private, public, err := release.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	r.sk, _ = release.ParsePrivate(private)
	pk, _ := release.ParsePublic(public)
	limits, err := risk.New([]risk.Rule{{Name: "cardDay", Of: "card", Per: "day", Amount: 2_000_000, Count: 10}, {Name: "single", Of: "card", Per: "transaction", Amount: 500_000},
		{Name: "abroad", Of: "card", Per: "month", Count: 3, BINs: []string{"4"}}, {Name: "hourly", Of: "terminal", Per: "hour", Count: 100}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(r.dir, "acme.yaml")
	if err := os.WriteFile(file, []byte(acme), 0o600); err != nil {
		t.Fatal(err)
	}
	lines, err := recon.Format(file)
	if err != nil {
		t.Fatal(err)
	}
	own := mgmt.OwnFormat{Name: "bookacme", Path: file, YAML: acme, Used: []string{"core"}}
	m, err := mgmt.New(r.st, mgmt.Options{Formats: []mgmt.OwnFormat{own, {Name: "running", Path: filepath.Join(r.dir, "formats", "running.yaml"), YAML: strings.Replace(acme, "bookacme", "running", 1), Used: []string{"bills"}}}, Drafts: filepath.Join(r.dir, "formats"), Partners: []string{"bills"}, Books: []mgmt.Book{{Name: "acme", Of: "bills", Lines: lines}}, Limits: limits, Hosts: []string{"core"}, Channels: []string{"terminals", "bills"}, Cases: cases.Builtin(), Vault: vault, OnCase: r.acc.CaseChanged, Blobs: r.blobs, Index: func(b []byte) []byte { return b }, Release: pk, Bundles: filepath.Join(r.dir, "bundles"),
		OnApproval: r.acc.Changed, Broker: br, Log: log, Beat: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	r.mgmt = m
	r.web = httptest.NewServer(m)
	t.Cleanup(func() { r.web.CloseClientConnections(); r.web.Close(); _ = r.st.Close() })
	h, _ := bcrypt.GenerateFromPassword([]byte("password12"), bcrypt.MinCost)
	for _, u := range []store.User{{Name: "anna", Role: "manager", Branch: "0001"}, {Name: "ben", Role: "manager", Branch: "0001"},
		{Name: "carl", Role: "manager", Branch: "0002"}, {Name: "tess", Role: "teller", Branch: store.WholeBank}, {Name: "nora", Role: "teller"}, {Name: "nick", Role: "manager"}, {Name: "olly", Role: "operator", Branch: "0002"}, {Name: "adam", Role: "admin", Branch: "0002"}, {Name: "theo", Role: "teller", Branch: "0002"}, {Name: "olga", Role: "operator"}, {Name: "otto", Role: "operator"}, {Name: "root", Role: "admin"}, {Name: "rita", Role: "admin"}} {
		u.Display, u.Hash, u.Enabled, u.Created = u.Name, string(h), true, time.Now()
		if err := r.st.AddUser(ctx, &u); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.st.AddTerminal(ctx, &store.Terminal{ID: "00000001", Merchant: "102290000000001", Branch: "0001", Zone: "3des", Enabled: true, Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
	return r
}

type client struct {
	r *rig
	c *http.Client
}

func (r *rig) as(name string) *client {
	r.t.Helper()
	jar, _ := cookiejar.New(nil)
	c := &client{r, &http.Client{Jar: jar, Timeout: 10 * time.Second}}
	if name != "" {
		if st, _ := c.do("POST", "/session", map[string]string{"name": name, "password": "password12"}, nil); st != 200 {
			r.t.Fatal("sign-in:", st)
		}
	}
	return c
}

// do returns the status and the envelope's code; data is decoded into out.
func (c *client) do(method, path string, body, out any) (int, string) {
	c.r.t.Helper()
	var rd io.Reader
	ct := "application/json"
	switch b := body.(type) {
	case nil:
	case []byte:
		rd, ct = bytes.NewReader(b), "application/gzip"
	default:
		j, _ := json.Marshal(b)
		rd = bytes.NewReader(j)
	}
	q, _ := http.NewRequest(method, c.r.web.URL+"/v2/api"+path, rd)
	q.Header.Set("Content-Type", ct)
	a, err := c.c.Do(q)
	if err != nil {
		c.r.t.Fatal(err)
	}
	defer a.Body.Close() //nolint:errcheck // test
	raw, _ := io.ReadAll(a.Body)
	var env struct {
		Code string
		Data json.RawMessage
	}
	if err := json.Unmarshal(raw, &env); err != nil || env.Code == "" {
		c.r.t.Fatalf("%s %s: no envelope in %q", method, path, raw)
	}
	if out != nil {
		if err := json.Unmarshal(env.Data, out); err != nil {
			c.r.t.Fatal(err, string(raw))
		}
	}
	return a.StatusCode, env.Code
}

// terminal calls the terminal API as terminal 00000001, through real mutual TLS state.
func (r *rig) terminal(method, path string, body, out any) int {
	return r.at("00000001", method, path, body, out)
}

func (r *rig) at(id, method, path string, body, out any) int {
	r.t.Helper()
	j, _ := json.Marshal(body)
	q := httptest.NewRequest(method, path, bytes.NewReader(j))
	q.TLS = &tls.ConnectionState{VerifiedChains: chain(id)}
	w := httptest.NewRecorder()
	r.acc.ServeHTTP(w, q)
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			r.t.Fatal(err, w.Body.String())
		}
	}
	return w.Code
}

func (r *rig) ask(id string) acc.Approval {
	var a acc.Approval
	if st := r.terminal("POST", acc.PathApprovals, acc.ApprovalRequest{Request: id, Kind: acc.KindWithdrawal, Amount: 600000, PAN: "622588******0001"}, &a); st != 200 {
		r.t.Errorf("approval request answered %d", st) // also called from goroutines
	}
	return a
}

func TestWithoutSigningInNothingIsShown(t *testing.T) {
	r := newRig(t)
	for _, p := range []string{"/terminals", "/transactions", "/approvals", "/alarms", "/bundles", "/users", "/events"} {
		if st, code := r.as("").do("GET", p, nil, nil); st != 401 || code != "NotSignedIn" {
			t.Errorf("%s: %d %s", p, st, code)
		}
	}
}

func TestFiveWrongPasswordsLockTheUser(t *testing.T) {
	r := newRig(t)
	c := r.as("")
	for range 5 {
		if _, code := c.do("POST", "/session", map[string]string{"name": "anna", "password": "wrong"}, nil); code != "WrongPassword" {
			t.Fatal(code)
		}
	}
	if _, code := c.do("POST", "/session", map[string]string{"name": "anna", "password": "password12"}, nil); code != "Locked" {
		t.Fatal(code)
	}
}

// req: PA-01
func TestAManagerSeesOnlyTheOwnBranch(t *testing.T) {
	r := newRig(t)
	a := r.ask("r1")
	var list []struct{ ID string }
	r.as("carl").do("GET", "/approvals?pending=true", nil, &list)
	if len(list) != 0 {
		t.Error("another branch sees it")
	}
	if st, _ := r.as("carl").do("POST", "/approvals/"+a.ID+"/reject", map[string]string{"code": "ReasonRisk"}, nil); st != 404 {
		t.Error("another branch decides:", st)
	}
	r.as("anna").do("GET", "/approvals?pending=true", nil, &list)
	if len(list) != 1 {
		t.Error("own branch does not see it")
	}
}

// req: UX-32
func TestApprovingNeedsThePasswordAndRejectingAReason(t *testing.T) {
	r := newRig(t)
	a := r.ask("r1")
	anna := r.as("anna")
	p := "/approvals/" + a.ID
	if _, c := anna.do("POST", p+"/approve", map[string]any{"password": "wrong", "seenInPerson": true}, nil); c != "WrongPassword" {
		t.Error(c)
	}
	if st, _ := anna.do("POST", p+"/approve", map[string]any{"password": "password12", "seenInPerson": false}, nil); st != 400 {
		t.Error(st)
	}
	if _, c := anna.do("POST", p+"/reject", map[string]any{"code": "BadRequest"}, nil); c != "ReasonNeeded" {
		t.Error(c)
	}
	if _, c := r.as("olga").do("POST", p+"/approve", map[string]any{"password": "password12", "seenInPerson": true}, nil); c != "Forbidden" {
		t.Error(c)
	}
	if _, c := anna.do("POST", p+"/reject", map[string]any{"code": "ReasonRisk", "note": "n"}, nil); c != "OK" {
		t.Error(c)
	}
	var got acc.Approval
	r.terminal("GET", acc.PathApprovals+"/"+a.ID, nil, &got)
	if got.State != acc.Rejected || got.Reason == nil || got.Reason.ZH == "" {
		t.Errorf("the terminal got %+v", got)
	}
}

// req: UX-35
func TestTheFirstOfTwoManagersDecides(t *testing.T) {
	r := newRig(t)
	a := r.ask("r1")
	var wg sync.WaitGroup
	codes := make(chan string, 2)
	for _, n := range []string{"anna", "ben"} {
		c := r.as(n)
		wg.Go(func() {
			_, code := c.do("POST", "/approvals/"+a.ID+"/approve", map[string]any{"password": "password12", "seenInPerson": true}, nil)
			codes <- code
		})
	}
	wg.Wait()
	if got := []string{<-codes, <-codes}; (got[0] == "OK") == (got[1] == "OK") || got[0] != "AlreadyDecided" && got[1] != "AlreadyDecided" {
		t.Fatal(got)
	}
}

// req: UX-35
func TestCancelledAndExpiredRequestsCannotBeDecided(t *testing.T) {
	r := newRig(t)
	a, b := r.ask("r1"), r.ask("r2")
	r.terminal("POST", acc.PathApprovals+"/"+a.ID+"/cancel", nil, nil)
	if err := r.st.Decide(t.Context(), b.ID, acc.Expired, "", "", "", time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{a.ID, b.ID} {
		if _, c := r.as("anna").do("POST", "/approvals/"+id+"/approve", map[string]any{"password": "password12", "seenInPerson": true}, nil); c != "ApprovalEnded" {
			t.Error(c)
		}
	}
	if again := r.ask("r1"); again.ID != a.ID || again.State != acc.Cancelled {
		t.Error("a repeat of the request made a new one")
	}
}

// req: PA-02
func TestTheWaitingTerminalHearsTheDecision(t *testing.T) {
	r := newRig(t)
	a := r.ask("r1")
	got := make(chan acc.Approval, 1)
	go func() {
		var v acc.Approval
		r.terminal("GET", acc.PathApprovals+"/"+a.ID+"?wait=20s", nil, &v)
		got <- v
	}()
	r.as("anna").do("POST", "/approvals/"+a.ID+"/approve", map[string]any{"password": "password12", "seenInPerson": true}, nil)
	select {
	case v := <-got:
		if v.State != acc.Approved || v.Manager != "anna" {
			t.Fatalf("%+v", v)
		}
	case <-time.After(15 * time.Second):
		t.Fatal("the terminal was not told")
	}
}

func TestTheJournalIsTakenInOrderAndABrokenChainAlarms(t *testing.T) {
	r := newRig(t)
	rec := func(n uint64, prev, hash string) acc.Record {
		return acc.Record{Seq: n, Prev: prev, Hash: hash, Body: json.RawMessage(`{"k":1}`), Txn: "000001/000002"}
	}
	var a acc.JournalAnswer
	good := acc.Journal{Records: []acc.Record{rec(1, "0", "a"), rec(2, "a", "b")}}
	for range 2 {
		if r.terminal("POST", acc.PathJournal, good, &a); a.Accepted != 2 || a.Error != "" {
			t.Fatalf("%+v", a)
		}
	}
	a = acc.JournalAnswer{}
	if r.terminal("POST", acc.PathJournal, acc.Journal{Records: []acc.Record{rec(3, "b", "c"), rec(4, "x", "d"), rec(5, "d", "e")}}, &a); a.Accepted != 3 || a.Error == "" {
		t.Fatalf("%+v", a)
	}
	var alarms []struct{ Code string }
	r.as("olga").do("GET", "/alarms", nil, &alarms)
	if len(alarms) != 1 || alarms[0].Code != "ChainBroken" {
		t.Fatal(alarms)
	}
}

func TestBundlesAreCheckedAssignedTakenBackAndDownloadedInParts(t *testing.T) {
	r := newRig(t)
	root := r.as("root")
	var digests []string
	for _, v := range []string{"1.0.0", "1.1.0"} {
		src := t.TempDir()
		if err := os.WriteFile(filepath.Join(src, "index.html"), []byte("version "+v), 0o600); err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		if _, err := release.Pack(&buf, src, "flows", v, r.sk); err != nil {
			t.Fatal(err)
		}
		bad := append([]byte(nil), buf.Bytes()...)
		bad[len(bad)/2] ^= 1
		if _, c := root.do("POST", "/bundles", bad, nil); c != "BundleInvalid" {
			t.Error("a changed archive:", c)
		}
		var b struct{ Digest string }
		if st, c := root.do("POST", "/bundles", buf.Bytes(), &b); st != 200 {
			t.Fatal(st, c)
		}
		digests = append(digests, b.Digest)
		if st, c := root.do("POST", "/terminals/00000001/bundles", map[string]string{"digest": b.Digest}, nil); st != 200 {
			t.Fatal(st, c)
		}
	}
	var beat acc.BeatAnswer
	r.terminal("POST", acc.PathBeat, acc.Beat{Seq: 1, Boot: "b", State: "inService", At: time.Now()}, &beat)
	if beat.Assigned == nil || beat.Assigned.Digest != digests[1] {
		t.Fatal("not assigned")
	}
	root.do("POST", "/terminals/00000001/bundles/back", nil, nil)
	r.terminal("POST", acc.PathBeat, acc.Beat{Seq: 2, Boot: "b", State: "inService", At: time.Now()}, &beat)
	if beat.Assigned.Digest != digests[0] {
		t.Fatal("not taken back")
	}
	q := httptest.NewRequest("GET", acc.PathBundles+digests[0], nil)
	q.Header.Set("Range", "bytes=10-19")
	q.TLS = &tls.ConnectionState{VerifiedChains: chain("00000001")}
	w := httptest.NewRecorder()
	r.acc.ServeHTTP(w, q)
	if w.Code != 206 || w.Body.Len() != 10 {
		t.Fatal(w.Code, w.Body.Len())
	}
	var ts []struct {
		State  string
		Online bool
	}
	r.as("olga").do("GET", "/terminals", nil, &ts)
	if len(ts) != 1 || !ts[0].Online || ts[0].State != "inService" {
		t.Fatal(ts)
	}
	if st, _ := r.as("olga").do("POST", "/terminals/00000001/bundles", map[string]string{"digest": digests[0]}, nil); st != 403 {
		t.Error("an operator assigned a bundle")
	}
}

func TestClosingATransactionTakesTwoPersons(t *testing.T) {
	r := newRig(t)
	now := time.Now()
	if _, err := r.st.Insert(t.Context(), &store.Txn{ID: 42, Idem: "00000001|k", Digest: []byte{1}, Terminal: "00000001", Kind: "withdrawal", State: store.Suspense,
		PANMasked: "622588******0001", PANIndex: []byte("6225880000000001"), Amount: 100, Created: now, Updated: now}); err != nil {
		t.Fatal(err)
	}
	var p struct{ Total int }
	olga := r.as("olga")
	if olga.do("POST", "/transactions/search", map[string]string{"pan": "6225880000000001"}, &p); p.Total != 1 {
		t.Error("not found by card number")
	}
	if olga.do("GET", "/transactions?terminal=00000001&state=SUSPENSE&amountMin=100", nil, &p); p.Total != 1 {
		t.Error("not found by terminal")
	}
	if olga.do("GET", "/transactions?terminal=00000002", nil, &p); p.Total != 0 {
		t.Error("found for another terminal")
	}
	body := map[string]string{"note": "cash counted"}
	var c struct{ Closed bool }
	if olga.do("POST", "/transactions/42/close", body, &c); c.Closed {
		t.Fatal("one person closed it")
	}
	if _, code := olga.do("POST", "/transactions/42/close", body, nil); code != "SecondPersonNeeded" {
		t.Fatal(code)
	}
	if r.as("otto").do("POST", "/transactions/42/close", body, &c); !c.Closed {
		t.Fatal("two persons could not close it")
	}
	var story struct {
		Transaction struct{ State string }
		Steps       []struct{ Note string }
	}
	olga.do("GET", "/transactions/42", nil, &story)
	if story.Transaction.State != "CLOSED_BY_HAND" || !strings.Contains(fmt.Sprint(story.Steps), "olga and otto") {
		t.Fatalf("%+v", story)
	}
}

func TestTheStoryOfWhatNoTerminalConfirmsEndsWithTheHostsAnswer(t *testing.T) {
	for name, auth := range map[string]string{"a payment": "000042", "an enquiry without an authorisation code": ""} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			now := time.Now()
			if _, err := r.st.Insert(t.Context(), &store.Txn{ID: 42, Idem: "00000001|k", Digest: []byte{1}, Terminal: "00000001", Kind: "purchase", State: store.Confirmed,
				PANMasked: "622588******0001", PANIndex: []byte("6225880000000001"), Amount: 100, Auth: auth, RC: "00", Created: now, Updated: now}); err != nil {
				t.Fatal(err)
			}
			var story struct {
				Steps []struct{ State, Note string }
			}
			r.as("olga").do("GET", "/transactions/42", nil, &story)
			if got := fmt.Sprint(story.Steps); got != "[{INTENT stored before it was sent} {CONFIRMED host answered 00}]" {
				t.Fatal(got)
			}
		})
	}
}

func TestGarbageIsAnsweredInTheEnvelope(t *testing.T) {
	r := newRig(t)
	c := r.as("root")
	for _, p := range []string{"/session", "/users", "/transactions/search"} {
		if st, code := c.do("POST", p, []string{"no", "object"}, nil); st < 400 || st > 499 || code == "OK" {
			t.Errorf("%s: %d %s", p, st, code)
		}
	}
	if st, _ := c.do("GET", "/transactions/zzz", nil, nil); st != 404 {
		t.Error(st)
	}
	for _, body := range []any{"x", 7, nil, map[string]any{"records": "y"}} {
		if st := r.terminal("POST", acc.PathJournal, body, nil); st != 400 && st != 200 {
			t.Error(st)
		}
	}
}

func TestTheDescriptionIsServedAndLiveEventsArrive(t *testing.T) {
	r := newRig(t)
	a, err := http.Get(r.web.URL + "/v2/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(a.Body)
	_ = a.Body.Close()
	if !strings.Contains(string(b), `"openapi":"3.1`) || !strings.Contains(string(b), "/v2/api/approvals/{id}/approve") {
		t.Fatal(string(b[:min(200, len(b))]))
	}
	live := map[string]io.ReadCloser{}
	for _, name := range []string{"anna", "olga"} { // of a branch, of head office
		q, _ := http.NewRequestWithContext(t.Context(), "GET", r.web.URL+"/v2/api/events", nil)
		ev, err := r.as(name).c.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer ev.Body.Close() //nolint:errcheck // test
		live[name] = ev.Body
	}
	id := r.ask("r1").ID
	for name, want := range map[string]string{"anna": `{"kind":"approval","id":""}`, "olga": `{"kind":"approval","id":"` + id + `"}`} {
		buf := make([]byte, 4096)
		var got string
		for !strings.Contains(got, want) {
			n, err := live[name].Read(buf)
			if err != nil {
				t.Fatal(name, err, got)
			}
			got += string(buf[:n])
		}
		if name == "anna" && strings.Contains(got, id) {
			t.Error("an id in", got)
		}
	}
}
