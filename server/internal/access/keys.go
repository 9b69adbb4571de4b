package access

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"zhigui/server/api/access"
	"zhigui/server/api/code"
	"zhigui/server/api/keyload"
	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/store"
)

// KeyLoader makes master keys for PIN pads (hsm.Loader).
type KeyLoader interface {
	Load(owner string, alg paycrypto.Alg, o keyload.Offer, exchange bool) (*keyload.Token, error)
	Prove(owner string, alg paycrypto.Alg, p keyload.Proof) (keyload.Verdict, error)
}

func (s *Service) keyZone(t *store.Terminal) (paycrypto.Alg, error) {
	alg, own := map[string]paycrypto.Alg{"3des": paycrypto.DES, "sm4": paycrypto.SM4}[t.Zone]
	if s.o.Keys == nil || !own {
		return 0, &problem{http.StatusNotFound, code.NotFound, "no keys are loaded over the line here"}
	}
	return alg, nil
}

// refusal is the answer to a pad that gets no key, and the cause; nil when it is not the pad's fault.
func refusal(err error) (cause, answer error) {
	for _, c := range []struct {
		cause  error
		status int
		code   string
	}{{hsm.ErrOtherPad, http.StatusConflict, code.SecondPersonNeeded}, {keyload.ErrOffer, http.StatusForbidden, code.Forbidden}, {hsm.ErrReplay, http.StatusForbidden, code.Forbidden},
		{hsm.ErrMaker, http.StatusForbidden, code.Forbidden}, {hsm.ErrRevoked, http.StatusForbidden, code.Forbidden}} {
		if errors.Is(err, c.cause) {
			return c.cause, &problem{c.status, c.code, err.Error()}
		}
	}
	if errors.Is(err, hsm.ErrNoKey) {
		return hsm.ErrNoKey, &problem{http.StatusNotFound, code.NotFound, "no PIN pad is registered for this terminal, or the server has no key to sign with"}
	}
	return nil, nil
}

// refusedKey is a refusal that was told. Its text may be another each time: an expired certificate's has the
// moment in it.
type refusedKey struct {
	terminal string
	cause    error
}

const (
	refusedAgain = time.Hour
	refusedMost  = 10_000 // beyond it, what was told is told again
)

// mayTell says whether a refusal goes into the audit trail: one of a terminal and cause in an hour, as it
// asks again all the time.
func (s *Service) mayTell(k refusedKey, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.refused[k]; ok && now.Sub(at) < refusedAgain {
		return false
	}
	if len(s.refused) >= refusedMost {
		maps.DeleteFunc(s.refused, func(_ refusedKey, at time.Time) bool { return now.Sub(at) >= refusedAgain })
	}
	if len(s.refused) >= refusedMost {
		clear(s.refused)
	}
	s.refused[k] = now
	return true
}

// refuseKey notes a refusal and answers it.
func (s *Service) refuseKey(ctx context.Context, t *store.Terminal, cause, refused error) error {
	if s.mayTell(refusedKey{t.ID, cause}, s.o.Now()) {
		if err := s.auditKey(ctx, t, "refused: "+refused.Error()); err != nil {
			return err
		}
	}
	return refused
}

func (s *Service) auditKey(ctx context.Context, t *store.Terminal, note string) error {
	return s.st.AddAudit(ctx, store.Audit{User: t.ID, Action: "terminal.key", Target: t.ID, Note: note, At: s.o.Now()})
}

// keys answers a PIN pad's offer with a new master key that it alone can open. Every try is in the audit
// trail. An order of two people that is under way lets another pad take the place of the terminal's.
func (s *Service) keys(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	var o keyload.Offer
	if err := read(r, &o); err != nil {
		return err
	}
	alg, err := s.keyZone(t)
	if err != nil {
		return err
	}
	exchange, err := s.st.Ordered(r.Context(), t.ID, access.CommandLoadKey, s.o.Now())
	if err != nil {
		return err
	}
	token, err := s.o.Keys.Load(t.ID, alg, o, exchange)
	cause, refused := refusal(err)
	if err != nil && refused == nil {
		return err
	}
	if refused != nil {
		return s.refuseKey(r.Context(), t, cause, refused)
	}
	if err := s.auditKey(r.Context(), t, fmt.Sprintf("a new master key for PIN pad %s, not yet in use", o.Serial)); err != nil {
		return err
	}
	return answer(w, token)
}

// heldKey takes a PIN pad's proof of the key that it holds, at each start; the one that was loaded last becomes the
// terminal's by it.
func (s *Service) heldKey(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	var p keyload.Proof
	if err := read(r, &p); err != nil {
		return err
	}
	alg, err := s.keyZone(t)
	if err != nil {
		return err
	}
	v, err := s.o.Keys.Prove(t.ID, alg, p)
	if cause, refused := refusal(err); refused != nil {
		return s.refuseKey(r.Context(), t, cause, refused)
	}
	if err != nil {
		return err
	}
	if v.Fresh {
		if err := s.auditKey(r.Context(), t, fmt.Sprintf("PIN pad %s has proven its new master key, check value %X: it is the terminal's now", p.Serial, p.KCV)); err != nil {
			return err
		}
		s.o.Log.Info("a new master key is in use", "terminal", t.ID, "pad", p.Serial)
	}
	return answer(w, v)
}
