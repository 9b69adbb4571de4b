package store

import (
	"context"
	"time"
)

// Signature is what a terminal's journal says of one that a customer gave on the glass.
type Signature struct {
	Digest   string // SM3 of its content, hexadecimal
	Record   uint64 // of the journal
	Session  string
	Document string
	Received time.Time
}

// insertSignature notes what a record of the journal says; the same again changes nothing.
func insertSignature(tx *Tx, terminal string, v *Signature, at time.Time) error {
	_, err := tx.exec(`INSERT INTO FL_EJ_SIGNATURE (TERMINAL_NUMBER, CONTENT_DIGEST, RECORD_NUMBER, SESSION_NUMBER, DOCUMENT_NAME, CREATE_TIME, UPDATE_TIME) VALUES (?,?,?,?,?,?,?)
 ON CONFLICT (TERMINAL_NUMBER, CONTENT_DIGEST) DO NOTHING`, terminal, v.Digest, int64(v.Record), clip(v.Session, 80), clip(v.Document, 100), ms(at), ms(at))
	return err
}

const selectSignature = `SELECT CONTENT_DIGEST, RECORD_NUMBER, SESSION_NUMBER, DOCUMENT_NAME, CREATE_TIME FROM FL_EJ_SIGNATURE `

func scanSignature(r scanner) (v Signature, err error) {
	var at int64
	err = r.Scan(&v.Digest, &v.Record, &v.Session, &v.Document, &at)
	v.Received = fromMS(at)
	return v, err
}

// Signature finds one of a terminal's journal.
func (s *Store) Signature(ctx context.Context, terminal, digest string) (Signature, error) {
	v, err := scanSignature(s.row(ctx, selectSignature+`WHERE TERMINAL_NUMBER=? AND CONTENT_DIGEST=?`, terminal, digest))
	return v, found(err)
}

// Signatures lists those of a session.
func (s *Store) Signatures(ctx context.Context, terminal, session string) ([]Signature, error) {
	return list(ctx, s, scanSignature, selectSignature+`WHERE TERMINAL_NUMBER=? AND SESSION_NUMBER=? ORDER BY ID`, terminal, session)
}
