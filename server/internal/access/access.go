// Package access is the terminal-facing role: HTTPS with client certificates, TLS 1.3. The
// terminal's number is the common name of its certificate. server/cmd/server wires it.
package access

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"zhigui/server/api/access"
	"zhigui/server/api/code"
	"zhigui/server/internal/blob"
	"zhigui/server/internal/cases"
	"zhigui/server/internal/certificate"
	"zhigui/server/internal/lease"
	"zhigui/server/internal/store"
)

const maxBody = 4 << 20

// VerifyChain checks that r continues a chain whose last hash is prev. The chain's format
// belongs to terminal/api/journal; Continues is the least every format allows to check.
type VerifyChain func(prev string, r access.Record) error

// Continues checks the sequence of hashes only.
func Continues(prev string, r access.Record) error {
	if r.Prev != prev {
		return errors.New("prev_hash is not the hash of the record before")
	}
	if r.Hash == "" {
		return errors.New("hash is missing")
	}
	return nil
}

// Joint asks for the agreement of several managers to a kind of request, above an amount (会签).
type Joint struct {
	Kind    string
	Over    int64 // minor units; 0: always
	Signers int
}

// Options of a Service.
type Options struct {
	Bundles   string // folder of bundle archives, by digest
	BeatEvery time.Duration
	Params    map[string]int64
	Joint     []Joint             // requests that more than one manager must agree to
	Blobs     blob.Store          // of what customers have signed; nil: none are taken
	Cases     *cases.Catalogue    // business in steps
	Channels  map[string][]string // of terminals, by key zone
	Vault     cases.Vault         // seals what terminals tell in it
	Keys      KeyLoader           // of PIN pads, over the line; nil: none are
	Failpoint func(state string)
	Verify    VerifyChain // nil = Continues
	Publish   func(kind, id string)
	Node      *lease.Node // nil = the database is this server's alone
	Now       func() time.Time
	Log       *slog.Logger
}

// Service is the API's http.Handler. It is safe for concurrent use.
type Service struct {
	o   Options
	st  *store.Store
	mux *http.ServeMux

	routes []string // of mux

	mu      sync.Mutex
	waiters map[string]chan struct{} // approval → closed on change
	chains  map[string]*sync.Mutex   // terminal → one journal upload at a time
	refused map[refusedKey]time.Time // refusals of keys in the audit trail
}

// New makes the service.
func New(st *store.Store, o Options) *Service {
	if o.Verify == nil {
		o.Verify = Continues
	}
	if o.Failpoint == nil {
		o.Failpoint = func(string) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Node == nil {
		o.Node = lease.Alone()
	}
	if o.Publish == nil {
		o.Publish = func(string, string) {}
	}
	if o.BeatEvery <= 0 {
		o.BeatEvery = 5 * time.Second
	}
	s := &Service{o: o, st: st, mux: http.NewServeMux(), waiters: map[string]chan struct{}{}, chains: map[string]*sync.Mutex{}, refused: map[refusedKey]time.Time{}}
	s.handle("POST "+access.PathSignIn, s.signIn)
	s.handle("POST "+access.PathBeat, s.beat)
	s.handle("POST "+access.PathJournal, s.journal)
	s.handle("GET "+access.PathBundles+"{digest}", s.bundle)
	s.handle("PUT "+access.PathSignatures+"{digest}", s.signature)
	s.handle("POST "+access.PathApprovals, s.createApproval)
	s.handle("GET "+access.PathApprovals+"/{id}", s.getApproval)
	s.handle("POST "+access.PathApprovals+"/{id}/cancel", s.cancelApproval)
	if o.Vault != nil {
		s.handle("POST "+access.PathCases, s.openCase)
		s.handle("GET "+access.PathCaseNeed, s.needsCase)
		s.handle("GET "+access.PathCases+"/{number}", s.getCase)
		s.handle("POST "+access.PathCases+"/{number}/steps/{step}", s.doStep)
		s.handle("POST "+access.PathCases+"/{number}/move", s.moveCase)
		s.handle("POST "+access.PathCases+"/{number}/withdraw", s.withdrawCase)
	}
	s.handle("POST "+access.PathAlarms, s.alarm)
	s.handle("POST "+access.PathKeys, s.keys)
	s.handle("POST "+access.PathHeldKey, s.heldKey)
	s.handle("POST "+access.PathOperators, s.operator)
	return s
}

func (s *Service) handle(route string, h handler) {
	s.routes = append(s.routes, route)
	s.mux.HandleFunc(route, s.with(h))
}

// Routes are what the service answers: a method and a path each.
func (s *Service) Routes() []string { return slices.Clone(s.routes) }

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.mux.ServeHTTP(w, r)
}

