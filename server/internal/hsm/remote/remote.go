// Package remote is a security module behind TCP: the host commands of the Racal and payShield families,
// in key-block form, over a pool of connections. Keys are stored where the software module stores its
// own, but encrypted under the device's local master key: this process never has one in the clear, but
// for those that are handed to it so (Import, ImportIssuer, CreateTMK), which the device takes in its
// authorised state only. The commands of cmd/ choose it; sim/hsm is its peer in tests.
package remote

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"

	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/keyblock"
	"zhigui/server/internal/hsm"
)

// Module is a security module behind TCP. It implements hsm.HSM.
type Module struct {
	*hsm.Vault
	pool *pool
	keys hsm.Keys

	mu     sync.RWMutex
	owners map[string]*owner
}

var _ hsm.HSM = (*Module)(nil)

// pair is one version of working keys, encrypted under the device's master key.
type pair struct {
	alg      paycrypto.Alg
	version  uint32
	pik, mak string
	tdk      string // "": no data key
	tdkID    [3]byte
}

type owner struct {
	alg         paycrypto.Alg
	tmk, issuer string
	cur, prev   *pair
}

// New opens the module over its stored keys. The device need not be there yet.
func New(o Options, vault *hsm.Vault, keys hsm.Keys) (*Module, error) {
	m := &Module{Vault: vault, pool: newPool(o), keys: keys, owners: map[string]*owner{}}
	recs, err := keys.LoadKeys("")
	if err != nil {
		return nil, fmt.Errorf("hsm: load keys: %w", err)
	}
	sort.Slice(recs, func(i, j int) bool { return recs[i].Version < recs[j].Version })
	for _, r := range recs {
		switch r.Use {
		case hsm.UseData, hsm.UseDevice, hsm.UseMaker, hsm.UseRevoked, hsm.UseFile, hsm.UseDigest:
			continue // the vault's
		}
		if len(r.Sealed) == 0 || r.Sealed[0] != 'S' {
			return nil, fmt.Errorf("hsm: key of %s: not under a device's master key (was it made by the software module?)", r.Owner)
		}
		m.load(r)
	}
	return m, nil
}

// Close closes the connections.
func (m *Module) Close() { m.pool.close() }

// Check asks the device for its diagnostics and answers its master key's check value and firmware.
func (m *Module) Check() (string, error) {
	b, err := m.pool.do("NC", nil)
	return string(b), err
}

// load takes a record; records of an owner come with rising versions.
func (m *Module) load(r hsm.Record) {
	o := m.owners[r.Owner]
	if o == nil {
		o = &owner{alg: r.Alg}
		m.owners[r.Owner] = o
	}
	text := string(r.Sealed)
	switch r.Use {
	case hsm.UseTMK:
		o.tmk, o.alg = text, r.Alg
	case hsm.UseIssuer:
		o.issuer = text
	case hsm.UsePIN, hsm.UseMAC, hsm.UseTDK:
		if o.cur == nil || o.cur.version != r.Version {
			o.prev, o.cur = o.cur, &pair{alg: r.Alg, version: r.Version}
		}
		switch r.Use {
		case hsm.UsePIN:
			o.cur.pik = text
		case hsm.UseMAC:
			o.cur.mak = text
		default:
			o.cur.tdk = text
			copy(o.cur.tdkID[:], r.KCV)
		}
	}
}

func (m *Module) pair(r hsm.Ref) (*pair, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if o := m.owners[r.Owner]; o != nil {
		for _, p := range [2]*pair{o.cur, o.prev} {
			if p != nil && p.version == r.Version && p.mak != "" {
				return p, nil
			}
		}
	}
	return nil, hsm.ErrNoKey
}

// Current implements hsm.HSM.
func (m *Module) Current(own string) (hsm.Ref, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	o := m.owners[own]
	if o == nil || o.cur == nil || o.cur.mak == "" {
		return hsm.Ref{}, hsm.ErrNoKey
	}
	return hsm.Ref{Owner: own, Version: o.cur.version}, nil
}

// attributes are the key-block attributes of commands: of a use under an algorithm.
func attributes(u hsm.Use, alg paycrypto.Alg, size int) (string, error) {
	two := map[paycrypto.Alg]map[int]string{paycrypto.DES: {8: "T1", 16: "T2", 24: "T3"}, paycrypto.AES: {16: "A1", 24: "A2", 32: "A3"},
		paycrypto.SM4: {16: "S4"}}[alg][size] // S4 is an extension of the simulator
	if two == "" {
		return "", paycrypto.ErrKey
	}
	switch u {
	case hsm.UsePIN, hsm.UseMAC:
		h := hsm.BlockHeader(0, alg, u)
		return "#" + h.Usage + two + string(h.Mode) + "00E00", nil
	case hsm.UseTDK:
		return "#D0" + two + "B00E00", nil
	case hsm.UseIssuer:
		return "#" + keyblock.UseEMV + two + "X00N00", nil
	}
	return "#" + keyblock.UseKEK + two + "B00N00", nil
}

