package mgmt

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"zhigui/server/api/code"
	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/cases"
	"zhigui/server/internal/store"
)

func (s *Service) caseRoutes() {
	huma.Get(s.api, base+"/cases", s.listCases)
	huma.Get(s.api, base+"/cases/{number}", s.oneCase)
}

// decides reports whether it is for this user to decide an approval.
func decides(u *store.User, a *store.Approval) bool {
	return u.Role == a.Role && (a.Branch == u.Branch || u.Role == cases.Teller && u.Branch == store.WholeBank)
}

func (s *Service) titles(kind, step string) (k, p api.Text) {
	k, p = api.Text{ZH: kind, EN: kind}, api.Text{ZH: step, EN: step}
	if x := s.o.Cases.Named(kind); x != nil {
		k = api.Text(x.Title)
		if y := x.Step(step); y != nil {
			p = api.Text(y.Title)
		}
	}
	return k, p
}

func (s *Service) caseOf(c *store.Case) api.Case {
	x := api.Case{Number: strconv.FormatInt(c.Number, 10), Kind: c.Kind, Terminal: c.Terminal, Branch: c.Branch, Amount: c.Amount, PAN: c.PAN, State: c.State, Created: c.Created, Expires: c.Expires}
	x.Title, _ = s.titles(c.Kind, "")
	if c.Journal != 0 {
		x.Journal = strconv.FormatInt(c.Journal, 10)
	}
	for _, p := range c.Steps {
		y := api.CaseStep{Name: p.Name, By: p.By, State: p.State, Who: p.Who, Code: p.Code, Note: p.Note, At: p.At}
		_, y.Title = s.titles(c.Kind, p.Name)
		x.Steps = append(x.Steps, y)
	}
	return x
}

func (s *Service) listCases(ctx context.Context, in *struct {
	State string `query:"state" enum:",open,ready,used,refused,withdrawn,expired"`
}) (*out[[]api.Case], error) {
	branch, err := scope(ctx)
	if err != nil {
		return nil, err
	}
	cs, err := s.st.Cases(ctx, branch, in.State, 200)
	if err != nil {
		return nil, s.fail(err)
	}
	list := make([]api.Case, 0, len(cs))
	for _, c := range cs {
		list = append(list, s.caseOf(c))
	}
	return done(list), nil
}

// oneCase shows a case; what the customer told, to those who decide about it, and that they saw it is kept.
func (s *Service) oneCase(ctx context.Context, in *struct {
	Number int64 `path:"number"`
}) (*out[api.Case], error) {
	u := who(ctx)
	c, err := s.st.Case(ctx, in.Number)
	if err != nil {
		return nil, s.missing(ctx, err)
	}
	if err := within(ctx, c.Branch); err != nil {
		return nil, err
	}
	x := s.caseOf(c)
	if x.Left, err = s.st.CaseMoves(ctx, c.Number); err != nil {
		return nil, s.fail(err)
	}
	if u.Role != cases.Teller && u.Role != cases.Manager {
		return done(x), nil
	}
	if x.Data, err = s.told(c.Data, c.Number, ""); err != nil {
		return nil, s.fail(err)
	}
	for i, p := range c.Steps {
		if x.Steps[i].Data, err = s.told(p.Data, c.Number, p.Name); err != nil {
			return nil, s.fail(err)
		}
	}
	as, err := s.st.CaseApprovals(ctx, c.Number)
	if err != nil {
		return nil, s.fail(err)
	}
	for _, a := range as {
		if a.State == "pending" && decides(u, a) {
			v := s.approvalOf(a)
			x.Approval = &v
		}
	}
	if err := s.st.AddAudit(ctx, store.Audit{User: u.Name, Action: "case.view", Target: x.Number, At: s.o.Now()}); err != nil {
		return nil, s.fail(err)
	}
	return done(x), nil
}

func (s *Service) told(sealed []byte, number int64, step string) (map[string]string, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	plain, err := s.o.Vault.Open(nil, sealed, cases.Data(number, step))
	if err != nil {
		return nil, err
	}
	var m map[string]string
	return m, json.Unmarshal(plain, &m)
}

// seen tells whether somebody who approves has seen the customer: the lobby manager in person, a teller
// on the screen.
func seen(u *store.User, inPerson bool) error {
	if u.Role == cases.Manager && !inPerson {
		return refuse(400, code.BadRequest)
	}
	return nil
}
