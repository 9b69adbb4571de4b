// Package clearing works out what a settlement day pays to merchants and third parties (billers, acquirers of QR codes):
// what customers paid, less the bank's fee, shared among those who are entitled to it (分润). The sums come out to the last fen.
// serverctl and mgmt use it.
//
// Requirements: TX-18 (merchant management, profit sharing, clearing).
package clearing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"zhigui/server/api/datafile"
	"zhigui/server/internal/lease"
	"zhigui/server/internal/product"
	"zhigui/server/internal/store"
)

// Whole is what the shares of a merchant make together, and the unit of fees: millionths.
const Whole = 1_000_000

// Bank is the receiver of fees.
const Bank = "bank"

// merchant as a file has it, or a third party.
type merchant struct {
	Number string `yaml:"number"`
	Branch string `yaml:"branch"`
	Name   struct {
		ZH string `yaml:"zh"`
		EN string `yaml:"en"`
	} `yaml:"name"`
	Fee struct {
		PPM int64 `yaml:"ppm"`
		Min int64 `yaml:"min"`
		Max int64 `yaml:"max"`
	} `yaml:"fee"`
	Disabled bool `yaml:"disabled"`
	Shares   []struct {
		To  string `yaml:"to"`
		PPM int64  `yaml:"ppm"`
	} `yaml:"shares"`
}

// Load reads a file of merchants; nothing of a file with a mistake is taken. Errors name file, line
// and column.
func Load(path string) ([]*store.Merchant, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("merchants: %w", err)
	}
	var f struct {
		Merchants []merchant `yaml:"merchants"`
		Parties   []merchant `yaml:"parties"`
	}
	if err := datafile.Decode(path, data, &f); err != nil {
		return nil, err
	}
	var out []*store.Merchant
	seen := map[string]bool{}
	for i, m := range slices.Concat(f.Merchants, f.Parties) {
		list, what := "merchants", "merchant"
		if i >= len(f.Merchants) {
			list, what, i = "parties", "party", i-len(f.Merchants)
		}
		if key, reason := m.check(what == "party", seen); reason != "" {
			return nil, datafile.Wrong(path, data, strings.TrimSuffix(fmt.Sprintf("%s[%d].%s", list, i, key), "."), "%s %s: %s", what, m.Number, reason)
		}
		seen[m.Number] = true
		x := &store.Merchant{Number: m.Number, Branch: m.Branch, NameZH: m.Name.ZH, NameEN: m.Name.EN, FeePPM: m.Fee.PPM, FeeMin: m.Fee.Min, FeeMax: m.Fee.Max, Enabled: !m.Disabled}
		for _, s := range m.Shares {
			x.Shares = append(x.Shares, store.Share{Receiver: s.To, PPM: s.PPM})
		}
		out = append(out, x)
	}
	return out, nil
}

func (m *merchant) check(party bool, seen map[string]bool) (key, reason string) {
	sum, names := int64(0), map[string]bool{}
	for _, s := range m.Shares {
		if s.To == "" || s.To == Bank || names[s.To] || s.PPM <= 0 {
			return "shares", "every share needs a receiver of its own (not bank) and a part above 0"
		}
		names[s.To] = true
		sum += s.PPM
	}
	switch {
	case party && !product.IsParty(m.Number):
		return "number", "want a short name of at most 14 letters and digits, as the products have it"
	case !party && len(m.Number) != 15:
		return "number", "want the 15 characters of field 42"
	case seen[m.Number]:
		return "number", "is here twice"
	case m.Branch == "":
		return "branch", "is missing"
	case m.Name.ZH == "":
		return "name", "want zh, and en"
	case m.Fee.PPM < 0 || m.Fee.PPM >= Whole || m.Fee.Min < 0 || m.Fee.Max < 0 || m.Fee.Max > 0 && m.Fee.Max < m.Fee.Min:
		return "fee", "want ppm below 1000000, and min not above max"
	case sum != Whole:
		return "shares", fmt.Sprintf("the parts make %d, want %d", sum, Whole)
	}
	return "", ""
}

// Fee of one payment, rounded half up, within the merchant's bounds, never more than the payment.
func Fee(m *store.Merchant, amount int64) int64 {
	f := (amount*m.FeePPM + Whole/2) / Whole
	f = max(f, m.FeeMin)
	if m.FeeMax > 0 {
		f = min(f, m.FeeMax)
	}
	return min(f, amount)
}

// Split shares net among the receivers to the last fen: each gets what its part makes rounded down, and
// the fen that are left go to those who lost most by the rounding, the first of them first.
func Split(shares []store.Share, net int64) []int64 {
	out := make([]int64, len(shares))
	type rest struct {
		i int
		r int64
	}
	rests := make([]rest, len(shares))
	left := net
	for i, s := range shares {
		hi, lo := net/Whole, net%Whole // no overflow
		out[i] = hi*s.PPM + lo*s.PPM/Whole
		rests[i] = rest{i, lo * s.PPM % Whole}
		left -= out[i]
	}
	slices.SortStableFunc(rests, func(a, b rest) int { return cmp.Compare(b.r, a.r) })
	for i := range left {
		out[rests[i].i]++
	}
	return out
}