// importClear gives the device a clear key (XI) and answers a record.
func (m *Module) importClear(own string, u hsm.Use, version uint32, alg paycrypto.Alg, raw []byte) (hsm.Record, error) {
	k, err := paycrypto.NewKey(alg, raw)
	if err != nil {
		return hsm.Record{}, err
	}
	attr, err := attributes(u, alg, len(raw))
	if err != nil {
		return hsm.Record{}, err
	}
	body := append([]byte("S"+attr), fmt.Sprintf("%02d%X", len(raw), raw)...)
	defer clear(body)
	b, err := m.pool.do("XI", body)
	if err != nil {
		return hsm.Record{}, err
	}
	text, rest, err := block(b, 'S')
	kcv := k.CheckValue(4)
	if err != nil || rest != strings.ToUpper(hex.EncodeToString(kcv[:3])) {
		return hsm.Record{}, ErrProtocol
	}
	return hsm.Record{Owner: own, Use: u, Version: version, Alg: alg, Sealed: []byte(text), KCV: kcv}, nil
}

// block cuts a key block off an answer.
func block(b []byte, scheme byte) (text, rest string, err error) {
	n := 0
	if len(b) < 17 || b[0] != scheme {
		return "", "", ErrProtocol
	}
	for _, c := range b[2:6] {
		if c < '0' || c > '9' {
			return "", "", ErrProtocol
		}
		n = 10*n + int(c-'0')
	}
	if n < 16 || 1+n > len(b) {
		return "", "", ErrProtocol
	}
	return string(b[:1+n]), string(b[1+n:]), nil
}

func (m *Module) save(recs ...hsm.Record) error {
	if err := m.keys.SaveKeys(recs...); err != nil {
		return fmt.Errorf("hsm: save: %w", err)
	}
	for _, r := range recs {
		m.load(r)
	}
	return nil
}

// CreateTMK implements hsm.HSM.
func (m *Module) CreateTMK(own string, alg paycrypto.Alg) (clearKey, kcv []byte, err error) {
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		return nil, nil, fmt.Errorf("hsm: random: %w", err)
	}
	r, err := m.importClear(own, hsm.UseTMK, 1, alg, raw)
	if err != nil {
		return nil, nil, err
	}
	if err := m.takeTMK(r); err != nil {
		return nil, nil, err
	}
	return raw, r.KCV, nil
}

