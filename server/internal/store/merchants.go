package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Merchant is one whose payments are cleared; a third party (a biller) is one with a shorter number.
type Merchant struct {
	Number, Branch, NameZH, NameEN string
	FeePPM                         int64 // millionths of the amount
	FeeMin, FeeMax                 int64 // of one payment, minor units; FeeMax 0 = none
	Enabled                        bool
	Shares                         []Share // of what is left; they make 1,000,000
}

// Share is a part of a merchant's money.
type Share struct {
	Receiver string
	PPM      int64
}

// SetMerchant adds or changes a merchant; who did it is audited in the same commit.
func (s *Store) SetMerchant(ctx context.Context, m *Merchant, by string, at time.Time) error {
	status := "0"
	if m.Enabled {
		status = "1"
	}
	return s.write(ctx, func(tx *Tx) error {
		before, err := terms(tx, m.Number)
		if err != nil {
			return err
		}
		if _, err := tx.exec(`INSERT INTO TX_MC_MERCHANT (MERCHANT_NUMBER, ORGANIZATION_NUMBER, NAME_ZH, NAME_EN, FEE_PPM) VALUES (?,?,?,?,0) ON CONFLICT (MERCHANT_NUMBER) DO NOTHING`,
			m.Number, m.Branch, m.NameZH, m.NameEN); err != nil {
			return err
		}
		if _, err := tx.exec(`UPDATE TX_MC_MERCHANT SET ORGANIZATION_NUMBER=?, NAME_ZH=?, NAME_EN=?, FEE_PPM=?, FEE_MIN=?, FEE_MAX=?, STATUS=?, UPDATE_TIME=?, UPDATE_BY=?, VERSION_NUMBER=VERSION_NUMBER+1
 WHERE MERCHANT_NUMBER=?`, m.Branch, m.NameZH, m.NameEN, m.FeePPM, m.FeeMin, m.FeeMax, status, ms(at), clip(by, 30), m.Number); err != nil {
			return err
		}
		if _, err := tx.exec(`DELETE FROM TX_MC_SHARE WHERE MERCHANT_NUMBER=?`, m.Number); err != nil {
			return err
		}
		for _, x := range m.Shares {
			if _, err := tx.exec(`INSERT INTO TX_MC_SHARE (MERCHANT_NUMBER, RECEIVER, SHARE_PPM) VALUES (?,?,?)`, m.Number, x.Receiver, x.PPM); err != nil {
				return err
			}
		}
		now, err := terms(tx, m.Number)
		if err != nil {
			return err
		}
		note := "now " + now + ", before " + before
		if now == before {
			note = "unchanged " + now
		}
		return addAudit(tx, Audit{User: by, Action: "merchant.set", Target: m.Number, Note: note, At: at})
	})
}

// terms are what a merchant has agreed on, in a line of the audit trail.
func terms(tx *Tx, number string) (string, error) {
	var status string
	var ppm, least, most int64
	err := tx.row(`SELECT STATUS, FEE_PPM, FEE_MIN, FEE_MAX FROM TX_MC_MERCHANT WHERE MERCHANT_NUMBER=?`, []any{number}, &status, &ppm, &least, &most)
	if errors.Is(err, sql.ErrNoRows) {
		return "nothing", nil
	}
	if err != nil {
		return "", err
	}
	out := fmt.Sprintf("fee %d/1000000 (%d to %d)", ppm, least, most)
	if status != "1" {
		out = "out of use, " + out
	}
	shares, err := tx.texts(`SELECT RECEIVER FROM TX_MC_SHARE WHERE MERCHANT_NUMBER=? ORDER BY ID`, number)
	if err != nil {
		return "", err
	}
	for _, receiver := range shares {
		var part int64
		if err := tx.row(`SELECT SHARE_PPM FROM TX_MC_SHARE WHERE MERCHANT_NUMBER=? AND RECEIVER=?`, []any{number, receiver}, &part); err != nil {
			return "", err
		}
		out += fmt.Sprintf(", %s %d", receiver, part)
	}
	return out, nil
}

// Merchants lists all, with their shares.
func (s *Store) Merchants(ctx context.Context) ([]*Merchant, error) {
	ms, err := list(ctx, s, func(r scanner) (*Merchant, error) {
		m := &Merchant{}
		var status string
		err := r.Scan(&m.Number, &m.Branch, &m.NameZH, &m.NameEN, &m.FeePPM, &m.FeeMin, &m.FeeMax, &status)
		m.Enabled = status == "1"
		return m, err
	}, `SELECT MERCHANT_NUMBER, ORGANIZATION_NUMBER, NAME_ZH, NAME_EN, FEE_PPM, FEE_MIN, FEE_MAX, STATUS FROM TX_MC_MERCHANT ORDER BY MERCHANT_NUMBER`)
	if err != nil {
		return nil, err
	}
	by := map[string]*Merchant{}
	for _, m := range ms {
		by[m.Number] = m
	}
	_, err = list(ctx, s, func(r scanner) (struct{}, error) {
		var number string
		var x Share
		err := r.Scan(&number, &x.Receiver, &x.PPM)
		if m := by[number]; m != nil {
			m.Shares = append(m.Shares, x)
		}
		return struct{}{}, err
	}, `SELECT MERCHANT_NUMBER, RECEIVER, SHARE_PPM FROM TX_MC_SHARE ORDER BY ID`)
	return ms, err
}

