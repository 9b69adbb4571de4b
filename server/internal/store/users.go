package store

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"zhigui/server/internal/cache"
)

// User is a person who signs in to the management pages.
type User struct {
	Name, Display string
	Role          string // operator, manager, teller, admin
	Branch        string // to which the person is confined; WholeBank; empty: see Scope
	Hash          string // what package identity keeps of the password
	Enabled       bool
	First         bool   // somebody else chose the password: it has to be changed before it opens anything
	Waiting       bool   // added by one person, By; not enabled before a second agrees
	By            string // who changed this last, at most 30 characters; empty: a program
	Failed        int
	LockedUntil   time.Time
	Created       time.Time
}

// WholeBank is the Branch of a person who serves all branches.
const WholeBank = "*"

// Scope is the branch that a person is confined to, empty for the whole bank. Operators and administrators without a
// branch are head office's; managers and tellers have to be told theirs: ok is false before that, and they see nothing.
func (u *User) Scope() (branch string, ok bool) {
	switch {
	case u.Branch == WholeBank: // a manager speaks for one branch
		return "", u.Role != "manager"
	case u.Branch != "":
		return u.Branch, true
	}
	return "", u.Role == "operator" || u.Role == "admin"
}

// Placed tells whether a person has a branch, or needs none.
func (u *User) Placed() bool {
	_, ok := u.Scope()
	return ok
}

// Values of SY_US_USER.STATUS.
const (
	userOff     = "0"
	userOn      = "1"
	userWaiting = "2" // for a second person
	userFirst   = "3" // in use, with a first password
)

// status is how a user stands in the table.
func (u *User) status() string {
	switch {
	case u.Waiting:
		return userWaiting
	case u.Enabled && u.First:
		return userFirst
	case u.Enabled:
		return userOn
	}
	return userOff
}

const selectUser = `SELECT USER_NAME, DISPLAY_NAME, USER_ROLE, ORGANIZATION_NUMBER, PASSWORD_HASH, STATUS, FAILED_COUNT, LOCKED_UNTIL, CREATE_TIME, UPDATE_BY FROM SY_US_USER `

func scanUser(r scanner) (*User, error) {
	u := &User{}
	var l, c int64
	var status string
	if err := r.Scan(&u.Name, &u.Display, &u.Role, &u.Branch, &u.Hash, &status, &u.Failed, &l, &c, &u.By); err != nil {
		return nil, found(err)
	}
	u.Enabled, u.First, u.Waiting = status == userOn || status == userFirst, status == userFirst, status == userWaiting
	u.LockedUntil, u.Created = fromMS(l), fromMS(c)
	return u, nil
}

// AddUser adds a user or replaces one's data and password; open sessions of the name end.
func (s *Store) AddUser(ctx context.Context, u *User) error {
	return s.change(ctx, []string{cache.Key(cache.User, u.Name)}, func(tx *Tx) error {
		if _, err := tx.exec(`INSERT INTO SY_US_USER (USER_NAME, DISPLAY_NAME, USER_ROLE, ORGANIZATION_NUMBER, PASSWORD_HASH, STATUS, UPDATE_BY, CREATE_TIME, UPDATE_TIME) VALUES (?,?,?,?,?,?,?,?,?)
 ON CONFLICT (USER_NAME) DO UPDATE SET DISPLAY_NAME=excluded.DISPLAY_NAME, USER_ROLE=excluded.USER_ROLE, ORGANIZATION_NUMBER=excluded.ORGANIZATION_NUMBER, PASSWORD_HASH=excluded.PASSWORD_HASH,
 STATUS=excluded.STATUS, UPDATE_BY=excluded.UPDATE_BY, FAILED_COUNT=0, LOCKED_UNTIL=0, UPDATE_TIME=excluded.UPDATE_TIME, VERSION_NUMBER=SY_US_USER.VERSION_NUMBER+1`,
			u.Name, u.Display, u.Role, u.Branch, u.Hash, u.status(), clip(u.By, 30), ms(u.Created), ms(time.Now())); err != nil {
			return err
		}
		_, err := tx.exec(`DELETE FROM SY_US_SESSION WHERE USER_NAME=?`, u.Name)
		return err
	})
}

