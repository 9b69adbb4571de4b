package hsm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"zhigui/server/api/paycrypto"
)

type pair struct {
	alg      paycrypto.Alg
	version  uint32
	pik, mak *paycrypto.Key
}

type owner struct {
	alg       paycrypto.Alg
	tmk       *paycrypto.Key
	issuer    *paycrypto.Key
	cur, prev *pair
}

// Soft is the software module.
type Soft struct {
	gcm   cipher.AEAD
	index []byte
	keys  Keys

	mu     sync.RWMutex
	owners map[string]*owner
}

// MasterKey reads the master key file, or creates it with mode 0600 when it is missing. A
// file that others may read is refused.
func MasterKey(path string) ([]byte, error) {
	fi, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		k := make([]byte, 32)
		if _, err := rand.Read(k); err != nil {
			return nil, fmt.Errorf("hsm: random: %w", err)
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, fmt.Errorf("hsm: master key: %w", err)
		}
		if _, err = f.Write(k); err == nil {
			err = f.Sync()
		}
		if err2 := f.Close(); err == nil {
			err = err2
		}
		return k, err
	}
	if err != nil {
		return nil, fmt.Errorf("hsm: master key: %w", err)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("hsm: master key file %s may be read by others; set mode 0600", path)
	}
	k, err := os.ReadFile(path)
	if err != nil || len(k) != 32 {
		return nil, fmt.Errorf("hsm: master key file %s is not 32 bytes", path)
	}
	return k, nil
}

// NewSoft opens the software module over its sealed keys.
func NewSoft(master []byte, keys Keys) (*Soft, error) {
	derive := func(label string) []byte {
		h := hmac.New(sha256.New, master)
		h.Write([]byte(label))
		return h.Sum(nil)
	}
	blk, err := aes.NewCipher(derive("seal"))
	if err != nil {
		return nil, fmt.Errorf("hsm: %w", err)
	}
	gcm, err := cipher.NewGCM(blk)
	if err != nil {
		return nil, fmt.Errorf("hsm: %w", err)
	}
	s := &Soft{gcm: gcm, index: derive("index"), keys: keys, owners: map[string]*owner{}}
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
	raw, err := s.Open(nil, r.Sealed, aad(r))
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
	if r.Use == UsePIN {
		p.pik = k
	} else {
		p.mak = k
	}
	return nil
}

