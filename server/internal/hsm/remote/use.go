package remote

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/keyblock"
	"zhigui/server/internal/hsm"
)

// stored is a key of an owner as the device knows it.
func (m *Module) stored(own string, u hsm.Use, version uint32) (string, error) {
	r, err := m.record(own, u, version)
	return string(r.Sealed), err
}

func (m *Module) record(own string, u hsm.Use, version uint32) (hsm.Record, error) {
	recs, err := m.keys.LoadKeys(own)
	if err != nil {
		return hsm.Record{}, fmt.Errorf("hsm: load keys: %w", err)
	}
	for _, r := range recs {
		if r.Use == u && r.Version == version {
			return r, nil
		}
	}
	return hsm.Record{}, hsm.ErrNoKey
}

// blockKEK is a KEK for key blocks.
func (m *Module) blockKEK(own string) (string, error) {
	r, err := m.record(own, hsm.UseKEK, 1)
	if err == nil && r.Alg == paycrypto.SM4 {
		return "", hsm.ErrNoBlock
	}
	return string(r.Sealed), err
}

// blockAlgs are what the header of a device's key block calls the algorithms, after S, version, length and usage.
var blockAlgs = map[byte]paycrypto.Alg{'T': paycrypto.DES, 'A': paycrypto.AES, '4': paycrypto.SM4}

// FormKEK makes a KEK of the components that persons entered at the device's console, each under the
// device's master key, if it is of alg and its check value is want (3 bytes).
func (m *Module) FormKEK(own string, alg paycrypto.Alg, want []byte, components ...string) ([]byte, error) {
	if len(components) < 2 || len(components) > 9 {
		return nil, hsm.ErrCeremony
	}
	b, err := m.pool.do("A4", fmt.Appendf(nil, "%dFFFS%s%%00#0000", len(components), strings.Join(components, "")))
	if err != nil {
		return nil, err
	}
	text, rest, err := block(b, 'S')
	if err != nil {
		return nil, err
	}
	if of, known := blockAlgs[text[8]]; known && of != alg {
		return nil, fmt.Errorf("%w: the components are of another algorithm", hsm.ErrCeremony)
	}
	if got, err := hex.DecodeString(rest); err != nil || len(want) > 0 && string(got) != string(want) {
		return nil, hsm.ErrKCV
	}
	kcv, err := m.checkValue(text)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return kcv[:3], m.save(hsm.Record{Owner: own, Use: hsm.UseKEK, Version: 1, Alg: alg, Sealed: []byte(text), KCV: kcv})
}

// ImportBlocks implements hsm.HSM.
func (m *Module) ImportBlocks(own, kek, pik, mak string) (hsm.Ref, error) {
	protect, err := m.blockKEK(kek)
	if err != nil {
		return hsm.Ref{}, err
	}
	rp, err := m.importBlock(own, protect, pik, hsm.UsePIN)
	if err != nil {
		return hsm.Ref{}, err
	}
	rm, err := m.importBlock(own, protect, mak, hsm.UseMAC)
	if err != nil {
		return hsm.Ref{}, err
	}
	if rp.Alg != rm.Alg {
		return hsm.Ref{}, fmt.Errorf("%w: PIN and MAC key are of two algorithms", hsm.ErrBlock)
	}
	return m.savePair(own, rp, rm)
}

// savePair makes the two keys the newest version of a zone's, unless they are it.
func (m *Module) savePair(own string, rp, rm hsm.Record) (hsm.Ref, error) {
	version, same, err := m.next(own, rp.Alg, rp.KCV, rm.KCV)
	if err != nil {
		return hsm.Ref{}, err
	}
	if !same {
		rp.Version, rm.Version = version, version
		m.mu.Lock()
		err = m.save(rp, rm)
		m.mu.Unlock()
		if err != nil {
			return hsm.Ref{}, err
		}
	}
	return m.Current(own)
}

// ImportCryptograms implements hsm.HSM.
func (m *Module) ImportCryptograms(own, kek string, pik, mak hsm.Cryptogram) (hsm.Ref, error) {
	protect, err := m.record(kek, hsm.UseKEK, 1)
	if err == nil {
		err = hsm.Proven(pik, mak)
	}
	if err != nil {
		return hsm.Ref{}, err
	}
	rp, err := m.importBare(own, hsm.UsePIN, protect.Alg, protect, pik)
	if err != nil {
		return hsm.Ref{}, err
	}
	rm, err := m.importBare(own, hsm.UseMAC, protect.Alg, protect, mak)
	if err != nil {
		return hsm.Ref{}, err
	}
	return m.savePair(own, rp, rm)
}

