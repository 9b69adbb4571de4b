package hsm

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// request is a command's body while it is read. The first thing that does not fit makes it bad; what is
// read afterwards is empty.
type request struct {
	b   []byte
	bad bool
}

func (r *request) take(n int) string {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

// skip takes text if it comes next.
func (r *request) skip(text string) bool {
	if strings.HasPrefix(string(r.b[:min(len(r.b), len(text))]), text) {
		r.b = r.b[len(text):]
		return true
	}
	return false
}

// number is so many hexadecimal or decimal digits.
func (r *request) number(digits, base int) int {
	n, err := strconv.ParseUint(r.take(digits), base, 16)
	if err != nil {
		r.bad = true
	}
	return int(n) //nolint:gosec // 16 bits
}

// hex is so many hexadecimal digits, decoded.
func (r *request) hex(digits int) []byte {
	b, err := hex.DecodeString(r.take(digits))
	if err != nil {
		r.bad = true
	}
	return b
}

// block is the text of a key block: a letter and a block that carries its length.
func (r *request) block(schemes string) string {
	if len(r.b) < 6 || !strings.ContainsRune(schemes, rune(r.b[0])) {
		r.bad = true
		return ""
	}
	n, err := strconv.Atoi(string(r.b[2:6]))
	if err != nil || n < 16 {
		r.bad = true
		return ""
	}
	return r.take(1 + n)
}

// attributes are #usage, algorithm, mode, version, export, number of optional blocks.
func (r *request) attributes() (head, int) {
	if !r.skip("#") {
		r.bad = true
	}
	usage, alg, mode, version, export := r.take(2), r.take(2), r.take(1), r.take(2), r.take(1)
	size, ok := algorithms[alg]
	if r.take(2) != "00" || !ok || mode == "" || export == "" {
		r.bad = true
		return head{}, 0
	}
	return head{usage, algLetter(alg), mode[0], version, export[0]}, size
}

// lmkID is the optional %nn; only one LMK is there.
func (r *request) lmkID() {
	if r.skip("%") && r.take(2) != "00" {
		r.bad = true
	}
}

// keyed reads a key under the LMK and checks what it may be used for: the first letters of its usage.
func (h *HSM) keyed(r *request, usages string) (key, string) {
	text := r.block("S")
	if r.bad {
		return key{}, "15"
	}
	k, code := h.open(text)
	if code != "00" {
		return k, code
	}
	if !strings.ContainsRune(usages, rune(k.usage[0])) {
		return k, "A6" // invalid key usage
	}
	return k, "00"
}

// Answer does one command: response code, error code and fields.
func (h *HSM) Answer(code string, body []byte) []byte {
	r := &request{b: body}
	do, ok := commands[code]
	if !ok {
		return append(answerCode(code), "68"...) // command disabled
	}
	errCode, fields := do(h, r)
	out := append(answerCode(code), errCode...)
	if errCode == "00" {
		out = append(out, fields...)
	}
	if r.skip("\x19") && len(r.b) <= 32 { // the trailer comes back as it is
		out = append(append(out, 0x19), r.b...)
	}
	return out
}

var commands = map[string]func(*HSM, *request) (string, []byte){
	"NC": (*HSM).diagnostics, "B2": (*HSM).echo, "A0": (*HSM).generate, "A4": (*HSM).form, "A6": (*HSM).importKey,
	"A8": (*HSM).exportKey, "BU": (*HSM).checkValue, "CA": (*HSM).translate, "CC": (*HSM).translate,
	"M0": (*HSM).encryptData, "M2": (*HSM).decryptData, "M6": (*HSM).makeMAC, "M8": (*HSM).verifyMAC, "KW": (*HSM).cryptogram, "XI": (*HSM).importClear,
	"EI": (*HSM).generatePair, "EW": (*HSM).sign, "EO": (*HSM).takePublic, "GK": (*HSM).exportUnder,
}

func (h *HSM) lmkKCV() string {
	return key{head: head{alg: 'A'}, raw: h.lmk}.kcv(16)
}

func (h *HSM) diagnostics(*request) (string, []byte) { return "00", []byte(h.lmkKCV() + "0001-E000") }

func (h *HSM) echo(r *request) (string, []byte) {
	data := r.take(r.number(4, 16))
	if r.bad {
		return "80", nil // data length
	}
	return "00", []byte(data)
}

// fresh makes a random key; DES keys with odd parity.
func fresh(hd head, size int) key {
	raw := make([]byte, size)
	_, _ = rand.Read(raw)
	if hd.alg == 'T' {
		for i, b := range raw {
			b &= 0xFE
			ones := 0
			for x := b; x > 0; x >>= 1 {
				ones += int(x & 1)
			}
			raw[i] = b | byte(1-ones%2)
		}
	}
	return key{hd, raw}
}

// under is a key for another device: X in ECB under the ZMK, R as a TR-31 block.
func under(protect, k key, scheme string) (string, string) {
	switch scheme {
	case "R":
		return exportTR31(protect, k)
	case "X":
		c := protect.cipher()
		if len(k.raw)%c.BlockSize() != 0 {
			return "", "A5"
		}
		return "X" + strings.ToUpper(hex.EncodeToString(ecb(c, k.raw, false))), "00"
	}
	return "", "26" // invalid key scheme
}

// generate is A0: mode 0, or 1 which exports too.
func (h *HSM) generate(r *request) (string, []byte) {
	mode, kind, scheme := r.take(1), r.take(3), r.take(1)
	if kind != "FFF" || scheme != "S" || mode != "0" && mode != "1" {
		return "15", nil
	}
	var protect key
	var out string
	if mode == "1" {
		r.skip(";")
		r.take(1) // ZMK or TMK
		var code string
		if protect, code = h.keyed(r, "K"); code != "00" {
			return code, nil
		}
		out = r.take(1)
	}
	r.lmkID()
	hd, size := r.attributes()
	if r.bad {
		return "15", nil
	}
	k := fresh(hd, size)
	exported := ""
	if mode == "1" {
		if k.export == 'N' {
			return "AA", nil
		}
		var code string
		if exported, code = under(protect, k, out); code != "00" {
			return code, nil
		}
	}
	return "00", []byte(h.seal(k) + exported + k.kcv(6))
}

// form is A4: the XOR of 2 to 9 components under the LMK.
func (h *HSM) form(r *request) (string, []byte) {
	n := r.number(1, 10)
	if r.take(3) != "FFF" || r.take(1) != "S" || r.bad {
		return "15", nil
	}
	if n < 2 || n > 9 {
		return "03", nil
	}
	var whole key
	seen := ""
	for range n {
		c, code := h.keyed(r, "K")
		if code != "00" {
			return code, nil
		}
		if c.version[0] != 'c' || strings.Contains(seen, c.version) || whole.raw != nil && (c.alg != whole.alg || len(c.raw) != len(whole.raw)) {
			return "15", nil // no component, one twice, or of different kinds
		}
		seen += c.version + " "
		if whole.raw == nil {
			whole = key{c.head, make([]byte, len(c.raw))}
		}
		subtle.XORBytes(whole.raw, whole.raw, c.raw)
	}
	r.lmkID()
	if !r.skip("#") {
		return "15", nil
	}
	whole.version = r.take(2)
	if r.take(2) != "00" || r.bad {
		return "15", nil
	}
	return "00", []byte(h.seal(whole) + whole.kcv(6))
}

// importKey is A6.
func (h *HSM) importKey(r *request) (string, []byte) {
	if r.take(3) != "FFF" {
		return "15", nil
	}
	protect, code := h.keyed(r, "K")
	if code != "00" {
		return code, nil
	}
	var k key
	if len(r.b) > 0 && r.b[0] == 'R' {
		if k, code = importTR31(protect, r.block("R")); code != "00" {
			return code, nil
		}
	} else if r.skip("X") {
		end := strings.IndexByte(string(r.b), 'S')
		wrapped := r.hex(end)
		if k.raw = wrapped; r.bad || len(wrapped)%protect.cipher().BlockSize() != 0 {
			return "15", nil
		}
		k.raw = ecb(protect.cipher(), wrapped, true)
	}
	if r.take(1) != "S" {
		return "15", nil
	}
	r.lmkID()
	if k.alg == 0 {
		var size int
		if k.head, size = r.attributes(); r.bad || size != len(k.raw) {
			return "15", nil
		}
	}
	return "00", []byte(h.seal(k) + k.kcv(6))
}

// exportKey is A8.
func (h *HSM) exportKey(r *request) (string, []byte) {
	if r.take(3) != "FFF" {
		return "15", nil
	}
	protect, code := h.keyed(r, "K")
	if code != "00" {
		return code, nil
	}
	k, code := h.keyed(r, "PMDEKBCV")
	if code != "00" {
		return code, nil
	}
	scheme := r.take(1)
	r.lmkID()
	if r.bad {
		return "15", nil
	}
	if k.export == 'N' {
		return "AA", nil
	}
	text, code := under(protect, k, scheme)
	return code, []byte(text + k.kcv(6))
}

// checkValue is BU: 16 digits, or 6 for kind 1.
func (h *HSM) checkValue(r *request) (string, []byte) {
	if r.take(3) != "FFF" {
		return "15", nil
	}
	k, code := h.keyed(r, "PMDEKBCV")
	if code != "00" {
		return code, nil
	}
	digits := 6
	if r.skip(";") {
		r.take(3)
	}
	if r.skip(";00") && r.take(1) == "0" {
		digits = 16
	}
	if r.bad {
		return "15", nil
	}
	return "00", []byte(k.kcv(digits))
}

// importClear is XI, ours: a clear key, while the device is authorised.
func (h *HSM) importClear(r *request) (string, []byte) {
	h.mu.Lock()
	ok := h.authorised
	h.mu.Unlock()
	if !ok {
		return "17", nil // not in authorised state
	}
	if r.take(1) != "S" {
		return "15", nil
	}
	hd, _ := r.attributes()
	raw := r.hex(2 * r.number(2, 10))
	k := key{hd, raw}
	if r.bad || k.cipher() == nil {
		return "15", nil
	}
	return "00", []byte(h.seal(k) + k.kcv(6))
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// banned are translations that ISO 9564-1 does not allow: from a block with the account to one without, and
// anything with the block for a chip card.
func banned(from, to string) bool {
	without := map[string]bool{"05": true} // format 1
	return from == "34" || to == "34" || without[to] && !without[from]
}

// translate is CA and CC: from one PIN key and format to another.
func (h *HSM) translate(r *request) (string, []byte) {
	from, code := h.keyed(r, "P")
	if code != "00" {
		return code, nil
	}
	to, code := h.keyed(r, "P")
	if code != "00" {
		return code, nil
	}
	longest := r.number(2, 10)
	size := 16
	if from.cipher().BlockSize() == 16 {
		size = 32
	}
	block := r.hex(size)
	ff, tf := r.take(2), r.take(2)
	pan := ""
	if ff == "48" || tf == "48" { // the whole number, ended by a semicolon
		end := strings.IndexByte(string(r.b), ';')
		pan = r.take(end)
		r.take(1)
	} else {
		pan = r.take(12)
	}
	if r.bad {
		return "15", nil
	}
	if pan == "" || len(pan) > 19 || strings.Trim(pan, "0123456789") != "" {
		return "22", nil
	}
	twelve := pan
	if ff == "48" || tf == "48" {
		if len(pan) < 13 {
			return "22", nil
		}
		twelve = pan[len(pan)-13 : len(pan)-1]
	}
	with := func(format string) string {
		if format == "48" {
			return pan
		}
		return twelve
	}
	if !h.o.AnyFormat && banned(ff, tf) {
		return "69", nil // PIN block format disabled
	}
	if pinFormats[ff].alg != from.alg || pinFormats[tf].alg != to.alg {
		return "23", nil
	}
	pin, code := pinDigits(from.cipher(), block, ff, with(ff))
	if code != "00" {
		return code, nil
	}
	if len(pin) > longest {
		return "24", nil
	}
	out, code := pinBlock(to.cipher(), pin, tf, with(tf), random)
	return code, []byte(fmt.Sprintf("%02d", len(pin)) + strings.ToUpper(hex.EncodeToString(out)) + tf)
}

// macOf reads what M6 and M8 have in common.
func (h *HSM) macOf(r *request) (mac string, code string) {
	mode, input, size, alg, method, kind := r.take(1), r.take(1), r.take(1), r.take(1), r.take(1), r.take(3)
	if mode != "0" || input != "0" || kind != "FFF" || method == "" {
		return "", "15"
	}
	k, code := h.keyed(r, "M")
	if code != "00" {
		return "", code
	}
	data := []byte(r.take(r.number(4, 16)))
	if r.bad {
		return "", "15"
	}
	c := k.cipher()
	var b []byte
	switch alg {
	case "6":
		b = cmac(c, data)
	case "U": // UnionPay's fold, ours
		b = fold(c, data)
	case "1", "3":
		padded, ok := pad(data, c.BlockSize(), method[0])
		switch {
		case !ok:
			return "", "06"
		case alg == "1":
			b = chain(c, padded)
		case k.alg != 'T' || len(k.raw) != 16:
			return "", "A5"
		default:
			b = retail(k.raw, padded)
		}
	default:
		return "", "05"
	}
	n := map[string]int{"0": 4, "1": 8, "2": 16}[size] // 2, for blocks of 16 bytes, is ours
	if n == 0 || n > len(b) {
		return "", "04"
	}
	return strings.ToUpper(hex.EncodeToString(b[:n])), "00"
}

func (h *HSM) makeMAC(r *request) (string, []byte) {
	mac, code := h.macOf(r)
	return code, []byte(mac)
}

func (h *HSM) verifyMAC(r *request) (string, []byte) {
	mac, code := h.macOf(r)
	if code != "00" {
		return code, nil
	}
	if got := r.take(len(mac)); r.bad || subtle.ConstantTimeCompare([]byte(got), []byte(mac)) != 1 {
		return "01", nil
	}
	return "00", nil
}

// cryptogram is KW: mode 1 verifies a request cryptogram and answers the issuer's; scheme 2 is EMV's
// common session key with the card's key by option A, method 1 of the answer.
func (h *HSM) cryptogram(r *request) (string, []byte) {
	mode, scheme := r.take(1), r.take(1)
	if mode != "1" {
		return "04", nil
	}
	if scheme != "2" {
		return "05", nil
	}
	issuer, code := h.keyed(r, "E")
	if code != "00" {
		return code, nil
	}
	pan, counter := []byte(r.take(8)), []byte(r.take(2))
	data := []byte(r.take(r.number(2, 16)))
	if !r.skip(";") {
		r.bad = true
	}
	request, result := []byte(r.take(8)), []byte(r.take(2))
	if r.bad || issuer.alg != 'T' || len(issuer.raw) != 16 {
		return "15", nil
	}
	card := odd(ecb(issuer.cipher(), append(pan, invert(pan)...), false))
	left := []byte{counter[0], counter[1], 0xF0, 0, 0, 0, 0, 0}
	right := []byte{counter[0], counter[1], 0x0F, 0, 0, 0, 0, 0}
	session := odd(ecb(newCipher('T', card), append(left, right...), false))
	padded, _ := pad(data, 8, '2')
	if subtle.ConstantTimeCompare(retail(session, padded), request) != 1 {
		return "01", nil
	}
	subtle.XORBytes(request, request, append(append([]byte(nil), result...), 0, 0, 0, 0, 0, 0))
	return "00", ecb(newCipher('T', session), request, false)
}

func invert(b []byte) []byte {
	out := make([]byte, len(b))
	for i, v := range b {
		out[i] = v ^ 0xFF
	}
	return out
}

func odd(b []byte) []byte {
	for i, v := range b {
		ones := 0
		for x := v; x > 0; x >>= 1 {
			ones += int(x & 1)
		}
		if ones%2 == 0 {
			b[i] ^= 1
		}
	}
	return b
}
