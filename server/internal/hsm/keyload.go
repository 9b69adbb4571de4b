package hsm

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/emmansun/gmsm/sm2"

	"zhigui/server/api/keyload"
	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/sign"
)

// LoadOwner is the owner of the keys that sign tokens of remote key loading.
const LoadOwner = "keyload"

// Errors of remote key loading.
var (
	ErrReplay   = errors.New("hsm: this offer of the PIN pad was answered before")
	ErrOtherPad = errors.New("hsm: another PIN pad is the terminal's; two people have to order a new key")
	ErrRevoked  = errors.New("hsm: this PIN pad was revoked")
	ErrMaker    = errors.New("hsm: no registered maker vouches for this PIN pad")
)

// Device is a PIN pad that may be given keys over the line: its serial number and its two public keys (PEM
// of keys or certificates), which were checked when it was registered.
type Device struct {
	Serial  string `json:"serial"`
	Sign    []byte `json:"sign"`
	Encrypt []byte `json:"encrypt"`
	Nonce   []byte `json:"nonce,omitempty"`  // of the last offer that was answered
	Loaded  []byte `json:"loaded,omitempty"` // of the token whose key is the terminal's
}

// LoadModule is what a security module does for remote key loading. The key is made in it and leaves it
// under the pad's public key only.
type LoadModule interface {
	Sign(own string, a sign.Alg, uid string, data []byte) ([]byte, error)
	SignerKey(own string, a sign.Alg) (crypto.PublicKey, error)
	// NextTMK makes a key for own, which is not yet its TMK, and answers its record and the key for pub:
	// RSAES-OAEP (SHA-256) with the label, or SM2Cipher.
	NextTMK(own string, alg paycrypto.Alg, pub crypto.PublicKey, label string) (next Record, envelope []byte, err error)
	// Refresh forgets what the store has no more (HSM).
	Refresh(owners ...string) error
	// TakeTMK makes the key of next the owner's TMK and saves beside with it. It forgets working keys.
	TakeTMK(next Record, beside ...Record) error
}

// Loader gives PIN pads their master keys over the line. It is safe for concurrent use.
type Loader struct {
	vault *Vault
	keys  Keys
	m     LoadModule
	Now   func() time.Time
	locks sync.Map // owner → *sync.Mutex
}

// NewLoader makes a loader over a module and the vault that seals its register of PIN pads.
func NewLoader(v *Vault, keys Keys, m LoadModule) *Loader {
	return &Loader{vault: v, keys: keys, m: m, Now: time.Now}
}

func (l *Loader) lock(own string) func() {
	m, _ := l.locks.LoadOrStore(own, &sync.Mutex{})
	m.(*sync.Mutex).Lock()
	return m.(*sync.Mutex).Unlock
}

func (l *Loader) save(recs ...Record) error {
	if err := l.keys.SaveKeys(recs...); err != nil {
		return fmt.Errorf("hsm: save: %w", err)
	}
	return nil
}

// RegisterDevice says which PIN pad is the terminal's.
func (l *Loader) RegisterDevice(own string, d Device) error {
	for _, text := range []*[]byte{&d.Sign, &d.Encrypt} { // of a certificate the key is kept
		pub, err := sign.Public(*text)
		if err == nil {
			*text, err = sign.PEM(pub)
		}
		if err != nil {
			return err
		}
	}
	if d.Serial == "" || len(d.Serial) > 32 {
		return keyload.ErrOffer
	}
	r, err := l.deviceRecord(own, d)
	if err != nil {
		return err
	}
	return l.save(r)
}

func (l *Loader) deviceRecord(own string, d Device) (Record, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return Record{}, fmt.Errorf("hsm: %w", err)
	}
	r := Record{Owner: own, Use: UseDevice, Version: 1, KCV: []byte{}}
	r.Sealed = l.vault.sealKey(text, aad(r))
	return r, nil
}

// state is what the store has of a terminal: its pad, its TMK and the key that waits to become it.
type state struct {
	pad       Device
	bound     bool
	tmk, next *Record
}

func (l *Loader) state(own string) (s state, err error) {
	recs, err := l.keys.LoadKeys(own)
	if err != nil {
		return s, fmt.Errorf("hsm: load keys: %w", err)
	}
	for _, r := range recs {
		switch r.Use {
		case UseTMK:
			s.tmk = &r
		case UseNext:
			s.next = &r
		case UseDevice:
			text, err := l.vault.openKey(r.Sealed, aad(r))
			if err == nil {
				err = json.Unmarshal(text, &s.pad)
			}
			if err != nil {
				return s, fmt.Errorf("hsm: PIN pad of %s: %w", own, err)
			}
			s.bound = true
		}
	}
	return s, nil
}

func zone(alg paycrypto.Alg) (sign.Alg, int) {
	if alg == paycrypto.SM4 {
		return sign.SM2, keyload.SM4
	}
	return sign.PSS, keyload.TripleDES
}

