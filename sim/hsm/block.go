package hsm

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// head says what a key is for: the fields of TR-31.
type head struct {
	usage   string
	alg     byte // T, A, 4
	mode    byte
	version string
	export  byte
}

type key struct {
	head
	raw []byte
}

func (k key) cipher() cipher.Block { return newCipher(k.alg, k.raw) }

// kcv is the check value: zeros encrypted, for AES the CMAC of zeros.
func (k key) kcv(digits int) string {
	c := k.cipher()
	b := make([]byte, c.BlockSize())
	if k.alg == 'A' {
		b = cmac(c, b)
	} else {
		b = ecb(c, b, false)
	}
	return strings.ToUpper(hex.EncodeToString(b))[:digits]
}

// algorithms by their two letters in commands, with the length of a key; S4 is ours.
var algorithms = map[string]int{"T1": 8, "T2": 16, "T3": 24, "A1": 16, "A2": 24, "A3": 32, "S4": 16}

func algLetter(two string) byte {
	if two == "S4" {
		return '4'
	}
	return two[0]
}

// seal is a key under the LMK: S, then 1, length, usage, algorithm, mode, version, export, 00, 00,
// ciphertext, 16 digits of MAC. To a host it is a text without a meaning.
func (h *HSM) seal(k key) string {
	size := 32
	plain := make([]byte, 48)
	_, _ = rand.Read(plain)
	plain[0], plain[1] = byte(len(k.raw)>>5), byte(len(k.raw)<<3)
	copy(plain[2:], k.raw)
	if len(k.raw) > size {
		return ""
	}
	header := fmt.Sprintf("1%04d%s%c%c%s%c0000", 16+96+16, k.usage, k.alg, k.mode, k.version, k.export)
	enc, auth := bindingKeys('A', h.lmk, 4, 256)
	mac := cmac(auth, append([]byte(header), plain...))
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(enc, append(append([]byte(nil), mac[:8]...), mac[:8]...)).CryptBlocks(out, plain)
	return "S" + header + strings.ToUpper(hex.EncodeToString(out)+hex.EncodeToString(mac[:8]))
}

// open reads what seal wrote; the answer is an error code.
func (h *HSM) open(text string) (key, string) {
	if len(text) != 1+16+96+16 || text[0] != 'S' || text[1] != '1' {
		return key{}, "15"
	}
	header, body := text[1:17], text[17:]
	b, err := hex.DecodeString(body)
	if err != nil {
		return key{}, "15"
	}
	enc, auth := bindingKeys('A', h.lmk, 4, 256)
	mac := b[48:]
	plain := make([]byte, 48)
	cipher.NewCBCDecrypter(enc, append(append([]byte(nil), mac...), mac...)).CryptBlocks(plain, b[:48])
	if !hmac.Equal(cmac(auth, append([]byte(header), plain...))[:8], mac) {
		return key{}, "A4" // key block authentication failure
	}
	n := (int(plain[0])<<8 | int(plain[1])) / 8
	if n > 32 {
		return key{}, "A5"
	}
	return key{head{header[5:7], header[7], header[8], header[9:11], header[11]}, plain[2 : 2+n]}, "00"
}

// bindingKeys are TR-31's for encryption and MAC: the CMACs of 01… under the protection key.
func bindingKeys(alg byte, raw []byte, code, bits int) (enc, auth cipher.Block) {
	c := newCipher(alg, raw)
	var out [2]cipher.Block
	for purpose := range byte(2) {
		var k []byte
		for counter := byte(1); len(k) < len(raw); counter++ {
			k = append(k, cmac(c, []byte{counter, 0, purpose, 0, 0, byte(code), byte(bits >> 8), byte(bits)})...)
		}
		out[purpose] = newCipher(alg, k[:len(raw)])
	}
	return out[0], out[1]
}

// tr31 are the facts of a version under a protection key: block size, MAC size, derivation.
func tr31(version byte, protect key) (enc, auth cipher.Block, ok bool) {
	code := map[string]int{"B16": 0, "B24": 1, "D16": 2, "D24": 3, "D32": 4}
	n, ok := code[string(version)+strconv.Itoa(len(protect.raw))]
	if !ok || (version == 'D') != (protect.alg == 'A') || version == 'B' && protect.alg != 'T' {
		return nil, nil, false
	}
	enc, auth = bindingKeys(protect.alg, protect.raw, n, 8*len(protect.raw))
	return enc, auth, true
}

// exportTR31 writes an R key block under a protection key.
func exportTR31(protect, k key) (string, string) {
	version := byte('B')
	if protect.alg == 'A' {
		version = 'D'
	}
	enc, auth, ok := tr31(version, protect)
	if !ok {
		return "", "A7"
	}
	n := enc.BlockSize()
	plain := append([]byte{byte(len(k.raw) >> 5), byte(len(k.raw) << 3)}, k.raw...)
	for len(plain)%n != 0 || len(plain) < 26 {
		b := make([]byte, 1)
		_, _ = rand.Read(b)
		plain = append(plain, b[0])
	}
	header := fmt.Sprintf("%c%04d%s%c%c%s%c0000", version, 16+2*len(plain)+2*n, k.usage, k.alg, k.mode, k.version, k.export)
	mac := cmac(auth, append([]byte(header), plain...))
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(enc, mac).CryptBlocks(out, plain)
	return "R" + header + strings.ToUpper(hex.EncodeToString(out)+hex.EncodeToString(mac)), "00"
}

// importTR31 reads an R key block; text begins with R.
func importTR31(protect key, text string) (key, string) {
	if len(text) < 17+16 {
		return key{}, "15"
	}
	t := text[1:]
	enc, auth, ok := tr31(t[0], protect)
	if !ok {
		return key{}, "A7"
	}
	at := 16
	count, err := strconv.Atoi(t[12:14])
	if err != nil {
		return key{}, "AB"
	}
	for range count { // optional blocks are not looked into
		if len(t) < at+4 {
			return key{}, "AB"
		}
		l, err := strconv.ParseUint(t[at+2:at+4], 16, 8)
		if err == nil && l == 0 && len(t) >= at+10 {
			l, err = strconv.ParseUint(t[at+6:at+10], 16, 16)
		}
		if err != nil || l < 4 || at+int(l) > len(t) { //nolint:gosec // at most four hexadecimal digits
			return key{}, "AB"
		}
		at += int(l) //nolint:gosec // the same
	}
	b, err := hex.DecodeString(t[at:])
	n := enc.BlockSize()
	if err != nil || len(b) < 2*n || len(b)%n != 0 {
		return key{}, "15"
	}
	mac := b[len(b)-n:]
	plain := make([]byte, len(b)-n)
	cipher.NewCBCDecrypter(enc, mac).CryptBlocks(plain, b[:len(b)-n])
	if !hmac.Equal(cmac(auth, append([]byte(t[:at]), plain...)), mac) {
		return key{}, "A4"
	}
	bits := int(plain[0])<<8 | int(plain[1])
	k := key{head{t[5:7], t[7], t[8], t[9:11], t[11]}, nil}
	if bits%8 != 0 || bits/8 > len(plain)-2 {
		return key{}, "A5"
	}
	if k.raw = plain[2 : 2+bits/8]; k.alg == 'D' {
		k.alg = 'T'
	}
	if k.cipher() == nil {
		return key{}, "A7"
	}
	return k, "00"
}
