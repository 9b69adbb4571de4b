package store

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// CaseClaim is the rule of a claim that takes a case (cases.go); Subject is its number, Period the day.
const CaseClaim = "case"

// Claim is a transaction's share of one limit.
type Claim struct {
	Rule, Subject, Period string
	Amount                int64
	MaxAmount             int64 // of the period; 0 = no limit
	MaxCount              int64 // transactions of the period; 0 = no limit
}

// number is that of the case.
func (c *Claim) number() int64 {
	n, _ := strconv.ParseInt(c.Subject, 10, 64)
	return n
}

// errOver rolls a write back: another writer took the last of a limit at the same moment.
var errOver = errors.New("store: limit exceeded")

const (
	openUsage = `INSERT INTO TX_RK_USAGE (RULE_NAME, SUBJECT, PERIOD) VALUES (?,?,?) ON CONFLICT (RULE_NAME, SUBJECT, PERIOD) DO NOTHING`
	seeUsage  = `SELECT AMOUNT, USE_COUNT FROM TX_RK_USAGE WHERE RULE_NAME=? AND SUBJECT=? AND PERIOD=?`
	addUsage  = `UPDATE TX_RK_USAGE SET AMOUNT=AMOUNT+?, USE_COUNT=USE_COUNT+1, UPDATE_TIME=? WHERE RULE_NAME=? AND SUBJECT=? AND PERIOD=? AND AMOUNT+?<=? AND USE_COUNT<?`
	subUsage  = `UPDATE TX_RK_USAGE SET AMOUNT=AMOUNT-?, USE_COUNT=USE_COUNT-1, UPDATE_TIME=? WHERE RULE_NAME=? AND SUBJECT=? AND PERIOD=?`
	lessUsage = `UPDATE TX_RK_USAGE SET AMOUNT=AMOUNT-?, UPDATE_TIME=? WHERE RULE_NAME=? AND SUBJECT=? AND PERIOD=?`
	addShare  = `INSERT INTO TX_RK_SHARE (JOURNAL_NUMBER, RULE_NAME, SUBJECT, PERIOD, AMOUNT) VALUES (?,?,?,?,?)`
)

// bounds are the limits of a claim as SQL compares them.
func (c *Claim) bounds() (amount, count int64) {
	amount, count = c.MaxAmount, c.MaxCount
	if amount == 0 {
		amount = 1 << 62
	}
	if count == 0 {
		count = 1<<31 - 1
	}
	return amount, count
}

// exceeded looks, before anything is written, for a limit that would be exceeded.
func exceeded(tx *Tx, claims []Claim) (rule string, err error) {
	for i := range claims {
		c := &claims[i]
		if c.Rule == CaseClaim {
			continue
		}
		var sum, n int64
		err := tx.row(seeUsage, []any{c.Rule, c.Subject, c.Period}, &sum, &n)
		if err != nil && !errors.Is(found(err), ErrNotFound) {
			return "", err
		}
		if amount, count := c.bounds(); sum+c.Amount > amount || n >= count {
			return c.Rule, nil
		}
	}
	return "", nil
}

func take(tx *Tx, t *Txn, claims []Claim) (over string, err error) {
	for i := range claims {
		c := &claims[i]
		if c.Rule == CaseClaim {
			n, err := tx.exec(takeCase, t.ID, ms(t.Created), c.number(), ms(t.Created))
			if err != nil {
				return "", err
			}
			if n == 0 {
				return c.Rule, errOver
			}
			if _, err := tx.exec(addShare, t.ID, c.Rule, c.Subject, c.Period, t.Amount); err != nil {
				return "", err
			}
			continue
		}
		amount, count := c.bounds()
		if _, err := tx.exec(openUsage, c.Rule, c.Subject, c.Period); err != nil {
			return "", err
		}
		n, err := tx.exec(addUsage, c.Amount, ms(t.Created), c.Rule, c.Subject, c.Period, c.Amount, amount, count)
		if err != nil {
			return "", err
		}
		if n == 0 {
			return c.Rule, errOver
		}
		if _, err := tx.exec(addShare, t.ID, c.Rule, c.Subject, c.Period, c.Amount); err != nil {
			return "", err
		}
	}
	return "", nil
}