// TLS builds the server side of mutual TLS 1.3. A replaced pair is served from the next handshake on; failed is told
// of one that cannot be.
func TLS(ca, cert, key string, failed func(error)) (*tls.Config, error) {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("access: CA (serverctl pki init makes one): %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("access: %s holds no certificate", ca)
	}
	pair, err := certificate.Open(cert, key, failed)
	if err != nil {
		return nil, fmt.Errorf("access: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: pair.Get, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}, nil
}

// Run expires approvals until ctx ends.
func (s *Service) Run(ctx context.Context) {
	t := time.NewTicker(500 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if s.o.Node.Shared() {
			s.changedElsewhere(ctx)
		}
		if !s.o.Node.Holds(Job) {
			continue
		}
		ids, err := s.st.ExpireApprovals(ctx, s.o.Now())
		if err != nil && ctx.Err() == nil {
			s.o.Log.Error("approvals", "error", err.Error())
		}
		for _, id := range ids {
			s.Changed(id)
			s.o.Publish("approval", id)
		}
		late, err := s.st.ExpireCases(ctx, s.o.Now())
		if err != nil && ctx.Err() == nil {
			s.o.Log.Error("cases", "error", err.Error())
		}
		for _, n := range late {
			s.CaseChanged(n)
		}
	}
}

// Job is the lease of what one server does for all.
const Job = "job.access"

// changedElsewhere wakes terminals that wait for an approval, or for somebody's step of a case, which was decided at another server.
func (s *Service) changedElsewhere(ctx context.Context) {
	s.mu.Lock()
	ids := slices.Collect(maps.Keys(s.waiters))
	s.mu.Unlock()
	for _, id := range ids {
		if number, ok := strings.CutPrefix(id, caseKey("")); ok {
			n, _ := strconv.ParseInt(number, 10, 64)
			if c, err := s.st.Case(ctx, n); err == nil && !othersTurn(c) {
				s.Changed(id)
			}
			continue
		}
		if a, err := s.st.Approval(ctx, id); err == nil && a.State != access.Pending {
			s.Changed(id)
		}
	}
}

// Changed wakes terminals that wait for an approval.
func (s *Service) Changed(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ch := s.waiters[id]; ch != nil {
		close(ch)
		delete(s.waiters, id)
	}
}

type handler func(t *store.Terminal, w http.ResponseWriter, r *http.Request) error

// problem is an error with the status and the code it is answered with.
type problem struct {
	status int
	code   string
	text   string
}

func (p *problem) Error() string { return p.text }

func (s *Service) with(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
			s.fail(w, &problem{http.StatusUnauthorized, code.NotSignedIn, "a terminal's certificate is wanted"})
			return
		}
		t, err := s.st.Terminal(r.Context(), r.TLS.VerifiedChains[0][0].Subject.CommonName)
		if err != nil || !t.Enabled {
			s.fail(w, &problem{http.StatusForbidden, code.Forbidden, "terminal not registered"})
			return
		}
		if err := h(t, w, r); err != nil {
			s.fail(w, err)
		}
	}
}

func (s *Service) fail(w http.ResponseWriter, err error) {
	var p *problem
	switch {
	case errors.As(err, &p):
	case errors.Is(err, store.ErrNotFound):
		p = &problem{http.StatusNotFound, code.NotFound, "not found"}
	case errors.Is(err, store.ErrBusy):
		p = &problem{http.StatusServiceUnavailable, code.Unavailable, "busy"}
	default:
		s.o.Log.Error("access", "error", err.Error())
		p = &problem{http.StatusInternalServerError, code.Internal, "internal error"}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.status)
	_ = json.NewEncoder(w).Encode(access.Error{Code: p.code, Message: p.text})
}

func read(r *http.Request, v any) error {
	if err := json.NewDecoder(r.Body).Decode(v); err != nil {
		return &problem{http.StatusBadRequest, code.BadRequest, "body is not the JSON that is wanted"}
	}
	_, err := io.Copy(io.Discard, r.Body)
	return err
}

func answer(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

func (s *Service) assigned(ctx context.Context, terminal string) (*access.Bundle, error) {
	b, err := s.st.Assigned(ctx, terminal)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &access.Bundle{Name: b.Name, Version: b.Version, Digest: b.Digest, Size: b.Size, Manifest: b.Manifest, Signature: b.Signature}, nil
}

// bundle serves an archive, with Range, to a terminal.
func (s *Service) bundle(_ *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	b, err := s.st.Bundle(r.Context(), r.PathValue("digest"))
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(s.o.Bundles, b.Digest))
	if err != nil {
		return fmt.Errorf("bundle archive: %w", err)
	}
	defer f.Close() //nolint:errcheck // reading
	w.Header().Set("Content-Type", "application/gzip")
	w.Header().Set("ETag", `"`+b.Digest+`"`)
	http.ServeContent(w, r, "", time.Time{}, f)
	return nil
}
