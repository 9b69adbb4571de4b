package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// maxToken is the longest token (CWA 17852).
const maxToken = 1024

// parsed is a token of the right form; nothing in it is proven yet.
type parsed struct {
	nonce    string
	dispense string // value of DISPENSE1, "" without one
	more     bool   // there is a second DISPENSE key
	signed   string // what the HMAC is over: all before its value
	hmac     [sha256.Size]byte
}

// parse reads KEY=VALUE,KEY=VALUE,…,HMACSHA256=64 hex digits; NONCE is first. TOKENLENGTH is
// not compared with the length: the published samples carry wrong ones, and the HMAC covers
// the whole text anyway.
func parse(text string) (p parsed, v Verdict) {
	if len(text) == 0 || len(text) > maxToken {
		return p, BadFormat
	}
	rest := text
	for i := 0; ; i++ {
		item, after, more := strings.Cut(rest, ",")
		key, value, ok := strings.Cut(item, "=")
		switch {
		case !ok || key == "" || !only(key, false) || !only(value, true):
			return p, BadFormat
		case value == "":
			return p, NoValue
		case (i == 0) != (key == "NONCE"), i == 1 && key != "TOKENFORMAT", i == 2 && key != "TOKENLENGTH",
			key == "TOKENFORMAT" && value != "1", more == (key == "HMACSHA256"):
			return p, BadFormat
		}
		switch {
		case key == "NONCE":
			p.nonce = value
		case key == "DISPENSE1" && p.dispense == "" && !p.more:
			p.dispense = value
		case strings.HasPrefix(key, "DISPENSE"):
			p.more = true
		case key == "HMACSHA256":
			sum, err := hex.DecodeString(value)
			if err != nil || len(sum) != sha256.Size || value != strings.ToUpper(value) || i < 3 {
				return p, BadFormat
			}
			copy(p.hmac[:], sum)
			p.signed = text[:len(text)-len(value)]
			return p, Accepted
		}
		rest = after
	}
}

// only: keys are letters and digits, values may hold points too.
func only(s string, points bool) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c != '.' || !points) {
			return false
		}
	}
	return true
}

// scale: amounts are kept in billionths of the major unit, so that any fraction of up to nine
// digits is exact.
const scale = 1_000_000_000

// maxUnits is the largest amount of a token in major units (32 bits in the published samples).
const maxUnits = 4294967295

// parseAmount reads 123.45CNY.
func parseAmount(s, currency string) (int64, bool) {
	number, ok := strings.CutSuffix(s, currency)
	if !ok || currency == "" {
		return 0, false
	}
	whole, fraction, point := strings.Cut(number, ".")
	if whole == "" || point && fraction == "" || len(whole) > 10 || len(fraction) > 9 {
		return 0, false
	}
	units, err := strconv.ParseUint(whole, 10, 64)
	if err != nil || units > maxUnits {
		return 0, false
	}
	part, err := strconv.ParseUint((fraction + "000000000")[:9], 10, 64)
	if err != nil {
		return 0, false
	}
	return int64(units)*scale + int64(part), true
}
