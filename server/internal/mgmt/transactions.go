package mgmt

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"zhigui/server/api/code"
	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/store"
)

func txnOf(t *store.Txn) api.Transaction {
	v := api.Transaction{ID: strconv.FormatInt(t.ID, 10), Terminal: t.Terminal, Kind: t.Kind, Batch: t.Batch, STAN: t.STAN, Amount: t.Amount,
		State: t.State.String(), Response: t.RC, Reference: t.Reference, Auth: t.Auth, Merchant: t.Merchant, Channel: t.Channel, Host: t.Host, Day: t.Day, PAN: t.PANMasked, Note: t.Note, Created: t.Created, Updated: t.Updated}
	if t.RC != "" {
		c := code.ByResponse(t.RC)
		v.TextZH, v.TextEN = c.ZH, c.EN
	}
	if t.Paid.Valid {
		v.Paid = &t.Paid.Int64
	}
	return v
}

func (s *Service) listTransactions(ctx context.Context, in *struct {
	Terminal  string    `query:"terminal"`
	From      time.Time `query:"from"`
	To        time.Time `query:"to"`
	State     string    `query:"state"`
	AmountMin int64     `query:"amountMin"`
	AmountMax int64     `query:"amountMax"`
	Reference string    `query:"reference"`
	Page      int       `query:"page" minimum:"0" maximum:"10000"`
	Size      int       `query:"size" minimum:"0" maximum:"200"`
}) (*out[api.Page[api.Transaction]], error) {
	return s.search(ctx, api.Search{Terminal: in.Terminal, From: in.From, To: in.To, State: in.State, AmountMin: in.AmountMin, AmountMax: in.AmountMax,
		Reference: in.Reference, Page: in.Page, Size: in.Size})
}

func (s *Service) searchTransactions(ctx context.Context, in *struct{ Body api.Search }) (*out[api.Page[api.Transaction]], error) {
	return s.search(ctx, in.Body)
}

// query is a search as the store takes it: a manager's is confined to the own branch, and none reads the whole journal.
func (s *Service) query(ctx context.Context, q api.Search) (store.Search, error) {
	branch, err := scope(ctx)
	if err != nil {
		return store.Search{}, err
	}
	f := store.Search{Terminal: q.Terminal, Branch: branch, Reference: q.Reference, MaskedPAN: q.MaskedPAN,
		Batch: q.Batch, STAN: q.STAN, Kind: q.Kind, RC: q.Response, Merchant: q.Merchant, Auth: q.Auth, Host: q.Host, Channel: q.Channel, Day: q.Day, From: q.From, To: q.To,
		AmountMin: q.AmountMin, AmountMax: q.AmountMax, Offset: q.Page * q.Size, Limit: q.Size}
	if q.State != "" {
		if f.State = store.ParseState(q.State); f.State == 0 {
			return f, refuse(http.StatusBadRequest, code.BadRequest)
		}
	}
	if q.Number != "" {
		n, err := strconv.ParseInt(q.Number, 10, 64)
		if err != nil || n == 0 {
			return f, refuse(http.StatusBadRequest, code.BadRequest)
		}
		f.Number = n
	}
	if q.PAN != "" {
		f.PANIndex = s.o.Index([]byte(q.PAN))
	}
	if f.Scans(s.o.Now()) {
		return f, refuse(http.StatusBadRequest, code.SearchTooWide)
	}
	return f, nil
}

// widths are the steps of time that totals are given in; about 40 steps are enough for a picture.
var widths = []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}

const steps = 40

