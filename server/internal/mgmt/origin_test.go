package mgmt_test

import (
	"net/http"
	"strings"
	"testing"
)

// A page of another origin changes nothing with the cookie of who is signed in, be it on another port of this machine,
// and be it over http, where browsers do not say which site a request is from.
func TestAnotherOriginsPageChangesNothing(t *testing.T) {
	r := newRig(t)
	olga := r.as("olga")
	own := r.web.URL
	for name, x := range map[string]struct {
		header, value string
		want          int
	}{
		"our own page":                        {"Sec-Fetch-Site", "same-origin", 200},
		"our own page over http":              {"Origin", own, 200},
		"a program":                           {"Accept", "*/*", 200},
		"another site":                        {"Sec-Fetch-Site", "cross-site", 403},
		"another port, or a name beside ours": {"Sec-Fetch-Site", "same-site", 403},
		"another site over http":              {"Origin", "http://elsewhere.example", 403},
		"another port over http":              {"Origin", "http://127.0.0.1:1", 403},
		"a page of no origin":                 {"Origin", "null", 403},
	} {
		t.Run(name, func(t *testing.T) {
			for path, body := range map[string]string{"/blocks": `{"kind":"terminal","subject":"00000001","note":"lost"}`, "/session": `{"name":"olga","password":"password12"}`} {
				q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, own+"/v2/api"+path, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				q.Header.Set("Content-Type", "application/json")
				q.Header.Set(x.header, x.value)
				a, err := olga.c.Do(q)
				if err != nil {
					t.Fatal(err)
				}
				_ = a.Body.Close()
				if a.StatusCode != x.want {
					t.Errorf("%s: %d, want %d", path, a.StatusCode, x.want)
				}
			}
		})
	}
}
