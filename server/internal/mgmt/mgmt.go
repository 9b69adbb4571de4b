// Package mgmt is the management role: the HTTP API of the console and the Pad, its session
// cookies, its live events, and the static pages passed in. server/cmd/server wires it.
package mgmt

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"zhigui/keeper/api/release"
	"zhigui/server/api/code"
	"zhigui/server/api/message"
	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/blob"
	"zhigui/server/internal/cache"
	"zhigui/server/internal/cases"
	"zhigui/server/internal/product"
	"zhigui/server/internal/risk"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
)

// Options of a Service.
type Options struct {
	Engine     *trade.Engine       // nil: no messages in stories
	Live       *Live               // what runs in this process; nil: nothing
	Peers      *Peers              // what runs in others; nil: this server is alone
	Index      func([]byte) []byte // digest of a PAN for searches
	Release    *release.PublicKey  // nil: uploads are refused
	Blobs      blob.Store          // of what customers have signed; may be nil
	Bundles    string              // folder of bundle archives, by digest
	Pages      fs.FS               // nil: / tells how to build them
	Idle       time.Duration
	Beat       time.Duration // of the event stream, each looking whether the session still is; 0: 15 s
	Secure     bool          // a proxy before this server speaks TLS: cookies go nowhere else
	PerUser    int           // sign-ins in a minute; 0: PerUser
	PerAddress int
	OnApproval func(id string) // wakes the waiting terminal
	OnCase     func(number int64)
	Cases      *cases.Catalogue   // business in steps
	Vault      cases.Vault        // opens what customers told in it
	Products   *product.Catalogue // in force; nil: the platform's
	Limits     *risk.Rules        // in force; nil: none
	Hosts      []string           // configured
	Channels   []string           // configured
	Partners   []string           // channels whose partners send books
	Books      []Book             // formats of books beside the platform's
	Formats    []OwnFormat        // of messages, that the configuration loads from files; each name once
	Drafts     string             // folder of drafts of formats, an absolute path; empty: none are kept
	Server     string             // what this server is called, for people
	Broker     *Broker
	Now        func() time.Time
	Log        *slog.Logger
}

// Service is the http.Handler. It is safe for concurrent use.
type Service struct {
	o   Options
	st  *store.Store
	pos *message.Dialect
	mux chi.Router
	api huma.API

	names, addresses *limiter // of sign-ins
	previewing       chan struct{}
	drafting         sync.Mutex
	origin           *http.CrossOriginProtection
}

const cookieName = "zhigui_session"

var once sync.Once

// New makes the service.
func New(st *store.Store, o Options) (*Service, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Idle <= 0 {
		o.Idle = 30 * time.Minute
	}
	o.Beat = cmp.Or(o.Beat, 15*time.Second)
	if o.Products == nil {
		o.Products = product.Builtin()
	}
	if o.OnCase == nil {
		o.OnCase = func(int64) {}
	}
	if o.OnApproval == nil {
		o.OnApproval = func(string) {}
	}
	pos, err := message.Builtin("pos64")
	if err != nil {
		return nil, err
	}
	once.Do(func() { huma.NewError = newProblem }) // huma has one error factory per process
	s := &Service{o: o, st: st, pos: pos, mux: chi.NewMux(), names: newLimiter(cmp.Or(o.PerUser, PerUser)), addresses: newLimiter(cmp.Or(o.PerAddress, PerAddress)), previewing: make(chan struct{}, 1), origin: http.NewCrossOriginProtection()}
	cfg := huma.DefaultConfig("ZhiGui management", "2")
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "/v2/openapi", "", "/v2/schemas"
	cfg.CreateHooks = nil
	s.mux.Use(s.guard)
	s.api = humachi.New(s.mux, cfg)
	s.routes()
	s.mux.Get("/v2/api/events", s.events)
	if o.Pages != nil {
		s.mux.Handle("/*", http.FileServerFS(o.Pages))
	} else {
		s.mux.Get("/", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = w.Write([]byte("The pages are not built into this server. Build them: npm ci && npm run build in server/web, then build the server again.\nThe API is described in /v2/openapi.json.\n"))
		})
	}
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// OpenAPI returns the API's description as JSON.
func (s *Service) OpenAPI() ([]byte, error) { return json.Marshal(s.api.OpenAPI()) }

// problem is an error in the envelope.
type problem struct {
	status  int
	Code    string `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data"`
}

func (p *problem) Error() string  { return p.Message }
func (p *problem) GetStatus() int { return p.status }

