package mgmt

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/store"
)

// Broker passes events to the pages that are open. Publish never blocks: a page that does
// not keep up is told to fetch everything again.
type Broker struct {
	mu   sync.Mutex
	subs map[*subscriber]struct{}
	out  func(kind, id string) // to other servers; nil: there are none
}

type subscriber struct {
	ch   chan api.Event
	lost bool
}

// NewBroker makes a broker.
func NewBroker() *Broker { return &Broker{subs: map[*subscriber]struct{}{}} }

// Publish tells all open pages that something has changed, those at other servers too if a Relay runs.
func (b *Broker) Publish(kind, id string) {
	b.mu.Lock()
	out := b.out
	b.mu.Unlock()
	if out != nil {
		out(kind, id)
	}
	b.tell(kind, id)
}

// tell tells the pages that are open here.
func (b *Broker) tell(kind, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.subs {
		select {
		case s.ch <- api.Event{Kind: kind, ID: id}:
		default:
			s.lost = true
		}
	}
}

func (b *Broker) join() *subscriber {
	s := &subscriber{ch: make(chan api.Event, 64)}
	b.mu.Lock()
	b.subs[s] = struct{}{}
	b.mu.Unlock()
	return s
}

func (b *Broker) leave(s *subscriber) {
	b.mu.Lock()
	delete(b.subs, s)
	b.mu.Unlock()
}

func (b *Broker) missed(s *subscriber) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := s.lost
	s.lost = false
	return l
}

func (s *Service) events(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	branch, sees := who(r.Context()).Scope()
	session, _ := r.Cookie(cookieName) // guard has seen it
	sub := s.o.Broker.join()
	defer s.o.Broker.leave(sub)
	beat := time.NewTicker(s.o.Beat)
	defer beat.Stop()
	_, _ = fmt.Fprint(w, ": open\n\n")
	for {
		if rc.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
			now := s.o.Now()
			u, err := s.st.SessionHolder(r.Context(), tokenDigest(session.Value), now, now.Add(-s.o.Idle))
			if errors.Is(err, store.ErrNotFound) { // signed out, idle, or nobody's any more: the page asks again and is told
				return
			}
			if err == nil {
				branch, sees = u.Scope()
			}
			_, _ = fmt.Fprint(w, ": beat\n\n")
		case e := <-sub.ch:
			if !sees {
				continue
			}
			if s.o.Broker.missed(sub) {
				e = api.Event{Kind: "resync"}
			}
			if branch != "" {
				e.ID = "" // it may be another branch's
			}
			b, err := json.Marshal(e)
			if err != nil {
				return
			}
			_, _ = fmt.Fprintf(w, "data: %s\n\n", b)
		}
	}
}
