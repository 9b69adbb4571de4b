package hsm

import (
	"fmt"

	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/keyblock"
)

// Data keys of partners and hosts: a key that encrypts fields or whole messages on a link and a key of the
// MAC over them, both of one algorithm, under an owner of their own, so that they change apart from PIN and
// MAC keys. They come, or are made here, as TR-31 blocks under a KEK that two people formed.

// ImportData implements HSM.
func (s *Soft) ImportData(own, kek, data, mak string) (Ref, error) {
	protect, _, err := s.blockKEK(kek)
	if err != nil {
		return Ref{}, err
	}
	defer clear(protect)
	d, alg, err := s.openBlock(protect, data, UseTDK)
	if err != nil {
		return Ref{}, err
	}
	defer clear(d)
	m, macAlg, err := s.openBlock(protect, mak, UseMAC)
	if err != nil {
		return Ref{}, err
	}
	defer clear(m)
	if alg != macAlg {
		return Ref{}, fmt.Errorf("%w: data and MAC key are of two algorithms", ErrBlock)
	}
	return s.saveData(own, alg, d, m)
}

func (s *Soft) saveData(own string, alg paycrypto.Alg, data, mak []byte) (Ref, error) {
	if err := s.Refresh(own); err != nil { // another server may have newer ones
		return Ref{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, o := uint32(1), s.owners[own]
	if o != nil && (o.tmk != nil || o.issuer != nil || o.cur != nil && o.cur.pik != nil) {
		return Ref{}, fmt.Errorf("%w: %s has other keys", ErrBlock, own)
	}
	if o != nil && o.cur != nil {
		same, err := s.holds(own, o.cur, alg, map[Use][]byte{UseTDK: data, UseMAC: mak})
		if err != nil || same {
			return Ref{Owner: own, Version: o.cur.version}, err
		}
		v = o.cur.version + 1
	}
	rd, kd, err := s.record(own, UseTDK, v, alg, data)
	if err != nil {
		return Ref{}, err
	}
	rm, km, err := s.record(own, UseMAC, v, alg, mak)
	if err != nil {
		return Ref{}, err
	}
	if err := s.keys.SaveKeys(rd, rm); err != nil {
		return Ref{}, fmt.Errorf("hsm: save: %w", err)
	}
	if o == nil {
		o = &owner{}
		s.owners[own] = o
	}
	o.alg, o.prev, o.cur = alg, o.cur, &pair{alg: alg, version: v, tdk: kd, mak: km}
	return Ref{Owner: own, Version: v}, nil
}

// MakeData makes new data keys of own and answers them as key blocks under the KEK of kek, for the other side.
// They are in use here only when they are imported: the other side loads them first.
func (s *Soft) MakeData(kek string, alg paycrypto.Alg) (data, mak string, err error) {
	protect, protectAlg, err := s.blockKEK(kek)
	if err != nil {
		return "", "", err
	}
	defer clear(protect)
	for u, block := range map[Use]*string{UseTDK: &data, UseMAC: &mak} {
		raw, err := random16()
		if err != nil {
			return "", "", fmt.Errorf("hsm: random: %w", err)
		}
		*block, err = keyblock.Wrap(protect, BlockHeader(protectAlg, alg, u), raw)
		clear(raw)
		if err != nil {
			return "", "", fmt.Errorf("%w: %w", ErrBlock, err)
		}
	}
	return data, mak, nil
}

// DataKey implements HSM.
func (s *Soft) DataKey(key Ref) (paycrypto.Alg, [3]byte, error) {
	p, err := s.pair(key)
	if err == nil && p.tdk == nil {
		err = ErrNoKey
	}
	if err != nil {
		return 0, [3]byte{}, err
	}
	return p.alg, [3]byte(p.tdk.CheckValue(3)), nil
}
