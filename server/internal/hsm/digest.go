package hsm

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/sign"
)

// Numbers of keys of digests among paycrypto.Alg of a Record.
const (
	algHMACSHA256 paycrypto.Alg = 32 + iota
	algHMACSM3
)

func digestAlg(a sign.Alg) paycrypto.Alg {
	return map[sign.Alg]paycrypto.Alg{sign.HMACSHA256: algHMACSHA256, sign.HMACSM3: algHMACSM3}[a]
}

// digestKeys are an owner's newest key of an algorithm, and the one before it.
type digestKeys [][]byte

// SetDigestKey makes raw the newest key of own's digests by a. The one before is still taken from the other side, which may change
// later, until the next, or with forget until now. The check value is the begin of SHA-256 over the key.
func (s *Soft) SetDigestKey(own string, a sign.Alg, raw []byte, forget bool) (kcv []byte, err error) {
	alg := digestAlg(a)
	if alg == 0 || len(raw) < sign.LeastKey || len(raw) > sign.MostKey {
		return nil, fmt.Errorf("hsm: a key of a digest has %d to %d bytes: %w", sign.LeastKey, sign.MostKey, sign.ErrKey)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	recs, err := s.keys.LoadKeys(own)
	if err != nil {
		return nil, fmt.Errorf("hsm: load keys: %w", err)
	}
	sum := sha256.Sum256(raw)
	sealed := func(version uint32) Record {
		r := Record{Owner: own, Use: UseDigest, Version: version, Alg: alg, KCV: sum[:4]}
		r.Sealed = s.sealKey(raw, aad(r))
		return r
	}
	newest := uint32(0) // of either algorithm: records are told apart by it
	var save []Record
	for _, r := range recs {
		if r.Use != UseDigest {
			continue
		}
		newest = max(newest, r.Version)
		if forget && r.Alg == alg {
			save = append(save, sealed(r.Version)) // in its place: other keys of own, which another process may bring just now, are not touched
		}
	}
	if err := s.keys.SaveKeys(append(save, sealed(newest+1))...); err != nil {
		return nil, fmt.Errorf("hsm: save: %w", err)
	}
	s.forgetDigests(own)
	return sum[:4], nil
}

// MakeDigestKey makes a key, installs it as SetDigestKey does, and returns it in the clear, once, for the other side.
func (s *Soft) MakeDigestKey(own string, a sign.Alg, forget bool) (raw, kcv []byte, err error) {
	raw = make([]byte, sign.LeastKey)
	if _, err := rand.Read(raw); err != nil {
		return nil, nil, fmt.Errorf("hsm: random: %w", err)
	}
	if kcv, err = s.SetDigestKey(own, a, raw, forget); err != nil {
		return nil, nil, err
	}
	return raw, kcv, nil
}

func (s *Soft) forgetDigests(own string) {
	for _, a := range []sign.Alg{sign.HMACSHA256, sign.HMACSM3} {
		s.digests.Delete(own + "|" + string(a))
	}
}

// digestKeys opens own's keys when they are wanted first, and again after a change.
func (s *Soft) digestKeys(own string, a sign.Alg) (digestKeys, error) {
	id := own + "|" + string(a)
	if k, ok := s.digests.Load(id); ok {
		return k.(digestKeys), nil
	}
	s.mu.RLock() // what is read before a change is not kept after it
	defer s.mu.RUnlock()
	recs, err := s.keys.LoadKeys(own)
	if err != nil {
		return nil, fmt.Errorf("hsm: load keys: %w", err)
	}
	var versions [2]uint32
	var keys [2][]byte
	for _, r := range recs {
		if r.Use != UseDigest || r.Alg != digestAlg(a) || r.Version < versions[1] {
			continue
		}
		raw, err := s.openKey(r.Sealed, aad(r))
		if err != nil {
			return nil, fmt.Errorf("hsm: key of %s: %w", own, err)
		}
		versions[1], keys[1] = r.Version, raw
		if versions[1] > versions[0] {
			versions[0], versions[1] = versions[1], versions[0]
			keys[0], keys[1] = keys[1], keys[0]
		}
	}
	if keys[0] == nil {
		return nil, ErrNoKey
	}
	k := digestKeys{keys[0]}
	if keys[1] != nil {
		k = append(k, keys[1])
	}
	s.digests.Store(id, k)
	return k, nil
}

// Digest is the keyed digest of data under own's newest key.
func (s *Soft) Digest(own string, a sign.Alg, data []byte) ([]byte, error) {
	keys, err := s.digestKeys(own, a)
	if err != nil {
		return nil, err
	}
	return a.Digest(keys[0], data)
}

// VerifyDigest says whether digest is that of data, under own's newest key or the one before it.
func (s *Soft) VerifyDigest(own string, a sign.Alg, data, digest []byte) error {
	keys, err := s.digestKeys(own, a)
	if err != nil {
		return err
	}
	ok := false
	for _, k := range keys {
		want, err := a.Digest(k, data)
		if err != nil {
			return err
		}
		ok = hmac.Equal(want, digest) || ok
	}
	if !ok {
		return errDigest
	}
	return nil
}

var errDigest = errors.New("hsm: the digest is wrong")
