package itlnv200

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
)

// primeBits is the size of generator and modulus: they travel as 64-bit numbers.
const primeBits = 62

// handshake is the host's side of the key exchange.
type handshake struct {
	generator, modulus, secret *big.Int
}

func newHandshake() (h handshake, err error) {
	if h.generator, err = rand.Prime(rand.Reader, primeBits); err != nil {
		return h, err
	}
	for h.modulus == nil || h.modulus.Cmp(h.generator) <= 0 { // the generator is the smaller one
		if h.modulus, err = rand.Prime(rand.Reader, primeBits+1); err != nil {
			return h, err
		}
	}
	h.secret, err = rand.Int(rand.Reader, h.modulus)
	return h, err
}

func number(n *big.Int) []byte { return binary.LittleEndian.AppendUint64(nil, n.Uint64()) }

func (h handshake) public() []byte {
	return number(new(big.Int).Exp(h.generator, h.secret, h.modulus))
}

// session takes the device's intermediate key.
func (h handshake) session(fixed uint64, answer []byte) (*session, error) {
	if len(answer) != 8 {
		return nil, errors.New("key exchange: the device's key has another length than 8")
	}
	theirs := new(big.Int).SetUint64(binary.LittleEndian.Uint64(answer))
	shared := new(big.Int).Exp(theirs, h.secret, h.modulus)
	block, err := aes.NewCipher(append(binary.LittleEndian.AppendUint64(nil, fixed), number(shared)...))
	if err != nil {
		return nil, fmt.Errorf("key exchange: %w", err)
	}
	return &session{block: block}, nil
}

// session is an agreed key and the packet counter.
type session struct {
	block cipher.Block
	count uint32
}

// wrap makes an encrypted packet of a command.
func (s *session) wrap(cmd []byte) ([]byte, error) {
	n := 1 + 4 + len(cmd)
	size := (n + 2 + aes.BlockSize - 1) / aes.BlockSize * aes.BlockSize
	b := make([]byte, size)
	if _, err := rand.Read(b); err != nil { // the padding
		return nil, err
	}
	b[0] = byte(len(cmd))
	binary.LittleEndian.PutUint32(b[1:], s.count)
	copy(b[5:], cmd)
	binary.LittleEndian.PutUint16(b[size-2:], checksum(b[:size-2]))
	out := make([]byte, 1+size)
	out[0] = encrypted
	for i := 0; i < size; i += aes.BlockSize {
		s.block.Encrypt(out[1+i:], b[i:i+aes.BlockSize])
	}
	return out, nil
}

var errForged = errors.New("an encrypted reply does not belong to this session")

// unwrap reads the reply to the last packet and goes on counting. The reply's counter must be
// the next one.
func (s *session) unwrap(data []byte) ([]byte, error) {
	if len(data) < 1+aes.BlockSize || (len(data)-1)%aes.BlockSize != 0 || data[0] != encrypted {
		return nil, errForged
	}
	b := make([]byte, len(data)-1)
	for i := 0; i < len(b); i += aes.BlockSize {
		s.block.Decrypt(b[i:], data[1+i:1+i+aes.BlockSize])
	}
	end := len(b) - 2
	n := int(b[0])
	if binary.LittleEndian.Uint16(b[end:]) != checksum(b[:end]) || n == 0 || 5+n > end || binary.LittleEndian.Uint32(b[1:]) != s.count+1 {
		return nil, errForged
	}
	s.count++
	return b[5 : 5+n], nil
}
