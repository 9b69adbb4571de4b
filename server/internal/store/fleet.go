package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Status is the last reported state of a terminal. Modules and Cash are JSON as reported.
type Status struct {
	Terminal, Boot          string
	Seq                     uint64
	State, Lease            string
	Bundle, Version         string
	Outbox                  int
	Modules, Cash, Software string
	At, Received            time.Time
}

// SaveStatus stores a beat; empty Modules, Cash or Software keep what is known.
func (s *Store) SaveStatus(ctx context.Context, v *Status) error {
	return s.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(`INSERT INTO terminal_status (terminal, boot, seq, state, lease, bundle, version, outbox, modules, cash, software, at, received) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)
 ON CONFLICT (terminal) DO UPDATE SET boot=excluded.boot, seq=excluded.seq, state=excluded.state, lease=excluded.lease, bundle=excluded.bundle, version=excluded.version,
 outbox=excluded.outbox, modules=CASE WHEN excluded.modules='' THEN modules ELSE excluded.modules END, cash=CASE WHEN excluded.cash='' THEN cash ELSE excluded.cash END,
 software=CASE WHEN excluded.software='' THEN software ELSE excluded.software END, at=excluded.at, received=excluded.received`,
			v.Terminal, v.Boot, int64(v.Seq), v.State, v.Lease, v.Bundle, v.Version, v.Outbox, v.Modules, v.Cash, v.Software, ms(v.At), ms(v.Received))
		return err
	})
}

// Statuses returns the last state of every terminal by terminal number.
func (s *Store) Statuses(ctx context.Context) (map[string]*Status, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT terminal, boot, seq, state, lease, bundle, version, outbox, modules, cash, software, at, received FROM terminal_status`)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // reading
	out := map[string]*Status{}
	for rows.Next() {
		v := &Status{}
		var a, r int64
		if err := rows.Scan(&v.Terminal, &v.Boot, &v.Seq, &v.State, &v.Lease, &v.Bundle, &v.Version, &v.Outbox, &v.Modules, &v.Cash, &v.Software, &a, &r); err != nil {
			return nil, err
		}
		v.At, v.Received = fromMS(a), fromMS(r)
		out[v.Terminal] = v
	}
	return out, rows.Err()
}

// Record is a journal record of a terminal as it was uploaded.
type Record struct {
	Seq        uint64
	Prev, Hash string
	Body       []byte
	Txn        string // batch/STAN
	Received   time.Time
}

// LastRecord returns the last record of a terminal's journal; Seq 0 when there is none.
func (s *Store) LastRecord(ctx context.Context, terminal string) (Record, error) {
	var r Record
	err := s.read.QueryRowContext(ctx, `SELECT seq, prev, hash FROM ej WHERE terminal=? ORDER BY seq DESC LIMIT 1`, terminal).Scan(&r.Seq, &r.Prev, &r.Hash)
	if errors.Is(err, sql.ErrNoRows) {
		return Record{}, nil
	}
	return r, err
}

// AddRecords stores journal records in one commit; records that are there already are left.
func (s *Store) AddRecords(ctx context.Context, terminal string, recs []Record, at time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		for _, r := range recs {
			if _, err := tx.exec(`INSERT INTO ej (terminal, seq, prev, hash, body, txn, received) VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
				terminal, int64(r.Seq), r.Prev, r.Hash, r.Body, r.Txn, ms(at)); err != nil {
				return err
			}
		}
		return nil
	})
}

// RecordsOf lists the journal records of one transaction of a terminal.
func (s *Store) RecordsOf(ctx context.Context, terminal, txn string) ([]Record, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT seq, prev, hash, body, txn, received FROM ej WHERE terminal=? AND txn=? AND txn<>'' ORDER BY seq`, terminal, txn)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // reading
	var out []Record
	for rows.Next() {
		var r Record
		var at int64
		if err := rows.Scan(&r.Seq, &r.Prev, &r.Hash, &r.Body, &r.Txn, &at); err != nil {
			return nil, err
		}
		r.Received = fromMS(at)
		out = append(out, r)
	}
	return out, rows.Err()
}

// Alarm is something a person must look at.
type Alarm struct {
	Terminal, ID, Code, Severity, Module, Detail string
	At, Received                                 time.Time
	Cleared                                      bool
}

// AddAlarm stores an alarm or its clearing; the same id twice is one alarm.
func (s *Store) AddAlarm(ctx context.Context, a *Alarm) error {
	return s.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(`INSERT INTO alarm (terminal, id, code, severity, module, detail, at, received, cleared) VALUES (?,?,?,?,?,?,?,?,?)
 ON CONFLICT (terminal, id) DO UPDATE SET cleared=MAX(cleared, excluded.cleared)`, a.Terminal, a.ID, a.Code, a.Severity, a.Module, a.Detail, ms(a.At), ms(a.Received), a.Cleared)
		return err
	})
}

// Alarms lists alarms, newest first; open only when all is false.
func (s *Store) Alarms(ctx context.Context, branch string, all bool, limit int) ([]*Alarm, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT a.terminal, a.id, a.code, a.severity, a.module, a.detail, a.at, a.received, a.cleared FROM alarm a
 LEFT JOIN terminal t ON t.id=a.terminal WHERE (? OR a.cleared=0) AND (?='' OR t.branch=?) ORDER BY a.received DESC LIMIT ?`, all, branch, branch, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // reading
	var out []*Alarm
	for rows.Next() {
		a := &Alarm{}
		var at, rc int64
		if err := rows.Scan(&a.Terminal, &a.ID, &a.Code, &a.Severity, &a.Module, &a.Detail, &at, &rc, &a.Cleared); err != nil {
			return nil, err
		}
		a.At, a.Received = fromMS(at), fromMS(rc)
		out = append(out, a)
	}
	return out, rows.Err()
}
