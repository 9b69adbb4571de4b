package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
)

// Terminal is a registered terminal.
type Terminal struct {
	ID       string // field 41
	Merchant string // field 42
	Branch   string
	NameZH   string
	NameEN   string
	Zone     string // 3des or sm4
	Enabled  bool
	Created  time.Time
}

const selectTerminal = `SELECT id, merchant, branch, name_zh, name_en, zone, enabled, created FROM terminal `

func scanTerminal(r interface{ Scan(...any) error }) (*Terminal, error) {
	t := &Terminal{}
	var c int64
	err := r.Scan(&t.ID, &t.Merchant, &t.Branch, &t.NameZH, &t.NameEN, &t.Zone, &t.Enabled, &c)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, ErrNotFound
	}
	t.Created = fromMS(c)
	return t, err
}

// AddTerminal registers a terminal or changes its data.
func (s *Store) AddTerminal(ctx context.Context, t *Terminal) error {
	return s.write(ctx, func(tx *Tx) error {
		_, err := tx.exec(`INSERT INTO terminal (id, merchant, branch, name_zh, name_en, zone, enabled, created) VALUES (?,?,?,?,?,?,?,?)
 ON CONFLICT (id) DO UPDATE SET merchant=excluded.merchant, branch=excluded.branch, name_zh=excluded.name_zh, name_en=excluded.name_en, zone=excluded.zone, enabled=excluded.enabled`,
			t.ID, t.Merchant, t.Branch, t.NameZH, t.NameEN, t.Zone, t.Enabled, ms(t.Created))
		return err
	})
}

// Terminal finds a terminal.
func (s *Store) Terminal(ctx context.Context, id string) (*Terminal, error) {
	return scanTerminal(s.read.QueryRowContext(ctx, selectTerminal+`WHERE id=?`, id))
}

// Terminals lists terminals, of one branch or of all when branch is empty.
func (s *Store) Terminals(ctx context.Context, branch string) ([]*Terminal, error) {
	rows, err := s.read.QueryContext(ctx, selectTerminal+`WHERE ?='' OR branch=? ORDER BY id`, branch, branch)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // reading
	var out []*Terminal
	for rows.Next() {
		t, err := scanTerminal(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// SaveKeys implements hsm.Keys. Versions older than the one before the newest are dropped,
// and a new TMK drops the working keys made under the old one.
func (s *Store) SaveKeys(recs ...hsm.Record) error {
	return s.write(context.Background(), func(tx *Tx) error {
		for _, r := range recs {
			if _, err := tx.exec(`INSERT OR REPLACE INTO hsm_key (owner, use, version, alg, sealed, kcv) VALUES (?,?,?,?,?,?)`,
				r.Owner, int64(r.Use), int64(r.Version), int64(r.Alg), r.Sealed, r.KCV); err != nil {
				return err
			}
			if r.Use != hsm.UseTMK && r.Use != hsm.UsePIN && r.Use != hsm.UseMAC {
				continue
			}
			q, v := `DELETE FROM hsm_key WHERE owner=? AND use IN (2,3) AND version<?`, int64(r.Version)-1
			if r.Use == hsm.UseTMK {
				v = 1 << 40
			}
			if _, err := tx.exec(q, r.Owner, v); err != nil {
				return err
			}
		}
		return nil
	})
}

// DropKeys implements hsm.Keys.
func (s *Store) DropKeys(owner string) error {
	return s.write(context.Background(), func(tx *Tx) error {
		_, err := tx.exec(`DELETE FROM hsm_key WHERE owner=?`, owner)
		return err
	})
}

// LoadKeys implements hsm.Keys.
func (s *Store) LoadKeys(owner string) ([]hsm.Record, error) {
	rows, err := s.read.Query(`SELECT owner, use, version, alg, sealed, kcv FROM hsm_key WHERE ?='' OR owner=? ORDER BY owner, version, use`, owner, owner)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // reading
	var out []hsm.Record
	for rows.Next() {
		var r hsm.Record
		var alg uint8
		if err := rows.Scan(&r.Owner, &r.Use, &r.Version, &alg, &r.Sealed, &r.KCV); err != nil {
			return nil, err
		}
		r.Alg = paycrypto.Alg(alg)
		out = append(out, r)
	}
	return out, rows.Err()
}
