package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Bundle is an uploaded release bundle; its archive lies in the bundle folder under its digest.
type Bundle struct {
	Digest, Name, Version string
	Size                  int64
	Manifest, Signature   []byte
	By                    string
	Created               time.Time
}

// Assignment says that from a time on a terminal should run a bundle.
type Assignment struct {
	ID                   int64
	Terminal, Digest, By string
	Created              time.Time
}

const selectBundle = `SELECT b.digest, b.name, b.version, b.size, b.manifest, b.signature, b.uploaded_by, b.created FROM bundle b `

func scanBundle(r interface{ Scan(...any) error }) (*Bundle, error) {
	b := &Bundle{}
	var c int64
	err := r.Scan(&b.Digest, &b.Name, &b.Version, &b.Size, &b.Manifest, &b.Signature, &b.By, &c)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	b.Created = fromMS(c)
	return b, err
}

// AddBundle registers a bundle; the same digest again changes nothing.
func (s *Store) AddBundle(ctx context.Context, b *Bundle) error {
	return s.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(`INSERT INTO bundle (digest, name, version, size, manifest, signature, uploaded_by, created) VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
			b.Digest, b.Name, b.Version, b.Size, b.Manifest, b.Signature, b.By, ms(b.Created))
		if err == nil && n == 1 {
			err = addAudit(tx, Audit{User: b.By, Action: "bundle.upload", Target: b.Digest, Note: b.Name + " " + b.Version, At: b.Created})
		}
		return err
	})
}

// Bundle finds a bundle by digest.
func (s *Store) Bundle(ctx context.Context, digest string) (*Bundle, error) {
	return scanBundle(s.read.QueryRowContext(ctx, selectBundle+`WHERE b.digest=?`, digest))
}

// Bundles lists bundles, newest first.
func (s *Store) Bundles(ctx context.Context) ([]*Bundle, error) {
	rows, err := s.read.QueryContext(ctx, selectBundle+`ORDER BY b.created DESC`)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // reading
	var out []*Bundle
	for rows.Next() {
		b, err := scanBundle(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, rows.Err()
}

// Assign assigns a known bundle to a known terminal.
func (s *Store) Assign(ctx context.Context, a Assignment) error {
	return s.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(`INSERT INTO assignment (terminal, digest, by_user, created) SELECT t.id, b.digest, ?, ? FROM terminal t, bundle b WHERE t.id=? AND b.digest=?`,
			a.By, ms(a.Created), a.Terminal, a.Digest)
		if err == nil && n == 0 {
			return ErrNotFound
		}
		if err == nil {
			err = addAudit(tx, Audit{User: a.By, Action: "bundle.assign", Target: a.Terminal, Note: a.Digest, At: a.Created})
		}
		return err
	})
}

// Assigned returns the bundle a terminal should run, ErrNotFound when there is none.
func (s *Store) Assigned(ctx context.Context, terminal string) (*Bundle, error) {
	return scanBundle(s.read.QueryRowContext(ctx, selectBundle+`JOIN assignment a ON a.digest=b.digest WHERE a.terminal=? ORDER BY a.id DESC LIMIT 1`, terminal))
}

// Assignments lists a terminal's history, newest first.
func (s *Store) Assignments(ctx context.Context, terminal string) ([]Assignment, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT id, terminal, digest, by_user, created FROM assignment WHERE terminal=? ORDER BY id DESC LIMIT 100`, terminal)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // reading
	var out []Assignment
	for rows.Next() {
		var a Assignment
		var c int64
		if err := rows.Scan(&a.ID, &a.Terminal, &a.Digest, &a.By, &c); err != nil {
			return nil, err
		}
		a.Created = fromMS(c)
		out = append(out, a)
	}
	return out, rows.Err()
}
