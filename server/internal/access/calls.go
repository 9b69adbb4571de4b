package access

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"time"

	"zhigui/server/api/access"
	"zhigui/server/api/code"
	"zhigui/server/internal/store"
)

func (s *Service) signIn(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	var q access.SignIn
	if err := read(r, &q); err != nil {
		return err
	}
	now := s.o.Now().UTC()
	last, err := s.st.LastRecord(r.Context(), t.ID)
	if err != nil {
		return err
	}
	b, err := s.assigned(r.Context(), t.ID)
	if err != nil {
		return err
	}
	if err := s.st.SaveStatus(r.Context(), &store.Status{Terminal: t.ID, Boot: q.Boot, State: "starting", Bundle: q.Bundle, Software: q.Software, At: q.Time, Received: now}); err != nil {
		return err
	}
	s.o.Publish("terminal", t.ID)
	return answer(w, access.SignInAnswer{Terminal: t.ID, Merchant: t.Merchant, Branch: t.Branch, Name: access.Text{ZH: t.NameZH, EN: t.NameEN},
		Time: now, BeatSeconds: int(s.o.BeatEvery / time.Second), JournalSeq: last.Seq, Assigned: b, Params: s.o.Params})
}

func (s *Service) beat(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	var q access.Beat
	if err := read(r, &q); err != nil {
		return err
	}
	now := s.o.Now().UTC()
	v := &store.Status{Terminal: t.ID, Boot: q.Boot, Seq: q.Seq, State: q.State, Lease: q.Lease, Bundle: q.Bundle, Version: q.Version, Outbox: q.Outbox, At: q.At, Received: now}
	for _, p := range []struct {
		dst *string
		v   any
		n   int
	}{{&v.Modules, q.Modules, len(q.Modules)}, {&v.Cash, q.Cash, len(q.Cash)}} {
		if p.n > 0 {
			b, err := json.Marshal(p.v)
			if err != nil {
				return err
			}
			*p.dst = string(b)
		}
	}
	if err := s.st.SaveStatus(r.Context(), v); err != nil {
		return err
	}
	for _, x := range q.Results {
		switch err := s.st.CommandResult(r.Context(), t.ID, x.ID, x.Done, x.Note, now); {
		case err == nil:
			s.o.Publish("command", t.ID)
		case !errors.Is(err, store.ErrState):
			return err
		}
	}
	b, err := s.assigned(r.Context(), t.ID)
	if err != nil {
		return err
	}
	due, err := s.st.DueCommands(r.Context(), t.ID, now)
	if err != nil {
		return err
	}
	a := access.BeatAnswer{Time: now, Assigned: b}
	for _, c := range due {
		a.Commands = append(a.Commands, access.Command{ID: c.ID, Kind: c.Kind, Args: signed(c)})
	}
	s.o.Publish("terminal", t.ID)
	return answer(w, a)
}

// signed adds to a command's arguments who has given it.
func signed(c *store.Command) json.RawMessage {
	args := map[string]json.RawMessage{}
	_ = json.Unmarshal([]byte(c.Args), &args) // our own
	by := c.By
	if c.Second != "" {
		by += ", " + c.Second
	}
	args["by"], _ = json.Marshal(by)
	b, _ := json.Marshal(args)
	return b
}

// journal takes records in order. Records the server has are skipped when they are the same;
// from the first that does not continue the chain on, nothing is taken and an alarm raised.
func (s *Service) journal(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	var q access.Journal
	if err := read(r, &q); err != nil {
		return err
	}
	s.mu.Lock()
	lock := s.chains[t.ID]
	if lock == nil {
		lock = &sync.Mutex{}
		s.chains[t.ID] = lock
	}
	s.mu.Unlock()
	lock.Lock()
	defer lock.Unlock()
	last, err := s.st.LastRecord(r.Context(), t.ID)
	if err != nil {
		return err
	}
	var take []store.Record
	a := access.JournalAnswer{Accepted: last.Seq}
	prev := last.Hash
	for _, rec := range q.Records {
		if rec.Seq <= last.Seq {
			continue
		}
		bad := ""
		if rec.Seq != a.Accepted+1 {
			bad = fmt.Sprintf("record %d follows %d", rec.Seq, a.Accepted)
		} else if a.Accepted > 0 || rec.Seq == 1 {
			if err := s.o.Verify(prev, rec); err != nil && (rec.Seq > 1 || rec.Hash == "") {
				bad = fmt.Sprintf("record %d: %v", rec.Seq, err)
			}
		}
		if bad != "" {
			a.Error = bad
			break
		}
		take = append(take, store.Record{Seq: rec.Seq, Prev: rec.Prev, Hash: rec.Hash, Body: rec.Body, Txn: markOf(rec), Signed: signedIn(rec)})
		a.Accepted, prev = rec.Seq, rec.Hash
	}
	now := s.o.Now().UTC()
	if err := s.st.AddRecords(r.Context(), t.ID, take, now); err != nil {
		return err
	}
	if a.Error != "" {
		s.o.Log.Error("journal chain broken", "terminal", t.ID, "error", a.Error)
		if err := s.st.AddAlarm(r.Context(), &store.Alarm{Terminal: t.ID, ID: fmt.Sprintf("chain-%d", a.Accepted+1), Code: code.ChainBroken,
			Severity: "critical", Detail: a.Error, At: now, Received: now}); err != nil {
			return err
		}
		s.o.Publish("alarm", t.ID)
	}
	return answer(w, a)
}

