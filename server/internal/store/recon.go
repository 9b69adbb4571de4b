package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Run is one comparison of a day's journal with another book.
type Run struct {
	Day, Host, Book        string
	Digest                 string
	Ours, Theirs, Matched  int64
	OurAmount, TheirAmount int64
	At                     time.Time
	By                     string // who compares; empty when a program does. It is not among Runs
}

// DifferenceState is how far a difference has come.
type DifferenceState uint8

// States of a difference.
const (
	DiffOpen DifferenceState = iota
	DiffProposed
	DiffSettled
	DiffGone   // a later comparison does not have it any more
	DiffAbsent // as DiffGone, with a transaction and by another book of the host: it stays in dispute until a second person agrees
)

// Difference is what two books say differently.
type Difference struct {
	ID                   int64
	Day, Host, Book, Key string
	Class                string
	Txn                  sql.NullInt64
	Kind                 string // product of the transaction; empty when it is not in the tables
	Terminal, Branch     string
	Reference            string
	Ours, Theirs         sql.NullInt64 // amounts
	Owner                string
	State                DifferenceState
	First                string // who proposed; who compared when it is DiffAbsent
	Refunded             bool   // who settled it gave the payer the money back
	Note                 string
	At                   time.Time
}

const (
	setRun = `UPDATE TX_RC_RUN SET SOURCE_DIGEST=?, OUR_COUNT=?, THEIR_COUNT=?, MATCH_COUNT=?, OUR_AMOUNT=?, THEIR_AMOUNT=?, UPDATE_TIME=?, VERSION_NUMBER=VERSION_NUMBER+1
 WHERE SETTLE_DATE=? AND HOST_NAME=? AND BOOK_NAME=?`
	addRun = `INSERT INTO TX_RC_RUN (SETTLE_DATE, HOST_NAME, BOOK_NAME, OUR_COUNT, THEIR_COUNT, MATCH_COUNT, OUR_AMOUNT, THEIR_AMOUNT) VALUES (?,?,?,0,0,0,0,0)
 ON CONFLICT (SETTLE_DATE, HOST_NAME, BOOK_NAME) DO NOTHING`
	addDifference = `INSERT INTO TX_RC_DIFFERENCE (SETTLE_DATE, HOST_NAME, BOOK_NAME, MATCH_KEY, DIFFERENCE_CLASS, JOURNAL_NUMBER, TERMINAL_NUMBER, ORGANIZATION_NUMBER, REFERENCE_NUMBER,
 OUR_AMOUNT, THEIR_AMOUNT, OWNER_ROLE, DIFFERENCE_STATE, UPDATE_TIME) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,0,?) ON CONFLICT (SETTLE_DATE, BOOK_NAME, MATCH_KEY) DO NOTHING`
	// A word of a first person is about the amounts that were there: with others it is void. The state comes
	// first, as MariaDB compares with what it has set already.
	setDifference = `UPDATE TX_RC_DIFFERENCE SET
 DIFFERENCE_STATE=CASE WHEN DIFFERENCE_STATE>=3 OR DIFFERENCE_CLASS<>? OR COALESCE(OUR_AMOUNT,-4611686018427387904)<>? OR COALESCE(THEIR_AMOUNT,-4611686018427387904)<>? THEN 0 ELSE DIFFERENCE_STATE END,
 FIRST_USER=CASE WHEN DIFFERENCE_STATE=0 OR DIFFERENCE_STATE>=3 OR DIFFERENCE_CLASS<>? OR COALESCE(OUR_AMOUNT,-4611686018427387904)<>? OR COALESCE(THEIR_AMOUNT,-4611686018427387904)<>? THEN '' ELSE FIRST_USER END,
 DIFFERENCE_CLASS=?, OUR_AMOUNT=?, THEIR_AMOUNT=?, OWNER_ROLE=?, UPDATE_TIME=? WHERE SETTLE_DATE=? AND BOOK_NAME=? AND MATCH_KEY=? AND DIFFERENCE_STATE<>2`
	endDifferences  = `UPDATE TX_RC_DIFFERENCE SET DIFFERENCE_STATE=3, UPDATE_TIME=? WHERE SETTLE_DATE=? AND HOST_NAME=? AND BOOK_NAME=? AND UPDATE_TIME<? AND DIFFERENCE_STATE<2`
	missDifferences = `UPDATE TX_RC_DIFFERENCE SET DIFFERENCE_STATE=4, FIRST_USER=?, UPDATE_TIME=? WHERE SETTLE_DATE=? AND HOST_NAME=? AND BOOK_NAME='host' AND UPDATE_TIME<? AND DIFFERENCE_STATE<2 AND JOURNAL_NUMBER IS NOT NULL`
	selDigest       = `SELECT SOURCE_DIGEST FROM TX_RC_RUN WHERE SETTLE_DATE=? AND HOST_NAME=? AND BOOK_NAME=?`
	endAbsent       = `UPDATE TX_RC_DIFFERENCE SET DIFFERENCE_STATE=3, UPDATE_TIME=?, UPDATE_BY=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE SETTLE_DATE=? AND HOST_NAME=? AND BOOK_NAME='host' AND DIFFERENCE_STATE=4 AND FIRST_USER<>'' AND FIRST_USER<>?`
	proposeAbsent   = `UPDATE TX_RC_DIFFERENCE SET FIRST_USER=?, UPDATE_TIME=?, UPDATE_BY=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE SETTLE_DATE=? AND HOST_NAME=? AND BOOK_NAME='host' AND DIFFERENCE_STATE=4 AND FIRST_USER=''`
	selDifference   = `SELECT ID, SETTLE_DATE, HOST_NAME, BOOK_NAME, MATCH_KEY, DIFFERENCE_CLASS, JOURNAL_NUMBER, TERMINAL_NUMBER, ORGANIZATION_NUMBER, REFERENCE_NUMBER, OUR_AMOUNT, THEIR_AMOUNT,
 OWNER_ROLE, DIFFERENCE_STATE, FIRST_USER, REFUNDED, NOTE, UPDATE_TIME,
 COALESCE((SELECT TRANS_KIND FROM TX_ON_JOURNAL WHERE TX_ON_JOURNAL.JOURNAL_NUMBER=TX_RC_DIFFERENCE.JOURNAL_NUMBER), '') FROM TX_RC_DIFFERENCE `
)

