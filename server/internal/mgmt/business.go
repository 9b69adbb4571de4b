package mgmt

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zhigui/server/api/code"
	"zhigui/server/api/message"
	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/clearing"
	"zhigui/server/internal/risk"
	"zhigui/server/internal/store"
)

// business is what the bank has agreed on with others and configured: products, limits, merchants and the
// clearing of their payments. It is the bank's own people's, not a branch's.
func (s *Service) businessRoutes() {
	huma.Get(s.api, base+"/products", s.productList)
	huma.Get(s.api, base+"/limits", s.limits)
	huma.Register(s.api, huma.Operation{OperationID: "limit-use", Method: http.MethodPost, Path: base + "/limits/use"}, s.limitUse)
	huma.Get(s.api, base+"/merchants", s.merchants)
	huma.Get(s.api, base+"/clearing", s.clearing)
	huma.Register(s.api, huma.Operation{OperationID: "run-clearing", Method: http.MethodPost, Path: base + "/clearing"}, s.runClearing)
}

var china = time.FixedZone("CST", 8*3600)

// none is a list that JSON shows as one.
func none(v []string) []string {
	if v == nil {
		return []string{}
	}
	return v
}

func (s *Service) productList(ctx context.Context, _ *struct{}) (*out[[]api.Product], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	list := make([]api.Product, 0, len(s.o.Products.All()))
	for _, p := range s.o.Products.All() {
		x := api.Product{Name: p.Name, Title: api.Text(p.Title), Group: p.Group, Type: p.Type, Code: p.Code, MCC: p.MCC, Moves: string(p.Moves), Pays: string(p.Pays), Party: p.Party, Confirm: p.Confirm, Credit: p.Credit,
			Fields: none(p.Fields), Steps: none(p.Steps), Channels: []string{}}
		for _, c := range s.o.Channels {
			if p.For(c) {
				x.Channels = append(x.Channels, c)
			}
		}
		list = append(list, x)
	}
	return done(list), nil
}

func limitOf(r risk.Rule) api.Limit {
	return api.Limit{Name: r.Name, Of: r.Of, Per: r.Per, Amount: r.Amount, Count: r.Count, Products: none(r.Products), Channels: none(r.Channels), BINs: none(r.BINs), Code: r.Code}
}

func (s *Service) limits(ctx context.Context, _ *struct{}) (*out[[]api.Limit], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	list := []api.Limit{}
	for _, r := range s.o.Limits.All() {
		list = append(list, limitOf(r))
	}
	return done(list), nil
}

// limitUse tells what one card, terminal, merchant or channel has used of the limits that hold for it.
func (s *Service) limitUse(ctx context.Context, in *struct{ Body api.LimitSubject }) (*out[api.Used], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	kind, subject := in.Body.Kind, strings.TrimSpace(in.Body.Subject)
	v := api.Used{Kind: kind, Name: subject, Uses: []api.LimitUse{}}
	rules, periods := s.o.Limits.For(kind, []byte(subject), s.o.Now().In(china))
	if kind == risk.Card {
		if len(subject) < 13 || strings.Trim(subject, "0123456789") != "" {
			return nil, refuse(http.StatusBadRequest, code.BadRequest)
		}
		v.Name = message.MaskedPAN([]byte(subject))
		if err := s.st.AddAudit(ctx, store.Audit{User: who(ctx).Name, Action: "limit.view", Target: v.Name, At: s.o.Now()}); err != nil {
			return nil, s.fail(err)
		}
		subject = hex.EncodeToString(s.o.Index([]byte(subject)))
	}
	for i, r := range rules {
		u := api.LimitUse{Limit: limitOf(r), Period: periods[i]}
		if periods[i] != "" {
			var err error
			if u.UsedAmount, u.UsedCount, err = s.st.Used(ctx, r.Name, subject, periods[i]); err != nil {
				return nil, s.fail(err)
			}
		}
		v.Uses = append(v.Uses, u)
	}
	bs, err := s.st.Blocks(ctx)
	if err != nil {
		return nil, s.fail(err)
	}
	for _, b := range bs {
		if b.Kind == kind && b.Subject == subject {
			v.Blocked, v.Note = true, b.Note
		}
	}
	return done(v), nil
}

// page cuts one page out of a list.
func page[T any](all []T, number, size int) api.Page[T] {
	if size == 0 {
		size = 50
	}
	from := min(number*size, len(all))
	p := api.Page[T]{Items: all[from:min(from+size, len(all))], Page: number, Size: size, Total: len(all), Pages: (len(all) + size - 1) / size}
	if p.Items == nil {
		p.Items = []T{}
	}
	return p
}

// has tells whether one of texts has what was searched for in it, whatever its case.
func has(search string, texts ...string) bool {
	search = strings.ToLower(strings.TrimSpace(search))
	return search == "" || slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(t), search) })
}

