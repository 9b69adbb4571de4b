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
		_, err := tx.exec(`INSERT INTO FL_TM_STATE (TERMINAL_NUMBER, BOOT_MARK, BEAT_NUMBER, SERVICE_STATE, LEASE_STATE, BUNDLE_DIGEST, BUNDLE_VERSION, OUTBOX_COUNT, MODULE_REPORT, CASH_REPORT,
 SOFTWARE_REPORT, REPORT_TIME, CREATE_TIME, UPDATE_TIME) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)
 ON CONFLICT (TERMINAL_NUMBER) DO UPDATE SET BOOT_MARK=excluded.BOOT_MARK, BEAT_NUMBER=excluded.BEAT_NUMBER, SERVICE_STATE=excluded.SERVICE_STATE, LEASE_STATE=excluded.LEASE_STATE,
 BUNDLE_DIGEST=excluded.BUNDLE_DIGEST, BUNDLE_VERSION=excluded.BUNDLE_VERSION, OUTBOX_COUNT=excluded.OUTBOX_COUNT,
 MODULE_REPORT=COALESCE(NULLIF(excluded.MODULE_REPORT,''), FL_TM_STATE.MODULE_REPORT), CASH_REPORT=COALESCE(NULLIF(excluded.CASH_REPORT,''), FL_TM_STATE.CASH_REPORT),
 SOFTWARE_REPORT=COALESCE(NULLIF(excluded.SOFTWARE_REPORT,''), FL_TM_STATE.SOFTWARE_REPORT), REPORT_TIME=excluded.REPORT_TIME, UPDATE_TIME=excluded.UPDATE_TIME,
 VERSION_NUMBER=FL_TM_STATE.VERSION_NUMBER+1`,
			v.Terminal, v.Boot, int64(v.Seq), v.State, v.Lease, v.Bundle, v.Version, v.Outbox, v.Modules, v.Cash, v.Software, ms(v.At), ms(v.Received), ms(v.Received))
		return err
	})
}

// Statuses returns the last state of every terminal by terminal number.
func (s *Store) Statuses(ctx context.Context) (map[string]*Status, error) {
	vs, err := list(ctx, s, func(r scanner) (*Status, error) {
		v := &Status{}
		var at, received int64
		err := r.Scan(&v.Terminal, &v.Boot, &v.Seq, &v.State, &v.Lease, &v.Bundle, &v.Version, &v.Outbox, &v.Modules, &v.Cash, &v.Software, &at, &received)
		v.At, v.Received = fromMS(at), fromMS(received)
		return v, err
	}, `SELECT TERMINAL_NUMBER, BOOT_MARK, BEAT_NUMBER, SERVICE_STATE, LEASE_STATE, BUNDLE_DIGEST, BUNDLE_VERSION, OUTBOX_COUNT, MODULE_REPORT, CASH_REPORT, SOFTWARE_REPORT, REPORT_TIME, UPDATE_TIME
 FROM FL_TM_STATE`)
	out := map[string]*Status{}
	for _, v := range vs {
		out[v.Terminal] = v
	}
	return out, err
}

// Record is a journal record of a terminal as it was uploaded.
type Record struct {
	Seq        uint64
	Prev, Hash string
	Body       []byte
	Txn        string     // batch/STAN
	Signed     *Signature // what it says of one; not read back
	Received   time.Time
}

// LastRecord returns the last record of a terminal's journal; Seq 0 when there is none.
func (s *Store) LastRecord(ctx context.Context, terminal string) (Record, error) {
	var r Record
	err := s.row(ctx, `SELECT RECORD_NUMBER, PREVIOUS_HASH, RECORD_HASH FROM FL_EJ_RECORD WHERE TERMINAL_NUMBER=? ORDER BY RECORD_NUMBER DESC LIMIT 1`, terminal).Scan(&r.Seq, &r.Prev, &r.Hash)
	if errors.Is(err, sql.ErrNoRows) {
		return Record{}, nil
	}
	return r, err
}

// AddRecords stores journal records in one commit; records that are there already are left.
func (s *Store) AddRecords(ctx context.Context, terminal string, recs []Record, at time.Time) error {
	return s.write(ctx, func(tx *Tx) error {
		for _, r := range recs {
			if _, err := tx.exec(`INSERT INTO FL_EJ_RECORD (TERMINAL_NUMBER, RECORD_NUMBER, PREVIOUS_HASH, RECORD_HASH, RECORD_BODY, TRANS_MARK, CREATE_TIME, UPDATE_TIME)
 VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (TERMINAL_NUMBER, RECORD_NUMBER) DO NOTHING`, terminal, int64(r.Seq), r.Prev, r.Hash, r.Body, r.Txn, ms(at), ms(at)); err != nil {
				return err
			}
			if r.Signed == nil {
				continue
			}
			if err := insertSignature(tx, terminal, r.Signed, at); err != nil {
				return err
			}
		}
		return nil
	})
}

// CountsMark is the mark of a record that says what was counted, where others have their transaction's.
const CountsMark = "COUNTS"

