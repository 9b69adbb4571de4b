// Package risk says what a card, a terminal or a merchant may do: limits on amounts and on how often,
// as data, and blocks. It decides nothing itself: trade takes the shares that it names in the same
// commit as the transaction. server/internal/config reads the rules.
//
// Requirements: TX-16 (risk control of channels), TX-18.
package risk

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"zhigui/server/internal/store"
)

// Rule is one limit. All that match a transaction hold.
type Rule struct {
	Name     string   `yaml:"name"`
	Of       string   `yaml:"of"`       // card, terminal, merchant, or channel
	Per      string   `yaml:"per"`      // transaction, hour, day or month
	Amount   int64    `yaml:"amount"`   // sum, minor units; 0 = no limit
	Count    int64    `yaml:"count"`    // transactions; 0 = no limit
	Products []string `yaml:"products"` // none: all that have the step "limits"
	Channels []string `yaml:"channels"` // none: all
	BINs     []string `yaml:"bins"`     // none: all cards
	Code     string   `yaml:"code"`     // answered when it is exceeded; default 61 for amounts, 65 for counts
}

// Rules is a validated list. It is immutable and safe for concurrent use.
type Rules struct{ list []Rule }

// Kinds of subjects.
const (
	Card     = "card"
	Terminal = "terminal"
	Merchant = "merchant"
)

var name = regexp.MustCompile(`^[a-z][A-Za-z0-9]{1,31}$`)

// New checks rules; the error says which (from 0) and what to do.
func New(rules []Rule) (*Rules, error) {
	rules = slices.Clone(rules)
	seen := map[string]bool{}
	for i := range rules {
		r := &rules[i]
		switch {
		case !name.MatchString(r.Name) || seen[r.Name] || r.Name == store.CaseClaim:
			return nil, fmt.Errorf("limit %d: want a short name of its own, letters and digits", i)
		case !slices.Contains([]string{Card, Terminal, Merchant, "channel"}, r.Of):
			return nil, fmt.Errorf("limit %s: of: want card, terminal, merchant or channel", r.Name)
		case !slices.Contains([]string{"transaction", "hour", "day", "month"}, r.Per):
			return nil, fmt.Errorf("limit %s: per: want transaction, hour, day or month", r.Name)
		case r.Amount < 0 || r.Count < 0 || r.Amount == 0 && r.Count == 0:
			return nil, fmt.Errorf("limit %s: want an amount or a count", r.Name)
		case r.Per == "transaction" && r.Count != 0:
			return nil, fmt.Errorf("limit %s: a transaction is one: say amount, or another period", r.Name)
		case r.Code != "" && len(r.Code) != 2:
			return nil, fmt.Errorf("limit %s: code: want two characters", r.Name)
		}
		for _, b := range r.BINs {
			if b == "" || strings.Trim(b, "0123456789") != "" {
				return nil, fmt.Errorf("limit %s: bin %q: want digits", r.Name, b)
			}
		}
		if r.Code == "" {
			if r.Code = "61"; r.Amount == 0 {
				r.Code = "65"
			}
		}
		seen[r.Name] = true
	}
	return &Rules{rules}, nil
}

// Query is what rules look at. Card is the keyed index of the card number in hexadecimal.
type Query struct {
	Product, Channel         string
	PAN                      []byte
	Card, Terminal, Merchant string
	Amount                   int64
	At                       time.Time // in the business zone
}

// Claims are the shares that a transaction must take; code is the refusal of a rule that needs no
// book-keeping, "" when there is none.
func (r *Rules) Claims(q *Query) (claims []store.Claim, code string) {
	if r == nil {
		return nil, ""
	}
	for i := range r.list {
		l := &r.list[i]
		if !l.fits(q) {
			continue
		}
		if l.Per == "transaction" {
			if q.Amount > l.Amount {
				return nil, l.Code
			}
			continue
		}
		subject := map[string]string{Card: q.Card, Terminal: q.Terminal, Merchant: q.Merchant, "channel": q.Channel}[l.Of]
		claims = append(claims, store.Claim{Rule: l.Name, Subject: subject, Period: period(l.Per, q.At), Amount: q.Amount, MaxAmount: l.Amount, MaxCount: l.Count})
	}
	return claims, ""
}

// All lists the rules in the order of the configuration.
func (r *Rules) All() []Rule {
	if r == nil {
		return nil
	}
	return slices.Clone(r.list)
}

// For lists the rules that hold for one subject, pan being that of a card, and the period of each at a time:
// empty for those of a single transaction.
func (r *Rules) For(of string, pan []byte, at time.Time) (rules []Rule, periods []string) {
	for _, l := range r.All() {
		if l.Of == of && (of != Card || l.fitsBIN(pan)) {
			rules, periods = append(rules, l), append(periods, period(l.Per, at))
		}
	}
	return rules, periods
}

func (l *Rule) fits(q *Query) bool {
	if len(l.Products) > 0 && !slices.Contains(l.Products, q.Product) || len(l.Channels) > 0 && !slices.Contains(l.Channels, q.Channel) {
		return false
	}
	return l.fitsBIN(q.PAN)
}

func (l *Rule) fitsBIN(pan []byte) bool {
	return len(l.BINs) == 0 || slices.ContainsFunc(l.BINs, func(b string) bool { return strings.HasPrefix(string(pan), b) })
}

func period(per string, at time.Time) string {
	return at.Format(map[string]string{"hour": "2006010215", "day": "20060102", "month": "200601"}[per])
}

// Code is what is answered when a rule is exceeded.
func (r *Rules) Code(rule string) string {
	for i := range r.list {
		if r.list[i].Name == rule {
			return r.list[i].Code
		}
	}
	return "61"
}

// Blocked is the set of those who may do nothing. Replace it as a whole; reading costs a load.
type Blocked struct {
	set atomic.Pointer[map[string]bool]
}

// Replace takes over a list of blocks.
func (b *Blocked) Replace(list []store.Block) {
	m := make(map[string]bool, len(list))
	for _, x := range list {
		m[x.Kind+"|"+x.Subject] = true
	}
	b.set.Store(&m)
}

// Has tells whether a subject is blocked.
func (b *Blocked) Has(kind, subject string) bool {
	m := b.set.Load()
	return m != nil && len(*m) > 0 && (*m)[kind+"|"+subject]
}
