package access

import (
	"errors"
	"net/http"

	"zhigui/server/api/code"
	"zhigui/server/api/keyload"
	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/store"
)

// KeyLoader makes a master key for a registered PIN pad (hsm.Soft).
type KeyLoader interface {
	LoadTMK(owner string, alg paycrypto.Alg, o keyload.Offer) (*keyload.Token, error)
}

// keys answers a PIN pad's offer with a new master key that it alone can open. Every try is in the audit trail.
func (s *Service) keys(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	var o keyload.Offer
	if err := read(r, &o); err != nil {
		return err
	}
	alg, own := map[string]paycrypto.Alg{"3des": paycrypto.DES, "sm4": paycrypto.SM4}[t.Zone]
	if s.o.Keys == nil || !own {
		return &problem{http.StatusNotFound, code.NotFound, "no keys are loaded over the line here"}
	}
	token, err := s.o.Keys.LoadTMK(t.ID, alg, o)
	var refused error
	switch {
	case errors.Is(err, keyload.ErrOffer), errors.Is(err, hsm.ErrReplay):
		refused = &problem{http.StatusForbidden, code.Forbidden, err.Error()}
	case errors.Is(err, hsm.ErrNoKey):
		refused = &problem{http.StatusNotFound, code.NotFound, "no PIN pad is registered for this terminal, or the server has no key to sign with"}
	case err != nil:
		return err
	}
	note := "a new master key"
	if refused != nil {
		note = "refused: " + refused.Error()
	}
	if err := s.st.AddAudit(r.Context(), store.Audit{User: t.ID, Action: "terminal.key", Target: t.ID, Note: note, At: s.o.Now()}); err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	return answer(w, token)
}