// takeTMK makes r the TMK of its owner; beside is saved with it.
func (m *Module) takeTMK(r hsm.Record, beside ...hsm.Record) error {
	if err := m.Refresh(r.Owner); err != nil { // another server may have made working keys: versions rise
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.keys.SaveKeys(append(beside, r)...); err != nil {
		return fmt.Errorf("hsm: save: %w", err)
	}
	o := &owner{alg: r.Alg, tmk: string(r.Sealed)}
	if old := m.owners[r.Owner]; old != nil && old.cur != nil {
		o.cur = &pair{alg: r.Alg, version: old.cur.version} // keeps versions rising
	}
	m.owners[r.Owner] = o
	return nil
}

// Refresh implements hsm.HSM.
func (m *Module) Refresh(owners ...string) error {
	for _, own := range owners {
		recs, err := m.keys.LoadKeys(own)
		if err != nil {
			return fmt.Errorf("hsm: load keys: %w", err)
		}
		m.replace(own, recs)
	}
	return nil
}

// replace takes what is stored of an owner for what is known, unless that is newer.
func (m *Module) replace(own string, recs []hsm.Record) {
	sort.Slice(recs, func(i, j int) bool { return recs[i].Version < recs[j].Version })
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.owners[own]
	delete(m.owners, own)
	for _, r := range recs {
		m.load(r)
	}
	if o := m.owners[own]; o != nil && old != nil && old.cur != nil {
		switch {
		case o.cur == nil:
			o.cur = &pair{alg: o.alg, version: old.cur.version} // keeps versions rising
		case o.cur.version < old.cur.version && o.tmk == old.tmk: // under another master key the stored ones count
			m.owners[own] = old
		}
	}
}

// NewWorking implements hsm.HSM.
func (m *Module) NewWorking(own string, data bool) (*hsm.Working, error) {
	recs, err := m.keys.LoadKeys(own) // a key ceremony may have run in another process
	if err != nil {
		return nil, fmt.Errorf("hsm: load keys: %w", err)
	}
	tmk, alg := "", paycrypto.Alg(0)
	for _, r := range recs {
		if r.Use == hsm.UseTMK {
			tmk, alg = string(r.Sealed), r.Alg
		}
	}
	if tmk == "" {
		return nil, hsm.ErrNoKey
	}
	w := &hsm.Working{}
	rp, err := m.generate(own, hsm.UsePIN, alg, tmk, &w.PIK, &w.PIKKCV)
	if err != nil {
		return nil, err
	}
	rm, err := m.generate(own, hsm.UseMAC, alg, tmk, &w.MAK, &w.MAKKCV)
	if err != nil {
		return nil, err
	}
	recs = []hsm.Record{rp, rm}
	if data {
		rd, err := m.generate(own, hsm.UseTDK, alg, tmk, &w.TDK, &w.TDKKCV)
		if err != nil {
			return nil, err
		}
		recs = append(recs, rd)
	}
	if err := m.Refresh(own); err != nil { // another server may have made newer ones
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	w.Version = 1
	if o := m.owners[own]; o != nil && o.cur != nil {
		w.Version = o.cur.version + 1
	}
	for i := range recs {
		recs[i].Version = w.Version
	}
	return w, m.save(recs...)
}

// generate makes a working key in the device, which answers it under its own and under the terminal's key.
func (m *Module) generate(own string, u hsm.Use, alg paycrypto.Alg, tmk string, wrapped, kcv *[]byte) (hsm.Record, error) {
	attr, err := attributes(u, alg, 16)
	if err != nil {
		return hsm.Record{}, err
	}
	b, err := m.pool.do("A0", []byte("1FFFS;1"+tmk+"X%00"+attr))
	if err != nil {
		return hsm.Record{}, err
	}
	text, rest, err := block(b, 'S')
	if err != nil || len(rest) != 1+32+6 || rest[0] != 'X' {
		return hsm.Record{}, ErrProtocol
	}
	if *wrapped, err = hex.DecodeString(rest[1:33]); err != nil {
		return hsm.Record{}, ErrProtocol
	}
	if *kcv, err = m.checkValue(text); err != nil {
		return hsm.Record{}, err
	}
	return hsm.Record{Owner: own, Use: u, Alg: alg, Sealed: []byte(text), KCV: *kcv}, nil
}

// checkValue is the check value of a key in 4 bytes.
func (m *Module) checkValue(text string) ([]byte, error) {
	b, err := m.pool.do("BU", []byte("FFF"+text+";FFF;000"))
	if err != nil {
		return nil, err
	}
	kcv, err := hex.DecodeString(string(b))
	if err != nil || len(kcv) < 4 {
		return nil, ErrProtocol
	}
	return kcv[:4], nil
}

// Import implements hsm.HSM. Keys are compared by their check values.
func (m *Module) Import(own string, alg paycrypto.Alg, pik, mak []byte) error {
	pk, err := paycrypto.NewKey(alg, pik)
	if err != nil {
		return err
	}
	mk, err := paycrypto.NewKey(alg, mak)
	if err != nil {
		return err
	}
	version, same, err := m.next(own, alg, pk.CheckValue(4), mk.CheckValue(4))
	if err != nil || same {
		return err
	}
	rp, err := m.importClear(own, hsm.UsePIN, version, alg, pik)
	if err != nil {
		return err
	}
	rm, err := m.importClear(own, hsm.UseMAC, version, alg, mak)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.save(rp, rm)
}

// next is the version that keys with these check values get; same says that they are the current ones.
func (m *Module) next(own string, alg paycrypto.Alg, pik, mak []byte) (version uint32, same bool, err error) {
	now, err := m.Current(own)
	if errors.Is(err, hsm.ErrNoKey) {
		return 1, false, nil
	}
	recs, err := m.keys.LoadKeys(own)
	if err != nil {
		return 0, false, fmt.Errorf("hsm: load keys: %w", err)
	}
	equal := 0
	for _, r := range recs {
		if r.Version == now.Version && r.Alg == alg && (r.Use == hsm.UsePIN && bytes.Equal(r.KCV, pik) || r.Use == hsm.UseMAC && bytes.Equal(r.KCV, mak)) {
			equal++
		}
	}
	return now.Version + 1, equal == 2, nil
}