// OutOfUse lists the numbers of merchants and third parties that are paid no more.
func (s *Store) OutOfUse(ctx context.Context) ([]string, error) {
	return list(ctx, s, func(r scanner) (number string, err error) { return number, r.Scan(&number) }, `SELECT MERCHANT_NUMBER FROM TX_MC_MERCHANT WHERE STATUS='0'`)
}

// Entry is what a settlement day pays to one receiver of one merchant.
type Entry struct {
	Merchant, Receiver   string
	Count, Gross, Amount int64
}

// cleared is the line of the audit trail that says when a day was cleared, and by whom.
const cleared = "clearing.run"

// Left is what a clearing leaves out of confirmed payments at registered merchants' terminals, and to third parties.
type Left struct {
	Unsaid           int64 // payments whose product does not say whom it pays
	Held, HeldAmount int64 // payments in dispute: an open difference says otherwise
	Refunded         int64 // payments that people have given back

	Closed, ClosedAmount int64 // payments to merchants that are out of use

	Unregistered, UnregisteredAmount int64 // payments to third parties that nobody has registered

	ByHand, ByHandAmount int64 // payments that two persons have closed by hand: nobody is paid for them here
}

// leftNote is the note of that line.
const leftNote = "unsaid payee: %d, held: %d of %d, refunded: %d, merchant out of use: %d of %d, third party not registered: %d of %d, closed by hand: %d of %d"

// LastClearing is the number of the last clearing of a settlement day, 0 before the first.
func (s *Store) LastClearing(ctx context.Context, day string) (n int64, err error) {
	err = s.row(ctx, selLastClearing, cleared, day).Scan(&n)
	return n, err
}

const selLastClearing = `SELECT COALESCE(MAX(ID), 0) FROM SY_US_AUDIT_LOG WHERE ACTION=? AND TARGET=?`

// ErrSecond: who gave something by a run of a settlement day may not take it away; another person must.
var ErrSecond = errors.New("store: the run takes away what the same person gave, and must be run by somebody else")

// changedEntry is the action of the audit trail's lines that say what a later run of a day has changed.
const changedEntry = "clearing.changed"

const selEntries = `SELECT MERCHANT_NUMBER, RECEIVER, PAYMENT_COUNT, GROSS_AMOUNT, AMOUNT FROM TX_CL_ENTRY WHERE SETTLE_DATE=? ORDER BY MERCHANT_NUMBER, ID`

func scanEntry(r scanner) (e Entry, err error) {
	err = r.Scan(&e.Merchant, &e.Receiver, &e.Count, &e.Gross, &e.Amount)
	return e, err
}

// lockDay keeps others from storing a clearing of the same day until the commit; one that waited sees what it stored.
const lockDay = `UPDATE SY_ND_LEASE SET UPDATE_TIME={now} WHERE LEASE_NAME=?`

// ClearingLease is the name of the lease under which a settlement day is cleared.
func ClearingLease(day string) string { return "clearing." + day }

// SaveClearing replaces the entries of a settlement day in one commit, which says in the audit trail who ran it,
// what was left out, and what is not as the last run had it. last is the LastClearing that was there before the journal was read;
// ErrHeld: another has cleared the day since, from a younger journal. ErrSecond: a receiver gets less, and by is
// who gave it, when the day was over.
func (s *Store) SaveClearing(ctx context.Context, day string, entries []Entry, left Left, last int64, by string, at time.Time) error {
	before, err := s.Clearing(ctx, day) // what last has stored, as is seen below
	if err != nil {
		return err
	}
	all := changes(before, entries)
	refused := s.allowed(ctx, day, all, by)
	if refused != nil && !errors.Is(refused, ErrSecond) {
		return refused
	}
	return s.write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(openLease, ClearingLease(day)); err != nil {
			return err
		}
		if _, err := tx.exec(lockDay, ClearingLease(day)); err != nil {
			return err
		}
		var now int64
		if err := tx.row(selLastClearing, []any{cleared, day}, &now); err != nil {
			return err
		}
		if now != last {
			return ErrHeld
		}
		if refused != nil {
			return refused
		}
		if last > 0 {
			for _, c := range all {
				if err := addAudit(tx, Audit{User: by, Action: changedEntry, Target: day, Note: c.String(), At: at}); err != nil {
					return err
				}
			}
		}
		if _, err := tx.exec(`DELETE FROM TX_CL_ENTRY WHERE SETTLE_DATE=?`, day); err != nil {
			return err
		}
		for _, e := range entries {
			if _, err := tx.exec(`INSERT INTO TX_CL_ENTRY (SETTLE_DATE, MERCHANT_NUMBER, RECEIVER, PAYMENT_COUNT, GROSS_AMOUNT, AMOUNT) VALUES (?,?,?,?,?,?)`,
				day, e.Merchant, e.Receiver, e.Count, e.Gross, e.Amount); err != nil {
				return err
			}
		}
		return addAudit(tx, Audit{User: by, Action: cleared, Target: day, Note: fmt.Sprintf(leftNote, left.Unsaid, left.Held, left.HeldAmount, left.Refunded, left.Closed, left.ClosedAmount, left.Unregistered, left.UnregisteredAmount, left.ByHand, left.ByHandAmount), At: at})
	})
}