// AddDifference stores a difference that was found outside a comparison; one that is there already stays.
func (s *Store) AddDifference(ctx context.Context, d *Difference) error {
	return s.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(addDifference, d.Day, d.Host, d.Book, d.Key, d.Class, d.Txn, d.Terminal, d.Branch, d.Reference, d.Ours, d.Theirs, d.Owner, ms(d.At))
		return err
	})
}

// SaveRun stores a comparison and its differences in one commit. Differences of an earlier comparison
// of the same books that are not among them are DiffGone; those that people have settled stay settled. What is about a
// transaction goes by itself only when the book is the one that was compared before, as then our journal has moved:
// with another book it is DiffAbsent, or who has a book to give could release what is held for a dispute.
func (s *Store) SaveRun(ctx context.Context, r *Run, diffs []*Difference) error {
	return s.write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(addRun, r.Day, r.Host, r.Book); err != nil {
			return err
		}
		var before string
		if err := tx.row(selDigest, []any{r.Day, r.Host, r.Book}, &before); err != nil {
			return err
		}
		if _, err := tx.exec(setRun, r.Digest, r.Ours, r.Theirs, r.Matched, r.OurAmount, r.TheirAmount, ms(r.At), r.Day, r.Host, r.Book); err != nil {
			return err
		}
		for _, d := range diffs {
			if _, err := tx.exec(addDifference, d.Day, d.Host, d.Book, d.Key, d.Class, d.Txn, d.Terminal, d.Branch, d.Reference, d.Ours, d.Theirs, d.Owner, ms(r.At)); err != nil {
				return err
			}
			ours, theirs := orLess(d.Ours), orLess(d.Theirs)
			if _, err := tx.exec(setDifference, d.Class, ours, theirs, d.Class, ours, theirs, d.Class, d.Ours, d.Theirs, d.Owner, ms(r.At), d.Day, d.Book, d.Key); err != nil {
				return err
			}
		}
		if r.Book == "host" && (before == "" || before != r.Digest) {
			if _, err := tx.exec(missDifferences, r.By, ms(r.At), r.Day, r.Host, ms(r.At)); err != nil {
				return err
			}
		}
		_, err := tx.exec(endDifferences, ms(r.At), r.Day, r.Host, r.Book, ms(r.At))
		return err
	})
}

