package szztzt598

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/internal/epp"
	"zhigui/drivers/sdk"
)

// slot is a place for a key in one of the device's two stores.
type slot struct {
	name   string
	kk     string
	sm4    bool
	master bool
}

func (p *profile) slot(name string) (slot, bool) {
	kk, ok := p.Slots[name]
	if !ok {
		return slot{}, false
	}
	s := slot{name: name, kk: strings.ToUpper(kk), sm4: strings.HasSuffix(name, ".sm4")}
	for _, m := range p.Masters {
		s.master = s.master || m == name
	}
	return s, true
}

// key finds a slot and what is known to be loaded in it.
func (d *driver) key(name string) (slot, *api.Completion) {
	s, ok := d.p.slot(name)
	if !ok {
		c := api.Fail(api.NotStarted, pinpad.ErrKeyNotFound, fmt.Sprintf("the profile has no slot for key %q", name))
		return s, &c
	}
	return s, nil
}

// unhex takes the answer's hex data after skip characters.
func unhex(data []byte, skip, size int) ([]byte, error) {
	if len(data) < skip {
		return nil, errors.New("the answer is too short")
	}
	b, err := hex.DecodeString(string(data[skip:]))
	if err != nil || size > 0 && len(b) != size {
		return nil, errors.New("the answer is not the hex data it should be")
	}
	return b, nil
}

// PinBlock implements epp.Maker.
func (d *driver) PinBlock(r pinpad.GetPinBlock) api.Completion {
	s, c := d.key(r.Key)
	if c != nil {
		return *c
	}
	want := map[bool]string{false: "iso0", true: "X-sm4"}[s.sm4]
	if r.Format != want {
		return api.Refuse(api.UnsupportedData, fmt.Sprintf("key %s makes blocks of format %s", s.name, want))
	}
	account, err := epp.PAN12(r.CustomerData)
	if err != nil {
		return sdk.BadPayload(err)
	}
	if d.Entered() == nil {
		return api.Fail(api.NotStarted, pinpad.ErrNoPin, "no PIN has been entered")
	}
	body, size := "7"+s.kk+d.p.PinFormat+account, 8
	if s.sm4 {
		body, size = "o"+s.kk+"0"+account, 16
	}
	data, err := d.do(body)
	if err != nil {
		return d.Broken(err, api.Failed)
	}
	block, err := unhex(data, 4, size)
	if err != nil {
		return d.Broken(err, api.Failed)
	}
	return sdk.Ok(pinpad.GetPinBlockResult{PinBlock: block})
}

// MAC implements epp.Maker.
func (d *driver) MAC(r pinpad.GenerateMAC) api.Completion {
	s, c := d.key(r.Key)
	if c != nil {
		return *c
	}
	if len(r.Data) == 0 || len(r.Data) > d.p.MacMax {
		return api.Refuse(api.InvalidData, fmt.Sprintf("MAC data must have 1 to %d bytes", d.p.MacMax))
	}
	body, size := "8"+s.kk+d.p.MacAlg+string(r.Data), 8
	if s.sm4 {
		body, size = "e"+s.kk+strings.Repeat("0", 32)+"40"+string(r.Data), 16
	}
	data, err := d.do(body)
	if err != nil {
		return d.Broken(err, api.Failed)
	}
	mac, err := unhex(data, 0, size)
	if err != nil {
		return d.Broken(err, api.Failed)
	}
	return sdk.Ok(pinpad.GenerateMACResult{AuthenticationData: mac})
}

// Cipher implements epp.Maker.
func (d *driver) Cipher(r pinpad.CryptoData) api.Completion {
	s, c := d.key(r.Key)
	if c != nil {
		return *c
	}
	block := map[bool]int{false: 8, true: 16}[s.sm4]
	if len(r.Data) == 0 || len(r.Data)%block != 0 || len(r.Data) > 256 {
		return api.Refuse(api.InvalidData, fmt.Sprintf("data must be whole blocks of %d bytes, 256 at most", block))
	}
	if r.ModeOfUse != "E" && r.ModeOfUse != "D" {
		return api.Refuse(api.InvalidData, "modeOfUse must be E or D")
	}
	body := "9" + s.kk + map[string]string{"E": "1", "D": "A"}[r.ModeOfUse]
	if s.sm4 {
		body = "d" + s.kk + map[string]string{"E": "31", "D": "32"}[r.ModeOfUse] + "1" + strings.Repeat("0", 32)
	}
	data, err := d.do(body + fmt.Sprintf("%X", r.Data))
	if err != nil {
		return d.Broken(err, api.Failed)
	}
	out, err := unhex(data, 0, len(r.Data))
	if err != nil {
		return d.Broken(err, api.Failed)
	}
	return sdk.Ok(pinpad.CryptoDataResult{Data: out})
}

