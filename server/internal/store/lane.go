package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"time"

	"zhigui/server/internal/store/schema"
)

// Tx is the transaction of one group commit, with its cache of prepared statements. It is
// valid only inside the function it was passed to.
type Tx struct {
	d     *dialect
	ctx   context.Context
	conn  *sql.Conn
	stmts map[string]*prepared
	taken []string // keys that this transaction has added to recent
	young *recent
}

type prepared struct {
	*sql.Stmt
	nothing bool
}

func (t *Tx) stmt(q string) (*prepared, error) {
	if s := t.stmts[q]; s != nil {
		return s, nil
	}
	x := t.d.in(q)
	s, err := t.conn.PrepareContext(t.ctx, x.text)
	if err != nil {
		return nil, err
	}
	p := &prepared{s, x.nothing}
	t.stmts[q] = p
	return p, nil
}

// exec runs a statement and returns the number of rows it changed or found.
func (t *Tx) exec(q string, args ...any) (int64, error) {
	s, err := t.stmt(q)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(t.ctx, args...)
	if s.nothing && duplicate(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// texts reads one column of text.
func (t *Tx) texts(q string, args ...any) (out []string, err error) {
	s, err := t.stmt(q)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(t.ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err tells
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// control runs BEGIN, COMMIT or ROLLBACK, which MySQL does not prepare.
func (t *Tx) control(q string) error {
	var err error
	if t.d.engine == schema.MariaDB {
		_, err = t.conn.ExecContext(t.ctx, q)
	} else {
		_, err = t.exec(q)
	}
	return err
}

func (t *Tx) row(q string, args []any, dst ...any) error {
	s, err := t.stmt(q)
	if err != nil {
		return err
	}
	return s.QueryRowContext(t.ctx, args...).Scan(dst...)
}

// lane is one writing connection.
//
// On a networked engine every commit carries its number in the lane's row of SY_DB_WRITER.
// When the connection is lost during COMMIT, that row tells whether it happened: the new
// connection reads it under a lock, behind whatever the old one may still be doing.
//
// The row is also what keeps a server that stood still from writing when it goes on: whoever takes
// over from it removes its rows, and a commit that does not find its row is refused (ErrFenced).
type lane struct {
	w      *writer
	db     *sql.DB
	name   string
	number int64
	tx     *Tx // nil: no connection
	down   bool
	kinds  []gathered
}

const (
	beginMark  = `UPDATE SY_DB_WRITER SET COMMIT_NUMBER=?, UPDATE_TIME=? WHERE WRITER_NAME=?`
	insertMark = `INSERT INTO SY_DB_WRITER (WRITER_NAME, COMMIT_NUMBER) VALUES (?,?) ON CONFLICT (WRITER_NAME) DO NOTHING`
	lockMark   = `SELECT COMMIT_NUMBER FROM SY_DB_WRITER WHERE WRITER_NAME=? FOR UPDATE`
	dropMark   = `DELETE FROM SY_DB_WRITER WHERE WRITER_NAME=? OR UPDATE_TIME<?`
)

func newLane(db *sql.DB) *lane { return &lane{db: db, name: rand.Text()} }

func (l *lane) marked() bool { return l.w.d.engine&schema.Networked != 0 }

// open makes the connection, if there is none.
func (l *lane) open(ctx context.Context) error {
	if l.tx != nil {
		return nil
	}
	c, err := l.db.Conn(ctx)
	if err != nil {
		return err
	}
	if !l.marked() {
		ctx = context.WithoutCancel(ctx) // nothing of a file is waited for in vain, and the driver starts a goroutine for each statement that can be cancelled
	}
	t := &Tx{d: l.w.d, ctx: ctx, conn: c, stmts: map[string]*prepared{}, young: &l.w.recent}
	err = l.w.d.prepare(ctx, c)
	if err == nil && l.marked() && l.number == 0 {
		if _, err = t.exec(insertMark, l.name, 0); err == nil {
			l.number = 1
		}
	}
	if err != nil {
		discard(c)
		return err
	}
	l.tx = t
	return nil
}

// drop gives the connection up; the pool must not hand it out again.
func (l *lane) drop() {
	if l.tx == nil {
		return
	}
	discard(l.tx.conn)
	l.tx = nil
}

func (l *lane) close() {
	if l.tx == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	l.tx.ctx = ctx
	if l.marked() {
		_, _ = l.tx.exec(dropMark, l.name, ms(time.Now().AddDate(0, 0, -7)))
	}
	for _, s := range l.tx.stmts {
		_ = s.Close()
	}
	_ = l.tx.conn.Close()
	l.tx = nil
}

// commit makes the writes of batch durable together. Lost connections and meetings with other
// transactions are repeated until patience ends; a database known to be away is tried once.
func (l *lane) commit(batch []*job) error {
	if !l.marked() {
		return l.once(batch, false)
	}
	patience := l.w.patience
	if l.down {
		patience = 0
	}
	end := time.Now().Add(patience)
	for try := 1; ; try++ {
		err := l.attempt(batch)
		if err == nil || errors.Is(err, ErrUnknown) {
			l.down = false
			return err
		}
		switch met := again(err) || errors.Is(err, errCommit); {
		case !met && l.tx != nil, met && try >= 8 && time.Now().After(end): // the connection stands: the statement is wrong
			l.down = false
			return err
		case !met && time.Now().After(end):
			l.down = true
			return fmt.Errorf("%w: %w", ErrAway, err)
		}
		l.w.retries.Add(1)
		time.Sleep(time.Duration(min(try, 20)) * mrand.N(15*time.Millisecond)) //nolint:gosec // jitter
	}
}

// attempt is one try on a networked engine.
func (l *lane) attempt(batch []*job) error {
	ctx, cancel := context.WithTimeout(context.Background(), max(l.w.patience, time.Second))
	defer cancel()
	if err := l.open(ctx); err != nil {
		return err
	}
	l.tx.ctx = ctx
	l.number++
	err := l.once(batch, len(batch) > 1)
	if err != nil && !errors.Is(err, errCommit) && !again(err) && l.tx != nil && len(batch) > 1 {
		err = l.once(batch, false)
	}
	if !errors.Is(err, errCommit) {
		return err
	}
	l.drop()
	done, rerr := l.happened()
	switch {
	case rerr != nil:
		l.w.unknown.Add(1)
		return fmt.Errorf("%w: %w, and then: %w", ErrUnknown, err, rerr)
	case done:
		l.w.resolved.Add(1)
		return nil
	}
	return err // not committed, and no connection: repeated
}

// happened reads whether commit l.number was made.
func (l *lane) happened() (bool, error) {
	end := time.Now().Add(max(l.w.patience, time.Second))
	for try := 1; ; try++ {
		ctx, cancel := context.WithDeadline(context.Background(), end)
		err := l.open(ctx)
		var n int64
		if err == nil {
			l.tx.ctx = ctx
			err = l.tx.row(lockMark, []any{l.name}, &n)
		}
		cancel()
		if err == nil {
			return n == l.number, nil
		}
		l.drop()
		if time.Now().After(end) {
			return false, err
		}
		time.Sleep(time.Duration(min(try, 20)) * 10 * time.Millisecond)
	}
}

var errCommit = errors.New("store: commit")

// once runs batch as one transaction, with statements of many rows or each write by itself. After an error nothing of it remains, but for errCommit
// on a networked engine: there it is not known.
func (l *lane) once(batch []*job, many bool) (err error) {
	tx := l.tx
	tx.taken = tx.taken[:0]
	defer func() {
		if err != nil {
			l.w.recent.remove(tx.taken)
		}
	}()
	if err := tx.control(tx.d.begin); err != nil {
		l.lose()
		return fmt.Errorf("store: begin: %w", err)
	}
	if err := l.fill(batch, many); err != nil {
		if tx.control("ROLLBACK") != nil {
			l.lose()
		}
		return err
	}
	if l.w.delay > 0 {
		time.Sleep(l.w.delay)
	}
	if err := tx.control("COMMIT"); err != nil {
		if !l.marked() {
			_ = tx.control("ROLLBACK")
		}
		return fmt.Errorf("%w: %w", errCommit, err)
	}
	l.w.commits.Add(1)
	return nil
}

// lose gives a networked connection up after an error of begin or rollback; SQLite has none to lose.
func (l *lane) lose() {
	if l.marked() {
		l.drop()
	}
}

func (l *lane) fill(batch []*job, many bool) error {
	if l.marked() {
		n, err := l.tx.exec(beginMark, l.number, ms(time.Now()), l.name)
		if err == nil && n == 0 && l.w.node.Load() > 0 { // whoever took over has removed the row
			return ErrFenced
		}
		if err == nil && n == 0 { // the row is gone: a restored database
			_, err = l.tx.exec(insertMark, l.name, l.number)
		}
		if err != nil {
			return err
		}
	}
	if many {
		if err := l.many(batch); err != nil {
			return err
		}
	}
	for _, j := range batch {
		if many && j.rows != nil {
			j.ok()
			continue
		}
		if err := safely(l.tx, j.f); err != nil {
			return err
		}
	}
	return nil
}

// safely keeps the writer alive when a write function panics.
func safely(tx *Tx, f func(*Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: write panicked: %v", p)
		}
	}()
	return f(tx)
}
