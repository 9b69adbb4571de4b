package access

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"zhigui/server/api/access"
	"zhigui/server/api/code"
	"zhigui/server/internal/cases"
	"zhigui/server/internal/store"
)

const maxFields = 32

// sealed is what a terminal told, sealed for its case and step; nil for nothing.
func (s *Service) sealed(number int64, step string, fields map[string]string) ([]byte, error) {
	if len(fields) == 0 {
		return nil, nil
	}
	plain, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	if len(fields) > maxFields || len(plain) > 6000 {
		return nil, &problem{http.StatusBadRequest, code.BadRequest, "fields: 32 at most, 6000 bytes together"}
	}
	return s.o.Vault.Seal(nil, plain, cases.Data(number, step)), nil
}

// needsCase tells a terminal beforehand what the switch will ask for, by whichever channel of its zone it comes.
func (s *Service) needsCase(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	amount, err := strconv.ParseInt(r.URL.Query().Get("amount"), 10, 64)
	if err != nil || amount < 0 {
		return &problem{http.StatusBadRequest, code.BadRequest, "amount: minor units"}
	}
	var n access.CaseNeed
	for _, channel := range append(slices.Clone(s.o.Channels[t.Zone]), "") {
		if k := s.o.Cases.For(r.URL.Query().Get("product"), channel, true, amount); k != nil {
			n.Kind = k.Name
			break
		}
	}
	return answer(w, n)
}

func (s *Service) openCase(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	var q access.CaseRequest
	if err := read(r, &q); err != nil {
		return err
	}
	k := s.o.Cases.Named(q.Kind)
	switch {
	case k == nil:
		return &problem{http.StatusBadRequest, code.BadRequest, "kind: the catalogue of cases has no such one"}
	case q.Request == "" || len(q.Request) > 80 || q.Amount < 0 || len(q.PAN) > 23 || longDigits.MatchString(q.PAN):
		return &problem{http.StatusBadRequest, code.BadRequest, "request, amount or an unmasked pan"}
	}
	now := s.o.Now().UTC()
	var low [4]byte
	_, _ = rand.Read(low[:])
	c := &store.Case{Number: store.NumberAt(now) + int64(binary.BigEndian.Uint32(low[:])>>10), Kind: k.Name, Terminal: t.ID, Request: q.Request, Branch: t.Branch, Amount: q.Amount, PAN: q.PAN,
		Created: now, Expires: now.Add(k.Expires), Steps: k.Plan(q.Amount)}
	c.Bound = cases.Bound(nil)
	if q.Private != "" {
		wire, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte(q.Private))
		if err != nil {
			return &problem{http.StatusBadRequest, code.BadRequest, "private: characters that no message has"}
		}
		c.Bound = cases.Bound(wire)
		if q.Fields == nil {
			q.Fields = map[string]string{}
		}
		q.Fields["private"] = q.Private
	}
	var err error
	if c.Data, err = s.sealed(c.Number, "", q.Fields); err != nil {
		return err
	}
	first, err := s.st.AddCase(r.Context(), c)
	if err != nil {
		return err
	}
	if first.Kind != c.Kind || first.Amount != c.Amount || first.PAN != c.PAN || first.Bound != c.Bound {
		return &problem{http.StatusConflict, code.BadRequest, "request: this number has opened another case"}
	}
	s.CaseChanged(first.Number)
	return answer(w, s.caseOf(first))
}

func (s *Service) caseOf(c *store.Case) access.Case {
	x := access.Case{Number: strconv.FormatInt(c.Number, 10), Kind: c.Kind, State: c.State, Amount: c.Amount, Expires: c.Expires}
	k := s.o.Cases.Named(c.Kind) // nil: the kind was taken out of the catalogue meanwhile
	if k != nil {
		x.Title = access.Text(k.Title)
	}
	for _, p := range c.Steps {
		y := access.CaseStep{Name: p.Name, By: p.By, State: p.State, Fields: p.Fields}
		if k != nil && k.Step(p.Name) != nil {
			y.Title = access.Text(k.Step(p.Name).Title)
		}
		if v, ok := code.ByName(p.Code); ok {
			y.Reason = &access.Text{ZH: v.ZH, EN: v.EN}
		}
		x.Steps = append(x.Steps, y)
	}
	return x
}

// answerOwn answers how a case of this terminal stands; of one that goes on at another terminal it says so.
func (s *Service) answerOwn(t *store.Terminal, w http.ResponseWriter, c *store.Case) error {
	x := s.caseOf(c)
	if c.Terminal != t.ID {
		x.State = access.CaseMoved
	}
	return answer(w, x)
}