// EndAbsent is the word of a person that the differences of a day which are not in the host's book any more, the one
// with the digest, are none: they are gone when somebody else has compared it, or (where a program has) has said so
// before. ErrState: there is nothing that this person may end, or another book has been compared since.
func (s *Store) EndAbsent(ctx context.Context, day, host, digest, user string, now time.Time) (gone int64, err error) {
	err = s.write(ctx, func(tx *Tx) error {
		var is string
		if err := found(tx.row(selDigest, []any{day, host, "host"}, &is)); err != nil {
			return err
		}
		if is != digest {
			return ErrState
		}
		if gone, err = tx.exec(endAbsent, ms(now), clip(user, 30), day, host, user); err != nil {
			return err
		}
		first, err := tx.exec(proposeAbsent, user, ms(now), clip(user, 30), day, host)
		if err != nil {
			return err
		}
		if gone+first == 0 {
			return ErrState
		}
		return addAudit(tx, Audit{User: user, Action: "difference.absent", Target: host + " " + day, Note: fmt.Sprintf("%d gone, %d for a second person; book %.16s", gone, first, digest), At: now})
	})
	return gone, err
}

// orLess is a number that is no amount for one that is not there.
func orLess(v sql.NullInt64) int64 {
	if !v.Valid {
		return -1 << 62
	}
	return v.Int64
}

// Runs lists the comparisons of a day, or of all days when it is empty, newest first.
func (s *Store) Runs(ctx context.Context, day string) ([]*Run, error) {
	return list(ctx, s, func(r scanner) (*Run, error) {
		v := &Run{}
		var at int64
		err := r.Scan(&v.Day, &v.Host, &v.Book, &v.Digest, &v.Ours, &v.Theirs, &v.Matched, &v.OurAmount, &v.TheirAmount, &at)
		v.At = fromMS(at)
		return v, err
	}, `SELECT SETTLE_DATE, HOST_NAME, BOOK_NAME, SOURCE_DIGEST, OUR_COUNT, THEIR_COUNT, MATCH_COUNT, OUR_AMOUNT, THEIR_AMOUNT, UPDATE_TIME FROM TX_RC_RUN
 WHERE SETTLE_DATE=? OR ?='' ORDER BY SETTLE_DATE DESC, HOST_NAME, BOOK_NAME LIMIT 400`, day, day)
}

func scanDifference(r scanner) (*Difference, error) {
	v := &Difference{}
	var at int64
	err := r.Scan(&v.ID, &v.Day, &v.Host, &v.Book, &v.Key, &v.Class, &v.Txn, &v.Terminal, &v.Branch, &v.Reference, &v.Ours, &v.Theirs, &v.Owner, &v.State, &v.First, &v.Refunded, &v.Note, &at, &v.Kind)
	v.At = fromMS(at)
	v.Refunded = v.Refunded && (v.State == DiffProposed || v.State == DiffSettled) // else a word that is void
	return v, found(err)
}

// Differences lists those of a day (all days when empty), in a branch (all when empty); the unsettled
// ones only unless all is set.
func (s *Store) Differences(ctx context.Context, day, branch string, all bool, limit int) ([]*Difference, error) {
	return list(ctx, s, scanDifference, selDifference+`WHERE (SETTLE_DATE=? OR ?='') AND (ORGANIZATION_NUMBER=? OR ?='') AND (DIFFERENCE_STATE IN (0,1,4) OR ?='1') ORDER BY SETTLE_DATE DESC, ID LIMIT ?`, day, day, branch, branch, flag(all), limit)
}

