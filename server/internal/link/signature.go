package link

import (
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"

	"zhigui/server/api/paycrypto/sign"
)

// Signature has the bodies of an http or soap link signed by both sides, in a header of the request and of
// the answer: base64 of the signature over the body as it is on the line. What is not signed rightly is
// not read.
type Signature struct {
	Alg     sign.Alg `yaml:"alg"`     // rsaPkcs1, rsaPss or sm2; hmacSm3 or hmacSha256: a digest under a key that both have
	Owner   string   `yaml:"owner"`   // of our key in the security module (serverctl key signer), or of the one that both have (serverctl key digest)
	Partner string   `yaml:"partner"` // file of the partner's public key or certificate; none with a digest
	Header  string   `yaml:"header"`  // default: X-Signature
	User    string   `yaml:"user"`    // sm2: our user identifier; default 1234567812345678
	Other   string   `yaml:"other"`   // sm2: the partner's; default the same
	Legacy  bool     `yaml:"legacy"`  // rsaMd5, rsaSha1 and dsa are taken, for a partner that has nothing else

	Module Signer `yaml:"-"` // set before Open and Serve
}

// Signer signs with keys that nobody sees (a module of server/internal/hsm).
type Signer interface {
	Sign(owner string, a sign.Alg, uid string, data []byte) ([]byte, error)
}

// Digester makes and verifies keyed digests with keys that nobody sees. A Signer that can is one, too.
type Digester interface {
	Digest(owner string, a sign.Alg, data []byte) ([]byte, error)
	VerifyDigest(owner string, a sign.Alg, data, digest []byte) error
}

var errSignature = errors.New("link: the signature is missing or wrong")

func (s *Signature) validate() (key, reason string) {
	switch {
	case !s.Alg.Valid():
		return "alg", "want sm2, rsaPss, rsaPkcs1 or rsaSha512; hmacSm3 or hmacSha256; dsa, rsaSha1 or rsaMd5 with legacy: true"
	case s.Alg.Legacy() && !s.Legacy:
		return "alg", "is for partners that have nothing else: say legacy: true"
	case s.Owner == "":
		return "owner", "is missing"
	case s.Alg.Keyed() && s.Partner+s.User+s.Other != "":
		return "partner", "a digest has one key, the owner's: no partner, user or other"
	case s.Alg.Keyed():
	case s.Partner == "":
		return "partner", "is missing: the file of the partner's public key"
	}
	return "", ""
}

// signed is a Signature that was opened. A nil one signs and checks nothing.
type signed struct {
	s      *Signature
	pub    crypto.PublicKey
	digest Digester // of keyed digests; nil: signatures
}

func (s *Signature) open() (*signed, error) {
	if s == nil {
		return nil, nil
	}
	if s.Module == nil {
		return nil, errors.New("link: signatures want a security module that makes them")
	}
	if s.Alg.Keyed() {
		d, ok := s.Module.(Digester)
		if !ok {
			return nil, errors.New("link: this security module makes no keyed digests")
		}
		if _, err := d.Digest(s.Owner, s.Alg, nil); err != nil {
			return nil, fmt.Errorf("link: the key of %s (serverctl key digest): %w", s.Owner, err)
		}
		return &signed{s: s, digest: d}, nil
	}
	text, err := os.ReadFile(s.Partner)
	if err != nil {
		return nil, fmt.Errorf("link: signature: %w", err)
	}
	pub, err := sign.Public(text)
	if err != nil {
		return nil, fmt.Errorf("link: signature: %s: %w", s.Partner, err)
	}
	return &signed{s: s, pub: pub}, nil
}

func (g *signed) header() string {
	if g.s.Header == "" {
		return "X-Signature"
	}
	return g.s.Header
}

// put signs body into h.
func (g *signed) put(h http.Header, body []byte) error {
	if g == nil {
		return nil
	}
	var sig []byte
	var err error
	if g.digest != nil {
		sig, err = g.digest.Digest(g.s.Owner, g.s.Alg, body)
	} else {
		sig, err = g.s.Module.Sign(g.s.Owner, g.s.Alg, g.s.User, body)
	}
	if err != nil {
		return err
	}
	h.Set(g.header(), base64.StdEncoding.EncodeToString(sig))
	return nil
}

// check verifies body by h.
func (g *signed) check(h http.Header, body []byte) error {
	if g == nil {
		return nil
	}
	sig, err := base64.StdEncoding.DecodeString(h.Get(g.header()))
	switch {
	case err != nil:
	case g.digest != nil:
		err = g.digest.VerifyDigest(g.s.Owner, g.s.Alg, body, sig)
	default:
		err = g.s.Alg.Verify(g.pub, g.s.Other, body, sig)
	}
	if err != nil {
		return errSignature
	}
	return nil
}