// seenCase finds a case that is at this terminal, or was moved away from it.
func (s *Service) seenCase(t *store.Terminal, r *http.Request) (*store.Case, error) {
	number, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if err != nil {
		return nil, store.ErrNotFound
	}
	c, err := s.st.Case(r.Context(), number)
	if err != nil {
		return nil, err
	}
	if c.Terminal != t.ID {
		from, err := s.st.CaseMoves(r.Context(), number)
		if err == nil && !slices.Contains(from, t.ID) {
			err = store.ErrNotFound
		}
		return c, err
	}
	return c, nil
}

// ownCase finds a case of this terminal.
func (s *Service) ownCase(t *store.Terminal, r *http.Request) (*store.Case, error) {
	number, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if err != nil {
		return nil, store.ErrNotFound
	}
	c, err := s.st.Case(r.Context(), number)
	if err == nil && c.Terminal != t.ID {
		return nil, store.ErrNotFound
	}
	return c, err
}

// othersTurn tells whether a case waits for people.
func othersTurn(c *store.Case) bool {
	return c.State == store.CaseOpen && slices.ContainsFunc(c.Steps, func(p store.CaseStep) bool { return p.State == store.StepCurrent && p.By != cases.Terminal })
}

// getCase answers at once, or with ?wait=20s when somebody has taken a step.
func (s *Service) getCase(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	wait, _ := time.ParseDuration(r.URL.Query().Get("wait"))
	key := caseKey(r.PathValue("number"))
	ch := s.waiter(key)
	c, err := s.seenCase(t, r)
	if err != nil {
		s.Changed(key) // nobody is told of it otherwise
		return err
	}
	if c.Terminal == t.ID && othersTurn(c) && wait > 0 {
		timer := time.NewTimer(min(wait, 30*time.Second))
		defer timer.Stop()
		select {
		case <-ch:
		case <-timer.C:
		case <-r.Context().Done():
			return nil
		}
		if c, err = s.seenCase(t, r); err != nil {
			return err
		}
	} else {
		s.Changed(key)
	}
	return s.answerOwn(t, w, c)
}

func (s *Service) doStep(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	var q access.StepFields
	if err := read(r, &q); err != nil {
		return err
	}
	c, err := s.ownCase(t, r)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(c.Steps, func(p store.CaseStep) bool { return p.Name == r.PathValue("step") && p.By == cases.Terminal })
	if at < 0 {
		return store.ErrNotFound
	}
	if c.Steps[at].State == store.StepDone { // a repeat after a lost answer
		return answer(w, s.caseOf(c))
	}
	for _, f := range c.Steps[at].Fields {
		if q.Fields[f] == "" {
			return &problem{http.StatusBadRequest, code.BadRequest, "fields: " + f + " is wanted"}
		}
	}
	sealed, err := s.sealed(c.Number, c.Steps[at].Name, q.Fields)
	if err != nil {
		return err
	}
	switch err := s.st.DoneStep(r.Context(), c.Number, t.ID, c.Steps[at].Name, sealed, s.o.Now().UTC()); {
	case errors.Is(err, store.ErrState):
		return &problem{http.StatusConflict, code.ApprovalEnded, "not this step's turn, or the case has ended"}
	case err != nil:
		return err
	}
	return s.sayCase(w, r, c.Number)
}

// moveCase lets a case go on here that was begun at another terminal of the branch.
func (s *Service) moveCase(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	number, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if err != nil {
		return store.ErrNotFound
	}
	c, err := s.st.Case(r.Context(), number)
	if err != nil {
		return err
	}
	k := s.o.Cases.Named(c.Kind)
	if c.Branch != t.Branch || c.Terminal != t.ID && (k == nil || !k.Anywhere) {
		return store.ErrNotFound
	}
	if c.Terminal != t.ID {
		switch err := s.st.MoveCase(r.Context(), number, t.Branch, t.ID, s.o.Now().UTC()); {
		case errors.Is(err, store.ErrState):
			return &problem{http.StatusConflict, code.ApprovalEnded, "the case has ended"}
		case err != nil:
			return err
		}
	}
	return s.sayCase(w, r, number)
}

func (s *Service) withdrawCase(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	c, err := s.ownCase(t, r)
	if err != nil {
		return err
	}
	if err := s.st.EndCase(r.Context(), c.Number, store.CaseWithdrawn, "", s.o.Now().UTC()); err != nil && !errors.Is(err, store.ErrState) {
		return err
	}
	return s.sayCase(w, r, c.Number)
}

func (s *Service) sayCase(w http.ResponseWriter, r *http.Request, number int64) error {
	s.CaseChanged(number)
	c, err := s.st.Case(r.Context(), number)
	if err != nil {
		return err
	}
	return answer(w, s.caseOf(c))
}

func caseKey(number string) string { return "case " + number }

// CaseChanged wakes those who wait for a case, and the pages.
func (s *Service) CaseChanged(number int64) {
	id := strconv.FormatInt(number, 10)
	s.Changed(caseKey(id))
	s.o.Publish("case", id)
	s.o.Publish("approval", id)
}