// Disputed are transactions that another book or the terminal has otherwise, as far as people have not said that they
// stand: true, the payer has the money back; false, nobody knows yet. All that a settlement day may have are among them,
// whatever day the difference was found on: the host's answer may have named another.
func (s *Store) Disputed(ctx context.Context, day string) (map[int64]bool, error) {
	at, err := time.Parse("20060102", day)
	if err != nil {
		return nil, fmt.Errorf("store: %q is no day: want yyyyMMdd", day)
	}
	out := map[int64]bool{}
	_, err = list(ctx, s, func(r scanner) (struct{}, error) {
		var txn int64
		var refunded bool
		err := r.Scan(&txn, &refunded)
		out[txn] = out[txn] || refunded
		return struct{}{}, err
	}, `SELECT JOURNAL_NUMBER, CASE WHEN DIFFERENCE_STATE=2 THEN '1' ELSE '0' END FROM TX_RC_DIFFERENCE
 WHERE SETTLE_DATE>=? AND SETTLE_DATE<=? AND BOOK_NAME IN ('host','reversal') AND JOURNAL_NUMBER IS NOT NULL AND (DIFFERENCE_STATE IN (0,1,4) OR DIFFERENCE_STATE=2 AND REFUNDED='1')`,
		at.AddDate(0, 0, -daysBefore).Format("20060102"), at.AddDate(0, 0, daysAfter).Format("20060102"))
	return out, err
}

// SettleDifference is the word of one person that a difference is settled, with what was done about it, and whether
// the payer got the money back; the same word of a second settles it, another is a proposal of its own. ErrState: it
// is settled, or the same person speaks twice.
func (s *Store) SettleDifference(ctx context.Context, id int64, user, note string, refunded bool, now time.Time) (settled bool, err error) {
	err = s.write(ctx, func(tx *Tx) error {
		settled = false
		var st DifferenceState
		var first string
		var said bool
		if err := found(tx.row(`SELECT DIFFERENCE_STATE, FIRST_USER, REFUNDED FROM TX_RC_DIFFERENCE WHERE ID=?`, []any{id}, &st, &first, &said)); err != nil {
			return err
		}
		action, to, before := "difference.propose", DiffProposed, first
		switch {
		case st == DiffProposed && first != user && said != refunded:
		case st == DiffProposed && first != user:
			action, to, settled = "difference.settle", DiffSettled, true
		case st != DiffOpen && st != DiffAbsent:
			return ErrState
		}
		if settled {
			note = clip(note+" ("+first+", "+user+")", maxNote)
		} else {
			first = user
		}
		n, err := tx.exec(`UPDATE TX_RC_DIFFERENCE SET DIFFERENCE_STATE=?, FIRST_USER=?, REFUNDED=?, NOTE=?, UPDATE_TIME=?, UPDATE_BY=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE ID=? AND DIFFERENCE_STATE=? AND FIRST_USER=?`,
			int64(to), first, flag(refunded), clip(note, maxNote), ms(now), clip(user, 30), id, int64(st), before)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrState
		}
		return addAudit(tx, Audit{User: user, Action: action, Target: txnText(id), Note: note, At: now})
	})
	if errors.Is(err, ErrState) {
		settled = false
	}
	return settled && err == nil, err
}

// DayTotal is what one terminal did on a settlement day, by product and state.
type DayTotal struct {
	Branch, Terminal, Kind string
	State                  State
	Count, Amount, Paid    int64
}

// DayTotals adds a settlement day up by branch, terminal, product and state. With ErrArchived it has what is in the tables.
func (s *Store) DayTotals(ctx context.Context, day, branch string) ([]DayTotal, error) {
	from, to, err := around(day)
	if err != nil {
		return nil, err
	}
	totals, err := list(ctx, s, func(r scanner) (v DayTotal, err error) {
		err = r.Scan(&v.Branch, &v.Terminal, &v.Kind, &v.State, &v.Count, &v.Amount, &v.Paid)
		return v, err
	}, `SELECT ORGANIZATION_NUMBER, TERMINAL_NUMBER, TRANS_KIND, TRANS_STATE, COUNT(*), SUM(AMOUNT), COALESCE(SUM(PAID_AMOUNT), 0) FROM TX_ON_JOURNAL
 WHERE JOURNAL_NUMBER>? AND JOURNAL_NUMBER<? AND SETTLE_DATE=? AND (ORGANIZATION_NUMBER=? OR ?='') GROUP BY ORGANIZATION_NUMBER, TERMINAL_NUMBER, TRANS_KIND, TRANS_STATE
 ORDER BY ORGANIZATION_NUMBER, TERMINAL_NUMBER, TRANS_KIND, TRANS_STATE`, from, to, day, branch, branch)
	if err == nil {
		err = s.here(ctx, from, to)
	}
	return totals, err
}