// Day clears a settlement day: confirmed payments of products that pay the merchant, at terminals of
// merchants that are registered, and of products that pay a third party. What is not decided yet is left to the day's next run; running it again
// replaces the day's entries. left are those payments that nobody gets: of products that do
// not say whom they pay, in dispute (the terminal took it back too late, the host's book has it otherwise) until
// two persons have settled it, or given back by them; to merchants or third parties that are out of use, third parties that nobody has registered, or closed by hand by
// two persons. by is who runs it, for the audit trail. store.ErrHeld:
// another process is at it.
func Day(ctx context.Context, st *store.Store, cat *product.Catalogue, hosts []string, day, by string, at time.Time) (out []store.Entry, left store.Left, err error) {
	err = lease.Do(ctx, st, store.ClearingLease(day), func() error {
		last, err := st.LastClearing(ctx, day)
		if err != nil {
			return fmt.Errorf("clearing: %w", err)
		}
		if out, left, err = clear(ctx, st, cat, hosts, day); err != nil {
			return err
		}
		computed()
		return st.SaveClearing(ctx, day, out, left, last, by, at)
	})
	return out, left, err
}

// computed is where tests end the process: the sums are there, but not stored.
var computed = func() {}

// Pays tells whom an amount of a product's is for: Other, too, when it is the customer's own. What the catalogue no longer has, or a transaction whose product
// cannot be told, says nothing.
func Pays(cat *product.Catalogue, kind string, amount int64) product.Pays {
	switch p := cat.Named(kind); {
	case p == nil && amount > 0:
		return product.Unsaid
	case p == nil || p.Moves != product.Money || p.Confirm || p.Pays == product.Customer:
		return product.Other // cash is not a merchant's
	default:
		return p.Pays
	}
}

// payee is the number of the one whose payment t is, "" when he is none, and whose it is. What was booked
// with the payment goes before what the catalogue has come to say.
func payee(t *store.Txn, cat *product.Catalogue, terminal func(id string) (string, error)) (number string, whose product.Pays, err error) {
	whose = Pays(cat, t.Kind, t.Amount)
	switch {
	case product.IsParty(t.Merchant):
		return t.Merchant, product.Party, nil
	case whose == product.Other:
		return "", whose, nil
	case whose == product.Party: // of a version that did not book it
		return cat.Named(t.Kind).Party, whose, nil
	case t.Merchant != "":
		return t.Merchant, whose, nil
	}
	number, err = terminal(t.Terminal)
	return number, whose, err
}

func clear(ctx context.Context, st *store.Store, cat *product.Catalogue, hosts []string, day string) (out []store.Entry, left store.Left, err error) {
	merchants, err := st.Merchants(ctx)
	if err != nil {
		return nil, left, fmt.Errorf("clearing: merchants: %w", err)
	}
	disputed, err := st.Disputed(ctx, day)
	if err != nil {
		return nil, left, fmt.Errorf("clearing: differences: %w", err)
	}
	by := map[string]*store.Merchant{}
	for _, m := range merchants {
		by[m.Number] = m
	}
	type sums struct{ count, gross, fee, net int64 }
	total := map[string]*sums{}
	owner := map[string]string{} // merchant of a terminal, for transactions of versions that did not book it
	terminal := func(id string) (string, error) {
		number, ok := owner[id]
		if ok {
			return number, nil
		}
		x, err := st.Terminal(ctx, id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return "", fmt.Errorf("clearing: terminal: %w", err)
		}
		if x != nil {
			number = x.Merchant
		}
		owner[id] = number
		return number, nil
	}
	for _, host := range hosts {
		var after int64
		for {
			ts, err := st.Settled(ctx, host, day, after, 2000)
			if err != nil {
				return nil, left, fmt.Errorf("clearing: journal: %w", err)
			}
			for _, t := range ts {
				after = t.ID
				if t.State != store.Confirmed && t.State != store.ClosedByHand {
					continue
				}
				number, whose, err := payee(t, cat, terminal)
				if err != nil {
					return nil, left, err
				}
				if whose == product.Other {
					continue
				}
				if t.State == store.ClosedByHand {
					if by[number] != nil || whose == product.Party {
						left.ByHand, left.ByHandAmount = left.ByHand+1, left.ByHandAmount+t.Amount
					}
					continue
				}
				m := by[number]
				if m == nil && whose == product.Party {
					left.Unregistered, left.UnregisteredAmount = left.Unregistered+1, left.UnregisteredAmount+t.Amount
				}
				if m == nil {
					continue
				}
				if whose == product.Unsaid {
					left.Unsaid++
					continue
				}
				if refunded, ok := disputed[t.ID]; ok {
					if refunded {
						left.Refunded++
					} else {
						left.Held, left.HeldAmount = left.Held+1, left.HeldAmount+t.Amount
					}
					continue
				}
				if !m.Enabled {
					left.Closed, left.ClosedAmount = left.Closed+1, left.ClosedAmount+t.Amount
					continue
				}
				s := total[number]
				if s == nil {
					s = &sums{}
					total[number] = s
				}
				fee := Fee(m, t.Amount)
				s.count++
				s.gross += t.Amount
				s.fee += fee
				s.net += t.Amount - fee
			}
			if len(ts) < 2000 {
				break
			}
		}
	}
	for _, m := range merchants {
		s := total[m.Number]
		if s == nil {
			continue
		}
		out = append(out, store.Entry{Merchant: m.Number, Receiver: Bank, Count: s.count, Gross: s.gross, Amount: s.fee})
		for i, part := range Split(m.Shares, s.net) {
			out = append(out, store.Entry{Merchant: m.Number, Receiver: m.Shares[i].Receiver, Count: s.count, Gross: s.gross, Amount: part})
		}
	}
	return out, left, nil
}

// Import stores the merchants of a file.
func Import(ctx context.Context, st *store.Store, path, by string, at time.Time) (int, error) {
	list, err := Load(path)
	if err != nil {
		return 0, err
	}
	for _, m := range list {
		if err := st.SetMerchant(ctx, m, by, at); err != nil {
			return 0, fmt.Errorf("merchants: %s: %w", m.Number, err)
		}
	}
	return len(list), nil
}
