package mgmt

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"zhigui/server/api/code"
	"zhigui/server/internal/store"
	"zhigui/sim/dbserver/dbtest"
)

// desk is a service with one user and a clock of its own.
type desk struct {
	*Service
	now time.Time
}

func newDesk(t *testing.T, o Options) *desk {
	t.Helper()
	st, err := store.Open(context.Background(), store.Options{DSN: dbtest.Chosen(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	d := &desk{now: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)}
	hash, err := bcrypt.GenerateFromPassword([]byte("password12"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"olga", "otto"} {
		if err := st.AddUser(context.Background(), &store.User{Name: name, Role: "operator", Hash: string(hash), Enabled: true, Created: d.now}); err != nil {
			t.Fatal(err)
		}
	}
	o.Broker, o.Now, o.Log = NewBroker(), func() time.Time { return d.now }, slog.New(slog.NewTextHandler(io.Discard, nil))
	if d.Service, err = New(st, o); err != nil {
		t.Fatal(err)
	}
	return d
}

// signsIn tries a sign-in from an address and answers status, code and how long to wait.
func (d *desk) signsIn(name, address string, secure bool) (int, string, *http.Response) {
	q := httptest.NewRequest("POST", "/v2/api/session", strings.NewReader(`{"name":"`+name+`","password":"password12"}`))
	q.Header.Set("Content-Type", "application/json")
	if q.RemoteAddr = address + ":4711"; secure {
		q.TLS = &tls.ConnectionState{}
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, q)
	var env struct{ Code string }
	_ = json.Unmarshal(w.Body.Bytes(), &env)
	return w.Code, env.Code, w.Result()
}

func TestSignInsAreLimitedForAUserAndForAnAddress(t *testing.T) {
	d := newDesk(t, Options{PerUser: 3, PerAddress: 5})
	for i := range 3 {
		if st, c, _ := d.signsIn("olga", "10.0.0.1", false); st != 200 {
			t.Fatalf("try %d: %d %s", i, st, c)
		}
	}
	st, c, a := d.signsIn("olga", "10.0.0.2", false) // from elsewhere, too
	if st != 429 || c != code.TooMany || a.Header.Get("Retry-After") != "20" || a.Header.Get("Set-Cookie") != "" {
		t.Errorf("%d %s %q", st, c, a.Header)
	}
	for range 2 {
		if st, _, _ := d.signsIn("otto", "10.0.0.1", false); st != 200 {
			t.Error("another user is refused", st)
		}
	}
	if st, _, _ := d.signsIn("otto", "10.0.0.1", false); st != 429 {
		t.Error("an address has no end of tries", st)
	}
	if st, _, _ := d.signsIn("otto", "10.0.0.3", false); st != 200 {
		t.Error("another address is refused", st)
	}
	d.now = d.now.Add(20 * time.Second)
	if st, _, _ := d.signsIn("olga", "10.0.0.2", false); st != 200 {
		t.Error("the limit does not end", st)
	}
	if st, _, _ := d.signsIn("olga", "10.0.0.2", false); st != 429 {
		t.Error("it is forgotten at once", st)
	}
}

func TestTheLimitForgetsThoseWhoHaveStopped(t *testing.T) {
	l, now := newLimiter(2), time.Now()
	for i := range 10000 {
		l.wait(strings.Repeat("x", i), now.Add(time.Duration(i)*time.Second))
	}
	if len(l.until) > 4097 {
		t.Errorf("%d are remembered", len(l.until))
	}
}

func TestACookieOfASecureConnectionGoesOverNoOther(t *testing.T) {
	for _, c := range []struct {
		name          string
		behind, tls   bool
		secureWasSaid bool
	}{{"plain", false, false, false}, {"TLS", false, true, true}, {"behind a proxy with TLS", true, false, true}} {
		_, _, a := newDesk(t, Options{Secure: c.behind}).signsIn("olga", "10.0.0.1", c.tls)
		if got := a.Cookies(); len(got) != 1 || got[0].Secure != c.secureWasSaid || !got[0].HttpOnly || got[0].SameSite != http.SameSiteStrictMode {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