// importBare brings a bare key of alg under the device's master key; nothing is stored.
func (m *Module) importBare(own string, u hsm.Use, alg paycrypto.Alg, protect hsm.Record, c hsm.Cryptogram) (hsm.Record, error) {
	if err := hsm.Bare(alg, protect.Alg, len(c.Wrapped)); err != nil {
		return hsm.Record{}, err
	}
	attr, err := attributes(u, alg, 16)
	if err != nil {
		return hsm.Record{}, err
	}
	b, err := m.pool.do("A6", fmt.Appendf(nil, "FFF%sX%XS%%00%s", protect.Sealed, c.Wrapped, attr))
	var refused *Error
	if errors.As(err, &refused) {
		return hsm.Record{}, fmt.Errorf("%w: %w", hsm.ErrBlock, err)
	}
	if err != nil {
		return hsm.Record{}, err
	}
	text, _, err := block(b, 'S')
	if err != nil {
		return hsm.Record{}, err
	}
	r := hsm.Record{Owner: own, Use: u, Alg: alg, Sealed: []byte(text)}
	if r.KCV, err = m.checkValue(text); err != nil {
		return hsm.Record{}, err
	}
	if !bytes.HasPrefix(r.KCV, c.KCV[:min(4, len(c.KCV))]) {
		return hsm.Record{}, hsm.ErrKCV
	}
	return r, nil
}

// ImportBare implements hsm.HSM.
func (m *Module) ImportBare(zone hsm.Ref, kek string, u hsm.Use, wrapped, kcv []byte, prove func(mac func(data []byte) ([]byte, error)) error) (hsm.Ref, error) {
	own := zone.Owner
	other, ok := map[hsm.Use]hsm.Use{hsm.UsePIN: hsm.UseMAC, hsm.UseMAC: hsm.UsePIN}[u]
	now, err := m.Current(own)
	if err != nil || !ok {
		return hsm.Ref{}, cmp.Or(err, hsm.ErrNoKey)
	}
	protect, err := m.record(kek, hsm.UseKEK, 1)
	if err != nil {
		return hsm.Ref{}, err
	}
	p, err := m.pair(now)
	if err != nil {
		return hsm.Ref{}, err
	}
	fresh, err := m.importBare(own, u, p.alg, protect, hsm.Cryptogram{Wrapped: wrapped, KCV: kcv})
	if err != nil {
		return hsm.Ref{}, err
	}
	text := string(fresh.Sealed)
	if prove != nil {
		if err := prove(func(data []byte) ([]byte, error) { return m.macUnder(nil, zone.For(p.alg).MAC, p.alg, text, data) }); err != nil {
			return hsm.Ref{}, err
		}
	}
	kept := hsm.Record{Owner: own, Use: other, Alg: p.alg, Sealed: []byte(map[hsm.Use]string{hsm.UsePIN: p.pik, hsm.UseMAC: p.mak}[other])}
	if kept.KCV, err = m.checkValue(string(kept.Sealed)); err != nil {
		return hsm.Ref{}, err
	}
	pik, mak := &fresh, &kept
	if u == hsm.UseMAC {
		pik, mak = mak, pik
	}
	version, same, err := m.next(own, p.alg, pik.KCV, mak.KCV)
	if err != nil || same {
		return now, err
	}
	pik.Version, mak.Version = version, version
	m.mu.Lock()
	err = m.save(*pik, *mak)
	m.mu.Unlock()
	if err != nil {
		return hsm.Ref{}, err
	}
	return m.Current(own)
}

