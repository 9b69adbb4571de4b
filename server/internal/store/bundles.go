package store

import (
	"context"
	"errors"
	"time"

	"zhigui/server/internal/cache"
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

const selectBundle = `SELECT b.BUNDLE_DIGEST, b.BUNDLE_NAME, b.BUNDLE_VERSION, b.ARCHIVE_BYTES, b.MANIFEST, b.SIGNATURE, b.UPLOADED_BY, b.CREATE_TIME FROM FL_RL_BUNDLE b `

func scanBundle(r scanner) (*Bundle, error) {
	b := &Bundle{}
	var c int64
	if err := r.Scan(&b.Digest, &b.Name, &b.Version, &b.Size, &b.Manifest, &b.Signature, &b.By, &c); err != nil {
		return nil, found(err)
	}
	b.Created = fromMS(c)
	return b, nil
}

// AddBundle registers a bundle; the same digest again changes nothing.
func (s *Store) AddBundle(ctx context.Context, b *Bundle) error {
	return s.write(ctx, func(tx *Tx) error {
		n, err := tx.exec(`INSERT INTO FL_RL_BUNDLE (BUNDLE_DIGEST, BUNDLE_NAME, BUNDLE_VERSION, ARCHIVE_BYTES, MANIFEST, SIGNATURE, UPLOADED_BY, UPDATE_BY, CREATE_TIME, UPDATE_TIME)
 VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (BUNDLE_DIGEST) DO NOTHING`,
			b.Digest, b.Name, b.Version, b.Size, b.Manifest, b.Signature, b.By, clip(b.By, 30), ms(b.Created), ms(b.Created))
		if err == nil && n == 1 {
			err = addAudit(tx, Audit{User: b.By, Action: "bundle.upload", Target: b.Digest, Note: b.Name + " " + b.Version, At: b.Created})
		}
		return err
	})
}

// Bundle finds a bundle by digest.
func (s *Store) Bundle(ctx context.Context, digest string) (*Bundle, error) {
	b, err := cache.Load(ctx, s.cache, cache.Bundle, digest, func(ctx context.Context) (Bundle, error) {
		b, err := scanBundle(s.row(ctx, selectBundle+`WHERE b.BUNDLE_DIGEST=?`, digest))
		if err != nil {
			return Bundle{}, err
		}
		return *b, nil
	})
	if err != nil {
		return nil, err
	}
	return &b, nil
}

// Bundles lists bundles, newest first.
func (s *Store) Bundles(ctx context.Context) ([]*Bundle, error) {
	return list(ctx, s, scanBundle, selectBundle+`ORDER BY b.CREATE_TIME DESC, b.ID DESC`)
}

// Assign assigns a known bundle to a known terminal.
func (s *Store) Assign(ctx context.Context, a Assignment) error {
	return s.change(ctx, []string{cache.Key(cache.Assignment, a.Terminal)}, func(tx *Tx) error {
		n, err := tx.exec(`INSERT INTO FL_RL_ASSIGNMENT (TERMINAL_NUMBER, BUNDLE_DIGEST, ASSIGNED_BY, UPDATE_BY, CREATE_TIME, UPDATE_TIME)
 SELECT t.TERMINAL_NUMBER, b.BUNDLE_DIGEST, ?, ?, ?, ? FROM FL_TM_TERMINAL t, FL_RL_BUNDLE b WHERE t.TERMINAL_NUMBER=? AND b.BUNDLE_DIGEST=?`,
			a.By, clip(a.By, 30), ms(a.Created), ms(a.Created), a.Terminal, a.Digest)
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
	digest, err := cache.Load(ctx, s.cache, cache.Assignment, terminal, func(ctx context.Context) (digest string, err error) {
		err = found(s.row(ctx, `SELECT BUNDLE_DIGEST FROM FL_RL_ASSIGNMENT WHERE TERMINAL_NUMBER=? ORDER BY ID DESC LIMIT 1`, terminal).Scan(&digest))
		if errors.Is(err, ErrNotFound) {
			return "", nil // most terminals ask for it all the time
		}
		return digest, err
	})
	if err != nil {
		return nil, err
	}
	if digest == "" {
		return nil, ErrNotFound
	}
	return s.Bundle(ctx, digest)
}

// Assignments lists a terminal's history, newest first.
func (s *Store) Assignments(ctx context.Context, terminal string) ([]Assignment, error) {
	return list(ctx, s, func(r scanner) (a Assignment, err error) {
		var c int64
		err = r.Scan(&a.ID, &a.Terminal, &a.Digest, &a.By, &c)
		a.Created = fromMS(c)
		return a, err
	}, `SELECT ID, TERMINAL_NUMBER, BUNDLE_DIGEST, ASSIGNED_BY, CREATE_TIME FROM FL_RL_ASSIGNMENT WHERE TERMINAL_NUMBER=? ORDER BY ID DESC LIMIT 100`, terminal)
}
