package store

import (
	"context"
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

const selectCommand = `SELECT COMMAND_NUMBER, TERMINAL_NUMBER, COMMAND_KIND, ARGUMENTS, NOTE, COMMAND_STATE, FIRST_USER, SECOND_USER, RESULT_NOTE, CREATE_TIME, EXPIRE_TIME, UPDATE_TIME FROM FL_TM_COMMAND `

func scanCommand(r scanner) (*Command, error) {
	c := &Command{}
	var made, ends, at int64
	if err := r.Scan(&c.ID, &c.Terminal, &c.Kind, &c.Args, &c.Note, &c.State, &c.By, &c.Second, &c.Result, &made, &ends, &at); err != nil {
		return nil, found(err)
	}
	c.Created, c.Expires, c.Updated = fromMS(made), fromMS(ends), fromMS(at)
	return c, nil
}

// AddCommand stores a new command.
func (s *Store) AddCommand(ctx context.Context, c *Command) error {
	return s.write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(`INSERT INTO FL_TM_COMMAND (COMMAND_NUMBER, TERMINAL_NUMBER, COMMAND_KIND, ARGUMENTS, NOTE, COMMAND_STATE, FIRST_USER, CREATE_TIME, EXPIRE_TIME, UPDATE_TIME) VALUES (?,?,?,?,?,?,?,?,?,?)`,
			c.ID, c.Terminal, c.Kind, c.Args, c.Note, c.State, c.By, ms(c.Created), ms(c.Expires), ms(c.Created)); err != nil {
			return err
		}
		return addAudit(tx, Audit{User: c.By, Action: "command." + c.Kind, Target: c.Terminal + " " + c.ID, Note: c.Note, At: c.Created})
	})
}

// Command finds a command.
func (s *Store) Command(ctx context.Context, id string) (*Command, error) {
	return scanCommand(s.row(ctx, selectCommand+`WHERE COMMAND_NUMBER=?`, id))
}

// Commands lists those of a terminal, newest first.
func (s *Store) Commands(ctx context.Context, terminal string, limit int) ([]*Command, error) {
	return list(ctx, s, scanCommand, selectCommand+`WHERE TERMINAL_NUMBER=? ORDER BY ID DESC LIMIT ?`, terminal, limit)
}

// AgreeCommand is the second person's word; ErrState when it is the first's again, or too late.
func (s *Store) AgreeCommand(ctx context.Context, id, user string, now time.Time) error {
	return s.changeCommand(ctx, Audit{User: user, Action: "command.agree", Target: id, At: now},
		`UPDATE FL_TM_COMMAND SET COMMAND_STATE='ready', SECOND_USER=?, UPDATE_TIME=? WHERE COMMAND_NUMBER=? AND COMMAND_STATE='proposed' AND FIRST_USER<>? AND EXPIRE_TIME>?`,
		user, ms(now), id, user, ms(now))
}

// WithdrawCommand ends a command that was not sent yet; ErrState for any other.
func (s *Store) WithdrawCommand(ctx context.Context, id, user string, now time.Time) error {
	return s.changeCommand(ctx, Audit{User: user, Action: "command.withdraw", Target: id, At: now},
		`UPDATE FL_TM_COMMAND SET COMMAND_STATE='withdrawn', UPDATE_TIME=? WHERE COMMAND_NUMBER=? AND (COMMAND_STATE='proposed' OR COMMAND_STATE='ready')`, ms(now), id)
}

// Ordered tells whether the terminal was sent a command of the kind that has not expired and has not been
// answered.
func (s *Store) Ordered(ctx context.Context, terminal, kind string, now time.Time) (bool, error) {
	n := 0
	err := s.row(ctx, `SELECT COUNT(*) FROM FL_TM_COMMAND WHERE TERMINAL_NUMBER=? AND COMMAND_KIND=? AND COMMAND_STATE='sent' AND EXPIRE_TIME>?`, terminal, kind, ms(now)).Scan(&n)
	return n > 0, err
}

// CommandResult notes what a terminal says of a command that it was sent; ErrState when it has said
// so before, or was never sent it: the first word counts.
func (s *Store) CommandResult(ctx context.Context, terminal, id string, done bool, result string, now time.Time) error {
	state := CommandFailed
	if done {
		state = CommandDone
	}
	return s.changeCommand(ctx, Audit{User: terminal, Action: "command." + state, Target: id, Note: clip(result, 700), At: now},
		`UPDATE FL_TM_COMMAND SET COMMAND_STATE=?, RESULT_NOTE=?, UPDATE_TIME=? WHERE COMMAND_NUMBER=? AND TERMINAL_NUMBER=? AND COMMAND_STATE='sent'`,
		state, clip(result, 700), ms(now), id, terminal)
}

// changeCommand changes one command, with a line of the audit trail.
func (s *Store) changeCommand(ctx context.Context, a Audit, q string, args ...any) error {
	return s.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(q, args...)
		if err == nil && n == 0 {
			return ErrState
		}
		if err != nil {
			return err
		}
		return addAudit(tx, a)
	})
}

// DueCommands are what a beat's answer hands out, oldest first; from then on they count as sent.
func (s *Store) DueCommands(ctx context.Context, terminal string, now time.Time) ([]*Command, error) {
	open, err := list(ctx, s, scanCommand, selectCommand+`WHERE TERMINAL_NUMBER=? AND (COMMAND_STATE='ready' OR COMMAND_STATE='sent') ORDER BY ID`, terminal)
	fresh := false
	for _, c := range open {
		fresh = fresh || c.State == CommandReady
	}
	if err != nil || !fresh {
		return open, err
	}
	if err := s.write(ctx, func(tx *Tx) error {
		if _, err := tx.exec(`UPDATE FL_TM_COMMAND SET COMMAND_STATE='expired', UPDATE_TIME=? WHERE TERMINAL_NUMBER=? AND COMMAND_STATE='ready' AND EXPIRE_TIME<=?`, ms(now), terminal, ms(now)); err != nil {
			return err
		}
		_, err := tx.exec(`UPDATE FL_TM_COMMAND SET COMMAND_STATE='sent', UPDATE_TIME=? WHERE TERMINAL_NUMBER=? AND COMMAND_STATE='ready'`, ms(now), terminal)
		return err
	}); err != nil {
		return nil, err
	}
	return list(ctx, s, scanCommand, selectCommand+`WHERE TERMINAL_NUMBER=? AND COMMAND_STATE='sent' ORDER BY ID`, terminal)
}