// change is what a later run of a day gives a receiver of a merchant, and what the last one gave.
type change struct {
	merchant, receiver string
	now, before        int64
}

// changes are those between two runs of a day.
func changes(before, now []Entry) (out []change) {
	at := map[[2]string]int{}
	put := func(e Entry) *change {
		k := [2]string{e.Merchant, e.Receiver}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k], out = i, append(out, change{merchant: e.Merchant, receiver: e.Receiver})
		}
		return &out[i]
	}
	for _, e := range before {
		put(e).before = e.Amount
	}
	for _, e := range now {
		put(e).now = e.Amount
	}
	return slices.DeleteFunc(out, func(c change) bool { return c.now == c.before })
}

// of is how the note of a change begins.
func (c change) of() string { return c.merchant + " " + c.receiver + ": " }

// String is the note of a change.
func (c change) String() string { return fmt.Sprintf("%s%d, not %d", c.of(), c.now, c.before) }

// allowed refuses to take away what the same person gave: who first ran the day with it when the day was over. While
// the day lasts all runs are for the time being.
func (s *Store) allowed(ctx context.Context, day string, all []change, by string) error {
	less := slices.DeleteFunc(slices.Clone(all), func(c change) bool { return c.now >= c.before })
	if len(less) == 0 {
		return nil
	}
	type line struct {
		user, action, note string
		at                 int64
	}
	trail, err := list(ctx, s, func(r scanner) (l line, err error) { return l, r.Scan(&l.user, &l.action, &l.note, &l.at) },
		`SELECT USER_NAME, ACTION, NOTE, CREATE_TIME FROM SY_US_AUDIT_LOG WHERE ACTION IN (?,?) AND TARGET=? ORDER BY ID`, cleared, changedEntry, day)
	if err != nil {
		return fmt.Errorf("store: runs of the day: %w", err)
	}
	for _, c := range less {
		giver := ""
		for _, l := range trail {
			switch {
			case l.action == changedEntry && strings.HasPrefix(l.note, c.of()):
				giver = ""
			case l.action == cleared && giver == "" && !DayLasts(day, fromMS(l.at)):
				giver = l.user
			}
		}
		if giver == by {
			return fmt.Errorf("%w: %s", ErrSecond, strings.TrimSuffix(c.of(), ": "))
		}
	}
	return nil
}

// DayLasts tells whether more may still be booked on a settlement day (yyyyMMdd) at a moment: the calendar of the bank has no later one.
func DayLasts(day string, at time.Time) bool { return at.In(china).Format("20060102") <= day }

// china is the zone of settlement days.
var china = time.FixedZone("CST", 8*3600)

// Cleared is the last clearing of a settlement day: who ran it, when, and what it left out. ErrNotFound: there was none.
func (s *Store) Cleared(ctx context.Context, day string) (by string, at time.Time, left Left, err error) {
	var ms int64
	var note string
	if err = s.row(ctx, `SELECT USER_NAME, CREATE_TIME, NOTE FROM SY_US_AUDIT_LOG WHERE ACTION=? AND TARGET=? ORDER BY ID DESC LIMIT 1`, cleared, day).Scan(&by, &ms, &note); err == nil {
		_, _ = fmt.Sscanf(note, leftNote, &left.Unsaid, &left.Held, &left.HeldAmount, &left.Refunded, &left.Closed, &left.ClosedAmount, &left.Unregistered, &left.UnregisteredAmount, &left.ByHand, &left.ByHandAmount) // earlier versions said less
	}
	return by, fromMS(ms), left, found(err)
}

// Clearing lists the entries of a settlement day.
func (s *Store) Clearing(ctx context.Context, day string) ([]Entry, error) {
	return list(ctx, s, scanEntry, selEntries, day)
}
