package recon

import (
	"slices"

	"zhigui/server/internal/store"
)

// lines are those of another book that nothing of our journal has been found for yet, by their reference. That of a
// host is its own, and says which transaction is meant. A partner's come from several hosts, whose institutions count
// on their own: two payments of one hour may have the same.
type lines struct {
	of      map[string][]*Row
	taken   map[string]int // how many are gone, where others are left
	partner bool
}

func newLines(rows []Row, partner bool) *lines {
	l := &lines{of: make(map[string][]*Row, len(rows)), taken: map[string]int{}, partner: partner}
	for i := range rows {
		ref := rows[i].Reference
		l.of[ref] = append(l.of[ref], &rows[i])
	}
	return l
}

// take is the first line of a transaction's reference for which fits holds, and removes it; nil when there is none.
func (l *lines) take(t *store.Txn, fits func(*Row) bool) *Row {
	rows := l.of[t.Reference]
	i := slices.IndexFunc(rows, fits)
	if i < 0 {
		return nil
	}
	r := rows[i]
	if l.of[t.Reference] = slices.Delete(rows, i, i+1); len(rows) > 1 {
		l.taken[t.Reference]++
	}
	return r
}

// same tells whether a line may be about the terminal of a transaction.
func (l *lines) same(t *store.Txn, r *Row) bool {
	return !l.partner || r.Terminal == "" || r.Terminal == t.Terminal
}

// agrees takes the line that says the same.
func (l *lines) agrees(t *store.Txn, amount int64) *Row {
	return l.take(t, func(r *Row) bool { return r.Amount == amount && l.same(t, r) })
}