// totals adds up all matches of a search.
func (s *Service) totals(ctx context.Context, in *struct{ Body api.Search }) (*out[api.Totals], error) {
	f, err := s.query(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	t, err := s.st.Totals(ctx, f, func(first, last time.Time) time.Duration {
		if !f.From.IsZero() {
			first = f.From
		}
		if now := s.o.Now(); !f.To.IsZero() && f.To.Before(now) {
			last = f.To
		}
		for _, w := range widths {
			if last.Sub(first) <= steps*w {
				return w
			}
		}
		return widths[len(widths)-1]
	})
	if err != nil {
		return nil, s.fail(err)
	}
	v := api.Totals{Count: t.Count, Amount: t.Amount, Paid: t.Paid, From: t.First, To: t.Last, Width: int64(t.Width / time.Second), Steps: make([]api.TotalStep, 0, len(t.Steps))}
	for _, x := range t.Steps {
		v.Steps = append(v.Steps, api.TotalStep{At: x.At, State: x.State.String(), Zero: x.Zero, Count: x.Count, Amount: x.Amount, Paid: x.Paid})
	}
	return done(v), nil
}

func (s *Service) search(ctx context.Context, q api.Search) (*out[api.Page[api.Transaction]], error) {
	if q.Size == 0 {
		q.Size = 50
	}
	f, err := s.query(ctx, q)
	if err != nil {
		return nil, err
	}
	ts, n, err := s.st.Search(ctx, f)
	if err != nil {
		return nil, s.fail(err)
	}
	p := api.Page[api.Transaction]{Items: make([]api.Transaction, 0, len(ts)), Page: q.Page, Size: q.Size, Total: n, Pages: (n + max(1, q.Size) - 1) / max(1, q.Size)}
	for _, t := range ts {
		p.Items = append(p.Items, txnOf(t))
	}
	return done(p), nil
}

type txnIn struct {
	ID string `path:"id"`
}

// find looks a transaction up in the branch of who asks: where its terminal stood then.
func (s *Service) find(ctx context.Context, id string) (*store.Txn, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, refuse(http.StatusNotFound, code.NotFound)
	}
	t, err := s.st.ByID(ctx, n)
	if err != nil {
		return nil, s.missing(ctx, err)
	}
	return t, within(ctx, t.Branch)
}

func (s *Service) story(ctx context.Context, in *txnIn) (*out[api.Story], error) {
	t, err := s.find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	v := api.Story{Transaction: txnOf(t), Journal: []api.Record{},
		Steps: []api.Step{{At: t.Created, State: store.Intent.String(), Note: "stored before it was sent"}}}
	es, err := s.st.Events(ctx, t.ID)
	if err != nil {
		return nil, s.fail(err)
	}
	ended := t.State == store.Confirmed && len(es) == 0 // what no terminal has to confirm ends with the host's answer
	if !ended && t.Auth != "" && (len(es) == 0 || es[0].State != store.Approved) {
		v.Steps = append(v.Steps, api.Step{At: first(es, t).UTC(), State: store.Approved.String(), Note: "host answered 00"})
	} else if ended || t.State == store.Declined {
		v.Steps = append(v.Steps, api.Step{At: t.Updated, State: t.State.String(), Note: "host answered " + t.RC})
	}
	for _, e := range es {
		v.Steps = append(v.Steps, api.Step{At: e.At, State: e.State.String(), Note: e.Note})
	}
	if s.o.Engine != nil {
		m := s.o.Engine.Describe(t, s.pos)
		v.Messages = api.Messages{FromTerminal: m.FromTerminal, ToHost: m.ToHost, FromHost: m.FromHost, ToTerminal: m.ToTerminal}
	}
	r, err := s.st.ReversalOf(ctx, t.ID)
	if err == nil {
		v.Reversal = &api.Reversal{State: [...]string{"pending", "reversed", "notFound", "stuck"}[r.State&3], Reason: r.Reason, Attempts: r.Attempts, Response: r.RC, Next: r.Next}
		if r.Paid.Valid {
			v.Reversal.Paid = &r.Paid.Int64
		}
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, s.fail(err)
	}
	recs, err := s.st.RecordsOf(ctx, t.Terminal, t.Batch+"/"+t.STAN)
	if err != nil {
		return nil, s.fail(err)
	}
	for _, rec := range recs {
		v.Journal = append(v.Journal, api.Record{Seq: rec.Seq, Hash: rec.Hash, Body: json.RawMessage(rec.Body)})
	}
	if v.Signatures, err = s.signatures(ctx, t.Terminal, recs); err != nil {
		return nil, s.fail(err)
	}
	return done(v), nil
}

// first is the best known time of the host's answer: not after the first later step.
func first(es []store.Event, t *store.Txn) time.Time {
	if len(es) > 0 {
		return es[0].At
	}
	return t.Updated
}

// closeByHand is the two-person action on a transaction that only people can close.
func (s *Service) closeByHand(ctx context.Context, in *struct {
	ID   string `path:"id"`
	Body api.Note
}) (*out[api.Closed], error) {
	if err := allow(ctx, "operator", "admin"); err != nil {
		return nil, err
	}
	t, err := s.find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	closed, err := s.st.CloseByHand(ctx, t.ID, who(ctx).Name, in.Body.Note, s.o.Now())
	if errors.Is(err, store.ErrState) && (t.State == store.Suspense || t.State == store.ReversalStuck) {
		return nil, refuse(http.StatusConflict, code.SecondPersonNeeded)
	}
	if err != nil {
		return nil, s.fail(err)
	}
	s.o.Broker.Publish("transaction", in.ID)
	return done(api.Closed{Closed: closed}), nil
}