func (s *Service) merchants(ctx context.Context, in *struct {
	Search string `query:"search" maxLength:"80"`
	Page   int    `query:"page" minimum:"0" maximum:"10000"`
	Size   int    `query:"size" minimum:"0" maximum:"200"`
}) (*out[api.Page[api.Merchant]], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	ms, err := s.st.Merchants(ctx)
	if err != nil {
		return nil, s.fail(err)
	}
	ms = slices.DeleteFunc(ms, func(m *store.Merchant) bool { return !has(in.Search, m.Number, m.NameZH, m.NameEN, m.Branch) })
	cut := page(ms, in.Page, in.Size)
	bs, err := s.st.Blocks(ctx)
	if err != nil {
		return nil, s.fail(err)
	}
	p := api.Page[api.Merchant]{Items: []api.Merchant{}, Page: cut.Page, Size: cut.Size, Total: cut.Total, Pages: cut.Pages}
	for _, m := range cut.Items {
		x := api.Merchant{Number: m.Number, Branch: m.Branch, NameZH: m.NameZH, NameEN: m.NameEN, FeePPM: m.FeePPM, FeeMin: m.FeeMin, FeeMax: m.FeeMax, Enabled: m.Enabled, Shares: []api.Share{},
			Blocked: slices.ContainsFunc(bs, func(b store.Block) bool { return b.Kind == risk.Merchant && b.Subject == m.Number })}
		for _, y := range m.Shares {
			x.Shares = append(x.Shares, api.Share(y))
		}
		if x.Terminals, err = s.st.TerminalsOf(ctx, m.Number); err != nil {
			return nil, s.fail(err)
		}
		x.Terminals = none(x.Terminals)
		p.Items = append(p.Items, x)
	}
	return done(p), nil
}

type clearingIn struct {
	Day    string `query:"day" pattern:"^[0-9]{8}$"`
	Search string `query:"search" maxLength:"80"`
	Page   int    `query:"page" minimum:"0" maximum:"10000"`
	Size   int    `query:"size" minimum:"0" maximum:"200"`
}

// clearing shows what a settlement day pays, and whether anybody has worked it out yet.
func (s *Service) clearing(ctx context.Context, in *clearingIn) (*out[api.Clearing], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	v := api.Clearing{Day: in.Day}
	if v.Day == "" {
		v.Day = s.o.Now().In(china).Format("20060102")
	}
	entries, err := s.st.Clearing(ctx, v.Day)
	if err != nil {
		return nil, s.fail(err)
	}
	var left store.Left
	switch v.By, v.At, left, err = s.st.Cleared(ctx, v.Day); {
	case err == nil:
		v.Early = store.DayLasts(v.Day, v.At)
		v.Unregistered, v.UnregisteredAmount, v.ByHand, v.ByHandAmount = left.Unregistered, left.UnregisteredAmount, left.ByHand, left.ByHandAmount
		v.Ran, v.Unsaid, v.Held, v.HeldAmount, v.Refunded, v.Closed, v.ClosedAmount = true, left.Unsaid, left.Held, left.HeldAmount, left.Refunded, left.Closed, left.ClosedAmount
	case errors.Is(err, store.ErrNotFound):
		v.Ran, v.At = len(entries) > 0, time.Time{}
	default:
		return nil, s.fail(err)
	}
	ms, err := s.st.Merchants(ctx)
	if err != nil {
		return nil, s.fail(err)
	}
	names := map[string]*store.Merchant{}
	for _, m := range ms {
		names[m.Number] = m
	}
	var all []api.ClearedMerchant
	for _, e := range entries {
		if n := len(all); n == 0 || all[n-1].Number != e.Merchant {
			x := api.ClearedMerchant{Number: e.Merchant, Count: e.Count, Gross: e.Gross, Parts: []api.Given{}}
			if m := names[e.Merchant]; m != nil {
				x.NameZH, x.NameEN = m.NameZH, m.NameEN
			}
			all = append(all, x)
			v.Count, v.Gross = v.Count+e.Count, v.Gross+e.Gross
		}
		x := &all[len(all)-1]
		if e.Receiver == clearing.Bank {
			x.Fee, v.Fee = e.Amount, v.Fee+e.Amount
			continue
		}
		x.Parts = append(x.Parts, api.Given{Receiver: e.Receiver, Amount: e.Amount})
	}
	all = slices.DeleteFunc(all, func(x api.ClearedMerchant) bool { return !has(in.Search, x.Number, x.NameZH, x.NameEN) })
	v.Merchants = page(all, in.Page, in.Size)
	return done(v), nil
}

// runClearing clears a day, or clears it again; the audit trail has who did it.
func (s *Service) runClearing(ctx context.Context, in *struct{ Body api.RunClearing }) (*out[api.Clearing], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	day := in.Body.Day
	if at, err := time.Parse("20060102", day); err != nil || at.After(s.o.Now().In(china).AddDate(0, 0, 1)) {
		return nil, refuse(http.StatusBadRequest, code.BadRequest)
	}
	if _, _, err := clearing.Day(ctx, s.st, s.o.Products, s.o.Hosts, day, who(ctx).Name, s.o.Now()); errors.Is(err, store.ErrSecond) {
		return nil, refuse(http.StatusConflict, code.SecondPersonNeeded)
	} else if err != nil {
		return nil, s.fail(err)
	}
	return s.clearing(ctx, &clearingIn{Day: day})
}
