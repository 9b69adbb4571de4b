// Package epp is a virtual encrypting PIN pad at the level of the messages of remote key loading: it has
// key pairs with certificates of its maker, offers itself with a nonce, takes master keys as tokens and
// proves which one it holds. It has no line and no keyboard: the virtual pads of sim/device give it theirs.
// It is written from the layouts in docs/interfaces.md §5 alone, with other cryptography than the
// server's, so that an error on one side shows. Simulators and tests import it.
package epp

import (
	"bytes"
	"crypto"
	"crypto/des" //nolint:gosec // the card networks demand it
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	stdx509 "crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"

	"github.com/tjfoc/gmsm/sm2"
	"github.com/tjfoc/gmsm/sm4"
	"github.com/tjfoc/gmsm/x509"
)

// Faults by name.
const (
	FaultNone      = ""
	FaultSignature = "wrongSignature" // of its offers and proofs
	FaultNonce     = "replayedNonce"  // offers the nonce of the offer before
	FaultSerial    = "wrongSerial"    // says another pad's serial number
)

// Errors of ImportKeyToken, by the error codes of XFS4IoT.
var (
	ErrFormat    = errors.New("formatInvalid")
	ErrSignature = errors.New("signatureInvalid")
	ErrRandom    = errors.New("randomInvalid")
	ErrContent   = errors.New("contentInvalid")
	ErrNoHost    = errors.New("accessDenied") // no host key was loaded, or one is there already
)

// Pad is the virtual pad in one zone. It is safe for concurrent use.
type Pad struct {
	Serial string
	sm     bool

	mu         sync.Mutex
	fault      string
	rsaKeys    [2]*rsa.PrivateKey // signature, encryption
	sm2Keys    [2]*sm2.PrivateKey
	certs      [2][]byte // DER; nil: no maker
	hostRSA    *rsa.PublicKey
	hostSM2    *sm2.PublicKey
	host       []byte // DER of it
	nonce, old []byte
	tmk, last  []byte // the master key, and the nonce of the token it came with
}

// New makes a pad with fresh key pairs and without certificates: SM2 with sm, RSA of 2048 bits without.
func New(serial string, sm bool) (*Pad, error) {
	p := &Pad{Serial: serial, sm: sm}
	var err error
	for i := range 2 {
		if sm {
			p.sm2Keys[i], err = sm2.GenerateKey(rand.Reader)
		} else {
			p.rsaKeys[i], err = rsa.GenerateKey(rand.Reader, 2048)
		}
		if err != nil {
			return nil, fmt.Errorf("epp: %w", err)
		}
	}
	return p, nil
}

// SetFault makes the next offers wrong in one way.
func (p *Pad) SetFault(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = name
}

// Public are the pad's public keys in PEM: of its signatures, and for encryption.
func (p *Pad) Public() (sign, encrypt []byte, err error) {
	var out [2][]byte
	for i := range out {
		der, err := p.public(i)
		if err != nil {
			return nil, nil, err
		}
		out[i] = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}
	return out[0], out[1], nil
}

func (p *Pad) public(i int) (der []byte, err error) {
	if p.sm {
		der, err = x509.MarshalSm2PublicKey(&p.sm2Keys[i].PublicKey)
	} else {
		der, err = stdx509.MarshalPKIXPublicKey(&p.rsaKeys[i].PublicKey)
	}
	if err != nil {
		return nil, fmt.Errorf("epp: %w", err)
	}
	return der, nil
}

// Certificates are the pad's certificates, DER: of its signatures, and for encryption; nil: it has none.
func (p *Pad) Certificates() (sign, encrypt []byte) { return p.certs[0], p.certs[1] }

// LoadHost takes the public key of the server's signatures, in PEM, in a secure room. It replaces any other.
func (p *Pad) LoadHost(text []byte) error {
	b, _ := pem.Decode(text)
	if b == nil {
		return ErrFormat
	}
	return p.setHost(b.Bytes)
}

// PinHost takes it as DER, over the line: only while the pad has none.
func (p *Pad) PinHost(der []byte) error {
	if p.Host() != nil {
		return ErrNoHost
	}
	return p.setHost(der)
}

// Host is the public key of the server's signatures, DER; nil: none was loaded.
func (p *Pad) Host() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.host
}

func (p *Pad) setHost(der []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sm {
		k, err := x509.ParseSm2PublicKey(der)
		if err != nil {
			return ErrFormat
		}
		p.hostSM2, p.host = k, der
		return nil
	}
	k, err := stdx509.ParsePKIXPublicKey(der)
	r, ok := k.(*rsa.PublicKey)
	if err != nil || !ok {
		return ErrFormat
	}
	p.hostRSA, p.host = r, der
	return nil
}

// Hold tells what the device's memory has: a master key, and the nonce it came with, nil if it came otherwise.
func (p *Pad) Hold(last, key []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last, p.tmk = last, key
}

// Held is the master key and the nonce of the token it came with.
func (p *Pad) Held() (last, key []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last, p.tmk
}

// PowerOff forgets what does not survive it.
func (p *Pad) PowerOff() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nonce, p.old = nil, nil
}

// Offer is what the pad says to get a key.
type Offer struct {
	Serial                      string `asn1:"utf8"`
	Nonce, Last, KCV, Signature []byte
}

// Proof is what it says of the key it holds.
type Proof struct {
	Serial               string `asn1:"utf8"`
	Last, KCV, Signature []byte
}

