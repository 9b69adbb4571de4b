// Package flowhost serves the flow bundles to the pages, in the window and to a browser
// alike: the current version at /flows/<name>/, a pinned one at /flows/<name>/@<digest>/,
// its own recovery page when there is none, the page's configuration, and the page's
// heartbeat. Pure net/http; the shell imports it.
package flowhost

import (
	"embed"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"zhigui/terminal/internal/bundle"
)

//go:embed recovery.html
var recovery embed.FS

// Config of the host.
type Config struct {
	Bundles   *bundle.Store
	TokenFile string // per-boot token that the platform leaves
	Platform  string // ws://127.0.0.1:5846
	Kiosk     bool
}

// Beat is what a page says every two seconds.
type Beat struct {
	Frame   uint64 `json:"frame"` // counts painted frames: stands still when the page hangs
	Session string `json:"session"`
	Bundle  string `json:"bundle"`
}

// Host is the handler. Safe for concurrent use.
type Host struct {
	cfg   Config
	now   func() time.Time
	mu    sync.Mutex
	beat  Beat
	moved time.Time // when the frame counter last rose
	seen  bool
}

// New makes a host; now may be nil.
func New(cfg Config, now func() time.Time) *Host {
	if now == nil {
		now = time.Now
	}
	return &Host{cfg: cfg, now: now}
}

// Alive reports how long ago the page last painted, and whether one ever did.
func (h *Host) Alive() (since time.Duration, seen bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now().Sub(h.moved), h.seen
}

// Forget starts watching anew, after the page was started again.
func (h *Host) Forget() {
	h.mu.Lock()
	h.seen = false
	h.mu.Unlock()
}

// Beat is the page's last beat.
func (h *Host) Beat() Beat {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.beat
}

// ServeHTTP routes by hand: the window's asset server has rules of its own for paths that
// end in a slash, and none of its defaults must ever show.
func (h *Host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if !ownName(r.Host) || !sameSite(r) {
		http.Error(w, "another site may not use this page", http.StatusForbidden)
		return
	}
	switch p := path.Clean("/" + r.URL.Path); {
	case p == "/shell/config.json":
		h.config(w)
	case p == "/shell/heartbeat":
		h.heartbeat(w, r)
	case strings.HasPrefix(p, "/flows/"):
		h.flow(w, r, strings.TrimPrefix(p, "/flows/"))
	default:
		h.recoveryPage(w)
	}
}

// sameSite refuses requests that a page of another origin makes (the token must not leak).
func sameSite(r *http.Request) bool {
	if s := r.Header.Get("Sec-Fetch-Site"); s == "cross-site" || s == "same-site" {
		return r.Header.Get("Sec-Fetch-Mode") == "navigate"
	}
	o := r.Header.Get("Origin")
	if o == "" {
		return true
	}
	u, err := url.Parse(o)
	return err == nil && (u.Host == r.Host || u.Scheme == "wails")
}

// ownName refuses names that somebody else's name server points at this machine: a page
// that came by such a name is "of the same origin" and would be given the token.
func ownName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	switch host {
	case "", "localhost", "wails", "wails.localhost":
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}

func (h *Host) recoveryPage(w http.ResponseWriter) {
	b, err := recovery.ReadFile("recovery.html")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b)
}

func (h *Host) config(w http.ResponseWriter) {
	token, _ := os.ReadFile(h.cfg.TokenFile) // missing while the platform starts
	rec, _ := h.cfg.Bundles.Record()
	start := ""
	if _, err := h.cfg.Bundles.Path(rec.Current.Digest); err == nil {
		start = "/flows/" + rec.Current.Name + "/@" + rec.Current.Digest + "/"
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"platform": map[string]string{"url": h.cfg.Platform, "token": strings.TrimSpace(string(token))},
		"bundle":   rec.Current, "start": start, "kiosk": h.cfg.Kiosk,
	})
}

func (h *Host) heartbeat(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "POST a heartbeat", http.StatusMethodNotAllowed)
		return
	}
	var b Beat
	if err := json.NewDecoder(io.LimitReader(r.Body, 4096)).Decode(&b); err != nil {
		http.Error(w, "a heartbeat is {frame, session, bundle}", http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	if b.Frame != h.beat.Frame || !h.seen {
		h.moved = h.now()
	}
	h.beat, h.seen = b, true
	h.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// flow serves a file of a bundle; whatever is missing shows the recovery page, never a
// browser's error.
func (h *Host) flow(w http.ResponseWriter, r *http.Request, rest string) {
	name, file, _ := strings.Cut(rest, "/")
	rec, err := h.cfg.Bundles.Record()
	if err != nil || name == "" {
		h.recoveryPage(w)
		return
	}
	digest := rec.Current.Digest
	if pin, f, _ := strings.Cut(file, "/"); strings.HasPrefix(pin, "@") {
		digest, file = pin[1:], f
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		w.Header().Set("Cache-Control", "no-store")
	}
	dir, err := h.cfg.Bundles.Path(digest)
	if err != nil {
		h.recoveryPage(w)
		return
	}
	if file == "" {
		file = "index.html"
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		h.recoveryPage(w)
		return
	}
	defer root.Close()
	f, err := root.Open(file)
	if err != nil {
		if strings.Contains(path.Base(file), ".") {
			http.NotFound(w, r)
			return
		}
		h.recoveryPage(w)
		return
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || st.IsDir() {
		h.recoveryPage(w)
		return
	}
	if file == "index.html" {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy", "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws://127.0.0.1:* ws://localhost:*; object-src 'none'; base-uri 'none'; frame-ancestors 'none'")
	}
	http.ServeContent(w, r, file, st.ModTime(), f)
}
