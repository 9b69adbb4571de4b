package flowhost

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhigui/keeper/api/release"
	"zhigui/terminal/internal/bundle"
)

const digest = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

// rig has one unpacked bundle that is current.
func rig(t *testing.T) (*Host, *time.Time) {
	t.Helper()
	dir := t.TempDir()
	b := filepath.Join(dir, "bundles", "store", digest)
	for name, text := range map[string]string{"index.html": "<p>flow</p>", "a.js": "x", release.ManifestName: "{}"} {
		if err := os.MkdirAll(b, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(b, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rec, _ := json.Marshal(bundle.Record{Current: bundle.Ref{Name: "flows", Version: "1", Digest: digest}})
	if err := os.WriteFile(filepath.Join(dir, "bundles", "current.json"), rec, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("no"), 0o600); err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("T0K3N"), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := bundle.Open(filepath.Join(dir, "bundles"), nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1000, 0)
	return New(Config{Bundles: store, TokenFile: token, Platform: "ws://127.0.0.1:5846"}, func() time.Time { return now }), &now
}

func get(h *Host, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = "127.0.0.1:8700"
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAPageIsShownWhateverIsAskedFor(t *testing.T) {
	h, _ := rig(t)
	for path, want := range map[string]string{
		"/":                                 `id="recovery"`,
		"/flows/flows/":                     "<p>flow</p>",
		"/flows/flows/@" + digest + "/":     "<p>flow</p>",
		"/flows/flows/@" + digest + "/a.js": "x",
		"/flows/flows/@" + strings.Repeat("f", 64) + "/": `id="recovery"`,
		"/flows/flows/@../../secret":                     `id="recovery"`,
		"/flows/flows/nowhere":                           `id="recovery"`,
		"/anything/at/all/":                              `id="recovery"`,
	} {
		w := get(h, path)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %.60s", path, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "no\n") || w.Body.String() == "no" {
			t.Errorf("%s leaks a file outside the bundle", path)
		}
	}
	if w := get(h, "/flows/flows/@"+digest+"/missing.js"); w.Code != http.StatusNotFound {
		t.Errorf("a missing script is %d: a page in its place would be run", w.Code)
	}
}

func TestTheTokenIsNotGivenToOtherSites(t *testing.T) {
	h, _ := rig(t)
	if w := get(h, "/shell/config.json"); !strings.Contains(w.Body.String(), "T0K3N") {
		t.Errorf("our own page gets %s", w.Body)
	}
	for _, header := range [][]string{
		{"Origin", "http://evil.example"},
		{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"},
		{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors"},
	} {
		if w := get(h, "/shell/config.json", header...); strings.Contains(w.Body.String(), "T0K3N") {
			t.Errorf("%v gets the token", header)
		}
	}
}

func TestTheTokenIsNotGivenUnderAStrangersName(t *testing.T) {
	h, _ := rig(t)
	for host, ok := range map[string]bool{"127.0.0.1:8700": true, "localhost:8700": true, "[::1]:8700": true, "wails.localhost": true, "": true,
		"evil.example:8700": false, "127.0.0.1.evil.example": false, "192.0.2.1:8700": false} {
		r := httptest.NewRequest(http.MethodGet, "/shell/config.json", nil)
		r.Host = host
		r.Header.Set("Origin", "http://"+host)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := strings.Contains(w.Body.String(), "T0K3N"); got != ok {
			t.Errorf("%q: token given %v", host, got)
		}
	}
}

func TestAPageThatBeatsWithoutPaintingCountsAsDead(t *testing.T) {
	h, now := rig(t)
	beat := func(frame string) {
		r := httptest.NewRequest(http.MethodPost, "/shell/heartbeat", strings.NewReader(`{"frame":`+frame+`}`))
		r.Host = "127.0.0.1:8700"
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	if _, seen := h.Alive(); seen {
		t.Error("alive before any beat")
	}
	beat("1")
	*now = now.Add(2 * time.Second)
	beat("2")
	*now = now.Add(2 * time.Second)
	beat("2")
	*now = now.Add(3 * time.Second)
	beat("2")
	if age, seen := h.Alive(); !seen || age != 5*time.Second {
		t.Errorf("%s %v", age, seen)
	}
	h.Forget()
	if _, seen := h.Alive(); seen {
		t.Error("the page before still counts")
	}
}