// giveBack returns the shares of a transaction that came to nothing, in the commit that says so.
func giveBack(tx *Tx, id int64, at time.Time) error {
	for {
		var share, amount int64
		var c Claim
		err := tx.row(`SELECT ID, RULE_NAME, SUBJECT, PERIOD, AMOUNT FROM TX_RK_SHARE WHERE JOURNAL_NUMBER=? LIMIT 1`, []any{id}, &share, &c.Rule, &c.Subject, &c.Period, &amount)
		if errors.Is(found(err), ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if c.Rule == CaseClaim {
			_, err = tx.exec(untakeCase, ms(at), c.number(), id)
		} else {
			_, err = tx.exec(subUsage, amount, ms(at), c.Rule, c.Subject, c.Period)
		}
		if err != nil {
			return err
		}
		if _, err := tx.exec(`DELETE FROM TX_RK_SHARE WHERE ID=?`, share); err != nil {
			return err
		}
	}
}

// giveBackRest leaves a transaction what was paid of its shares.
func giveBackRest(tx *Tx, id, paid int64, at time.Time) error {
	for {
		var share, amount int64
		var c Claim
		err := tx.row(`SELECT ID, RULE_NAME, SUBJECT, PERIOD, AMOUNT FROM TX_RK_SHARE WHERE JOURNAL_NUMBER=? AND AMOUNT>? LIMIT 1`, []any{id, paid}, &share, &c.Rule, &c.Subject, &c.Period, &amount)
		if errors.Is(found(err), ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := tx.exec(lessUsage, amount-paid, ms(at), c.Rule, c.Subject, c.Period); err != nil {
			return err
		}
		if _, err := tx.exec(`UPDATE TX_RK_SHARE SET AMOUNT=?, UPDATE_TIME=? WHERE ID=?`, paid, ms(at), share); err != nil {
			return err
		}
	}
}

// Used tells what has been used of a limit.
func (s *Store) Used(ctx context.Context, rule, subject, period string) (amount, count int64, err error) {
	err = s.row(ctx, seeUsage, rule, subject, period).Scan(&amount, &count)
	if errors.Is(found(err), ErrNotFound) {
		return 0, 0, nil
	}
	return amount, count, err
}

// ForgetUsage drops what was used in periods before one (yyyyMMdd) and its shares.
func (s *Store) ForgetUsage(ctx context.Context, before string) error {
	return s.write(ctx, func(tx *Tx) error {
		month := before[:min(6, len(before))] // "202611" < "20261122", but that month goes on
		if _, err := tx.exec(`DELETE FROM TX_RK_SHARE WHERE PERIOD<? AND PERIOD<>?`, before, month); err != nil {
			return err
		}
		_, err := tx.exec(`DELETE FROM TX_RK_USAGE WHERE PERIOD<? AND PERIOD<>?`, before, month)
		return err
	})
}

// Block is a card, a terminal or a merchant that may do nothing.
type Block struct {
	Kind, Subject string
	Name          string // for people, masked
	Note          string
	On            bool
	By            string    // who said so last; of Blocks
	At            time.Time // and when
}

// SetBlock adds, changes or (On false) lifts a block; who did it is audited in the same commit.
func (s *Store) SetBlock(ctx context.Context, b Block, by string, at time.Time) error {
	status, action := "1", "block.set"
	if !b.On {
		status, action = "0", "block.lift"
	}
	return s.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(`UPDATE TX_RK_BLOCK SET STATUS=?, NOTE=?, UPDATE_TIME=?, UPDATE_BY=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE SUBJECT_KIND=? AND SUBJECT=?`,
			status, clip(b.Note, maxNote), ms(at), clip(by, 30), b.Kind, b.Subject)
		if err == nil && n == 0 {
			_, err = tx.exec(`INSERT INTO TX_RK_BLOCK (SUBJECT_KIND, SUBJECT, MASKED_NAME, NOTE, STATUS, UPDATE_TIME, UPDATE_BY) VALUES (?,?,?,?,?,?,?)`, b.Kind, b.Subject, b.Name, clip(b.Note, maxNote), status, ms(at), clip(by, 30))
		}
		if err != nil {
			return err
		}
		return addAudit(tx, Audit{User: by, Action: action, Target: b.Kind + " " + b.Name, Note: b.Note, At: at})
	})
}

// Blocks lists those in force.
func (s *Store) Blocks(ctx context.Context) ([]Block, error) {
	return list(ctx, s, func(r scanner) (b Block, err error) {
		var at int64
		b.On = true
		err = r.Scan(&b.Kind, &b.Subject, &b.Name, &b.Note, &b.By, &at)
		b.At = fromMS(at)
		return b, err
	}, `SELECT SUBJECT_KIND, SUBJECT, MASKED_NAME, NOTE, UPDATE_BY, UPDATE_TIME FROM TX_RK_BLOCK WHERE STATUS='1' ORDER BY ID`)
}