func (m *Module) importBlock(own, protect, b string, u hsm.Use) (hsm.Record, error) {
	h, err := keyblock.Parse(b)
	if err != nil {
		return hsm.Record{}, fmt.Errorf("%w: %w", hsm.ErrBlock, err)
	}
	alg, ok := map[byte]paycrypto.Alg{keyblock.AlgTDES: paycrypto.DES, keyblock.AlgDES: paycrypto.DES, keyblock.AlgAES: paycrypto.AES, keyblock.AlgSM4: paycrypto.SM4}[h.Algorithm]
	if !ok || h.Usage[0] != map[hsm.Use]byte{hsm.UsePIN: 'P', hsm.UseMAC: 'M', hsm.UseTDK: 'D'}[u] {
		return hsm.Record{}, fmt.Errorf("%w: usage %s, algorithm %c", hsm.ErrBlock, h.Usage, h.Algorithm)
	}
	answer, err := m.pool.do("A6", []byte("FFF"+protect+"R"+b+"S%00"))
	var refused *Error
	if errors.As(err, &refused) {
		return hsm.Record{}, fmt.Errorf("%w: %w", hsm.ErrBlock, err)
	}
	if err != nil {
		return hsm.Record{}, err
	}
	text, _, err := block(answer, 'S')
	if err != nil {
		return hsm.Record{}, err
	}
	kcv, err := m.checkValue(text)
	return hsm.Record{Owner: own, Use: u, Alg: alg, Sealed: []byte(text), KCV: kcv}, err
}

// ExportBlock implements hsm.HSM.
func (m *Module) ExportBlock(key hsm.Ref, u hsm.Use, kek string) (string, error) {
	if u != hsm.UsePIN && u != hsm.UseMAC {
		return "", hsm.ErrNoKey
	}
	protect, err := m.blockKEK(kek)
	if err != nil {
		return "", err
	}
	k, err := m.stored(key.Owner, u, key.Version)
	if err != nil {
		return "", err
	}
	b, err := m.pool.do("A8", []byte("FFF"+protect+k+"R%00"))
	if err != nil {
		return "", err
	}
	text, rest, err := block(b, 'R')
	if err != nil || len(rest) != 6 {
		return "", ErrProtocol
	}
	return text[1:], nil
}

// AppendMAC implements hsm.HSM.
func (m *Module) AppendMAC(dst []byte, key hsm.Ref, data []byte) ([]byte, error) {
	p, err := m.pair(key)
	if err != nil {
		return dst, err
	}
	return m.macUnder(dst, key.For(p.alg).MAC, p.alg, p.mak, data)
}

// macs are algorithm and padding of M6: 1 or 3 of ISO 9797-1, CMAC (6) or UnionPay's fold (U, ours); zeros (1),
// 0x80 (2) or none that is chosen (0).
var macs = map[paycrypto.MACAlg]string{paycrypto.X99: "11", paycrypto.X99M2: "12", paycrypto.X919: "31", paycrypto.X919M2: "32",
	paycrypto.SM4CBC: "11", paycrypto.SM4CBCM2: "12", paycrypto.CMAC: "60", paycrypto.Fold: "U0"}

func (m *Module) macUnder(dst []byte, mac paycrypto.MACAlg, alg paycrypto.Alg, mak string, data []byte) ([]byte, error) {
	if !mac.Fits(alg) {
		return dst, paycrypto.ErrKey
	}
	size, n := "1", blockOf(alg) // one message, binary, 16 digits of MAC
	if n == 16 {
		size = "2" // 32 digits, ours
	}
	how := "00" + size + macs[mac]
	if len(data) > 0x7000 {
		return dst, fmt.Errorf("%w: a message of %d bytes", ErrProtocol, len(data))
	}
	b, err := m.pool.do("M6", append(fmt.Appendf(nil, "%sFFF%s%04X", how, mak, len(data)), data...))
	if err != nil {
		return dst, err
	}
	sum, err := hex.DecodeString(string(b))
	if err != nil || len(sum) != n {
		return dst, ErrProtocol
	}
	return append(dst, sum...), nil
}

// EncryptData implements hsm.HSM.
func (m *Module) EncryptData(dst []byte, key hsm.Ref, iv, plain []byte) ([]byte, error) {
	return m.data(dst, "M0", key, iv, plain)
}

// DecryptData implements hsm.HSM.
func (m *Module) DecryptData(dst []byte, key hsm.Ref, iv, secret []byte) ([]byte, error) {
	return m.data(dst, "M2", key, iv, secret)
}

// data is M0 and M2: CBC, binary in and out.
func (m *Module) data(dst []byte, code string, key hsm.Ref, iv, in []byte) ([]byte, error) {
	p, err := m.pair(key)
	if err != nil {
		return dst, err
	}
	if p.tdk == "" {
		return dst, hsm.ErrNoKey
	}
	n := blockOf(p.alg)
	if len(iv) != n || len(in) == 0 || len(in)%n != 0 || len(in) > 0x7000 {
		return dst, paycrypto.ErrLength
	}
	b, err := m.pool.do(code, append(fmt.Appendf(nil, "0100FFF%s%X%04X", p.tdk, iv, len(in)), in...))
	if err != nil {
		return dst, err
	}
	if len(b) != 2*n+4+len(in) || string(b[2*n:2*n+4]) != fmt.Sprintf("%04X", len(in)) {
		return dst, ErrProtocol
	}
	return append(dst, b[2*n+4:]...), nil
}

