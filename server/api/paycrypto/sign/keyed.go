package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"

	"github.com/emmansun/gmsm/sm3"
)

// Keyed digests (HMAC, RFC 2104 and GB/T 15852.2): both sides have the same secret key, and either could have made what it
// verifies. Who must prove to others who sent a message takes a signature.
const (
	HMACSHA256 Alg = "hmacSha256"
	HMACSM3    Alg = "hmacSm3"
)

// Keys of digests: RFC 2104 section 3 wants no less than a digest, and a longer one than a block is digested first.
const (
	LeastKey = 32
	MostKey  = 64
)

// Keyed says that a is a digest under a key that both sides have.
func (a Alg) Keyed() bool { return a == HMACSHA256 || a == HMACSM3 }

// Digest is the keyed digest of data.
func (a Alg) Digest(key, data []byte) ([]byte, error) {
	var h func() hash.Hash
	switch a {
	case HMACSHA256:
		h = sha256.New
	case HMACSM3:
		h = sm3.New
	default:
		return nil, ErrKey
	}
	m := hmac.New(h, key)
	m.Write(data)
	return m.Sum(nil), nil
}
