package hsm

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"

	"zhigui/server/api/paycrypto"
)

type pair struct {
	alg      paycrypto.Alg
	version  uint32
	pik, mak *paycrypto.Key
	tdk      *paycrypto.Key // nil: no data key
}

type owner struct {
	alg       paycrypto.Alg
	tmk       *paycrypto.Key
	issuer    *paycrypto.Key
	cur, prev *pair
}

// Soft is the software module.
type Soft struct {
	*Vault
	keys Keys

	mu     sync.RWMutex
	owners map[string]*owner

	signers sync.Map // owner and algorithm → crypto.Signer
	digests sync.Map // the same → digestKeys
}

// NewSoft opens the software module over its sealed keys.
func NewSoft(master []byte, keys Keys) (*Soft, error) {
	v, err := NewVault(master)
	if err != nil {
		return nil, err
	}
	s := &Soft{Vault: v, keys: keys, owners: map[string]*owner{}}
	recs, err := keys.LoadKeys("")
	if err != nil {
		return nil, fmt.Errorf("hsm: load keys: %w", err)
	}
	for _, r := range recs {
		if err := s.load(r); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func aad(r Record) []byte {
	return fmt.Appendf(nil, "%s|%d|%d|%d", r.Owner, r.Use, r.Version, r.Alg)
}

func (s *Soft) load(r Record) error {
	switch r.Use {
	case UseKEK, UseComponent, UseData, UseSigner, UseDevice, UseNext, UseMaker, UseRevoked, UseFile, UseDigest:
		return nil // opened when they are used
	}
	raw, err := s.openKey(r.Sealed, aad(r))
	if err != nil {
		return fmt.Errorf("hsm: key of %s: %w", r.Owner, err)
	}
	k, err := paycrypto.NewKey(r.Alg, raw)
	clear(raw)
	if err != nil {
		return fmt.Errorf("hsm: key of %s: %w", r.Owner, err)
	}
	o := s.owners[r.Owner]
	if o == nil {
		o = &owner{alg: r.Alg}
		s.owners[r.Owner] = o
	}
	if r.Use == UseTMK {
		o.tmk, o.alg = k, r.Alg
		return nil
	}
	if r.Use == UseIssuer {
		o.issuer = k
		return nil
	}
	p := o.cur
	switch {
	case p == nil || r.Version > p.version:
		o.prev = o.cur
		p = &pair{alg: r.Alg, version: r.Version}
		o.cur = p
	case r.Version < p.version:
		if o.prev == nil || o.prev.version < r.Version {
			o.prev = &pair{alg: r.Alg, version: r.Version}
		}
		if p = o.prev; p.version != r.Version {
			return nil
		}
	}
	switch r.Use {
	case UsePIN:
		p.pik = k
	case UseMAC:
		p.mak = k
	case UseTDK:
		p.tdk = k
	}
	return nil
}

func (s *Soft) record(own string, u Use, v uint32, a paycrypto.Alg, raw []byte) (Record, *paycrypto.Key, error) {
	k, err := paycrypto.NewKey(a, raw)
	if err != nil {
		return Record{}, nil, err
	}
	r := Record{Owner: own, Use: u, Version: v, Alg: a, KCV: k.CheckValue(4)}
	r.Sealed = s.sealKey(raw, aad(r))
	return r, k, nil
}

func random16() ([]byte, error) {
	b := make([]byte, 16)
	_, err := rand.Read(b)
	return b, err
}

// CreateTMK implements HSM.
func (s *Soft) CreateTMK(own string, alg paycrypto.Alg) (clearKey, kcv []byte, err error) {
	raw, err := random16()
	if err != nil {
		return nil, nil, fmt.Errorf("hsm: random: %w", err)
	}
	if kcv, err = s.storeTMK(own, alg, raw); err != nil {
		return nil, nil, err
	}
	return raw, kcv, nil
}

// storeTMK makes raw the TMK of own; beside is saved with it.
func (s *Soft) storeTMK(own string, alg paycrypto.Alg, raw []byte, beside ...Record) (kcv []byte, err error) {
	r, k, err := s.record(own, UseTMK, 1, alg, raw)
	if err != nil {
		return nil, err
	}
	if err := s.Refresh(own); err != nil { // another server may have made working keys: versions rise
		return nil, err
	}
	if err := s.keys.SaveKeys(append(beside, r)...); err != nil {
		return nil, fmt.Errorf("hsm: save: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &owner{alg: alg, tmk: k}
	if old := s.owners[own]; old != nil && old.cur != nil {
		o.cur = &pair{alg: alg, version: old.cur.version} // keeps versions rising
	}
	s.owners[own] = o
	return r.KCV, nil
}

// NewWorking implements HSM.
func (s *Soft) NewWorking(own string, data bool) (*Working, error) {
	if err := s.Refresh(own); err != nil { // a key ceremony may have run in another process
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.owners[own]
	if o == nil || o.tmk == nil {
		return nil, ErrNoKey
	}
	v := uint32(1)
	if o.cur != nil {
		v = o.cur.version + 1
	}
	w, p := &Working{Version: v}, &pair{alg: o.alg, version: v}
	made := []struct {
		use          Use
		key          **paycrypto.Key
		wrapped, kcv *[]byte
	}{{UsePIN, &p.pik, &w.PIK, &w.PIKKCV}, {UseMAC, &p.mak, &w.MAK, &w.MAKKCV}, {UseTDK, &p.tdk, &w.TDK, &w.TDKKCV}}
	if !data {
		made = made[:2]
	}
	save := make([]Record, 0, 3)
	for _, m := range made {
		raw, err := random16()
		if err != nil {
			return nil, fmt.Errorf("hsm: random: %w", err)
		}
		r, k, err := s.record(own, m.use, v, o.alg, raw)
		if err == nil {
			*m.wrapped, err = paycrypto.Wrap(o.tmk, raw)
		}
		clear(raw)
		if err != nil {
			return nil, err
		}
		*m.key, *m.kcv = k, r.KCV
		save = append(save, r)
	}
	if err := s.keys.SaveKeys(save...); err != nil {
		return nil, fmt.Errorf("hsm: save: %w", err)
	}
	if o.cur != nil && o.cur.mak != nil {
		o.prev = o.cur
	}
	o.cur = p
	return w, nil
}

// Import implements HSM.
func (s *Soft) Import(own string, alg paycrypto.Alg, pik, mak []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := uint32(1)
	if o := s.owners[own]; o != nil && o.cur != nil && o.cur.mak != nil {
		if o.cur.pik == nil {
			return fmt.Errorf("%w: %s has data keys", ErrBlock, own)
		}
		same, err := s.holds(own, o.cur, alg, map[Use][]byte{UsePIN: pik, UseMAC: mak})
		if err != nil || same {
			return err
		}
		v = o.cur.version + 1
	}
	rp, kp, err := s.record(own, UsePIN, v, alg, pik)
	if err != nil {
		return err
	}
	rm, km, err := s.record(own, UseMAC, v, alg, mak)
	if err != nil {
		return err
	}
	if err := s.keys.SaveKeys(rp, rm); err != nil {
		return fmt.Errorf("hsm: save: %w", err)
	}
	o := s.owners[own]
	if o == nil {
		o = &owner{}
		s.owners[own] = o
	}
	o.alg, o.prev, o.cur = alg, o.cur, &pair{alg: alg, version: v, pik: kp, mak: km}
	return nil
}

// holds says whether these are the owner's current keys.
func (s *Soft) holds(own string, p *pair, alg paycrypto.Alg, keys map[Use][]byte) (bool, error) {
	if p.alg != alg {
		return false, nil
	}
	for u, want := range keys {
		raw, _, err := s.raw(own, u, p.version)
		if err != nil {
			return false, err
		}
		same := subtle.ConstantTimeCompare(raw, want) == 1
		clear(raw)
		if !same {
			return false, nil
		}
	}
	return true, nil
}

// raw opens one stored key.
func (s *Soft) raw(own string, u Use, version uint32) ([]byte, paycrypto.Alg, error) {
	recs, err := s.keys.LoadKeys(own)
	if err != nil {
		return nil, 0, fmt.Errorf("hsm: load keys: %w", err)
	}
	for _, r := range recs {
		if r.Use == u && r.Version == version {
			raw, err := s.openKey(r.Sealed, aad(r))
			return raw, r.Alg, err
		}
	}
	return nil, 0, ErrNoKey
}

// Refresh implements HSM.
func (s *Soft) Refresh(owners ...string) error {
	for _, own := range owners {
		recs, err := s.keys.LoadKeys(own)
		if err == nil {
			err = s.replace(own, recs)
		}
		if err != nil {
			return fmt.Errorf("hsm: load keys: %w", err)
		}
	}
	return nil
}

// replace takes what is stored of an owner for what is known, unless that is newer.
func (s *Soft) replace(own string, recs []Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetDigests(own)
	old := s.owners[own]
	delete(s.owners, own)
	for _, r := range recs {
		if err := s.load(r); err != nil {
			s.owners[own] = old
			return err
		}
	}
	if o := s.owners[own]; o != nil && old != nil && old.cur != nil {
		switch {
		case o.cur == nil:
			o.cur = &pair{alg: o.alg, version: old.cur.version} // keeps versions rising
		case o.cur.version < old.cur.version && sameKey(o.tmk, old.tmk): // under another master key the stored ones count
			s.owners[own] = old
		}
	}
	return nil
}

func sameKey(a, b *paycrypto.Key) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bytes.Equal(a.CheckValue(8), b.CheckValue(8))
}

// Current implements HSM.
func (s *Soft) Current(own string) (Ref, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o := s.owners[own]
	if o == nil || o.cur == nil || o.cur.mak == nil {
		return Ref{}, ErrNoKey
	}
	return Ref{Owner: own, Version: o.cur.version}, nil
}

func (s *Soft) pair(r Ref) (*pair, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if o := s.owners[r.Owner]; o != nil {
		for _, p := range [2]*pair{o.cur, o.prev} {
			if p != nil && p.version == r.Version && p.mak != nil {
				return p, nil
			}
		}
	}
	return nil, ErrNoKey
}

// AppendMAC implements HSM.
func (s *Soft) AppendMAC(dst []byte, key Ref, data []byte) ([]byte, error) {
	p, err := s.pair(key)
	if err != nil {
		return dst, err
	}
	return paycrypto.AppendMAC(dst, key.For(p.alg).MAC, p.mak, data)
}

// EncryptData implements HSM.
func (s *Soft) EncryptData(dst []byte, key Ref, iv, plain []byte) ([]byte, error) {
	return s.data(dst, key, iv, plain, false)
}

// DecryptData implements HSM.
func (s *Soft) DecryptData(dst []byte, key Ref, iv, secret []byte) ([]byte, error) {
	return s.data(dst, key, iv, secret, true)
}

func (s *Soft) data(dst []byte, key Ref, iv, in []byte, decrypt bool) ([]byte, error) {
	p, err := s.pair(key)
	if err != nil {
		return dst, err
	}
	if p.tdk == nil {
		return dst, ErrNoKey
	}
	return p.tdk.CBC(dst, iv, in, decrypt)
}

// TranslatePIN implements HSM.
func (s *Soft) TranslatePIN(from, to Ref, block, pan []byte) ([]byte, error) {
	f, err := s.pair(from)
	if err != nil {
		return nil, err
	}
	t, err := s.pair(to)
	if err != nil {
		return nil, err
	}
	if f.pik == nil || t.pik == nil { // data keys
		return nil, ErrNoKey
	}
	out, err := paycrypto.Translate(f.pik, from.For(f.alg).PIN, t.pik, to.For(t.alg).PIN, block, pan)
	switch {
	case errors.Is(err, paycrypto.ErrTranslation):
		return nil, err
	case err != nil:
		return nil, ErrPIN
	}
	return out, nil
}
