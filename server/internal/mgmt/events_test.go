package mgmt_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"zhigui/server/internal/store"
)

// Who has signed out, or may not sign in any more, hears of nothing more on a page that is still open; and who was
// given another branch hears of no more than is that branch's.
func TestThePagesOfWhoIsGoneHearNothing(t *testing.T) {
	r := newRig(t)
	give := func(name, role, branch string, enabled bool) {
		t.Helper()
		u, err := r.st.User(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		u.Role, u.Branch, u.Enabled = role, branch, enabled
		if err := r.st.AddUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	for what, x := range map[string]struct {
		who string
		do  func(c *client)
	}{
		"signed out":   {"olga", func(c *client) { c.do("DELETE", "/session", nil, nil) }},
		"disabled":     {"otto", func(*client) { give("otto", "operator", "", false) }},
		"another role": {"rita", func(*client) { give("rita", "teller", "0002", true) }}, // which ends all sessions
	} {
		t.Run(what, func(t *testing.T) {
			c := r.as(x.who)
			q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.web.URL+"/v2/api/events", nil)
			if err != nil {
				t.Fatal(err)
			}
			a, err := (&http.Client{Jar: c.c.Jar}).Do(q)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Body.Close() //nolint:errcheck // test
			buf := make([]byte, 256)
			for got := ""; !strings.Contains(got, "beat"); {
				n, err := a.Body.Read(buf)
				if err != nil {
					t.Fatal(err)
				}
				got += string(buf[:n])
			}
			x.do(c)
			ended := make(chan error, 1)
			go func() { _, err := io.Copy(io.Discard, a.Body); ended <- err }()
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(time.Minute):
				t.Fatal("the stream goes on")
			}
		})
	}
}

// An open page keeps nobody signed in.
func TestListeningIsNoSignOfLife(t *testing.T) {
	r := newRig(t)
	now := time.Now()
	token := []byte("12345678901234567890123456789012")
	if err := r.st.AddSession(t.Context(), token, "olga", now.Add(-2*time.Minute)); err != nil {
		t.Fatal(err)
	}
	at := func(idle time.Duration) error {
		_, err := r.st.SessionHolder(t.Context(), token, now, now.Add(-idle))
		return err
	}
	if err := at(3 * time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := at(time.Minute); err != store.ErrNotFound { //nolint:errorlint // it is that
		t.Errorf("%v: a look made it younger", err)
	}
}
