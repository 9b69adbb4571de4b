package main

import (
	"bytes"
	"fmt"
	"slices"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
)

// importKeys gives the security module the PIN and the MAC key of a file: once. Keys that have come since
// then by another way (a host's own change, serverctl key import) are newer than the file and stay; a file
// with other keys than it had is a new version.
func (s *services) importKeys(owner, zone, file string) error {
	pik, mak, err := zoneKeys(file)
	if err != nil {
		return err
	}
	defer clear(pik)
	defer clear(mak)
	alg := map[string]paycrypto.Alg{"": paycrypto.DES, "3des": paycrypto.DES, "sm4": paycrypto.SM4, "aes": paycrypto.AES}[zone]
	recs, err := s.st.LoadKeys(owner)
	if err != nil {
		return err
	}
	mark := hsm.Record{Owner: owner, Use: hsm.UseFile, Version: 1, KCV: []byte{}, Sealed: s.hsm.Index(slices.Concat(pik, mak))}
	at := slices.IndexFunc(recs, func(r hsm.Record) bool { return r.Use == hsm.UseFile })
	now, none := s.hsm.Current(owner)
	switch {
	case none != nil, at >= 0 && !bytes.Equal(recs[at].Sealed, mark.Sealed):
		if err := s.hsm.Import(owner, alg, pik, mak); err != nil {
			return err
		}
		s.log.Info("keys taken from a file", "owner", owner, "file", file)
	case at >= 0:
		return nil // this file is known
	case !holds(recs, now.Version, alg, pik, mak):
		s.log.Warn("the security module has other keys than the file, which was not read before; they stay. Newer keys: serverctl key import, or write them into the file now", "owner", owner, "version", now.Version, "file", file)
	}
	if err := s.st.SaveKeys(mark); err != nil {
		return fmt.Errorf("mark of %s: %w", file, err)
	}
	return nil
}

// holds says by their check values whether these are an owner's keys of a version.
func holds(recs []hsm.Record, version uint32, alg paycrypto.Alg, pik, mak []byte) bool {
	n := 0
	for use, raw := range map[hsm.Use][]byte{hsm.UsePIN: pik, hsm.UseMAC: mak} {
		k, err := paycrypto.NewKey(alg, raw)
		if err == nil && slices.ContainsFunc(recs, func(r hsm.Record) bool {
			return r.Use == use && r.Version == version && r.Alg == alg && bytes.Equal(r.KCV, k.CheckValue(4))
		}) {
			n++
		}
	}
	return n == 2
}
