package mgmt

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhigui/server/api/code"
)

// Sign-ins in a minute, right or wrong, of one user and from one address (a branch may be behind
// one), when nothing else is configured. The lock after wrong passwords is apart.
const (
	PerUser    = 20
	PerAddress = 120
	perPeriod  = time.Minute
)

// limiter lets a number of tries in a period through for each key, spread or at once.
type limiter struct {
	most  int
	mu    sync.Mutex
	until map[string]time.Time // when a key has all its tries back
}

func newLimiter(most int) *limiter { return &limiter{most: most, until: map[string]time.Time{}} }

// wait is how long key must wait for its next try; 0: it may now, and it is counted.
func (l *limiter) wait(key string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.until) >= 4096 { // those that nothing is known of need no place
		for k, t := range l.until {
			if !t.After(now) {
				delete(l.until, k)
			}
		}
	}
	next := l.until[key]
	if next.Before(now) {
		next = now
	}
	next = next.Add(perPeriod / time.Duration(l.most))
	if over := next.Sub(now) - perPeriod; over > 0 {
		return over
	}
	l.until[key] = next
	return 0
}

// caller is what a handler must know of the connection.
type caller struct {
	address string
	secure  bool // it is TLS up to the browser
}

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// addressOf is the address a request came from. A proxy's word is not taken: behind one, all are one.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// mayTry refuses whoever tries too often, before any password is looked at.
func (s *Service) mayTry(ctx context.Context, name string) error {
	address, now := callerOf(ctx).address, s.o.Now()
	wait := s.addresses.wait(address, now)
	if wait == 0 {
		wait = s.names.wait(name, now)
	}
	if wait == 0 {
		return nil
	}
	s.o.Log.Warn("sign-in refused: too many tries", "address", address)
	return huma.ErrorWithHeaders(refuse(http.StatusTooManyRequests, code.TooMany),
		http.Header{"Retry-After": {strconv.Itoa(int((wait + time.Second - 1) / time.Second))}})
}
