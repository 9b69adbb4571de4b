package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// User is a person who signs in to the management pages.
type User struct {
	Name, Display string
	Role          string // operator, manager, admin
	Branch        string // a manager's; empty = all
	Hash          string // bcrypt
	Enabled       bool
	Failed        int
	LockedUntil   time.Time
	Created       time.Time
}

const selectUser = `SELECT name, display, role, branch, hash, enabled, failed, locked_until, created FROM user `

func scanUser(r interface{ Scan(...any) error }) (*User, error) {
	u := &User{}
	var l, c int64
	err := r.Scan(&u.Name, &u.Display, &u.Role, &u.Branch, &u.Hash, &u.Enabled, &u.Failed, &l, &c)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	u.LockedUntil, u.Created = fromMS(l), fromMS(c)
	return u, err
}

// AddUser adds a user or replaces one's data and password; open sessions of the name end.
func (s *Store) AddUser(ctx context.Context, u *User) error {
	return s.write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(`INSERT OR REPLACE INTO user (name, display, role, branch, hash, enabled, created) VALUES (?,?,?,?,?,?,?)`,
			u.Name, u.Display, u.Role, u.Branch, u.Hash, u.Enabled, ms(u.Created)); err != nil {
			return err
		}
		_, err := tx.exec(`DELETE FROM session WHERE user=?`, u.Name)
		return err
	})
}

// User finds a user.
func (s *Store) User(ctx context.Context, name string) (*User, error) {
	return scanUser(s.read.QueryRowContext(ctx, selectUser+`WHERE name=?`, name))
}

// Users lists all users.
func (s *Store) Users(ctx context.Context) ([]*User, error) {
	rows, err := s.read.QueryContext(ctx, selectUser+`ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // reading
	var out []*User
	for rows.Next() {
		u, err := scanUser(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, rows.Err()
}

// SignedIn counts a sign-in attempt: success clears the count, failure number limit locks
// the user until until.
func (s *Store) SignedIn(ctx context.Context, name string, ok bool, limit int, until time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		var err error
		if ok {
			_, err = tx.exec(`UPDATE user SET failed=0 WHERE name=?`, name)
		} else {
			_, err = tx.exec(`UPDATE user SET locked_until=CASE WHEN failed+1>=? THEN ? ELSE locked_until END,
 failed=CASE WHEN failed+1>=? THEN 0 ELSE failed+1 END WHERE name=?`, limit, ms(until), limit, name)
		}
		return err
	})
}

// AddSession stores a session under the digest of its token.
func (s *Store) AddSession(ctx context.Context, token []byte, user string, at time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(`INSERT INTO session (token, user, created, seen) VALUES (?,?,?,?)`, token, user, ms(at), ms(at))
		return err
	})
}

// SessionUser finds the enabled user of a session seen after idle, and marks it seen (at
// most every 30 seconds).
func (s *Store) SessionUser(ctx context.Context, token []byte, now, idle time.Time) (*User, error) {
	var name string
	var seen int64
	err := s.read.QueryRowContext(ctx, `SELECT user, seen FROM session WHERE token=? AND seen>?`, token, ms(idle)).Scan(&name, &seen)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	u, err := s.User(ctx, name)
	if err != nil || !u.Enabled {
		return nil, ErrNotFound
	}
	if now.Sub(fromMS(seen)) > 30*time.Second {
		err = s.write(ctx, func(tx *Tx) error {
			_, err := tx.exec(`UPDATE session SET seen=? WHERE token=?`, ms(now), token)
			return err
		})
	}
	return u, err
}

// EndSession ends a session.
func (s *Store) EndSession(ctx context.Context, token []byte) error {
	return s.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(`DELETE FROM session WHERE token=?`, token)
		return err
	})
}

// Audit is one line of the audit trail.
type Audit struct {
	User, Action, Target, Note string
	At                         time.Time
}

// AddAudit writes a line of the audit trail.
func (s *Store) AddAudit(ctx context.Context, a Audit) error {
	return s.write(ctx, func(tx *Tx) error { return addAudit(tx, a) })
}

func addAudit(tx *Tx, a Audit) error {
	_, err := tx.exec(`INSERT INTO audit (user, action, target, note, at) VALUES (?,?,?,?,?)`, a.User, a.Action, a.Target, a.Note, ms(a.At))
	return err
}

// Audits answers the newest n lines of the audit trail, newest first.
func (s *Store) Audits(ctx context.Context, n int) ([]Audit, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT user, action, target, note, at FROM audit ORDER BY rowid DESC LIMIT ?`, n)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // reading
	var out []Audit
	for rows.Next() {
		var a Audit
		var at int64
		if err := rows.Scan(&a.User, &a.Action, &a.Target, &a.Note, &at); err != nil {
			return nil, err
		}
		a.At = fromMS(at)
		out = append(out, a)
	}
	return out, rows.Err()
}
