package recon

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"zhigui/server/internal/store"
	"zhigui/terminal/api/journal"
)

// CountEvery is how long a terminal that moves notes may go without anybody counting, where Books does not say.
const CountEvery = 7 * 24 * time.Hour

// countsBook is the name of the comparisons of what was counted.
const countsBook = "counts"

// shanghai is the zone of a day without a host.
var shanghai = time.FixedZone("CST", 8*3600)

// Counts compares what people and devices have counted on a day (exchanges, cash boxes that were emptied,
// counts that were set) with what must have been there by what the terminals' journals say moved since the
// count before, and those movements with what the switch has booked. The day is the calendar's: a count
// belongs to no host.
func (b *Books) Counts(ctx context.Context, day string) (*store.Run, []*store.Difference, error) {
	begin, err := time.ParseInLocation("20060102", day, shanghai)
	if err != nil {
		return nil, nil, fmt.Errorf("recon: day %q: %w", day, err)
	}
	c := &counts{b: b, day: day, begin: begin, end: begin.AddDate(0, 0, 1), run: &store.Run{Day: day, Book: countsBook, At: b.Now()}}
	ts, err := b.Store.Terminals(ctx, "")
	if err != nil {
		return nil, nil, fmt.Errorf("recon: terminals: %w", err)
	}
	for _, t := range ts {
		switch err := c.terminal(ctx, t); {
		case errors.Is(err, errRecord): // one terminal's, which must not keep the bank from comparing all others
			c.add(Silent, "journal", 0, sql.NullInt64{}, sql.NullInt64{})
		case err != nil:
			return nil, nil, err
		}
	}
	slices.SortFunc(c.out, func(a, b *store.Difference) int { return cmp.Compare(a.Key, b.Key) })
	return c.run, c.out, nil
}

// errRecord is a record that is not what its kind says: of another version, or damaged before it came.
var errRecord = errors.New("recon: a record of a terminal's journal cannot be read")

func unreadable(seq uint64, err error) error { return fmt.Errorf("%w: %d: %w", errRecord, seq, err) }

// counts is one comparison.
type counts struct {
	b          *Books
	day        string
	begin, end time.Time
	run        *store.Run
	out        []*store.Difference
	t          *store.Terminal
}

// add notes a difference. what names the unit or transaction, which is shown; seq is the count's record.
func (c *counts) add(class Class, what string, seq uint64, ours, theirs sql.NullInt64) *store.Difference {
	d := &store.Difference{Day: c.day, Book: c.run.Book, Key: fmt.Sprintf("%s|%d|%s", c.t.ID, seq, what), Class: string(class), Terminal: c.t.ID, Branch: c.t.Branch,
		Reference: what, Ours: ours, Theirs: theirs, Owner: Owners[class]}
	c.out = append(c.out, d)
	return d
}

func amount(v int64) sql.NullInt64 { return sql.NullInt64{Int64: v, Valid: true} }

// terminal compares the counts of one.
func (c *counts) terminal(ctx context.Context, t *store.Terminal) error {
	c.t = t
	recs, err := c.b.Store.RecordsOf(ctx, t.ID, store.CountsMark)
	if err != nil {
		return fmt.Errorf("recon: journal of %s: %w", t.ID, err)
	}
	all := make([]journal.Record, len(recs))
	for i := range recs {
		if err := json.Unmarshal(recs[i].Body, &all[i]); err != nil {
			return unreadable(recs[i].Seq, err)
		}
		all[i].Seq = recs[i].Seq
	}
	for i, r := range all {
		if r.Time.Before(c.begin) || !r.Time.Before(c.end) {
			continue
		}
		if err := c.count(ctx, all[:i], r); err != nil {
			return err
		}
	}
	return c.overdue(ctx, all)
}

// count compares one count with the machine as it must have been.
func (c *counts) count(ctx context.Context, before []journal.Record, r journal.Record) error {
	var x counted
	if err := json.Unmarshal(r.Data, &x); err != nil {
		return unreadable(r.Seq, err)
	}
	m, err := c.fold(ctx, from(before, &x), r.Seq, time.Time{})
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(x.Units)) {
		u := x.Units[id]
		line, exchanged := x.Exchange[id]
		found := u.Count
		switch {
		case exchanged:
			found = line.Counted
		case u.Initial != 0 && u.Initial != u.Count:
			continue // the books go on from before: a test of the units moved notes, or put them in doubt
		}
		was, known := m.units[id]
		if !known && line.Booked == 0 {
			continue // its first count: there is nothing that it could differ from
		}
		c.compare(id, r.Seq, was.count*was.value, found*u.Value, !known || was.value != u.Value || exchanged && line.Booked != was.count)
	}
	switch {
	case x.BoxEmptied && x.Box != nil:
		c.compare("cash box", r.Seq, m.box, x.Box.Counted, x.Box.Booked != m.box)
	case x.BoxEmptied && m.box != 0:
		c.run.Ours++
		c.run.OurAmount += m.box
		c.add(NotCounted, "cash box", r.Seq, amount(m.box), sql.NullInt64{})
	}
	since := uint64(0)
	if len(before) > 0 {
		since = before[len(before)-1].Seq
	}
	if m, err = c.fold(ctx, since, r.Seq, time.Time{}); err != nil {
		return err
	}
	return c.switched(ctx, m, r.Seq)
}

