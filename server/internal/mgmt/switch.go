package mgmt

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"zhigui/server/api/code"
	"zhigui/server/api/message"
	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/clearing"
	"zhigui/server/internal/product"
	"zhigui/server/internal/risk"
	"zhigui/server/internal/store"
)

// office are the roles of head office.
var office = []string{"operator", "admin"}

func (s *Service) retryNow(ctx context.Context, in *txnIn) (*out[struct{}], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(in.ID, 10, 64)
	if err != nil {
		return nil, refuse(http.StatusNotFound, code.NotFound)
	}
	if err := s.st.AddAudit(ctx, store.Audit{User: who(ctx).Name, Action: "reversal.retry", Target: in.ID, At: s.o.Now()}); err != nil {
		return nil, s.fail(err)
	}
	if s.o.Live == nil || !s.o.Live.Retry(id) {
		switch there, err := s.o.Peers.retry(ctx, in.ID, s.o.Broker, s.o.Now()); {
		case err != nil:
			return nil, s.fail(err)
		case !there:
			return nil, refuse(http.StatusNotFound, code.NotFound)
		}
	}
	return done(struct{}{}), nil
}

func (s *Service) reconciliation(ctx context.Context, in *struct {
	Day string `query:"day" pattern:"^[0-9]{8}$"`
	All bool   `query:"all"`
}) (*out[api.Day], error) {
	branch, err := scope(ctx)
	if err != nil {
		return nil, err
	}
	if branch == "" { // the whole bank's is not for everybody without a branch
		if err := bank(ctx, office...); err != nil {
			return nil, err
		}
	}
	day := in.Day
	if day == "" {
		day = s.o.Now().In(time.FixedZone("CST", 8*3600)).Format("20060102")
	}
	v := api.Day{Day: day, Runs: []api.ReconRun{}, Differences: []api.Difference{}, Totals: []api.DayTotal{}}
	runs, err := s.st.Runs(ctx, day)
	if err != nil {
		return nil, s.fail(err)
	}
	if branch == "" { // sums of the whole bank are not a branch's
		for _, r := range runs {
			v.Runs = append(v.Runs, api.ReconRun{Day: r.Day, Host: r.Host, Book: r.Book, Digest: r.Digest, Ours: r.Ours, Theirs: r.Theirs, Matched: r.Matched, OurAmount: r.OurAmount, TheirAmount: r.TheirAmount, At: r.At})
		}
	}
	diffs, err := s.st.Differences(ctx, day, branch, in.All, 2000)
	if err != nil {
		return nil, s.fail(err)
	}
	for _, d := range diffs {
		x := api.Difference{ID: strconv.FormatInt(d.ID, 10), Day: d.Day, Host: d.Host, Book: d.Book, Class: d.Class, Terminal: d.Terminal, Branch: d.Branch, Reference: d.Reference,
			Owner: d.Owner, State: [...]string{"open", "proposed", "settled", "gone", "absent"}[d.State], First: d.First, Refunded: d.Refunded, Note: d.Note, At: d.At}
		if d.Txn.Valid {
			x.Payment = (d.Book == "host" || d.Book == "reversal") && clearing.Pays(s.o.Products, d.Kind, d.Ours.Int64) != product.Other
			x.Transaction = strconv.FormatInt(d.Txn.Int64, 10)
		}
		if d.Ours.Valid {
			x.Ours = &d.Ours.Int64
		}
		if d.Theirs.Valid {
			x.Theirs = &d.Theirs.Int64
		}
		v.Differences = append(v.Differences, x)
	}
	totals, err := s.st.DayTotals(ctx, day, branch)
	if v.Archived = errors.Is(err, store.ErrArchived); err != nil && !v.Archived {
		return nil, s.fail(err)
	}
	for _, t := range totals {
		v.Totals = append(v.Totals, api.DayTotal{Branch: t.Branch, Terminal: t.Terminal, Kind: t.Kind, State: t.State.String(), Count: t.Count, Amount: t.Amount, Paid: t.Paid})
	}
	return done(v), nil
}

// agreeBook is a second person's word that what a host's book does not show any more is no difference.
func (s *Service) agreeBook(ctx context.Context, in *struct{ Body api.AgreeBook }) (*out[struct{}], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	if _, err := s.st.EndAbsent(ctx, in.Body.Day, in.Body.Host, in.Body.Digest, who(ctx).Name, s.o.Now()); err != nil {
		return nil, s.fail(err)
	}
	return done(struct{}{}), nil
}

func (s *Service) settleDifference(ctx context.Context, in *struct {
	ID   string `path:"id"`
	Body api.SettleDifference
}) (*out[struct{}], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(in.ID, 10, 64)
	if err != nil {
		return nil, refuse(http.StatusNotFound, code.NotFound)
	}
	if _, err := s.st.SettleDifference(ctx, id, who(ctx).Name, in.Body.Note, in.Body.Refunded, s.o.Now()); err != nil {
		return nil, s.fail(err)
	}
	return done(struct{}{}), nil
}

func (s *Service) blocks(ctx context.Context, _ *struct{}) (*out[[]api.Block], error) {
	if err := bank(ctx, office...); err != nil {
		return nil, err
	}
	bs, err := s.st.Blocks(ctx)
	if err != nil {
		return nil, s.fail(err)
	}
	list := make([]api.Block, 0, len(bs))
	for _, b := range bs {
		list = append(list, api.Block{Kind: b.Kind, Name: b.Name, Note: b.Note, By: b.By, At: b.At})
	}
	return done(list), nil
}

// blockable are the subjects of blocks as messages have them: another way to write one would be listed, and block nothing.
var blockable = map[string]*regexp.Regexp{
	risk.Card:     regexp.MustCompile(`^[0-9]{13,19}$`),
	risk.Terminal: regexp.MustCompile(`^[ -~]{1,8}$`),
	risk.Merchant: regexp.MustCompile(`^[ -~]{1,15}$`),
}

func (s *Service) setBlock(on bool) func(context.Context, *struct{ Body api.NewBlock }) (*out[struct{}], error) {
	return func(ctx context.Context, in *struct{ Body api.NewBlock }) (*out[struct{}], error) {
		if err := bank(ctx, office...); err != nil {
			return nil, err
		}
		b := store.Block{Kind: in.Body.Kind, Subject: in.Body.Subject, Name: in.Body.Subject, Note: in.Body.Note, On: on}
		if !blockable[b.Kind].MatchString(b.Subject) {
			return nil, refuse(http.StatusBadRequest, code.BadRequest)
		}
		if b.Kind == risk.Terminal && on {
			if err := s.terminal(ctx, b.Subject); err != nil {
				return nil, err
			}
		}
		if b.Kind == risk.Card {
			b.Subject, b.Name = hex.EncodeToString(s.o.Index([]byte(in.Body.Subject))), message.MaskedPAN([]byte(in.Body.Subject))
		}
		if err := s.st.SetBlock(ctx, b, who(ctx).Name, s.o.Now()); err != nil {
			return nil, s.fail(err)
		}
		return done(struct{}{}), nil
	}
}