// held is last and check value for a statement; the caller holds mu.
func (p *Pad) held() (last, kcv []byte) {
	if p.tmk == nil {
		return nil, nil
	}
	return p.last, zeros(p.sm, p.tmk)[:4]
}

// StartKeyExchange makes a nonce, which is good for one token, and signs it.
func (p *Pad) StartKeyExchange() (o Offer, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.old, p.nonce = p.nonce, make([]byte, 16)
	_, _ = rand.Read(p.nonce)
	if p.fault == FaultNonce && p.old != nil {
		p.nonce = p.old
	}
	o = Offer{Serial: p.serial(), Nonce: bytes.Clone(p.nonce)}
	o.Last, o.KCV = p.held()
	o.Signature, err = p.signed(struct {
		Label  string `asn1:"utf8"`
		Serial string `asn1:"utf8"`
		Nonce  []byte
		Last   []byte
		KCV    []byte
	}{"keyload offer", o.Serial, o.Nonce, o.Last, o.KCV})
	return o, err
}

// Proof signs what the pad holds.
func (p *Pad) Proof() (o Proof, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o.Serial = p.serial()
	o.Last, o.KCV = p.held()
	o.Signature, err = p.signed(struct {
		Label  string `asn1:"utf8"`
		Serial string `asn1:"utf8"`
		Last   []byte
		KCV    []byte
	}{"keyload holds", o.Serial, o.Last, o.KCV})
	return o, err
}

func (p *Pad) serial() string {
	if p.fault == FaultSerial {
		return p.Serial + "X"
	}
	return p.Serial
}

func (p *Pad) signed(v any) (signature []byte, err error) {
	data, err := asn1.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("epp: %w", err)
	}
	if p.sm {
		signature, err = p.sm2Keys[0].Sign(rand.Reader, data, nil)
	} else {
		digest := sha256.Sum256(data)
		signature, err = rsa.SignPSS(rand.Reader, p.rsaKeys[0], crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 32})
	}
	if p.fault == FaultSignature && err == nil {
		signature[len(signature)-1] ^= 1
	}
	return signature, err
}

// ImportKeyToken takes a token as the master key. A nonce is spent by the first token that is signed
// rightly and meant for it, whatever else is wrong with that.
func (p *Pad) ImportKeyToken(token []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var t struct {
		Body struct {
			Raw       asn1.RawContent
			Version   int
			Serial    string `asn1:"utf8"`
			Nonce     []byte
			Algorithm int
			KCV       []byte
			Envelope  []byte
		}
		Signature []byte
	}
	if rest, err := asn1.Unmarshal(token, &t); err != nil || len(rest) > 0 {
		return ErrFormat
	}
	switch {
	case p.sm && p.hostSM2 == nil, !p.sm && p.hostRSA == nil:
		return ErrNoHost
	case p.sm && !p.hostSM2.Verify(t.Body.Raw, t.Signature):
		return ErrSignature
	case !p.sm:
		digest := sha256.Sum256(t.Body.Raw)
		if rsa.VerifyPSS(p.hostRSA, crypto.SHA256, digest[:], t.Signature, nil) != nil {
			return ErrSignature
		}
	}
	nonce := p.nonce
	if nonce == nil || !bytes.Equal(nonce, t.Body.Nonce) || t.Body.Serial != p.Serial {
		return ErrRandom
	}
	p.nonce = nil
	var raw []byte
	var err error
	if p.sm {
		raw, err = sm2.DecryptAsn1(p.sm2Keys[1], t.Body.Envelope)
	} else {
		raw, err = rsa.DecryptOAEP(sha256.New(), rand.Reader, p.rsaKeys[1], t.Body.Envelope, []byte(p.Serial))
	}
	if err != nil || len(raw) != 16 || t.Body.Algorithm != map[bool]int{false: 1, true: 2}[p.sm] {
		return ErrContent
	}
	if !bytes.Equal(zeros(p.sm, raw)[:4], t.Body.KCV) {
		return ErrContent
	}
	p.tmk, p.last = raw, nonce
	return nil
}

// ImportKey opens a working key under the master key and answers its value, if the check value is right.
func (p *Pad) ImportKey(wrapped, kcv []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tmk == nil || len(wrapped) != 16 {
		return nil, ErrFormat
	}
	out := make([]byte, 16)
	if p.sm {
		c, err := sm4.NewCipher(p.tmk)
		if err != nil {
			return nil, ErrContent
		}
		c.Decrypt(out, wrapped)
	} else {
		c, err := des.NewTripleDESCipher(append(bytes.Clone(p.tmk), p.tmk[:8]...))
		if err != nil {
			return nil, ErrContent
		}
		c.Decrypt(out[:8], wrapped[:8])
		c.Decrypt(out[8:], wrapped[8:])
	}
	if !bytes.HasPrefix(zeros(p.sm, out), kcv) {
		return nil, ErrContent
	}
	return out, nil
}

// zeros is a block of zeros under a key.
func zeros(sm bool, raw []byte) []byte {
	if sm {
		out := make([]byte, sm4.BlockSize)
		c, _ := sm4.NewCipher(raw)
		c.Encrypt(out, out)
		return out
	}
	out := make([]byte, des.BlockSize)
	c, _ := des.NewTripleDESCipher(append(bytes.Clone(raw), raw[:8]...))
	c.Encrypt(out, out)
	return out
}
