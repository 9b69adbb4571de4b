package bankhost

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// takes tells whether an account may get money from a.
func (l *ledger) takes(a *Account, card string) bool {
	to := l.accounts[card]
	return to != nil && to != a && cardState(to) == ""
}

// batch reads what a batch pays to many, or collects from many: account:amount,account:amount in F62, which make the
// amount together. It is done as a whole or not at all. Who is collected from has signed for this collector.
func (l *ledger) batch(a *Account, arg string, collect bool, amount int64) (legs []Leg, rc string) {
	for _, s := range strings.Split(arg, ",") {
		card, n, _ := strings.Cut(s, ":")
		v, err := strconv.ParseInt(n, 10, 64)
		switch {
		case err != nil || v <= 0 || v > amount:
			return nil, "13"
		case !l.takes(a, card):
			return nil, "14"
		case collect && l.contracts[card+"|collect"] != a.Card:
			return nil, "57"
		}
		amount -= v
		if collect {
			v = -v
		}
		legs = append(legs, Leg{card, v})
	}
	if amount != 0 {
		return nil, "13"
	}
	return legs, "00"
}

// held is what a customer holds: kind|number|amount.
func (l *ledger) held(a *Account) (out []string) {
	for _, k := range slices.Sorted(maps.Keys(l.holdings)) {
		if what, ok := strings.CutPrefix(k, a.Card+"|"); ok && l.holdings[k] > 0 {
			out = append(out, fmt.Sprintf("%s|%d", what, l.holdings[k]))
		}
	}
	return out
}

// standing checks a standing order: account:amount in F62. rc is "" when it is good.
func (l *ledger) standing(a *Account, arg string) (rc string) {
	card, n, _ := strings.Cut(arg, ":")
	if v, err := strconv.ParseInt(n, 10, 64); err != nil || v < 0 {
		return "13"
	}
	if !l.takes(a, card) {
		return "14"
	}
	return ""
}

// carryOut does the standing orders at the end of a day, once: autoRepay pays the credit card's bill of the month,
// autoTransfer moves its amount, pooling what is above its amount; when the account has it. They are the bank's own business: no line of a member's book. The caller holds mu.
func (h *Host) carryOut() (last <-chan error) {
	l := h.l
	for _, kind := range []string{"autoRepay", "autoTransfer", "pooling"} {
		for _, k := range slices.Sorted(maps.Keys(l.contracts)) {
			card, what, _ := strings.Cut(k, "|")
			a := l.accounts[card]
			if what != kind || cardState(a) != "" {
				continue
			}
			e := Entry{Kind: "transfer", Key: kind + "|" + card + "|" + h.today(), Card: card, RC: "00", Day: h.today()}
			if kind == "autoRepay" {
				e.Kind, e.Key, e.Amount = "withdraw", kind+"|"+card+"|"+h.today()[:2], bill(l.contracts[k])
			} else {
				to, n, _ := strings.Cut(l.contracts[k], ":")
				v, err := strconv.ParseInt(n, 10, 64)
				if err != nil || !l.takes(a, to) {
					continue
				}
				if e.To, e.Amount = to, v; kind == "pooling" {
					e.Amount = a.Balance - v
				}
			}
			if l.ops[e.Key] == nil && e.Amount > 0 && l.covered(&e) {
				last = l.post(e)
			}
		}
	}
	return last
}
