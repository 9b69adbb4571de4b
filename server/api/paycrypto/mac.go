package paycrypto

import (
	"crypto/subtle"
	"slices"
)

// MACAlg names a message authentication algorithm.
type MACAlg uint8

// MAC algorithms. The result is one block: 8 bytes under DES, 16 under SM4 and AES.
const (
	X99      MACAlg = iota + 1 // ISO 9797-1 algorithm 1, zero padding; CBC under the whole key
	X99M2                      // the same with 0x80 padding
	X919                       // ISO 9797-1 algorithm 3 (retail MAC), zero padding
	X919M2                     // the same with 0x80 padding
	Fold                       // UnionPay POS "ECB": fold, hexadecimal, encrypt twice; 8 or 16 characters
	SM4CBC                     // CBC-MAC under SM4, zero padding
	SM4CBCM2                   // the same with 0x80 padding (GB/T 15821.1 mechanism 1)
	CMAC                       // NIST SP 800-38B, ISO 9797-1 algorithm 5; any key
)

var macNames = [...]string{X99: "x9.9", X99M2: "x9.9-80", X919: "x9.19", X919M2: "x9.19-80", Fold: "fold", SM4CBC: "sm4", SM4CBCM2: "sm4-80", CMAC: "cmac"}

// String is the name of the algorithm in configurations: x9.9, x9.19, fold, sm4, cmac; -80 with 0x80 padding.
func (a MACAlg) String() string {
	if a == 0 || int(a) >= len(macNames) {
		return ""
	}
	return macNames[a]
}

// ParseMAC is the inverse of String; 0 for a name that there is not.
func ParseMAC(name string) MACAlg {
	return MACAlg(max(0, slices.Index(macNames[1:], name)+1))
}

// Fits tells whether the algorithm can be used with keys of a kind: see AppendMAC.
func (a MACAlg) Fits(k Alg) bool {
	switch a {
	case X99, X99M2, X919, X919M2:
		return k == DES
	case SM4CBC, SM4CBCM2:
		return k == SM4
	}
	return a == Fold || a == CMAC
}

// AppendMAC appends the MAC of data under k to dst. Nothing is allocated when dst has room
// for one block (two for Fold). The algorithm must fit the key: ErrKey otherwise.
func AppendMAC(dst []byte, alg MACAlg, k *Key, data []byte) ([]byte, error) {
	switch alg {
	case X99, X99M2:
		if k.alg != DES {
			return dst, ErrKey
		}
		return appendCBC(dst, k.full, data, alg == X99M2), nil
	case SM4CBC, SM4CBCM2:
		if k.alg != SM4 {
			return dst, ErrKey
		}
		return appendCBC(dst, k.full, data, alg == SM4CBCM2), nil
	case X919, X919M2:
		if k.alg != DES || k.k2 == nil {
			return dst, ErrKey
		}
		at := len(dst)
		dst = appendCBC(dst, k.k1, data, alg == X919M2)
		b := dst[at:]
		k.k2.Decrypt(b, b)
		k.k1.Encrypt(b, b)
		return dst, nil
	case Fold:
		return appendFold(dst, k, data), nil
	case CMAC:
		return appendCMAC(dst, k, data), nil
	}
	return dst, ErrKey
}

type block interface {
	BlockSize() int
	Encrypt(dst, src []byte)
}

func appendCBC(dst []byte, c block, data []byte, m2 bool) []byte {
	n := c.BlockSize()
	at := len(dst)
	for range n {
		dst = append(dst, 0)
	}
	b := dst[at:]
	for len(data) >= n {
		subtle.XORBytes(b, b, data[:n])
		c.Encrypt(b, b)
		data = data[n:]
	}
	if len(data) > 0 || m2 {
		subtle.XORBytes(b, b, data)
		if m2 {
			b[len(data)] ^= 0x80
		}
		c.Encrypt(b, b)
	}
	return dst
}

// appendCMAC is SP 800-38B section 6.2. The constant of subkeys is 1B for blocks of 8 bytes and
// 87 for blocks of 16 (section 5.3).
func appendCMAC(dst []byte, k *Key, data []byte) []byte {
	n := k.full.BlockSize()
	var sub [16]byte
	k1 := sub[:n]
	k.full.Encrypt(k1, k1)
	double(k1)
	whole := (len(data) - 1) / n * n // all but the last block, which may be partial or empty
	if len(data) == 0 {
		whole = 0
	}
	at := len(dst)
	dst = appendCBC(dst, k.full, data[:whole], false)
	b, last := dst[at:], data[whole:]
	if len(last) < n {
		double(k1)
		b[len(last)] ^= 0x80
	}
	subtle.XORBytes(b, b, last)
	subtle.XORBytes(b, b, k1)
	k.full.Encrypt(b, b)
	return dst
}

// double multiplies a block by x in its field.
func double(b []byte) {
	carry := b[0] >> 7
	for i := range len(b) - 1 {
		b[i] = b[i]<<1 | b[i+1]>>7
	}
	b[len(b)-1] <<= 1
	if len(b) == 8 {
		b[7] ^= carry * 0x1B
	} else {
		b[15] ^= carry * 0x87
	}
}

const upperHex = "0123456789ABCDEF"

// appendFold folds data into one block by XOR, writes it as upper-case hexadecimal, and
// encrypts: E(first half), XOR second half, E. The network takes the first 8 characters of
// the hexadecimal form of the result; ToField8 gives them.
func appendFold(dst []byte, k *Key, data []byte) []byte {
	n := k.full.BlockSize()
	var fold [16]byte
	for rest := data; len(rest) > 0; rest = rest[min(n, len(rest)):] {
		subtle.XORBytes(fold[:n], fold[:n], rest[:min(n, len(rest))])
	}
	at := len(dst)
	for _, v := range fold[:n] {
		dst = append(dst, upperHex[v>>4], upperHex[v&15])
	}
	b, rest := dst[at:at+n], dst[at+n:]
	k.full.Encrypt(b, b)
	subtle.XORBytes(b, b, rest)
	k.full.Encrypt(b, b)
	return dst[:at+n]
}

// ToField8 is the fold MAC as UnionPay POS puts it into field 64: the first 8 characters of
// its hexadecimal form.
func ToField8(mac []byte) [8]byte {
	var f [8]byte
	for i := range 4 {
		f[2*i], f[2*i+1] = upperHex[mac[i]>>4], upperHex[mac[i]&15]
	}
	return f
}