// formats are the device's numbers of PIN block formats: ISO 9564-1 formats 0, 1, 3 and 4; 90, the block under
// SM4, is an extension of the simulator. X9.8 without PAN it has not.
var formats = map[paycrypto.Format]string{paycrypto.ISO0: "01", paycrypto.ISO1: "05", paycrypto.ISO3: "47", paycrypto.ISO4: "48", paycrypto.SM4Block: "90"}

func blockOf(alg paycrypto.Alg) int {
	if alg == paycrypto.DES {
		return 8
	}
	return 16
}

// TranslatePIN implements hsm.HSM.
func (m *Module) TranslatePIN(from, to hsm.Ref, enc, pan []byte) ([]byte, error) {
	f, err := m.pair(from)
	if err != nil {
		return nil, err
	}
	t, err := m.pair(to)
	if err != nil {
		return nil, err
	}
	if f.pik == "" || t.pik == "" { // data keys
		return nil, hsm.ErrNoKey
	}
	ff, tf := from.For(f.alg).PIN, to.For(t.alg).PIN
	if formats[ff] == "" || formats[tf] == "" {
		return nil, fmt.Errorf("%w: a PIN block %s or %s", ErrProtocol, ff, tf)
	}
	if len(enc) != ff.Size() || len(pan) < 13 || len(pan) > 19 {
		return nil, hsm.ErrPIN
	}
	account := string(pan[len(pan)-13 : len(pan)-1])
	if ff == paycrypto.ISO4 || tf == paycrypto.ISO4 {
		account = string(pan) + ";"
	}
	b, err := m.pool.do("CA", fmt.Appendf(nil, "%s%s12%X%s%s%s", f.pik, t.pik, enc, formats[ff], formats[tf], account))
	var refused *Error
	if errors.As(err, &refused) {
		switch refused.Code {
		case "69":
			return nil, paycrypto.ErrTranslation
		case "20", "22", "23", "24":
			return nil, hsm.ErrPIN
		}
	}
	if err != nil {
		return nil, err
	}
	if len(b) != 2+2*tf.Size()+2 {
		return nil, ErrProtocol
	}
	out, err := hex.DecodeString(string(b[2 : 2+2*tf.Size()]))
	if err != nil {
		return nil, ErrProtocol
	}
	return out, nil
}

// ImportIssuer implements hsm.HSM.
func (m *Module) ImportIssuer(own string, key []byte) error {
	if len(key) != 16 {
		return paycrypto.ErrKey
	}
	r, err := m.importClear(own, hsm.UseIssuer, 1, paycrypto.DES, key)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.save(r)
}

// CheckCryptogram implements hsm.HSM.
func (m *Module) CheckCryptogram(own string, c hsm.Chip, request [8]byte, code [2]byte) ([]byte, error) {
	m.mu.RLock()
	issuer := ""
	if o := m.owners[own]; o != nil {
		issuer = o.issuer
	}
	m.mu.RUnlock()
	if issuer == "" {
		return nil, hsm.ErrNoKey
	}
	digits := strings.Repeat("0", 16) + fmt.Sprintf("%s%02d", c.PAN, c.Sequence)
	pan, err := hex.DecodeString(digits[len(digits)-16:])
	if err != nil || c.Sequence > 99 || len(c.Data) > 255 {
		return nil, paycrypto.ErrPAN
	}
	body := append([]byte("12"+issuer), pan...)
	body = append(body, byte(c.Counter>>8), byte(c.Counter))
	body = fmt.Appendf(body, "%02X", len(c.Data))
	body = append(append(append(body, c.Data...), ';'), request[:]...)
	b, err := m.pool.do("KW", append(body, code[:]...))
	var refused *Error
	switch {
	case errors.As(err, &refused) && refused.Code == "01":
		return nil, hsm.ErrCryptogram
	case err != nil:
		return nil, err
	case len(b) != 8:
		return nil, ErrProtocol
	}
	return b, nil
}
