package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// The states of a command. It is handed out as long as it is sent and has no result; a terminal
// carries each out once.
const (
	CommandProposed  = "proposed" // a second person must agree
	CommandReady     = "ready"    // for the terminal's next beat
	CommandSent      = "sent"     // it may have been received
	CommandDone      = "done"
	CommandFailed    = "failed"    // the terminal could not
	CommandWithdrawn = "withdrawn" // before it was sent
	CommandExpired   = "expired"   // nobody agreed, or no beat came, in time
)

// Command is an order of people for a terminal.
type Command struct {
	ID, Terminal, Kind string
	Args               string // JSON
	Note               string // why
	State              string
	By, Second         string // who gave it, and who agreed
	Result             string // of the terminal
	Created, Expires   time.Time
	Updated            time.Time
}

const selectCommand = `SELECT id, terminal, kind, args, note, state, by_user, second_user, result, created, expires, updated FROM command `

func scanCommand(r interface{ Scan(...any) error }) (*Command, error) {
	c := &Command{}
	var made, ends, at int64
	err := r.Scan(&c.ID, &c.Terminal, &c.Kind, &c.Args, &c.Note, &c.State, &c.By, &c.Second, &c.Result, &made, &ends, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	c.Created, c.Expires, c.Updated = fromMS(made), fromMS(ends), fromMS(at)
	return c, err
}

// AddCommand stores a new command.
func (s *Store) AddCommand(ctx context.Context, c *Command) error {
	return s.write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(`INSERT INTO command (id, terminal, kind, args, note, state, by_user, created, expires, updated) VALUES (?,?,?,?,?,?,?,?,?,?)`,
			c.ID, c.Terminal, c.Kind, c.Args, c.Note, c.State, c.By, ms(c.Created), ms(c.Expires), ms(c.Created)); err != nil {
			return err
		}
		return addAudit(tx, Audit{User: c.By, Action: "command." + c.Kind, Target: c.Terminal + " " + c.ID, Note: c.Note, At: c.Created})
	})
}

// Command finds a command.
func (s *Store) Command(ctx context.Context, id string) (*Command, error) {
	return scanCommand(s.read.QueryRowContext(ctx, selectCommand+`WHERE id=?`, id))
}

// Commands lists those of a terminal, newest first.
func (s *Store) Commands(ctx context.Context, terminal string, limit int) ([]*Command, error) {
	return s.commands(ctx, `WHERE terminal=? ORDER BY created DESC, id LIMIT ?`, terminal, limit)
}

func (s *Store) commands(ctx context.Context, where string, args ...any) ([]*Command, error) {
	rows, err := s.read.QueryContext(ctx, selectCommand+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // reading
	var out []*Command
	for rows.Next() {
		c, err := scanCommand(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// AgreeCommand is the second person's word; ErrState when it is the first's again, or too late.
func (s *Store) AgreeCommand(ctx context.Context, id, user string, now time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(`UPDATE command SET state='ready', second_user=?, updated=? WHERE id=? AND state='proposed' AND by_user<>? AND expires>?`, user, ms(now), id, user, ms(now))
		if err == nil && n == 0 {
			return ErrState
		}
		if err != nil {
			return err
		}
		return addAudit(tx, Audit{User: user, Action: "command.agree", Target: id, At: now})
	})
}

// WithdrawCommand ends a command that was not sent yet; ErrState for any other.
func (s *Store) WithdrawCommand(ctx context.Context, id, user string, now time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(`UPDATE command SET state='withdrawn', updated=? WHERE id=? AND (state='proposed' OR state='ready')`, ms(now), id)
		if err == nil && n == 0 {
			return ErrState
		}
		if err != nil {
			return err
		}
		return addAudit(tx, Audit{User: user, Action: "command.withdraw", Target: id, At: now})
	})
}

// DueCommands are what a beat's answer hands out, oldest first; from then on they count as sent.
func (s *Store) DueCommands(ctx context.Context, terminal string, now time.Time) ([]*Command, error) {
	const due = `WHERE terminal=? AND (state='ready' OR state='sent') ORDER BY created, id`
	open, err := s.commands(ctx, due, terminal)
	fresh := false
	for _, c := range open {
		fresh = fresh || c.State == CommandReady
	}
	if err != nil || !fresh {
		return open, err
	}
	if err := s.write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(`UPDATE command SET state='expired', updated=? WHERE terminal=? AND state='ready' AND expires<=?`, ms(now), terminal, ms(now)); err != nil {
			return err
		}
		_, err := tx.exec(`UPDATE command SET state='sent', updated=? WHERE terminal=? AND state='ready'`, ms(now), terminal)
		return err
	}); err != nil {
		return nil, err
	}
	return s.commands(ctx, `WHERE terminal=? AND state='sent' ORDER BY created, id`, terminal)
}

// CommandResult notes what a terminal says of a command that it was sent; the first word counts.
func (s *Store) CommandResult(ctx context.Context, terminal, id string, done bool, result string, now time.Time) (fresh bool, err error) {
	state := CommandFailed
	if done {
		state = CommandDone
	}
	err = s.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(`UPDATE command SET state=?, result=?, updated=? WHERE id=? AND terminal=? AND state='sent'`, state, result, ms(now), id, terminal)
		if fresh = n == 1; err != nil || !fresh {
			return err
		}
		return addAudit(tx, Audit{User: terminal, Action: "command." + state, Target: id, Note: result, At: now})
	})
	return fresh && err == nil, err
}
