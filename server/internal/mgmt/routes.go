package mgmt

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhigui/server/api/access"
	"zhigui/server/api/code"
	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/cases"
	"zhigui/server/internal/identity"
	"zhigui/server/internal/store"
)

const base = "/v2/api"

func (s *Service) routes() {
	huma.Post(s.api, base+"/session", s.signIn)
	huma.Get(s.api, base+"/session", s.me)
	huma.Delete(s.api, base+"/session", s.signOut)
	huma.Get(s.api, base+"/users", s.users)
	huma.Post(s.api, base+"/users", s.addUser)
	huma.Post(s.api, base+"/users/{name}/agree", s.agreeUser)
	huma.Delete(s.api, base+"/users/{name}", s.withdrawUser)
	huma.Get(s.api, base+"/terminals", s.terminals)
	huma.Get(s.api, base+"/terminals/{id}/bundles", s.history)
	huma.Post(s.api, base+"/terminals/{id}/bundles", s.assign)
	huma.Post(s.api, base+"/terminals/{id}/bundles/back", s.back)
	huma.Get(s.api, base+"/terminals/{id}/commands", s.commands)
	huma.Post(s.api, base+"/terminals/{id}/commands", s.command)
	huma.Post(s.api, base+"/terminals/{id}/commands/{command}/agree", s.agree)
	huma.Post(s.api, base+"/terminals/{id}/commands/{command}/withdraw", s.withdraw)
	huma.Get(s.api, base+"/transactions", s.listTransactions)
	huma.Post(s.api, base+"/transactions/search", s.searchTransactions)
	huma.Post(s.api, base+"/transactions/totals", s.totals)
	huma.Get(s.api, base+"/transactions/{id}", s.story)
	huma.Get(s.api, base+"/transactions/{id}/signatures/{digest}", s.signature)
	huma.Post(s.api, base+"/transactions/{id}/close", s.closeByHand)
	huma.Get(s.api, base+"/approvals", s.approvals)
	huma.Post(s.api, base+"/approvals/{id}/approve", s.approve)
	huma.Post(s.api, base+"/approvals/{id}/reject", s.reject)
	s.caseRoutes()
	huma.Get(s.api, base+"/bundles", s.bundles)
	huma.Register(s.api, huma.Operation{OperationID: "upload-bundle", Method: http.MethodPost, Path: base + "/bundles", MaxBodyBytes: 1 << 30, BodyReadTimeout: 10 * time.Minute}, s.upload)
	huma.Get(s.api, base+"/alarms", s.alarms)
	huma.Get(s.api, base+"/switch", s.switchState)
	huma.Get(s.api, base+"/switch/meter", s.meter)
	huma.Get(s.api, base+"/switch/queue", s.queue)
	huma.Post(s.api, base+"/switch/queue/{id}/retry", s.retryNow)
	huma.Get(s.api, base+"/reconciliation", s.reconciliation)
	huma.Get(s.api, base+"/reconciliation/books", s.books)
	huma.Register(s.api, huma.Operation{OperationID: "compare-book", Method: http.MethodPost, Path: base + "/reconciliation/books", MaxBodyBytes: 1 << 30, BodyReadTimeout: 10 * time.Minute}, s.book)
	huma.Post(s.api, base+"/reconciliation/books/agree", s.agreeBook)
	huma.Post(s.api, base+"/reconciliation/{id}/settle", s.settleDifference)
	huma.Get(s.api, base+"/formats", s.formats)
	huma.Get(s.api, base+"/formats/{name}", s.formatText)
	huma.Register(s.api, huma.Operation{OperationID: "put-draft", Method: http.MethodPut, Path: base + "/formats/{name}", MaxBodyBytes: 512 << 10}, s.putDraft)
	huma.Delete(s.api, base+"/formats/{name}", s.dropDraft)
	huma.Register(s.api, huma.Operation{OperationID: "preview-format", Method: http.MethodPost, Path: base + "/formats/preview", MaxBodyBytes: 512 << 10}, s.preview)
	s.businessRoutes()
	huma.Get(s.api, base+"/blocks", s.blocks)
	huma.Post(s.api, base+"/blocks", s.setBlock(true))
	huma.Register(s.api, huma.Operation{OperationID: "lift-block", Method: http.MethodPost, Path: base + "/blocks/lift"}, s.setBlock(false))
}

// check verifies a password and counts the attempt.
func (s *Service) check(ctx context.Context, name, password string) (*store.User, error) {
	u, err := identity.Check(ctx, s.st, name, password, s.o.Now())
	return u, s.unchecked(err)
}

// unchecked is the answer for an error of identity.
func (s *Service) unchecked(err error) error {
	switch {
	case errors.Is(err, identity.ErrFirst):
		return refuse(http.StatusForbidden, code.FirstPassword)
	case errors.Is(err, identity.ErrWeak):
		return refuse(http.StatusBadRequest, code.WeakPassword)
	case errors.Is(err, identity.ErrWrong):
		return refuse(http.StatusUnauthorized, code.WrongPassword)
	case errors.Is(err, identity.ErrLocked):
		return refuse(http.StatusForbidden, code.Locked)
	case err != nil:
		return s.fail(err)
	}
	return nil
}

type sessionOut struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      api.Envelope[api.Me]
}

func meOf(u *store.User) api.Me {
	return api.Me{Name: u.Name, Display: u.Display, Role: u.Role, Branch: u.Branch}
}

