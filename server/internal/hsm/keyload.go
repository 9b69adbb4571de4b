package hsm

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/emmansun/gmsm/sm2"

	"zhigui/server/api/keyload"
	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/sign"
)

// LoadOwner is the owner of the keys that sign tokens of remote key loading.
const LoadOwner = "keyload"

// ErrReplay is an offer that was answered before.
var ErrReplay = errors.New("hsm: this offer of the PIN pad was answered before")

// Device is a PIN pad that may be given keys over the line: its serial number and its two public keys (PEM
// of keys or certificates), which were checked when it was registered.
type Device struct {
	Serial  string `json:"serial"`
	Sign    []byte `json:"sign"`
	Encrypt []byte `json:"encrypt"`
	Nonce   []byte `json:"nonce,omitempty"` // of the last offer that was answered
}

// RegisterDevice says which PIN pad is the terminal's.
func (s *Soft) RegisterDevice(own string, d Device) error {
	for _, text := range [][]byte{d.Sign, d.Encrypt} {
		if _, err := sign.Public(text); err != nil {
			return err
		}
	}
	if d.Serial == "" || len(d.Serial) > 32 {
		return keyload.ErrOffer
	}
	r, err := s.deviceRecord(own, d)
	if err != nil {
		return err
	}
	if err := s.keys.SaveKeys(r); err != nil {
		return fmt.Errorf("hsm: save: %w", err)
	}
	return nil
}

func (s *Soft) deviceRecord(own string, d Device) (Record, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return Record{}, fmt.Errorf("hsm: %w", err)
	}
	r := Record{Owner: own, Use: UseDevice, Version: 1, KCV: []byte{}}
	r.Sealed = s.sealKey(text, aad(r))
	return r, nil
}

func (s *Soft) device(own string) (d Device, err error) {
	text, _, err := s.raw(own, UseDevice, 1)
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(text, &d)
}

// LoadTMK makes a new TMK for a terminal and answers it as a token for its registered PIN pad, which alone
// can open it: by RSA in the 3DES zone, by SM2 in the SM4 zone. The key is stored before the token is
// answered; a token that is lost is asked for again. It forgets working keys.
func (s *Soft) LoadTMK(own string, alg paycrypto.Alg, o keyload.Offer) (*keyload.Token, error) {
	how, number := sign.PSS, keyload.TripleDES
	if alg == paycrypto.SM4 {
		how, number = sign.SM2, keyload.SM4
	}
	d, err := s.device(own)
	if err != nil {
		return nil, err
	}
	if err := checkOffer(how, d, &o); err != nil {
		return nil, err
	}
	pub, err := sign.Public(d.Encrypt)
	if err != nil {
		return nil, err
	}
	if _, err := s.SignerKey(LoadOwner, how); err != nil {
		return nil, err
	}
	raw, err := random16()
	if err != nil {
		return nil, fmt.Errorf("hsm: random: %w", err)
	}
	defer clear(raw)
	k, err := paycrypto.NewKey(alg, raw)
	if err != nil {
		return nil, err
	}
	b := keyload.Body{Serial: d.Serial, Nonce: o.Nonce, Algorithm: number, KCV: k.CheckValue(4)}
	switch p := pub.(type) {
	case *rsa.PublicKey:
		b.Envelope, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, p, raw, []byte(d.Serial))
	case *ecdsa.PublicKey:
		b.Envelope, err = sm2.EncryptASN1(rand.Reader, p, raw)
	default:
		err = sign.ErrKey
	}
	if err != nil {
		return nil, fmt.Errorf("hsm: envelope: %w", err)
	}
	token, err := keyload.Seal(b, func(data []byte) ([]byte, error) { return s.Sign(LoadOwner, how, "", data) })
	if err != nil {
		return nil, err
	}
	d.Nonce = o.Nonce
	spent, err := s.deviceRecord(own, d)
	if err != nil {
		return nil, err
	}
	if _, err := s.storeTMK(own, alg, raw, spent); err != nil {
		return nil, err
	}
	return &keyload.Token{Token: token, KCV: b.KCV}, nil
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
	case string(o.Nonce) == string(d.Nonce):
		return ErrReplay
	}
	return nil
}
