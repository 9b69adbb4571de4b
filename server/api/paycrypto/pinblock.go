package paycrypto

import (
	"crypto/rand"
	"fmt"
	"slices"
)

// Format is a PIN block format.
type Format uint8

// PIN block formats. Clear blocks have 8 bytes, those of SM4Block and ISO4 16.
const (
	ISO0     Format = iota + 1 // with PAN (ANSI X9.8)
	ISO1                       // without PAN, random fill
	ISO3                       // with PAN, random fill A–F
	SM4Block                   // 16 bytes: 0L PIN F… XOR 20 zero digits and 12 PAN digits
	ISO2                       // for a chip card's offline check: without PAN, fill F
	ISO4                       // AES, 16 bytes; the PAN is bound between two encryptions
	X98                        // ANSI X9.8 without PAN (UnionPay field 53.1 says so): ISO0 without the XOR
)

var formatNames = [...]string{ISO0: "iso0", ISO1: "iso1", ISO3: "iso3", SM4Block: "sm4", ISO2: "iso2", ISO4: "iso4", X98: "x9.8"}

// String is the name of the format in configurations.
func (f Format) String() string {
	if f == 0 || int(f) >= len(formatNames) {
		return ""
	}
	return formatNames[f]
}

// ParseFormat is the inverse of String; 0 for a name that there is not.
func ParseFormat(name string) Format {
	return Format(max(0, slices.Index(formatNames[1:], name)+1))
}

// Fits tells whether blocks of the format may stand under keys of a kind: ISO4 under AES only (ISO 9564-1,
// 9.3.5), SM4Block under SM4 only, those of 8 bytes under DES only.
func (f Format) Fits(k Alg) bool {
	switch f {
	case ISO4:
		return k == AES
	case SM4Block:
		return k == SM4
	}
	return f.Size() == 8 && k == DES
}

// layout is what tells the formats apart.
type layout struct {
	size    int  // bytes of a clear block
	control byte // first digit
	fill    byte // F, A, 3 for random A–F, 1 for any random digit
	pan     bool // the clear block is bound to the PAN by XOR
}

var layouts = [...]layout{
	ISO0: {8, 0, 0xF, true}, ISO1: {8, 1, 1, false}, ISO2: {8, 2, 0xF, false}, ISO3: {8, 3, 3, true},
	ISO4: {16, 4, 0xA, false}, X98: {8, 0, 0xF, false}, SM4Block: {16, 0, 0xF, true},
}

// Size returns the length of a block in bytes; 0 for an unknown format.
func (f Format) Size() int {
	if int(f) >= len(layouts) {
		return 0
	}
	return layouts[f].size
}

// EncodePIN builds the clear PIN block of ASCII digits pin for pan (ASCII digits with check
// digit; used by ISO0, ISO3 and SM4Block). Clear blocks exist only inside an HSM or a PIN pad.
// An ISO4 block is not to be encrypted as it is: EncryptPIN does both steps.
func EncodePIN(f Format, pin, pan []byte) ([]byte, error) {
	if len(pin) < 4 || len(pin) > 12 || !allDigits(pin) {
		return nil, ErrPIN
	}
	if f.Size() == 0 {
		return nil, ErrPINBlock
	}
	l := layouts[f]
	b := make([]byte, l.size)
	var r [16]byte
	if l.fill < 0xA || f == ISO4 {
		if _, err := rand.Read(r[:]); err != nil {
			return nil, fmt.Errorf("paycrypto: random: %w", err)
		}
	}
	b[0] = l.control<<4 | byte(len(pin))
	for i := 2; i < 16; i++ {
		v := l.fill
		switch {
		case i-2 < len(pin):
			v = pin[i-2] - '0'
		case v == 3:
			v = 10 + r[i]%6
		case v == 1:
			v = r[i] & 15
		}
		b[i/2] |= v << (4 * (1 - i&1))
	}
	switch f {
	case ISO4:
		copy(b[8:], r[8:])
	case SM4Block:
		for i := 8; i < 16; i++ {
			b[i] = 0xFF
		}
	}
	if !l.pan {
		return b, nil
	}
	return b, xorPAN(b, pan)
}

