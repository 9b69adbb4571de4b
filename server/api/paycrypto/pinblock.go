package paycrypto

import (
	"crypto/rand"
	"fmt"
)

// Format is a PIN block format.
type Format uint8

// PIN block formats. Clear blocks have 8 bytes, SM4Block 16.
const (
	ISO0     Format = iota // with PAN (ANSI X9.8)
	ISO1                   // without PAN, random fill
	ISO3                   // with PAN, random fill A–F
	SM4Block               // 16 bytes: 0L PIN F… XOR 20 zero digits and 12 PAN digits
)

// Size returns the length of a clear block in bytes.
func (f Format) Size() int {
	if f == SM4Block {
		return 16
	}
	return 8
}

// EncodePIN builds the clear PIN block of ASCII digits pin for pan (ASCII digits with check
// digit; ignored by ISO1). Clear blocks exist only inside an HSM or a PIN pad.
func EncodePIN(f Format, pin, pan []byte) ([]byte, error) {
	if len(pin) < 4 || len(pin) > 12 || !allDigits(pin) {
		return nil, ErrPIN
	}
	b := make([]byte, f.Size())
	fill := func(int) byte { return 0xF }
	if f == ISO1 || f == ISO3 {
		var r [16]byte
		if _, err := rand.Read(r[:]); err != nil {
			return nil, fmt.Errorf("paycrypto: random: %w", err)
		}
		fill = func(i int) byte {
			if f == ISO3 {
				return 10 + r[i%16]%6
			}
			return r[i%16] & 15
		}
	}
	ctl := map[Format]byte{ISO0: 0, ISO1: 1, ISO3: 3, SM4Block: 0}[f]
	b[0] = ctl<<4 | byte(len(pin))
	for i := 2; i < 2*len(b); i++ {
		v := fill(i)
		if i-2 < len(pin) {
			v = pin[i-2] - '0'
		}
		if i&1 == 0 {
			b[i/2] = v << 4
		} else {
			b[i/2] |= v
		}
	}
	if f == ISO1 {
		return b, nil
	}
	return b, xorPAN(b, pan)
}

// DecodePIN appends the PIN digits of a clear block to dst. ErrPINBlock when the block is
// not of format f for this PAN (wrong key, wrong PAN).
func DecodePIN(dst []byte, f Format, clear, pan []byte) ([]byte, error) {
	if len(clear) != f.Size() {
		return dst, ErrPINBlock
	}
	var a [16]byte
	b := a[:copy(a[:], clear)]
	if f != ISO1 {
		if err := xorPAN(b, pan); err != nil {
			return dst, err
		}
	}
	n := int(b[0] & 15)
	if b[0]>>4 != map[Format]byte{ISO0: 0, ISO1: 1, ISO3: 3, SM4Block: 0}[f] || n < 4 || n > 12 {
		return dst, ErrPINBlock
	}
	at := len(dst)
	for i := 2; i < 2*len(b); i++ {
		v := b[i/2] >> 4
		if i&1 == 1 {
			v = b[i/2] & 15
		}
		switch {
		case i-2 < n && v > 9,
			i-2 >= n && (f == ISO0 || f == SM4Block) && v != 0xF,
			i-2 >= n && f == ISO3 && v < 10:
			return dst[:at], ErrPINBlock
		case i-2 < n:
			dst = append(dst, '0'+v)
		}
	}
	return dst, nil
}

// Translate re-encrypts an encrypted PIN block from one key and format to another. Both
// formats are bound to the same PAN.
func Translate(from *Key, ff Format, to *Key, tf Format, enc, pan []byte) ([]byte, error) {
	if len(enc) != ff.Size() || ff.Size()%from.BlockSize() != 0 || tf.Size()%to.BlockSize() != 0 {
		return nil, ErrPINBlock
	}
	clearBlock, err := from.ECB(make([]byte, 0, 16), enc, true)
	if err != nil {
		return nil, err
	}
	var pin [12]byte
	p, err := DecodePIN(pin[:0], ff, clearBlock, pan)
	clear(clearBlock)
	if err != nil {
		return nil, err
	}
	b, err := EncodePIN(tf, p, pan)
	clear(pin[:])
	if err != nil {
		return nil, err
	}
	return to.ECB(b[:0], b, false)
}

// xorPAN binds a block to the 12 rightmost digits of the PAN without its check digit.
func xorPAN(b, pan []byte) error {
	if len(pan) < 13 || !allDigits(pan) {
		return ErrPAN
	}
	p := pan[len(pan)-13 : len(pan)-1]
	for i := range 6 {
		b[len(b)-6+i] ^= (p[2*i]-'0')<<4 | (p[2*i+1] - '0')
	}
	return nil
}

func allDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