func (s *Service) alarm(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	var q access.Alarm
	if err := read(r, &q); err != nil {
		return err
	}
	if q.ID == "" || q.Code == "" {
		return &problem{http.StatusBadRequest, code.BadRequest, "id and code are wanted"}
	}
	if err := s.st.AddAlarm(r.Context(), &store.Alarm{Terminal: t.ID, ID: q.ID, Code: q.Code, Severity: q.Severity, Module: q.Module, Detail: q.Detail,
		At: q.At, Received: s.o.Now().UTC(), Cleared: q.Cleared}); err != nil {
		return err
	}
	s.o.Publish("alarm", t.ID)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

var longDigits = regexp.MustCompile(`[0-9]{13,}`)

func (s *Service) createApproval(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	var q access.ApprovalRequest
	if err := read(r, &q); err != nil {
		return err
	}
	if q.TTLSeconds == 0 {
		q.TTLSeconds = 120
	}
	if q.Request == "" || q.Kind == "" || q.Amount < 0 || q.TTLSeconds < 10 || q.TTLSeconds > 600 || longDigits.MatchString(q.PAN) {
		return &problem{http.StatusBadRequest, code.BadRequest, "request, kind, amount, ttlSeconds (10 to 600) or an unmasked pan"}
	}
	now := s.o.Now().UTC()
	a, err := s.st.AddApproval(r.Context(), &store.Approval{ID: rand.Text(), Terminal: t.ID, Request: q.Request, Branch: t.Branch, Kind: q.Kind,
		Amount: q.Amount, PAN: q.PAN, Session: q.Session, Signers: s.signers(q.Kind, q.Amount), Created: now, Expires: now.Add(time.Duration(q.TTLSeconds) * time.Second)})
	if err != nil {
		return err
	}
	s.o.Publish("approval", a.ID)
	return answer(w, wire(a))
}

func wire(a *store.Approval) access.Approval {
	out := access.Approval{ID: a.ID, State: a.State, Expires: a.Expires, Manager: a.Manager, Code: a.Code, Note: a.Note}
	if c, ok := code.ByName(a.Code); ok {
		out.Reason = &access.Text{ZH: c.ZH, EN: c.EN}
	}
	return out
}

// own finds an approval of this terminal.
func (s *Service) own(t *store.Terminal, r *http.Request) (*store.Approval, error) {
	a, err := s.st.Approval(r.Context(), r.PathValue("id"))
	if err == nil && a.Terminal != t.ID {
		return nil, store.ErrNotFound
	}
	return a, err
}

// waiter is closed when what id names changes.
func (s *Service) waiter(id string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.waiters[id]
	if ch == nil {
		ch = make(chan struct{})
		s.waiters[id] = ch
	}
	return ch
}

// getApproval answers at once, or with ?wait=20s when the state has changed.
func (s *Service) getApproval(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	wait, _ := time.ParseDuration(r.URL.Query().Get("wait"))
	id := r.PathValue("id")
	ch := s.waiter(id)
	a, err := s.own(t, r)
	if err != nil {
		s.Changed(id)
		return err
	}
	if a.State == access.Pending && wait > 0 {
		timer := time.NewTimer(min(wait, 30*time.Second))
		defer timer.Stop()
		select {
		case <-ch:
		case <-timer.C:
		case <-r.Context().Done():
			return nil
		}
		if a, err = s.own(t, r); err != nil {
			return err
		}
	}
	if a.State != access.Pending {
		s.Changed(id)
	}
	return answer(w, wire(a))
}

func (s *Service) cancelApproval(t *store.Terminal, w http.ResponseWriter, r *http.Request) error {
	a, err := s.own(t, r)
	if err != nil {
		return err
	}
	err = s.st.Decide(r.Context(), a.ID, access.Cancelled, "", "", "", s.o.Now().UTC())
	if err != nil && !errors.Is(err, store.ErrState) {
		return err
	}
	s.Changed(a.ID)
	s.o.Publish("approval", a.ID)
	if a, err = s.own(t, r); err != nil {
		return err
	}
	return answer(w, wire(a))
}

// signers is how many persons must agree.
func (s *Service) signers(kind string, amount int64) int {
	n := 1
	for _, j := range s.o.Joint {
		if j.Kind == kind && (j.Over == 0 || amount > j.Over) {
			n = max(n, j.Signers)
		}
	}
	return n
}