func (s *Soft) record(own string, u Use, v uint32, a paycrypto.Alg, raw []byte) (Record, *paycrypto.Key, error) {
	k, err := paycrypto.NewKey(a, raw)
	if err != nil {
		return Record{}, nil, err
	}
	r := Record{Owner: own, Use: u, Version: v, Alg: a, KCV: k.KCV(4)}
	r.Sealed = s.Seal(nil, raw, aad(r))
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
	r, k, err := s.record(own, UseTMK, 1, alg, raw)
	if err != nil {
		return nil, nil, err
	}
	if err := s.keys.SaveKeys(r); err != nil {
		return nil, nil, fmt.Errorf("hsm: save: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &owner{alg: alg, tmk: k}
	if old := s.owners[own]; old != nil && old.cur != nil {
		o.cur = &pair{alg: alg, version: old.cur.version} // keeps versions rising
	}
	s.owners[own] = o
	return raw, r.KCV, nil
}

// NewWorking implements HSM.
func (s *Soft) NewWorking(own string) (*Working, error) {
	recs, err := s.keys.LoadKeys(own) // a key ceremony may have run in another process
	if err != nil {
		return nil, fmt.Errorf("hsm: load keys: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range recs {
		if r.Use == UseTMK {
			if err := s.load(r); err != nil {
				return nil, err
			}
		}
	}
	o := s.owners[own]
	if o == nil || o.tmk == nil {
		return nil, ErrNoKey
	}
	v := uint32(1)
	if o.cur != nil {
		v = o.cur.version + 1
	}
	pik, err := random16()
	if err != nil {
		return nil, fmt.Errorf("hsm: random: %w", err)
	}
	mak, err := random16()
	if err != nil {
		return nil, fmt.Errorf("hsm: random: %w", err)
	}
	defer clear(pik)
	defer clear(mak)
	rp, kp, err := s.record(own, UsePIN, v, o.alg, pik)
	if err != nil {
		return nil, err
	}
	rm, km, err := s.record(own, UseMAC, v, o.alg, mak)
	if err != nil {
		return nil, err
	}
	w := &Working{Version: v, PIKKCV: rp.KCV, MAKKCV: rm.KCV}
	if w.PIK, err = paycrypto.Wrap(o.tmk, pik); err != nil {
		return nil, err
	}
	if w.MAK, err = paycrypto.Wrap(o.tmk, mak); err != nil {
		return nil, err
	}
	if err := s.keys.SaveKeys(rp, rm); err != nil {
		return nil, fmt.Errorf("hsm: save: %w", err)
	}
	if o.cur != nil && o.cur.mak != nil {
		o.prev = o.cur
	}
	o.cur = &pair{alg: o.alg, version: v, pik: kp, mak: km}
	return w, nil
}

// Import implements HSM.
func (s *Soft) Import(own string, alg paycrypto.Alg, pik, mak []byte) error {
	rp, kp, err := s.record(own, UsePIN, 1, alg, pik)
	if err != nil {
		return err
	}
	rm, km, err := s.record(own, UseMAC, 1, alg, mak)
	if err != nil {
		return err
	}
	if err := s.keys.SaveKeys(rp, rm); err != nil {
		return fmt.Errorf("hsm: save: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owners[own] = &owner{alg: alg, cur: &pair{alg: alg, version: 1, pik: kp, mak: km}}
	return nil
}

// Current implements HSM.
func (s *Soft) Current(own string) (Ref, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o := s.owners[own]
	if o == nil || o.cur == nil || o.cur.mak == nil {
		return Ref{}, ErrNoKey
	}
	return Ref{own, o.cur.version}, nil
}

func (s *Soft) pair(r Ref) (*pair, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if o := s.owners[r.Owner]; o != nil {
		for _, p := range [2]*pair{o.cur, o.prev} {
			if p != nil && p.version == r.Version && p.mak != nil && p.pik != nil {
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
	alg := paycrypto.X919
	if p.alg == paycrypto.SM4 {
		alg = paycrypto.SM4CBC
	}
	return paycrypto.AppendMAC(dst, alg, p.mak, data)
}

func format(a paycrypto.Alg) paycrypto.Format {
	if a == paycrypto.SM4 {
		return paycrypto.SM4Block
	}
	return paycrypto.ISO0
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
	out, err := paycrypto.Translate(f.pik, format(f.alg), t.pik, format(t.alg), block, pan)
	if err != nil {
		return nil, ErrPIN
	}
	return out, nil
}

// Seal implements HSM: 12 bytes of random nonce, ciphertext, tag.
func (s *Soft) Seal(dst, plain, aad []byte) []byte {
	at := len(dst)
	var nonce [12]byte
	_, _ = rand.Read(nonce[:]) // never fails since Go 1.24
	dst = append(dst, nonce[:]...)
	return s.gcm.Seal(dst, dst[at:at+12], plain, aad)
}

// Open implements HSM.
func (s *Soft) Open(dst, sealed, aad []byte) ([]byte, error) {
	if len(sealed) < 12 {
		return dst, ErrSeal
	}
	out, err := s.gcm.Open(dst, sealed[:12], sealed[12:], aad)
	if err != nil {
		return dst, ErrSeal
	}
	return out, nil
}

// Index implements HSM.
func (s *Soft) Index(pan []byte) []byte {
	h := hmac.New(sha256.New, s.index)
	h.Write(pan)
	return h.Sum(nil)[:16]
}
