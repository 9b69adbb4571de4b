package store

import (
	"context"
	"time"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/cache"
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

const selectTerminal = `SELECT TERMINAL_NUMBER, MERCHANT_NUMBER, ORGANIZATION_NUMBER, NAME_ZH, NAME_EN, KEY_ZONE, STATUS, CREATE_TIME FROM FL_TM_TERMINAL `

func scanTerminal(r scanner) (*Terminal, error) {
	t := &Terminal{}
	var c int64
	if err := r.Scan(&t.ID, &t.Merchant, &t.Branch, &t.NameZH, &t.NameEN, &t.Zone, &t.Enabled, &c); err != nil {
		return nil, found(err)
	}
	t.Created = fromMS(c)
	return t, nil
}

// AddTerminal registers a terminal or changes its data.
func (s *Store) AddTerminal(ctx context.Context, t *Terminal) error {
	return s.change(ctx, []string{cache.Key(cache.Terminal, t.ID)}, func(tx *Tx) error {
		_, err := tx.exec(`INSERT INTO FL_TM_TERMINAL (TERMINAL_NUMBER, MERCHANT_NUMBER, ORGANIZATION_NUMBER, NAME_ZH, NAME_EN, KEY_ZONE, STATUS, CREATE_TIME, UPDATE_TIME) VALUES (?,?,?,?,?,?,?,?,?)
 ON CONFLICT (TERMINAL_NUMBER) DO UPDATE SET MERCHANT_NUMBER=excluded.MERCHANT_NUMBER, ORGANIZATION_NUMBER=excluded.ORGANIZATION_NUMBER, NAME_ZH=excluded.NAME_ZH, NAME_EN=excluded.NAME_EN,
 KEY_ZONE=excluded.KEY_ZONE, STATUS=excluded.STATUS, UPDATE_TIME=excluded.UPDATE_TIME, VERSION_NUMBER=FL_TM_TERMINAL.VERSION_NUMBER+1`,
			t.ID, t.Merchant, t.Branch, t.NameZH, t.NameEN, t.Zone, flag(t.Enabled), ms(t.Created), ms(time.Now()))
		return err
	})
}

// Terminal finds a terminal.
func (s *Store) Terminal(ctx context.Context, id string) (*Terminal, error) {
	t, err := cache.Load(ctx, s.cache, cache.Terminal, id, func(ctx context.Context) (Terminal, error) {
		t, err := scanTerminal(s.row(ctx, selectTerminal+`WHERE TERMINAL_NUMBER=?`, id))
		if err != nil {
			return Terminal{}, err
		}
		return *t, nil
	})
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// Terminals lists terminals, of one branch or of all when branch is empty.
func (s *Store) Terminals(ctx context.Context, branch string) ([]*Terminal, error) {
	w := &where{}
	if branch != "" {
		w.and("ORGANIZATION_NUMBER=?", branch)
	}
	return list(ctx, s, scanTerminal, selectTerminal+w.text+` ORDER BY TERMINAL_NUMBER`, w.args...)
}

// TerminalsOf lists the numbers of a merchant's terminals.
func (s *Store) TerminalsOf(ctx context.Context, merchant string) ([]string, error) {
	return list(ctx, s, func(r scanner) (v string, err error) { return v, r.Scan(&v) }, `SELECT TERMINAL_NUMBER FROM FL_TM_TERMINAL WHERE MERCHANT_NUMBER=? ORDER BY TERMINAL_NUMBER`, merchant)
}

// SaveKeys implements hsm.Keys. Versions older than the one before the newest are dropped,
// and a new TMK drops the working keys made under the old one.
func (s *Store) SaveKeys(recs ...hsm.Record) error {
	return s.write(context.Background(), func(tx *Tx) error { return saveKeys(tx, recs) })
}

func saveKeys(tx *Tx, recs []hsm.Record) error {
	for _, r := range recs {
		if r.Use == hsm.UseData { // of two servers that make one at the same time the first wins, and both use it
			if _, err := tx.exec(`INSERT INTO SY_KM_KEY (KEY_OWNER, KEY_USE, KEY_VERSION, KEY_ALGORITHM, KEY_SEALED, CHECK_VALUE, UPDATE_TIME) VALUES (?,?,?,?,?,?,?)
 ON CONFLICT (KEY_OWNER, KEY_USE, KEY_VERSION) DO NOTHING`, r.Owner, int64(r.Use), int64(r.Version), int64(r.Alg), r.Sealed, r.KCV, ms(time.Now())); err != nil {
				return err
			}
			continue
		}
		if _, err := tx.exec(`INSERT INTO SY_KM_KEY (KEY_OWNER, KEY_USE, KEY_VERSION, KEY_ALGORITHM, KEY_SEALED, CHECK_VALUE, UPDATE_TIME) VALUES (?,?,?,?,?,?,?)
 ON CONFLICT (KEY_OWNER, KEY_USE, KEY_VERSION) DO UPDATE SET KEY_ALGORITHM=excluded.KEY_ALGORITHM, KEY_SEALED=excluded.KEY_SEALED, CHECK_VALUE=excluded.CHECK_VALUE, UPDATE_TIME=excluded.UPDATE_TIME,
 VERSION_NUMBER=SY_KM_KEY.VERSION_NUMBER+1`,
			r.Owner, int64(r.Use), int64(r.Version), int64(r.Alg), r.Sealed, r.KCV, ms(time.Now())); err != nil {
			return err
		}
		if r.Use != hsm.UseTMK && r.Use != hsm.UsePIN && r.Use != hsm.UseMAC && r.Use != hsm.UseTDK {
			continue
		}
		q, v := `DELETE FROM SY_KM_KEY WHERE KEY_OWNER=? AND KEY_USE IN (2,3,8) AND KEY_VERSION<?`, int64(r.Version)-1
		if r.Use == hsm.UseTMK {
			v = 1 << 40
		}
		if _, err := tx.exec(q, r.Owner, v); err != nil {
			return err
		}
	}
	return nil
}

// ChangedZones are the owners of zone keys, and the marks of revoked PIN pads, that were stored since then.
// Keys of terminals are not among them.
func (s *Store) ChangedZones(ctx context.Context, since time.Time) ([]string, error) {
	return list(ctx, s, func(r scanner) (owner string, err error) { return owner, r.Scan(&owner) },
		`SELECT DISTINCT KEY_OWNER FROM SY_KM_KEY WHERE UPDATE_TIME>=? AND KEY_USE IN (2,3,4,13,15) AND KEY_OWNER NOT IN (SELECT TERMINAL_NUMBER FROM FL_TM_TERMINAL)`, ms(since))
}

// DropKeys implements hsm.Keys.
func (s *Store) DropKeys(owner string, keep ...hsm.Record) error {
	return s.write(context.Background(), func(tx *Tx) error {
		if _, err := tx.exec(`DELETE FROM SY_KM_KEY WHERE KEY_OWNER=?`, owner); err != nil {
			return err
		}
		return saveKeys(tx, keep)
	})
}

// LoadKeys implements hsm.Keys.
func (s *Store) LoadKeys(owner string) ([]hsm.Record, error) {
	w := &where{}
	if owner != "" {
		w.and("KEY_OWNER=?", owner)
	}
	return list(context.Background(), s, func(r scanner) (v hsm.Record, err error) {
		var alg uint8
		err = r.Scan(&v.Owner, &v.Use, &v.Version, &alg, &v.Sealed, &v.KCV)
		v.Alg = paycrypto.Alg(alg)
		return v, err
	}, `SELECT KEY_OWNER, KEY_USE, KEY_VERSION, KEY_ALGORITHM, KEY_SEALED, CHECK_VALUE FROM SY_KM_KEY `+w.text+` ORDER BY KEY_OWNER, KEY_VERSION, KEY_USE`, w.args...)
}
