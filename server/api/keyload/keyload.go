// Package keyload is the contract of remote key loading: what a PIN pad offers, and the token with which
// the server's security module gives it a new master key. Two passes, as in ASC X9 TR-34: the pad's nonce
// makes a token good for once. The DER layouts are the platform's own; what is inside is public:
// RSAES-OAEP and RSASSA-PSS of RFC 8017, SM2Cipher and SM2Signature of GB/T 35276. The server's security
// module and the drivers of PIN pads import it.
//
// Two phases as well: the server goes on with the old key until the pad has proven that it holds the new one.
//
// XFS4IoT names of the steps: KeyManagement.GetCertificate gives the pad's public keys, StartKeyExchange the
// nonce, ImportKeyToken takes the token (loadOption random), ExportRSADeviceSignedItem the proof.
package keyload

import (
	"encoding/asn1"
	"errors"
	"fmt"
)

// Errors.
var (
	ErrFormat = errors.New("keyload: not a token")
	ErrOffer  = errors.New("keyload: the offer is not of the registered PIN pad")
)

// NonceLen is the length of a pad's nonce.
const NonceLen = 16

// Held says which master key a PIN pad holds: the nonce of the token it came with, and its check value (4
// bytes). Both are empty without a master key, the nonce alone when the key came otherwise.
type Held struct {
	Last []byte `json:"last,omitempty"`
	KCV  []byte `json:"kcv,omitempty"`
}

// Offer is what a PIN pad says when it asks for a key. It is signed by the pad's own key: RSASSA-PSS, or
// SM2 with the usual user identifier. The key it holds is in it, so that no key that a pad has taken can be
// forgotten for the next.
type Offer struct {
	Serial string `json:"serial"`
	Nonce  []byte `json:"nonce"`
	Held
	Signature []byte `json:"signature"`
	// Certificates of a pad that is not registered yet: its signature's, its encryption's and those between
	// them and the maker's CA, PEM.
	Certificates []byte `json:"certificates,omitempty"`
}

// Proof is a pad's signed word of the key it holds. It makes the key that was loaded the terminal's.
type Proof struct {
	Serial string `json:"serial"`
	Held
	Signature []byte `json:"signature"`
}

// Verdict is the server's answer to a Proof: the key is the terminal's, or another one has to be loaded.
type Verdict struct {
	Known bool `json:"known"`
	Fresh bool `json:"fresh,omitempty"` // this proof has put it to use
	// Registered: the pad is the terminal's, its offers need no certificates.
	Registered bool `json:"registered,omitempty"`
}

// Token is what the pad imports.
type Token struct {
	Token []byte `json:"token"`
	KCV   []byte `json:"kcv"` // of the new key, for people
}

// Numbers of algorithms in Body.
const (
	TripleDES = 1
	SM4       = 2
)

// Body is the signed part of a token.
type Body struct {
	Version   int
	Serial    string `asn1:"utf8"`
	Nonce     []byte
	Algorithm int
	KCV       []byte // 4 bytes
	Envelope  []byte // the key under the pad's public key: RSAES-OAEP (SHA-256, label: the serial number) or SM2Cipher
}

type offered struct {
	Label  string `asn1:"utf8"`
	Serial string `asn1:"utf8"`
	Nonce  []byte
	Last   []byte
	KCV    []byte
}

type proven struct {
	Label  string `asn1:"utf8"`
	Serial string `asn1:"utf8"`
	Last   []byte
	KCV    []byte
}

type sealed struct {
	Body      asn1.RawValue
	Signature []byte
}

func (h *Held) valid(serial string) bool {
	return serial != "" && len(serial) <= 32 && (len(h.Last) == 0 || len(h.Last) == NonceLen) && (len(h.KCV) == 0 && len(h.Last) == 0 || len(h.KCV) == 4)
}

// Signed is what the signature of an offer is over.
func (o *Offer) Signed() ([]byte, error) {
	if !o.valid(o.Serial) || len(o.Nonce) != NonceLen {
		return nil, ErrOffer
	}
	return asn1.Marshal(offered{"keyload offer", o.Serial, o.Nonce, o.Last, o.KCV})
}

// Signed is what the signature of a proof is over.
func (p *Proof) Signed() ([]byte, error) {
	if !p.valid(p.Serial) {
		return nil, ErrOffer
	}
	return asn1.Marshal(proven{"keyload holds", p.Serial, p.Last, p.KCV})
}

// Seal writes a token; sign is the server's signature, RSASSA-PSS or SM2.
func Seal(b Body, sign func(data []byte) ([]byte, error)) ([]byte, error) {
	b.Version = 1
	body, err := asn1.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("keyload: %w", err)
	}
	sig, err := sign(body)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(sealed{asn1.RawValue{FullBytes: body}, sig})
}

// Parse reads a token; verify is called over what is signed before anything of it is believed.
func Parse(token []byte, verify func(data, sig []byte) error) (*Body, error) {
	var s sealed
	if rest, err := asn1.Unmarshal(token, &s); err != nil || len(rest) != 0 {
		return nil, ErrFormat
	}
	if err := verify(s.Body.FullBytes, s.Signature); err != nil {
		return nil, err
	}
	b := &Body{}
	if rest, err := asn1.Unmarshal(s.Body.FullBytes, b); err != nil || len(rest) != 0 || b.Version != 1 || len(b.KCV) != 4 {
		return nil, ErrFormat
	}
	return b, nil
}
