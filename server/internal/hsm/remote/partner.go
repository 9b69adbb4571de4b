package remote

import (
	"bytes"
	"fmt"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
)

// ImportData implements hsm.HSM.
func (m *Module) ImportData(own, kek, data, mak string) (hsm.Ref, error) {
	protect, err := m.blockKEK(kek)
	if err != nil {
		return hsm.Ref{}, err
	}
	rd, err := m.importBlock(own, protect, data, hsm.UseTDK)
	if err != nil {
		return hsm.Ref{}, err
	}
	rm, err := m.importBlock(own, protect, mak, hsm.UseMAC)
	if err != nil {
		return hsm.Ref{}, err
	}
	if rd.Alg != rm.Alg {
		return hsm.Ref{}, fmt.Errorf("%w: data and MAC key are of two algorithms", hsm.ErrBlock)
	}
	recs, err := m.keys.LoadKeys(own) // another server may have newer ones
	if err != nil {
		return hsm.Ref{}, fmt.Errorf("hsm: load keys: %w", err)
	}
	m.replace(own, recs)
	ref := hsm.Ref{Owner: own}
	for _, r := range recs {
		if r.Use != hsm.UseTDK && r.Use != hsm.UseMAC {
			return hsm.Ref{}, fmt.Errorf("%w: %s has other keys", hsm.ErrBlock, own)
		}
		ref.Version = max(ref.Version, r.Version)
	}
	same := 0
	for _, r := range recs {
		for _, n := range []hsm.Record{rd, rm} {
			if r.Version == ref.Version && r.Use == n.Use && r.Alg == n.Alg && bytes.Equal(r.KCV, n.KCV) {
				same++
			}
		}
	}
	if same == 2 {
		return ref, nil
	}
	ref.Version++
	rd.Version, rm.Version = ref.Version, ref.Version
	m.mu.Lock()
	defer m.mu.Unlock()
	return ref, m.save(rd, rm)
}

// DataKey implements hsm.HSM.
func (m *Module) DataKey(key hsm.Ref) (paycrypto.Alg, [3]byte, error) {
	p, err := m.pair(key)
	if err == nil && p.tdk == "" {
		err = hsm.ErrNoKey
	}
	if err != nil {
		return 0, [3]byte{}, err
	}
	return p.alg, p.tdkID, nil
}