// RecordsFrom lists the journal records of a terminal from a number on, up to another without it.
func (s *Store) RecordsFrom(ctx context.Context, terminal string, from, to uint64, limit int) ([]Record, error) {
	return list(ctx, s, func(r scanner) (v Record, err error) {
		err = r.Scan(&v.Seq, &v.Body, &v.Txn)
		return v, err
	}, `SELECT RECORD_NUMBER, RECORD_BODY, TRANS_MARK FROM FL_EJ_RECORD WHERE TERMINAL_NUMBER=? AND RECORD_NUMBER>=? AND RECORD_NUMBER<? ORDER BY RECORD_NUMBER LIMIT ?`, terminal, int64(from), int64(to), limit)
}

// RecordsOf lists the journal records of one transaction of a terminal.
func (s *Store) RecordsOf(ctx context.Context, terminal, txn string) ([]Record, error) {
	return list(ctx, s, func(r scanner) (v Record, err error) {
		var at int64
		err = r.Scan(&v.Seq, &v.Prev, &v.Hash, &v.Body, &v.Txn, &at)
		v.Received = fromMS(at)
		return v, err
	}, `SELECT RECORD_NUMBER, PREVIOUS_HASH, RECORD_HASH, RECORD_BODY, TRANS_MARK, CREATE_TIME FROM FL_EJ_RECORD WHERE TERMINAL_NUMBER=? AND TRANS_MARK=? AND TRANS_MARK<>'' ORDER BY RECORD_NUMBER`, terminal, txn)
}

// Alarm is something a person must look at.
type Alarm struct {
	Terminal, ID, Code, Severity, Module, Detail string
	At, Received                                 time.Time
	Cleared                                      bool
}

// AddAlarm stores an alarm or its clearing; the same id twice is one alarm, and one that is cleared stays so.
func (s *Store) AddAlarm(ctx context.Context, a *Alarm) error {
	return s.putAlarm(ctx, a, "CASE WHEN excluded.STATUS='1' THEN '1' ELSE FL_TM_ALARM.STATUS END")
}

// SetAlarm is AddAlarm by one who knows how it stands now: one that was cleared is open again.
func (s *Store) SetAlarm(ctx context.Context, a *Alarm) error {
	return s.putAlarm(ctx, a, "excluded.STATUS")
}

func (s *Store) putAlarm(ctx context.Context, a *Alarm, status string) error {
	return s.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(`INSERT INTO FL_TM_ALARM (TERMINAL_NUMBER, ALARM_NUMBER, ALARM_CODE, SEVERITY, MODULE_NAME, DETAIL, REPORT_TIME, CREATE_TIME, UPDATE_TIME, STATUS) VALUES (?,?,?,?,?,?,?,?,?,?)
 ON CONFLICT (TERMINAL_NUMBER, ALARM_NUMBER) DO UPDATE SET UPDATE_TIME=excluded.UPDATE_TIME,
 VERSION_NUMBER=FL_TM_ALARM.VERSION_NUMBER+1, STATUS=`+status, a.Terminal, a.ID, a.Code, a.Severity, a.Module, a.Detail, ms(a.At), ms(a.Received), ms(a.Received), flag(a.Cleared))
		return err
	})
}

// OpenAlarms lists the open alarms of a code that are of no terminal.
func (s *Store) OpenAlarms(ctx context.Context, code string) ([]*Alarm, error) {
	return s.alarms(ctx, "WHERE a.STATUS='0' AND a.TERMINAL_NUMBER='' AND a.ALARM_CODE=?", code)
}

// Alarms lists alarms, newest first; open only when all is false.
func (s *Store) Alarms(ctx context.Context, branch string, all bool, limit int) ([]*Alarm, error) {
	w := &where{}
	if !all {
		w.and("a.STATUS='0'")
	}
	if branch != "" {
		w.and("t.ORGANIZATION_NUMBER=?", branch)
	}
	return s.alarms(ctx, w.text+" ORDER BY a.CREATE_TIME DESC LIMIT ?", append(w.args, limit)...)
}

func (s *Store) alarms(ctx context.Context, rest string, args ...any) ([]*Alarm, error) {
	return list(ctx, s, func(r scanner) (*Alarm, error) {
		a := &Alarm{}
		var at, received int64
		err := r.Scan(&a.Terminal, &a.ID, &a.Code, &a.Severity, &a.Module, &a.Detail, &at, &received, &a.Cleared)
		a.At, a.Received = fromMS(at), fromMS(received)
		return a, err
	}, `SELECT a.TERMINAL_NUMBER, a.ALARM_NUMBER, a.ALARM_CODE, a.SEVERITY, a.MODULE_NAME, a.DETAIL, a.REPORT_TIME, a.CREATE_TIME, a.STATUS FROM FL_TM_ALARM a
 LEFT JOIN FL_TM_TERMINAL t ON t.TERMINAL_NUMBER=a.TERMINAL_NUMBER `+rest, args...)
}