// from is the record from which on the units of a count must be followed: the oldest of their last counts.
func from(before []journal.Record, x *counted) uint64 {
	open := map[string]bool{}
	for id := range x.Units {
		open[id] = true
	}
	box := x.BoxEmptied
	for i := len(before) - 1; i >= 0; i-- {
		var c counted
		if json.Unmarshal(before[i].Data, &c) != nil {
			continue
		}
		for id := range c.Units {
			delete(open, id)
		}
		box = box && !c.BoxEmptied
		if len(open) == 0 && !box {
			return before[i].Seq
		}
	}
	return 0 // some were never counted: from the journal's begin
}

// fold follows the machine from one record, which is a count, up to another, which is not part of it, or up to a moment
// where it is not zero.
func (c *counts) fold(ctx context.Context, from, to uint64, end time.Time) (*machine, error) {
	m := newMachine()
	for {
		recs, err := c.b.Store.RecordsFrom(ctx, c.t.ID, from, to, 2000)
		if err != nil {
			return nil, fmt.Errorf("recon: journal of %s: %w", c.t.ID, err)
		}
		for _, r := range recs {
			var rec journal.Record
			if err := json.Unmarshal(r.Body, &rec); err != nil {
				return nil, unreadable(r.Seq, err)
			}
			if !end.IsZero() && !rec.Time.Before(end) {
				return m, nil
			}
			rec.Seq = r.Seq
			if err := m.apply(rec); err != nil {
				return nil, err
			}
			from = r.Seq + 1
		}
		if len(recs) < 2000 {
			return m, nil
		}
	}
}

// compare is one unit: ours is what must be there, theirs what was found. A strange count begins from a book
// that is not this terminal's.
func (c *counts) compare(what string, seq uint64, ours, theirs int64, strange bool) {
	c.run.Ours++
	c.run.Theirs++
	c.run.OurAmount += ours
	c.run.TheirAmount += theirs
	switch {
	case strange:
		c.add(Strange, what, seq, amount(ours), amount(theirs))
	case theirs < ours:
		c.add(CashShort, what, seq, amount(ours), amount(theirs))
	case theirs > ours:
		c.add(CashOver, what, seq, amount(ours), amount(theirs))
	default:
		c.run.Matched++
	}
}

// switched compares what each transaction moved with what the switch has booked for it.
func (c *counts) switched(ctx context.Context, m *machine, seq uint64) error {
	for _, id := range slices.Sorted(maps.Keys(m.moved)) {
		x := m.moved[id]
		batch, stan, _ := strings.Cut(id, "/")
		t, err := c.b.Store.ByOriginal(ctx, c.t.ID, batch, stan)
		if errors.Is(err, store.ErrNotFound) {
			if x.out+x.in > 0 {
				c.add(Moved, id, seq, sql.NullInt64{}, amount(x.out+x.in))
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("recon: journal: %w", err)
		}
		booked, clear, ok := c.b.effect(t)
		if !ok {
			continue
		}
		through := x.out - x.in // a deposit's effect is negative
		same := booked == through || x.retracted && booked >= 0 && booked <= through || x.unclear && (booked >= through && through >= 0 || booked <= through && through <= 0)
		var d *store.Difference
		switch {
		case !clear:
			d = c.add(Pending, id, seq, amount(booked), amount(through))
		case !same:
			d = c.add(Moved, id, seq, amount(booked), amount(through))
		default:
			continue
		}
		d.Txn, d.Reference = amount(t.ID), t.Reference
	}
	return nil
}

// overdue tells of a terminal that has moved notes and was not counted for too long.
func (c *counts) overdue(ctx context.Context, all []journal.Record) error {
	every := cmp.Or(c.b.CountEvery, CountEvery)
	var last journal.Record
	for _, r := range all {
		if r.Time.Before(c.end) {
			last = r
		}
	}
	if last.Seq == 0 || c.end.Sub(last.Time) <= every {
		return nil
	}
	m, err := c.fold(ctx, last.Seq, 1<<62, c.end)
	if err != nil || m.last.IsZero() {
		return err
	}
	ours := m.box
	for _, u := range m.units {
		ours += u.value * u.count
	}
	c.run.Ours++
	c.run.OurAmount += ours
	c.add(NotCounted, "since "+last.Time.In(shanghai).Format("2006-01-02"), last.Seq, amount(ours), sql.NullInt64{})
	return nil
}
