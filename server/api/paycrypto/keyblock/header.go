// Package keyblock reads and writes TR-31 key blocks (ANSI X9.143, ASC X9 TR-31:2018): a key that
// travels together with what it may be used for, both under one MAC. Versions B (TDES) and D (AES)
// are written and read; A and C (the variant method, deprecated) are only read. Pure functions; the
// HSMs use it. No error contains key bytes.
package keyblock

import (
	"errors"
	"fmt"
	"strconv"
)

// Errors of this package.
var (
	ErrFormat  = errors.New("keyblock: malformed key block")
	ErrKey     = errors.New("keyblock: the protection key does not fit the version, or the key is too long")
	ErrVersion = errors.New("keyblock: this version is not written")
	ErrMAC     = errors.New("keyblock: the block was changed, or is under another key")
)

// Algorithms of keys, header byte 7. TR-31 has no letter for SM4; figures are for private use,
// and 4 is ours.
const (
	AlgAES  = 'A'
	AlgDES  = 'D'
	AlgTDES = 'T'
	AlgSM4  = '4'
)

// Usages of keys that this project has, header bytes 5 and 6.
const (
	UseKEK  = "K0" // wraps keys
	UseKBPK = "K1" // protects key blocks
	UsePIN  = "P0"
	UseMAC1 = "M1" // ISO 9797-1 algorithm 1
	UseMAC3 = "M3" // algorithm 3
	UseCMAC = "M6"
	UseData = "D0"
	UseEMV  = "E0" // an issuer's master key for cryptograms
)

// Header says what the key is. Its zero value is not valid.
type Header struct {
	Version    byte   // A, B, C, D
	Usage      string // 2 characters
	Algorithm  byte   // AlgAES …
	Mode       byte   // B both ways, E encrypt, D decrypt, C generate and verify, G, V, N any, X derive
	KeyVersion string // 2 characters; 00: none
	Export     byte   // E exportable, S sensitive, N not
	Reserved   string // 2 characters; X9.143 names 00 to 02 the context
	Options    []Option
}

// Option is an optional block of the header: KS a serial number, TS a time, LB a label, …
type Option struct {
	ID   string // 2 characters
	Data string
}

const (
	headerSize = 16
	maxOptions = 99
	maxLength  = 9999
)

// block is the cipher's block of a version, mac the length of its MAC; in bytes.
func sizes(version byte) (block, mac int, ok bool) {
	switch version {
	case 'A', 'C':
		return 8, 4, true
	case 'B':
		return 8, 8, true
	case 'D':
		return 16, 16, true
	}
	return 0, 0, false
}

// Parse reads the header of a block without its key. It proves nothing: Unwrap does.
func Parse(block string) (Header, error) {
	h, _, err := parse(block)
	return h, err
}

// parse answers the header and its length in characters.
func parse(s string) (h Header, n int, err error) {
	if len(s) < headerSize || len(s) > maxLength || !printable(s) {
		return h, 0, ErrFormat
	}
	h = Header{Version: s[0], Usage: s[5:7], Algorithm: s[7], Mode: s[8], KeyVersion: s[9:11], Export: s[11], Reserved: s[14:16]}
	block, _, ok := sizes(h.Version)
	if length, err := number(s[1:5], 10); !ok || err != nil || length != len(s) {
		return h, 0, ErrFormat
	}
	count, err := number(s[12:14], 10)
	if err != nil {
		return h, 0, ErrFormat
	}
	n = headerSize
	for range count {
		o, size, err := option(s[n:])
		if err != nil {
			return h, 0, err
		}
		h.Options = append(h.Options, o)
		n += size
	}
	if n%block != 0 {
		return h, 0, ErrFormat
	}
	return h, n, nil
}

// option reads one optional block: ID, length in two hexadecimal digits, data. A length of 00 says
// that the length of the length follows, then the length.
func option(s string) (Option, int, error) {
	if len(s) < 4 {
		return Option{}, 0, ErrFormat
	}
	size, err := number(s[2:4], 16)
	at := 4
	if err == nil && size == 0 {
		if len(s) < 6 {
			return Option{}, 0, ErrFormat
		}
		digits := 0
		if digits, err = number(s[4:6], 16); err != nil || digits != 2 || len(s) < 10 {
			return Option{}, 0, ErrFormat
		}
		size, err = number(s[6:10], 16)
		at = 10
	}
	if err != nil || size < at || size > len(s) {
		return Option{}, 0, ErrFormat
	}
	return Option{ID: s[:2], Data: s[at:size]}, size, nil
}

// text writes the header for a block of total characters after the header.
func (h *Header) text(payload int) (string, error) {
	block, _, ok := sizes(h.Version)
	if !ok || len(h.Usage) != 2 || len(h.KeyVersion) != 2 || len(h.Options) > maxOptions-1 {
		return "", ErrFormat
	}
	reserved := h.Reserved
	if reserved == "" {
		reserved = "00"
	}
	count, options := 0, ""
	for _, o := range h.Options {
		if o.ID == "PB" {
			continue // padding: made anew
		}
		if len(o.ID) != 2 {
			return "", ErrFormat
		}
		count++
		if l := 4 + len(o.Data); l <= 255 {
			options += o.ID + fmt.Sprintf("%02X", l) + o.Data
		} else {
			options += o.ID + "0002" + fmt.Sprintf("%04X", 10+len(o.Data)) + o.Data
		}
	}
	if rest := (headerSize + len(options)) % block; rest != 0 { // a padding block of at least its four characters
		pad := block - rest
		if pad < 4 {
			pad += block
		}
		options += "PB" + fmt.Sprintf("%02X", pad)
		for range pad - 4 {
			options += "0"
		}
		count++
	}
	total := headerSize + len(options) + payload
	s := fmt.Sprintf("%c%04d%s%c%c%s%c%02d%s%s", h.Version, total, h.Usage, h.Algorithm, h.Mode, h.KeyVersion, h.Export, count, reserved, options)
	if total > maxLength || len(s) != headerSize+len(options) || !printable(s) {
		return "", ErrFormat
	}
	return s, nil
}

func number(s string, base int) (int, error) {
	n, err := strconv.ParseUint(s, base, 16)
	if err != nil {
		return 0, ErrFormat
	}
	return int(n), nil
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7E {
			return false
		}
	}
	return true
}
