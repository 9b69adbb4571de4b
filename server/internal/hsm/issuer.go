package hsm

import (
	"fmt"

	"zhigui/server/api/paycrypto"
)

// ImportIssuer implements HSM.
func (s *Soft) ImportIssuer(own string, key []byte) error {
	r, k, err := s.record(own, UseIssuer, 1, paycrypto.DES, key)
	if err != nil {
		return err
	}
	if len(key) != 16 {
		return paycrypto.ErrKey
	}
	if err := s.keys.SaveKeys(r); err != nil {
		return fmt.Errorf("hsm: save: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owners[own] == nil {
		s.owners[own] = &owner{alg: paycrypto.DES}
	}
	s.owners[own].issuer = k
	return nil
}

// CheckCryptogram implements HSM.
func (s *Soft) CheckCryptogram(own string, c Chip, request [8]byte, code [2]byte) ([]byte, error) {
	s.mu.RLock()
	var k *paycrypto.Key
	if o := s.owners[own]; o != nil {
		k = o.issuer
	}
	s.mu.RUnlock()
	if k == nil {
		return nil, ErrNoKey
	}
	answer, ok, err := paycrypto.CheckCryptogram(k, c.PAN, c.Sequence, c.Counter, c.Data, request, code)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, ErrCryptogram
	}
	return answer, nil
}
