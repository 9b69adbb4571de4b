package hsm

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"

	"zhigui/server/api/paycrypto"
)

// Errors of a ceremony.
var (
	ErrPerson   = errors.New("hsm: each component needs a person of its own")
	ErrCeremony = errors.New("hsm: the component does not fit the ceremony")
	ErrKCV      = errors.New("hsm: another check value than expected; nothing was stored")
)

// Component says which share of a KEK a person brings. A KEK is the XOR of 2 to 9 shares; nobody
// sees more than his own.
type Component struct {
	Owner  string // the zone the KEK is for
	Alg    paycrypto.Alg
	Number int    // from 1
	By     string // the person; may bring one only
}

func ceremony(owner string) string { return "ceremony|" + owner }

// NewComponent makes a share at random, for a key that begins here. It is answered once, to be
// written down by its person, with its check value.
func (s *Soft) NewComponent(c Component, size int) (share, kcv []byte, err error) {
	share = make([]byte, size)
	if _, err := rand.Read(share); err != nil {
		return nil, nil, fmt.Errorf("hsm: random: %w", err)
	}
	if kcv, err = s.EnterComponent(c, share); err != nil {
		clear(share)
		return nil, nil, err
	}
	return share, kcv, nil
}

// EnterComponent keeps a share, sealed, until FormKEK, and answers its check value. A share that was
// entered may be replaced by the same person.
func (s *Soft) EnterComponent(c Component, share []byte) ([]byte, error) {
	if c.Owner == "" || c.By == "" || c.Number < 1 || c.Number > 9 || len(share) < 16 {
		return nil, ErrCeremony // a KEK is of TDES (16, 24 bytes), AES (16, 24, 32) or SM4 (16)
	}
	k, err := paycrypto.NewKey(c.Alg, share)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	others, err := s.components(c.Owner)
	if err != nil {
		return nil, err
	}
	for _, o := range others {
		defer clear(o.share)
		switch {
		case (o.number == c.Number) != (o.by == c.By):
			return nil, ErrPerson
		case o.number != c.Number && (o.alg != c.Alg || len(o.share) != len(share)):
			return nil, ErrCeremony
		}
	}
	r := Record{Owner: ceremony(c.Owner), Use: UseComponent, Version: uint32(c.Number), Alg: c.Alg, KCV: k.CheckValue(3)} //nolint:gosec // 1 to 9
	plain := append([]byte{byte(len(c.By))}, c.By...)
	plain = append(plain, share...)
	defer clear(plain)
	r.Sealed = s.sealKey(plain, aad(r))
	if err := s.keys.SaveKeys(r); err != nil {
		return nil, fmt.Errorf("hsm: save: %w", err)
	}
	return r.KCV, nil
}

// FormKEK makes the KEK of owner from the shares 1 to of, if its check value begins with want (3
// bytes or more; empty for a key that begins here), and forgets the shares.
func (s *Soft) FormKEK(own string, of int, want []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	shares, err := s.components(own)
	if err != nil {
		return nil, err
	}
	if of < 2 || len(shares) != of {
		return nil, fmt.Errorf("%w: %d of %d components are there", ErrCeremony, len(shares), of)
	}
	raw := make([]byte, len(shares[0].share))
	defer clear(raw)
	for _, c := range shares {
		if c.number > of {
			return nil, ErrCeremony
		}
		for i, b := range c.share {
			raw[i] ^= b
		}
		clear(c.share)
	}
	if bytes.Equal(raw, make([]byte, len(raw))) {
		return nil, ErrCeremony // two equal shares
	}
	r, k, err := s.record(own, UseKEK, 1, shares[0].alg, raw)
	if err != nil {
		return nil, err
	}
	kcv := k.CheckValue(max(3, len(want)))
	if len(want) > 0 && (len(want) < 3 || !bytes.Equal(kcv, want)) {
		return nil, ErrKCV
	}
	if err := s.keys.SaveKeys(r); err != nil {
		return nil, fmt.Errorf("hsm: save: %w", err)
	}
	if err := s.keys.DropKeys(ceremony(own)); err != nil {
		return nil, fmt.Errorf("hsm: drop: %w", err)
	}
	return kcv, nil
}

// CancelCeremony forgets the shares that were entered for owner.
func (s *Soft) CancelCeremony(own string) error { return s.keys.DropKeys(ceremony(own)) }

type component struct {
	number int
	by     string
	alg    paycrypto.Alg
	share  []byte
}

func (s *Soft) components(own string) ([]component, error) {
	recs, err := s.keys.LoadKeys(ceremony(own))
	if err != nil {
		return nil, fmt.Errorf("hsm: load keys: %w", err)
	}
	var out []component
	for _, r := range recs {
		plain, err := s.openKey(r.Sealed, aad(r))
		if err != nil || len(plain) < 1 || len(plain) < 1+int(plain[0]) {
			return nil, ErrSeal
		}
		n := 1 + int(plain[0])
		out = append(out, component{int(r.Version), string(plain[1:n]), r.Alg, plain[n:]})
	}
	return out, nil
}