// Load makes a new master key for a terminal and answers it as a token for its PIN pad, which alone can open
// it: by RSA in the 3DES zone, by SM2 in the SM4 zone. The key is stored before the token is answered, and
// becomes the terminal's by Prove; until then the old one is. A pad that is not registered is the
// terminal's if a maker vouches for it and the terminal has none yet, or exchange says that people want it.
func (l *Loader) Load(own string, alg paycrypto.Alg, o keyload.Offer, exchange bool) (*keyload.Token, error) {
	defer l.lock(own)()
	how, number := zone(alg)
	st, err := l.state(own)
	if err != nil {
		return nil, err
	}
	if st.pad, err = l.padOf(st, o, exchange); err != nil {
		return nil, err
	}
	if err := checkOffer(how, st.pad, &o); err != nil {
		return nil, err
	}
	if _, _, err := l.prove(own, &st, o.Held); err != nil {
		return nil, err
	}
	pub, err := sign.Public(st.pad.Encrypt)
	if err != nil {
		return nil, err
	}
	if _, err := l.m.SignerKey(LoadOwner, how); err != nil {
		return nil, err
	}
	next, envelope, err := l.m.NextTMK(own, alg, pub, st.pad.Serial)
	if err != nil {
		return nil, err
	}
	b := keyload.Body{Serial: st.pad.Serial, Nonce: o.Nonce, Algorithm: number, KCV: next.KCV, Envelope: envelope}
	token, err := keyload.Seal(b, func(data []byte) ([]byte, error) { return l.m.Sign(LoadOwner, how, "", data) })
	if err != nil {
		return nil, err
	}
	st.pad.Nonce = o.Nonce
	spent, err := l.deviceRecord(own, st.pad)
	if err != nil {
		return nil, err
	}
	return &keyload.Token{Token: token, KCV: next.KCV}, l.save(spent, next)
}

// Prove takes a pad's word of the key it holds. A key that was loaded last becomes the terminal's by it.
func (l *Loader) Prove(own string, alg paycrypto.Alg, p keyload.Proof) (v keyload.Verdict, err error) {
	defer l.lock(own)()
	how, _ := zone(alg)
	st, err := l.state(own)
	if err != nil {
		return v, err
	}
	data, err := p.Signed()
	switch {
	case err != nil:
		return v, err
	case !st.bound || st.pad.Serial != p.Serial:
		return v, nil // it has to offer itself
	}
	if err := l.revoked(p.Serial); err != nil {
		return v, err
	}
	pub, err := sign.Public(st.pad.Sign)
	if err != nil {
		return v, err
	}
	if how.Verify(pub, "", data, p.Signature) != nil {
		return v, keyload.ErrOffer
	}
	v.Registered = true
	v.Known, v.Fresh, err = l.prove(own, &st, p.Held)
	return v, err
}

func (l *Loader) prove(own string, st *state, h keyload.Held) (known, fresh bool, err error) {
	same := func(nonce []byte, r *Record) bool {
		return len(h.Last) > 0 && bytes.Equal(h.Last, nonce) && r != nil && bytes.Equal(h.KCV, r.KCV)
	}
	if same(st.pad.Loaded, st.tmk) {
		return true, false, nil
	}
	if !same(st.pad.Nonce, st.next) {
		return false, false, nil
	}
	st.pad.Loaded = st.pad.Nonce
	r, err := l.deviceRecord(own, st.pad)
	if err != nil {
		return false, false, err
	}
	if err := l.m.TakeTMK(*st.next, r); err != nil {
		return true, true, err
	}
	// Another process may have revoked the pad since it was looked at, and dropped the keys before this one
	// was stored.
	if err := l.revoked(st.pad.Serial); err != nil {
		if errors.Is(err, ErrRevoked) {
			err = errors.Join(err, l.loseKeys(r), l.m.Refresh(own))
		}
		return false, false, err
	}
	return true, true, nil
}

func checkOffer(how sign.Alg, d Device, o *keyload.Offer) error {
	data, err := o.Signed()
	if err != nil {
		return err
	}
	pub, err := sign.Public(d.Sign)
	if err != nil {
		return err
	}
	switch {
	case o.Serial != d.Serial, how.Verify(pub, "", data, o.Signature) != nil:
		return keyload.ErrOffer
	case bytes.Equal(o.Nonce, d.Nonce), bytes.Equal(o.Nonce, d.Loaded):
		return ErrReplay
	}
	return nil
}

// NextTMK implements LoadModule.
func (s *Soft) NextTMK(own string, alg paycrypto.Alg, pub crypto.PublicKey, label string) (next Record, envelope []byte, err error) {
	raw, err := random16()
	if err != nil {
		return next, nil, fmt.Errorf("hsm: random: %w", err)
	}
	defer clear(raw)
	if next, _, err = s.record(own, UseNext, 1, alg, raw); err != nil {
		return next, nil, err
	}
	switch p := pub.(type) {
	case *rsa.PublicKey:
		envelope, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, p, raw, []byte(label))
	case *ecdsa.PublicKey:
		envelope, err = sm2.EncryptASN1(rand.Reader, p, raw)
	default:
		err = sign.ErrKey
	}
	if err != nil {
		return next, nil, fmt.Errorf("hsm: envelope: %w", err)
	}
	return next, envelope, nil
}

// TakeTMK implements LoadModule.
func (s *Soft) TakeTMK(next Record, beside ...Record) error {
	raw, err := s.openKey(next.Sealed, aad(next))
	if err != nil {
		return err
	}
	defer clear(raw)
	_, err = s.storeTMK(next.Owner, next.Alg, raw, beside...)
	return err
}