// AgreeUser is a second person's word that one who was added, with this role and branch, may sign in with a first
// password, of which hash was kept and now is locked. ErrState: nobody of this name waits for it with these, or the same
// person added the name.
func (s *Store) AgreeUser(ctx context.Context, name, role, branch, hash, locked, by string, now time.Time) error {
	return s.change(ctx, []string{cache.Key(cache.User, name)}, func(tx *Tx) error {
		n, err := tx.exec(`UPDATE SY_US_USER SET STATUS='3', PASSWORD_HASH=?, UPDATE_BY=?, UPDATE_TIME=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE USER_NAME=? AND STATUS='2' AND USER_ROLE=? AND ORGANIZATION_NUMBER=? AND PASSWORD_HASH=? AND UPDATE_BY<>?`, locked, clip(by, 30), ms(now), name, role, branch, hash, clip(by, 30))
		if err == nil && n == 0 {
			err = ErrState
		}
		if err != nil {
			return err
		}
		return addAudit(tx, Audit{User: by, Action: "user.agree", Target: name, Note: strings.TrimSpace(role + " " + branch), At: now})
	})
}

// WithdrawUser removes one who was added and for whom no second person has spoken. ErrState: there is none.
func (s *Store) WithdrawUser(ctx context.Context, name, by string, now time.Time) error {
	return s.change(ctx, []string{cache.Key(cache.User, name)}, func(tx *Tx) error {
		n, err := tx.exec(`DELETE FROM SY_US_USER WHERE USER_NAME=? AND STATUS='2'`, name)
		if err == nil && n == 0 {
			err = ErrState
		}
		if err != nil {
			return err
		}
		return addAudit(tx, Audit{User: by, Action: "user.withdraw", Target: name, At: now})
	})
}

// SetPassword gives a user who may sign in the password that the user chose; hash is of the one that was shown before.
// Open sessions of the name end. ErrState: it has been changed meanwhile.
func (s *Store) SetPassword(ctx context.Context, name, hash, to string, now time.Time) error {
	return s.change(ctx, []string{cache.Key(cache.User, name)}, func(tx *Tx) error {
		n, err := tx.exec(`UPDATE SY_US_USER SET PASSWORD_HASH=?, STATUS='1', UPDATE_BY=?, UPDATE_TIME=?, VERSION_NUMBER=VERSION_NUMBER+1 WHERE USER_NAME=? AND PASSWORD_HASH=? AND STATUS IN ('1','3')`, to, clip(name, 30), ms(now), name, hash)
		if err == nil && n == 0 {
			err = ErrState
		}
		if err != nil {
			return err
		}
		if _, err := tx.exec(`DELETE FROM SY_US_SESSION WHERE USER_NAME=?`, name); err != nil {
			return err
		}
		return addAudit(tx, Audit{User: name, Action: "user.password", Target: name, At: now})
	})
}

// User finds a user.
func (s *Store) User(ctx context.Context, name string) (*User, error) {
	return scanUser(s.row(ctx, selectUser+`WHERE USER_NAME=?`, name))
}

// Users lists all users.
func (s *Store) Users(ctx context.Context) ([]*User, error) {
	return list(ctx, s, scanUser, selectUser+`ORDER BY USER_NAME`)
}

// SignedIn counts a sign-in attempt: success clears the count, failure number limit locks
// the user until until.
func (s *Store) SignedIn(ctx context.Context, name string, ok bool, limit int, until time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		if ok {
			_, err := tx.exec(`UPDATE SY_US_USER SET FAILED_COUNT=0, UPDATE_TIME=? WHERE USER_NAME=?`, ms(time.Now()), name)
			return err
		}
		n, err := tx.exec(`UPDATE SY_US_USER SET FAILED_COUNT=FAILED_COUNT+1, UPDATE_TIME=? WHERE USER_NAME=? AND FAILED_COUNT+1<?`, ms(time.Now()), name, limit)
		if err == nil && n == 0 {
			_, err = tx.exec(`UPDATE SY_US_USER SET FAILED_COUNT=0, LOCKED_UNTIL=?, UPDATE_TIME=? WHERE USER_NAME=?`, ms(until), ms(time.Now()), name)
		}
		return err
	})
}

// AddSession stores a session under the digest of its token.
func (s *Store) AddSession(ctx context.Context, token []byte, user string, at time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(`INSERT INTO SY_US_SESSION (TOKEN_DIGEST, USER_NAME, CREATE_TIME, UPDATE_TIME, SEEN_TIME) VALUES (?,?,?,?,?)`, token, user, ms(at), ms(at), ms(at))
		return err
	})
}

// seenEvery is how often a session is marked as seen at most.
const seenEvery = 30 * time.Second

// session is what is kept of a session; Version is that of its person's row: whoever changes it ends
// the sessions there are.
type session struct {
	User    string
	Version int64
	Seen    int64
}

// standing is what is kept of a person: who may do what, and no password.
type standing struct {
	Display, Role, Branch string
	Enabled               bool
	Version               int64
}

