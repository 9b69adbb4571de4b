// Package route decides which host a transaction goes to: a table of rules, the first that fits
// wins, and among its hosts one by weight of those that are up. Rules are configuration. trade and
// server/internal/config use it.
package route

import (
	"fmt"
	"slices"
	"strings"
)

// Rule sends what fits every condition it has to one of its hosts.
type Rule struct {
	Channels []string `yaml:"channels,omitempty"` // of any of these
	Products []string `yaml:"products,omitempty"`
	BINs     []string `yaml:"bins,omitempty"` // beginnings of the card number
	Over     int64    `yaml:"over,omitempty"` // amounts above, minor units
	UpTo     int64    `yaml:"upTo,omitempty"` // amounts up to; 0 = any
	To       []Target `yaml:"to"`
}

// Target is one host of a rule.
type Target struct {
	Host   string `yaml:"host"`
	Weight int    `yaml:"weight,omitempty"` // share of the transactions among the hosts of the rule that are up; 0 = 1
}

// Table is a list of rules. It is immutable and safe for concurrent use.
type Table struct{ rules []Rule }

// Query is what a rule looks at.
type Query struct {
	Channel, Product string
	PAN              []byte
	Amount           int64
	Draw             uint32 // chooses among weights; the same for a repeat of the same transaction
}

// New checks rules against the names of hosts. The error says which rule (from 0) and what to do.
func New(rules []Rule, hosts []string) (*Table, error) {
	for i, r := range rules {
		if len(r.To) == 0 {
			return nil, fmt.Errorf("rule %d has no host: say to: [{host: …}]", i)
		}
		for _, t := range r.To {
			if !slices.Contains(hosts, t.Host) {
				return nil, fmt.Errorf("rule %d: %q is no host; hosts are %s", i, t.Host, strings.Join(hosts, ", "))
			}
			if t.Weight < 0 || t.Weight > 1_000_000 {
				return nil, fmt.Errorf("rule %d: weight of %s: want 0 to 1000000", i, t.Host)
			}
		}
		for _, b := range r.BINs {
			if b == "" || strings.Trim(b, "0123456789") != "" {
				return nil, fmt.Errorf("rule %d: bin %q: want digits", i, b)
			}
		}
		if r.UpTo != 0 && r.UpTo <= r.Over || r.Over < 0 || r.UpTo < 0 {
			return nil, fmt.Errorf("rule %d: no amount is over %d and up to %d", i, r.Over, r.UpTo)
		}
	}
	return &Table{slices.Clone(rules)}, nil
}

func (r *Rule) fits(q *Query) bool {
	if len(r.Channels) > 0 && !slices.Contains(r.Channels, q.Channel) || len(r.Products) > 0 && !slices.Contains(r.Products, q.Product) {
		return false
	}
	if q.Amount <= r.Over && r.Over > 0 || r.UpTo > 0 && q.Amount > r.UpTo {
		return false
	}
	if len(r.BINs) == 0 {
		return true
	}
	for _, b := range r.BINs {
		if len(q.PAN) >= len(b) && string(q.PAN[:len(b)]) == b {
			return true
		}
	}
	return false
}

// Pick returns the host for q; up tells which hosts would take it now. When none of the fitting
// rule's hosts is up it is the one that q would have gone to anyway, whose refusal then stands. The
// empty string: no rule fits.
func (t *Table) Pick(q *Query, up func(host string) bool) string {
	for i := range t.rules {
		r := &t.rules[i]
		if !r.fits(q) {
			continue
		}
		if len(r.To) == 1 {
			return r.To[0].Host
		}
		if h := draw(r.To, q.Draw, up); h != "" {
			return h
		}
		return draw(r.To, q.Draw, func(string) bool { return true })
	}
	return ""
}

func draw(to []Target, n uint32, up func(string) bool) string {
	var sum uint32
	for _, t := range to {
		if up(t.Host) {
			sum += uint32(max(1, t.Weight)) //nolint:gosec // checked by New
		}
	}
	if sum == 0 {
		return ""
	}
	n %= sum
	for _, t := range to {
		if !up(t.Host) {
			continue
		}
		w := uint32(max(1, t.Weight)) //nolint:gosec // checked by New
		if n < w {
			return t.Host
		}
		n -= w
	}
	return ""
}
