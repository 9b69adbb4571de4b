package zt598

import (
	"encoding/hex"
	"fmt"
	"strings"
)

const (
	stx, etx = 0x02, 0x03
	maxBody  = 4096
	rtnGood  = 0x60
)

// Key bytes that travel outside of frames.
const (
	keyEnter, keyCancel, keyClear, keyMasked, keyTimeout, key00 = 0x0D, 0x1B, 0x08, 0x2A, 0x80, 0x22
)

// readFrame reads what follows a 02: LLL BODY 03 HH. LLL 000 stands for more than 999: the
// body then ends at an 03 whose checksum fits. ok false: noise or a wrong checksum, to which
// the device says nothing.
func readFrame(next func() (byte, bool)) (body, raw []byte, ok bool) {
	raw = []byte{stx}
	get := func() (byte, bool) {
		b, ok := next()
		if ok {
			raw = append(raw, b)
		}
		return b, ok
	}
	n := 0
	for range 3 {
		b, ok := get()
		if !ok || b < '0' || b > '9' {
			return nil, raw, false
		}
		n = n*10 + int(b-'0')
	}
	fits := func() bool { // raw ends with 03 HH
		want := fmt.Sprintf("%02X", lrc(raw[1:len(raw)-2]))
		return strings.EqualFold(string(raw[len(raw)-2:]), want)
	}
	if n > 0 {
		for range n + 3 {
			if _, ok := get(); !ok {
				return nil, raw, false
			}
		}
		if raw[4+n] != etx || !fits() {
			return nil, raw, false
		}
		return raw[4 : 4+n], raw, true
	}
	for len(raw) < maxBody {
		if _, ok := get(); !ok {
			return nil, raw, false
		}
		if k := len(raw); k > 1004 && raw[k-3] == etx && fits() {
			return raw[4 : k-3], raw, true
		}
	}
	return nil, raw, false
}

func lrc(b []byte) (x byte) {
	for _, c := range b {
		x ^= c
	}
	return x
}

// frame wraps a body.
func frame(body []byte) []byte {
	n := len(body)
	if n > 999 {
		n = 0
	}
	b := append(fmt.Appendf([]byte{stx}, "%03d", n), body...)
	b = append(b, etx)
	return fmt.Appendf(b, "%02X", lrc(b[1:]))
}

func upperHex(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }

// slot reads two hex digits.
func slot(s string) (int, bool) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 1 {
		return 0, false
	}
	return int(b[0]), true
}