func (s *Service) signIn(ctx context.Context, in *struct{ Body api.SignIn }) (*sessionOut, error) {
	if err := s.mayTry(ctx, in.Body.Name); err != nil {
		return nil, err
	}
	var u *store.User
	var err error
	if in.Body.New == "" {
		u, err = identity.Check(ctx, s.st, in.Body.Name, in.Body.Password, s.o.Now())
	} else {
		u, err = identity.Change(ctx, s.st, in.Body.Name, in.Body.Password, in.Body.New, s.o.Now())
	}
	if err := s.unchecked(err); err != nil {
		return nil, err
	}
	token := rand.Text()
	if err := s.st.AddSession(ctx, tokenDigest(token), u.Name, s.o.Now()); err != nil {
		return nil, s.fail(err)
	}
	return &sessionOut{cookie(ctx, token),
		api.Envelope[api.Me]{Code: code.OK, Data: meOf(u)}}, nil
}

// cookie holds a session's token; over TLS it goes over nothing else.
func cookie(ctx context.Context, token string) http.Cookie {
	return http.Cookie{Name: cookieName, Value: token, Path: "/", HttpOnly: true, Secure: callerOf(ctx).secure, SameSite: http.SameSiteStrictMode}
}

func (s *Service) me(ctx context.Context, _ *struct{}) (*out[api.Me], error) {
	return done(meOf(who(ctx))), nil
}

func (s *Service) signOut(ctx context.Context, in *struct {
	Session string `cookie:"zhigui_session"`
}) (*sessionOut, error) {
	if err := s.st.EndSession(ctx, tokenDigest(in.Session)); err != nil {
		return nil, s.fail(err)
	}
	gone := cookie(ctx, "")
	gone.MaxAge = -1
	return &sessionOut{gone, api.Envelope[api.Me]{Code: code.OK}}, nil
}

func (s *Service) approvalOf(a *store.Approval) api.Approval {
	x := api.Approval{ID: a.ID, Terminal: a.Terminal, Branch: a.Branch, Kind: a.Kind, Amount: a.Amount, PAN: a.PAN, State: a.State,
		Manager: a.Manager, Code: a.Code, Note: a.Note, Created: a.Created, Expires: a.Expires, Signers: a.Signers, Signed: a.Signed, Role: a.Role}
	if a.Case != 0 {
		k, p := s.titles(a.Kind, a.Step)
		x.Case, x.Title = strconv.FormatInt(a.Case, 10), &api.Text{ZH: k.ZH + " · " + p.ZH, EN: k.EN + " · " + p.EN}
	}
	if a.State != access.Pending {
		x.Decided = a.Decided
	}
	return x
}

func (s *Service) approvals(ctx context.Context, in *struct {
	Pending bool `query:"pending"`
}) (*out[[]api.Approval], error) {
	role := who(ctx).Role
	if role != cases.Manager && role != cases.Teller {
		role = ""
	}
	branch, err := scope(ctx)
	if err != nil {
		return nil, err
	}
	as, err := s.st.Approvals(ctx, branch, role, in.Pending, s.o.Now(), 200)
	if err != nil {
		return nil, s.fail(err)
	}
	list := make([]api.Approval, 0, len(as))
	for _, a := range as {
		list = append(list, s.approvalOf(a))
	}
	return done(list), nil
}

// decide lets one of those whose word it is decide an approval; the first decision wins.
func (s *Service) decide(ctx context.Context, id, state, reason, note string) (*out[api.Approval], error) {
	if _, err := scope(ctx); err != nil {
		return nil, err
	}
	a, err := s.st.Approval(ctx, id)
	if err == nil && !decides(who(ctx), a) {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, s.fail(err)
	}
	var derr error
	if state == "approved" {
		derr = s.st.Agree(ctx, id, who(ctx).Name, s.o.Now())
	} else {
		derr = s.st.Decide(ctx, id, state, who(ctx).Name, reason, note, s.o.Now())
	}
	if a, err = s.st.Approval(ctx, id); err != nil {
		return nil, s.fail(err)
	}
	if derr != nil {
		switch a.State {
		case "approved", "rejected":
			return nil, &problem{status: http.StatusConflict, Code: code.AlreadyDecided, Message: "decided by " + a.Manager, Data: s.approvalOf(a)}
		case "pending": // this person's word is there already: another's is wanted
			return nil, &problem{status: http.StatusConflict, Code: code.AlreadyDecided, Message: "signed by " + strings.Join(a.Signed, ", "), Data: s.approvalOf(a)}
		case "expired", "cancelled":
			return nil, &problem{status: http.StatusConflict, Code: code.ApprovalEnded, Message: a.State, Data: s.approvalOf(a)}
		}
		return nil, s.fail(derr)
	}
	s.o.OnApproval(id)
	if a.Case != 0 {
		s.o.OnCase(a.Case)
	}
	s.o.Broker.Publish("approval", id)
	return done(s.approvalOf(a)), nil
}

func (s *Service) approve(ctx context.Context, in *struct {
	ID   string `path:"id"`
	Body api.Approve
}) (*out[api.Approval], error) {
	if err := allow(ctx, cases.Manager, cases.Teller); err != nil {
		return nil, err
	}
	if err := seen(who(ctx), in.Body.SeenInPerson); err != nil {
		return nil, err
	}
	if _, err := s.check(ctx, who(ctx).Name, in.Body.Password); err != nil {
		return nil, err
	}
	return s.decide(ctx, in.ID, "approved", "", "")
}

func (s *Service) reject(ctx context.Context, in *struct {
	ID   string `path:"id"`
	Body api.Reject
}) (*out[api.Approval], error) {
	if err := allow(ctx, cases.Manager, cases.Teller); err != nil {
		return nil, err
	}
	if c, ok := code.ByName(in.Body.Code); !ok || !strings.HasPrefix(c.Name, "Reason") || !c.Customer {
		return nil, refuse(http.StatusBadRequest, code.ReasonNeeded)
	}
	return s.decide(ctx, in.ID, "rejected", in.Body.Code, in.Body.Note)
}