func newProblem(status int, msg string, errs ...error) huma.StatusError {
	p := &problem{status: status, Code: code.BadRequest, Message: msg}
	if status == http.StatusInternalServerError {
		p.Code, p.Message = code.Internal, "internal error"
	}
	if len(errs) > 0 && status < 500 {
		var d huma.ErrorDetailer
		if errors.As(errs[0], &d) {
			p.Message += ": " + d.ErrorDetail().Location + " " + d.ErrorDetail().Message
		}
	}
	return p
}

// refuse answers a code of the table.
func refuse(status int, name string) error {
	c, _ := code.ByName(name)
	return &problem{status: status, Code: name, Message: c.EN}
}

// fail turns an error of the store into an answer; unexpected ones are logged, not shown.
func (s *Service) fail(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return refuse(http.StatusNotFound, code.NotFound)
	case errors.Is(err, store.ErrState), errors.Is(err, store.ErrArchived), errors.Is(err, store.ErrHeld): // held: another process is at it
		return refuse(http.StatusConflict, code.Conflict)
	case errors.Is(err, store.ErrDay), store.NoText(err):
		return refuse(http.StatusBadRequest, code.BadRequest)
	case errors.Is(err, store.ErrBusy):
		return refuse(http.StatusServiceUnavailable, code.Unavailable)
	}
	s.o.Log.Error("management", "error", err.Error())
	return refuse(http.StatusInternalServerError, code.Internal)
}

// missing is fail for what was looked for by its number: who sees nothing at all is told that, not that it is not there.
func (s *Service) missing(ctx context.Context, err error) error {
	if _, none := scope(ctx); none != nil {
		return none
	}
	return s.fail(err)
}

type out[T any] struct{ Body api.Envelope[T] }

func done[T any](v T) *out[T] {
	return &out[T]{api.Envelope[T]{Code: code.OK, Message: "", Data: v}}
}

type userKey struct{}

// who returns the signed-in user; guard has made sure there is one.
func who(ctx context.Context) *store.User {
	u, _ := ctx.Value(userKey{}).(*store.User)
	if u == nil {
		return &store.User{}
	}
	return u
}

// allow refuses users of other roles.
func allow(ctx context.Context, roles ...string) error {
	for _, r := range roles {
		if who(ctx).Role == r {
			return nil
		}
	}
	return refuse(http.StatusForbidden, code.Forbidden)
}

// scope is the branch a user is confined to, empty for the whole bank; refused when nobody has said which.
func scope(ctx context.Context) (string, error) {
	branch, ok := who(ctx).Scope()
	if !ok {
		return "", refuse(http.StatusForbidden, code.NoBranch)
	}
	return branch, nil
}

// within finds what is of one branch: that of another is not there.
func within(ctx context.Context, branch string) error {
	own, err := scope(ctx)
	if err == nil && own != "" && own != branch {
		err = refuse(http.StatusNotFound, code.NotFound)
	}
	return err
}

// bank allows the bank's own people of some roles, not a branch's.
func bank(ctx context.Context, roles ...string) error {
	if err := allow(ctx, roles...); err != nil {
		return err
	}
	if branch, err := scope(ctx); branch != "" || err != nil {
		return cmp.Or(err, refuse(http.StatusForbidden, code.Forbidden))
	}
	return nil
}

// guard lets only signed-in users reach the API (but for signing in and its description),
// and recovers from panics.
func (s *Service) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // a sentinel
				s.o.Log.Error("management: panic", "panic", fmt.Sprint(p))
				write(w, refuse(http.StatusInternalServerError, code.Internal))
			}
		}()
		r = r.WithContext(context.WithValue(r.Context(), callerKey{}, caller{addressOf(r), s.o.Secure || r.TLS != nil}))
		path := r.URL.Path
		if s.origin.Check(r) != nil { // another site's page, or another port's
			write(w, refuse(http.StatusForbidden, code.Forbidden))
			return
		}
		if len(path) < 8 || path[:8] != "/v2/api/" || path == "/v2/api/session" && r.Method == http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		if path != base+"/events" { // which lasts: what it read first would grow old
			ctx, end := cache.Request(r.Context())
			defer end()
			r = r.WithContext(ctx)
		}
		c, err := r.Cookie(cookieName)
		if err != nil {
			write(w, refuse(http.StatusUnauthorized, code.NotSignedIn))
			return
		}
		now := s.o.Now()
		u, err := s.st.SessionUser(r.Context(), tokenDigest(c.Value), now, now.Add(-s.o.Idle))
		if err != nil {
			write(w, refuse(http.StatusUnauthorized, code.NotSignedIn))
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, u)))
	})
}

func tokenDigest(token string) []byte {
	d := sha256.Sum256([]byte(token))
	return d[:]
}

func write(w http.ResponseWriter, err error) {
	var p *problem
	if errors.As(err, &p) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(p.status)
		_ = json.NewEncoder(w).Encode(p)
	}
}