// SessionUser finds the enabled user of a session seen after idle, without the password, and marks it seen
// (at most every 30 seconds).
func (s *Store) SessionUser(ctx context.Context, token []byte, now, idle time.Time) (*User, error) {
	u, seen, err := s.session(ctx, token, now, idle)
	if err == nil && now.Sub(seen) > seenEvery {
		err = s.write(ctx, func(tx *Tx) error {
			_, err := tx.exec(`UPDATE SY_US_SESSION SET SEEN_TIME=?, UPDATE_TIME=? WHERE TOKEN_DIGEST=?`, ms(now), ms(now), token)
			return err
		})
		_ = s.cache.Drop(ctx, sessionKey(token)) // an older mark elsewhere is looked up again
	}
	return u, err
}

// SessionHolder is SessionUser for what a page does by itself: nobody is seen by it.
func (s *Store) SessionHolder(ctx context.Context, token []byte, now, idle time.Time) (*User, error) {
	u, _, err := s.session(ctx, token, now, idle)
	return u, err
}

func (s *Store) session(ctx context.Context, token []byte, now, idle time.Time) (u *User, seen time.Time, err error) {
	read := func(ctx context.Context) (x session, err error) {
		err = found(s.row(ctx, `SELECT s.USER_NAME, s.SEEN_TIME, u.VERSION_NUMBER FROM SY_US_SESSION s JOIN SY_US_USER u ON u.USER_NAME=s.USER_NAME WHERE s.TOKEN_DIGEST=?`, token).Scan(&x.User, &x.Seen, &x.Version))
		return x, err
	}
	x, err := cache.Load(ctx, s.cache, cache.Session, hex.EncodeToString(token), read)
	if err == nil && now.Sub(fromMS(x.Seen)) > seenEvery { // another server may have marked it
		x, err = read(ctx)
	}
	if err != nil {
		return nil, seen, err
	}
	p, err := s.standing(ctx, x.User)
	if err == nil && p.Version != x.Version { // one copy is older than the other
		if x, err = read(ctx); err == nil {
			p, err = s.readStanding(ctx, x.User)
		}
	}
	if err != nil {
		return nil, seen, err
	}
	if !p.Enabled || p.Version != x.Version || x.Seen <= ms(idle) {
		return nil, seen, ErrNotFound
	}
	return &User{Name: x.User, Display: p.Display, Role: p.Role, Branch: p.Branch, Enabled: true}, fromMS(x.Seen), nil
}

func sessionKey(token []byte) string { return cache.Key(cache.Session, hex.EncodeToString(token)) }

func (s *Store) standing(ctx context.Context, name string) (standing, error) {
	return cache.Load(ctx, s.cache, cache.User, name, func(ctx context.Context) (standing, error) { return s.readStanding(ctx, name) })
}

func (s *Store) readStanding(ctx context.Context, name string) (p standing, err error) {
	var status string
	err = found(s.row(ctx, `SELECT DISPLAY_NAME, USER_ROLE, ORGANIZATION_NUMBER, STATUS, VERSION_NUMBER FROM SY_US_USER WHERE USER_NAME=?`, name).Scan(&p.Display, &p.Role, &p.Branch, &status, &p.Version))
	p.Enabled = status == userOn // no session is begun with a first password
	return p, err
}

// EndSession ends a session.
func (s *Store) EndSession(ctx context.Context, token []byte) error {
	return s.change(ctx, []string{sessionKey(token)}, func(tx *Tx) error {
		_, err := tx.exec(`DELETE FROM SY_US_SESSION WHERE TOKEN_DIGEST=?`, token)
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
	_, err := tx.exec(`INSERT INTO SY_US_AUDIT_LOG (USER_NAME, ACTION, TARGET, NOTE, UPDATE_BY, CREATE_TIME, UPDATE_TIME) VALUES (?,?,?,?,?,?,?)`,
		a.User, a.Action, clip(a.Target, 200), clip(a.Note, maxNote), clip(a.User, 30), ms(a.At), ms(a.At))
	return err
}

// AuditNotes are the notes of all lines of one action and target.
func (s *Store) AuditNotes(ctx context.Context, action, target string) ([]string, error) {
	return list(ctx, s, func(r scanner) (v string, err error) { return v, r.Scan(&v) }, `SELECT NOTE FROM SY_US_AUDIT_LOG WHERE ACTION=? AND TARGET=? ORDER BY ID`, action, clip(target, 200))
}

// Audits answers the newest n lines of the audit trail, newest first.
func (s *Store) Audits(ctx context.Context, n int) ([]Audit, error) {
	return list(ctx, s, func(r scanner) (a Audit, err error) {
		var at int64
		err = r.Scan(&a.User, &a.Action, &a.Target, &a.Note, &at)
		a.At = fromMS(at)
		return a, err
	}, `SELECT USER_NAME, ACTION, TARGET, NOTE, CREATE_TIME FROM SY_US_AUDIT_LOG ORDER BY ID DESC LIMIT ?`, n)
}
