package itlssp

import (
	"crypto/aes"
	"crypto/rand"
	"encoding/binary"
	"math/big"
)

// essp is the encryption of one session: lost with the power.
type essp struct {
	generator, modulus uint64
	key                []byte // AES-128, nil before a key exchange
	count              uint32 // of the next packet from the host
}

func prime(n uint64) bool { return new(big.Int).SetUint64(n).ProbablyPrime(20) }

// exchange takes the host's intermediate key and answers the slave's.
func (e *essp) exchange(fixed, host uint64) (uint64, bool) {
	if e.generator == 0 || e.modulus == 0 {
		return 0, false
	}
	mod := new(big.Int).SetUint64(e.modulus)
	secret, err := rand.Int(rand.Reader, mod)
	if err != nil {
		return 0, false
	}
	mine := new(big.Int).Exp(new(big.Int).SetUint64(e.generator), secret, mod)
	shared := new(big.Int).Exp(new(big.Int).SetUint64(host), secret, mod)
	e.key = sessionKey(fixed, shared.Uint64())
	e.count = 0
	return mine.Uint64(), true
}

func sessionKey(fixed, shared uint64) []byte {
	k := binary.LittleEndian.AppendUint64(nil, fixed)
	return binary.LittleEndian.AppendUint64(k, shared)
}

// seal makes the data of an encrypted packet: 7E and AES of LEN, COUNT, payload, padding, CRC.
func seal(key []byte, count uint32, payload []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte{byte(len(payload))}, count)
	b = append(b, payload...)
	pad := make([]byte, (16-(len(b)+2)%16)%16)
	_, _ = rand.Read(pad)
	b = append(b, pad...)
	sum := crc16(b)
	b = append(b, byte(sum), byte(sum>>8))
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key has 16 bytes
	}
	for i := 0; i < len(b); i += 16 {
		block.Encrypt(b[i:], b[i:])
	}
	return append([]byte{stex}, b...)
}

// open reads the blocks after 7E. ok is false for anything that is not a whole packet under
// this key.
func open(key []byte, blocks []byte) (count uint32, payload []byte, ok bool) {
	if len(blocks) == 0 || len(blocks)%16 != 0 {
		return 0, nil, false
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return 0, nil, false
	}
	b := make([]byte, len(blocks))
	for i := 0; i < len(b); i += 16 {
		block.Decrypt(b[i:], blocks[i:])
	}
	n := len(b) - 2
	sum := crc16(b[:n])
	if b[n] != byte(sum) || b[n+1] != byte(sum>>8) || int(b[0]) == 0 || 5+int(b[0]) > n {
		return 0, nil, false
	}
	return binary.LittleEndian.Uint32(b[1:]), b[5 : 5+int(b[0])], true
}
