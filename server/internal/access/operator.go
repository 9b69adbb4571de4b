package access

import (
	"errors"
	"net/http"

	"zhigui/server/api/access"
	"zhigui/server/api/code"
	"zhigui/server/internal/identity"
	"zhigui/server/internal/store"
)

// operator lets a person work at the terminal itself. Every try is in the audit trail.
func (s *Service) operator(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	var q access.OperatorSignIn
	if err := read(r, &q); err != nil {
		return err
	}
	u, err := identity.Check(r.Context(), s.st, q.Name, q.Password, s.o.Now())
	var refused error
	switch {
	case errors.Is(err, identity.ErrWrong):
		refused = &problem{http.StatusUnauthorized, code.WrongPassword, err.Error()}
	case errors.Is(err, identity.ErrLocked):
		refused = &problem{http.StatusForbidden, code.Locked, err.Error()}
	case errors.Is(err, identity.ErrFirst):
		refused = &problem{http.StatusForbidden, code.FirstPassword, err.Error()}
	case err != nil:
		return err
	case u.Role != "operator" && u.Role != "admin", u.Branch != "" && u.Branch != t.Branch:
		refused = &problem{http.StatusForbidden, code.Forbidden, "not an operator of this branch"}
	}
	note := "let in"
	if refused != nil {
		note = refused.Error()
	}
	if err := s.st.AddAudit(r.Context(), store.Audit{User: q.Name, Action: "terminal.operate", Target: t.ID, Note: note, At: s.o.Now()}); err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	return answer(w, access.Operator{Name: u.Name, Display: u.Display, Role: u.Role})
}