// DecodePIN appends the PIN digits of a clear block to dst. ErrPINBlock when the block is
// not of format f for this PAN (wrong key, wrong PAN).
func DecodePIN(dst []byte, f Format, clear, pan []byte) ([]byte, error) {
	if f.Size() == 0 || len(clear) != f.Size() {
		return dst, ErrPINBlock
	}
	l := layouts[f]
	var a [16]byte
	b := a[:copy(a[:], clear)]
	if l.pan {
		if err := xorPAN(b, pan); err != nil {
			return dst, err
		}
	}
	n := int(b[0] & 15)
	if b[0]>>4 != l.control || n < 4 || n > 12 {
		return dst, ErrPINBlock
	}
	end := 2 * len(b)
	if f == ISO4 {
		end = 16 // the rest is random
	}
	at := len(dst)
	for i := 2; i < end; i++ {
		v := b[i/2] >> (4 * (1 - i&1)) & 15
		switch {
		case i-2 < n && v > 9,
			i-2 >= n && l.fill >= 0xA && v != l.fill,
			i-2 >= n && l.fill == 3 && v < 10:
			return dst[:at], ErrPINBlock
		case i-2 < n:
			dst = append(dst, '0'+v)
		}
	}
	return dst, nil
}

// EncryptPIN builds and encrypts a PIN block.
func EncryptPIN(k *Key, f Format, pin, pan []byte) ([]byte, error) {
	if err := fits(k, f); err != nil {
		return nil, err
	}
	b, err := EncodePIN(f, pin, pan)
	if err != nil {
		return nil, err
	}
	if f == ISO4 {
		return b, bindPAN(k, b, pan, k.full.Encrypt)
	}
	return k.ECB(b[:0], b, false)
}

// DecryptPIN decrypts a PIN block and appends its PIN digits to dst.
func DecryptPIN(dst []byte, k *Key, f Format, enc, pan []byte) ([]byte, error) {
	if err := fits(k, f); err != nil {
		return dst, err
	}
	if len(enc) != f.Size() {
		return dst, ErrPINBlock
	}
	b, err := append(make([]byte, 0, 16), enc...), error(nil)
	if f == ISO4 {
		err = bindPAN(k, b, pan, k.full.Decrypt)
	} else {
		b, err = k.ECB(b[:0], enc, true)
	}
	if err != nil {
		return dst, err
	}
	dst, err = DecodePIN(dst, f, b, pan)
	clear(b)
	return dst, err
}

// bound says whether a block of f cannot be moved to another PAN: by XOR, or by ISO4's second encryption.
func (f Format) bound() bool { return f == ISO4 || layouts[f].pan }

// Translatable says whether ISO 9564-1 lets a block of format f become one of format to. A block that is
// bound to a PAN stays bound: it never becomes one without (0, 3 or 4 to 1), for a second translation could
// then bind it to another PAN and try PINs. A block for a chip card (2) stays between PIN pad and card.
// SM4Block is taken as format 0, X98 as a format without PAN.
func (f Format) Translatable(to Format) bool {
	switch {
	case f.Size() == 0 || to.Size() == 0 || f == ISO2 || to == ISO2:
		return false
	case f.bound():
		return to.bound()
	}
	return true
}

// Translate re-encrypts an encrypted PIN block from one key and format to another. Both formats are
// bound to the same PAN: there is no way to change it. What ISO 9564-1 bans is ErrTranslation.
func Translate(from *Key, ff Format, to *Key, tf Format, enc, pan []byte) ([]byte, error) {
	if !ff.Translatable(tf) {
		return nil, ErrTranslation
	}
	var pin [12]byte
	p, err := DecryptPIN(pin[:0], from, ff, enc, pan)
	if err != nil {
		return nil, err
	}
	defer clear(pin[:])
	return EncryptPIN(to, tf, p, pan)
}

func fits(k *Key, f Format) error {
	if !f.Fits(k.alg) {
		return ErrPINBlock
	}
	return nil
}

// bindPAN is ISO 9564-1, 9.3.5.5: the PIN field through the cipher, XOR the PAN field, through the
// cipher again. The same order undoes it with the cipher's inverse.
func bindPAN(k *Key, b, pan []byte, step func(dst, src []byte)) error {
	if len(pan) < 1 || len(pan) > 19 || !allDigits(pan) {
		return ErrPAN
	}
	step(b, b)
	short := max(0, 12-len(pan)) // a PAN of fewer than 12 digits is filled with zeros on the left
	b[0] ^= byte(max(0, len(pan)-12)) << 4
	for i, c := range pan {
		at := 1 + short + i
		b[at/2] ^= (c - '0') << (4 * (1 - at&1))
	}
	step(b, b)
	return nil
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