var useDigit = map[string]string{pinpad.UseKEK: "2", pinpad.UsePIN: "3", pinpad.UseMAC: "5", "M0": "5", pinpad.UseData: "6"}

// ImportKey implements epp.Maker.
func (d *driver) ImportKey(ctx context.Context, r pinpad.ImportKey) api.Completion {
	s, c := d.key(r.Key)
	if c != nil {
		return *c
	}
	use := useDigit[r.KeyAttributes.KeyUsage]
	alg := map[bool]string{false: pinpad.TripleDES, true: pinpad.SM4}[s.sm4]
	n := len(r.Value)
	switch {
	case use == "" || s.master != (use == "2"):
		return api.Fail(api.NotStarted, pinpad.ErrUseViolation, fmt.Sprintf("key %s cannot have usage %q", s.name, r.KeyAttributes.KeyUsage))
	case r.KeyAttributes.Algorithm != alg:
		return api.Fail(api.NotStarted, pinpad.ErrUseViolation, fmt.Sprintf("key %s is for %s", s.name, alg))
	case n != 16 && (s.sm4 || n != 8 && n != 24):
		return api.Fail(api.NotStarted, pinpad.ErrInvalidKeyLen, "the key has no length that the device takes")
	case len(r.VerificationData) > 0 && len(r.VerificationData) < 3:
		return api.Refuse(api.InvalidData, "verificationData must have at least 3 bytes")
	}
	value := fmt.Sprintf("%X", r.Value)
	length := fmt.Sprint(n / 8)
	if d.p.LengthDigits == "zt588" {
		length = fmt.Sprint(n/8 - 1)
	}
	var body string
	if r.DecryptKey == "" {
		if c := d.MayLoadClear(s.master && d.p.AllowClearMaster, d.mastersLike(s)...); c != nil {
			return *c
		}
		body = "1" + s.kk + d.p.MasterType + length + value
		if s.sm4 {
			body = "b" + s.kk + value
		}
	} else {
		m, c := d.key(r.DecryptKey)
		switch {
		case c != nil:
			return *c
		case !m.master || m.sm4 != s.sm4:
			return api.Fail(api.NotStarted, pinpad.ErrUseViolation, fmt.Sprintf("key %s cannot decrypt key %s", m.name, s.name))
		case s.sm4 && s.master:
			return api.Fail(api.NotStarted, pinpad.ErrUseViolation, "the device takes SM4 master keys in the clear only")
		}
		body = "2" + m.kk + s.kk + use + length + value
		if s.sm4 {
			body = "c30" + m.kk + s.kk + value
		}
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	data, err := d.do(body)
	if err != nil {
		return d.Broken(err, api.Indeterminate)
	}
	kcv, err := unhex(data, 0, 0)
	if err != nil || len(kcv) < 3 {
		return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: "the device gave no check value"}
	}
	return d.Import(r, kcv, func() { _ = d.erase(s) })
}

// mastersLike are the names of the master keys of one store.
func (d *driver) mastersLike(s slot) (out []string) {
	for _, m := range d.p.Masters {
		if o, ok := d.p.slot(m); ok && o.sm4 == s.sm4 {
			out = append(out, m)
		}
	}
	return out
}

func (d *driver) erase(s slot) error {
	body := "200" + s.kk + "00"
	switch {
	case s.sm4 && s.master:
		body = "n32" + s.kk
	case s.sm4:
		body = "n33" + s.kk
	}
	_, err := d.do(body)
	return err
}

// Eraser implements epp.Maker.
func (d *driver) Eraser(name string) (func() error, *api.Completion) {
	s, c := d.key(name)
	return func() error { return d.erase(s) }, c
}

// Wipe implements epp.Maker.
func (d *driver) Wipe() error { _, err := d.do("5031"); return err }
