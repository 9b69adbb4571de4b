package szztzt598

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/sdk"
)

// decoded runs f with the payload of a command.
func decoded[T any](cmd api.Command, f func(T) api.Completion) api.Completion {
	var v T
	if err := sdk.Decode(cmd, &v); err != nil {
		return sdk.BadPayload(err)
	}
	return f(v)
}

// Execute implements sdk.Driver.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case pinpad.CmdPinEntry:
		return decoded(cmd, func(r pinpad.PinEntry) api.Completion { return d.pinEntry(ctx, r, emit) })
	case pinpad.CmdDataEntry:
		return decoded(cmd, func(r pinpad.DataEntry) api.Completion { return d.dataEntry(ctx, r, emit) })
	case pinpad.CmdGetPinBlock:
		return decoded(cmd, d.pinBlock)
	case pinpad.CmdGenerateMAC:
		return decoded(cmd, d.mac)
	case pinpad.CmdCryptoData:
		return decoded(cmd, d.cipher)
	case pinpad.CmdImportKey:
		return decoded(cmd, func(r pinpad.ImportKey) api.Completion { return d.importKey(ctx, r) })
	case pinpad.CmdDeleteKey:
		return decoded(cmd, func(r struct {
			Key string `json:"key"`
		}) api.Completion {
			return d.deleteKey(ctx, r.Key)
		})
	case pinpad.CmdGetKeyDetail:
		d.mu.Lock()
		defer d.mu.Unlock()
		return sdk.Ok(pinpad.GetKeyDetailResult{KeyDetails: maps.Clone(d.ring.keys)})
	case pinpad.CmdInit:
		return d.wipe(ctx)
	case pinpad.CmdKeyboardReset:
		if _, err := d.do("5030"); err != nil {
			return broken(err, api.Failed)
		}
		d.forgetPin()
		return sdk.Ok(nil)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

func broken(err error, o api.Outcome) api.Completion {
	var de *deviceError
	if errors.As(err, &de) {
		return failed(api.Failed, de)
	}
	return api.Completion{Outcome: o, Code: api.HardwareError, Description: err.Error()}
}

func (d *driver) forgetPin() {
	d.mu.Lock()
	d.havePin = false
	d.mu.Unlock()
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

func (d *driver) pinBlock(r pinpad.GetPinBlock) api.Completion {
	s, c := d.key(r.Key)
	if c != nil {
		return *c
	}
	want := map[bool]string{false: "iso0", true: "X-sm4"}[s.sm4]
	if r.Format != want {
		return api.Refuse(api.UnsupportedData, fmt.Sprintf("key %s makes blocks of format %s", s.name, want))
	}
	account, err := pan12(r.CustomerData)
	if err != nil {
		return sdk.BadPayload(err)
	}
	d.mu.Lock()
	have := d.havePin
	d.mu.Unlock()
	if !have {
		return api.Fail(api.NotStarted, pinpad.ErrNoPin, "no PIN has been entered")
	}
	body, size := "7"+s.kk+d.p.PinFormat+account, 8
	if s.sm4 {
		body, size = "o"+s.kk+"0"+account, 16
	}
	data, err := d.do(body)
	if err != nil {
		return broken(err, api.Failed)
	}
	block, err := unhex(data, 4, size)
	if err != nil {
		return broken(err, api.Failed)
	}
	return sdk.Ok(pinpad.GetPinBlockResult{PinBlock: block})
}

func (d *driver) mac(r pinpad.GenerateMAC) api.Completion {
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
		return broken(err, api.Failed)
	}
	mac, err := unhex(data, 0, size)
	if err != nil {
		return broken(err, api.Failed)
	}
	return sdk.Ok(pinpad.GenerateMACResult{AuthenticationData: mac})
}

func (d *driver) cipher(r pinpad.CryptoData) api.Completion {
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
		return broken(err, api.Failed)
	}
	out, err := unhex(data, 0, len(r.Data))
	if err != nil {
		return broken(err, api.Failed)
	}
	return sdk.Ok(pinpad.CryptoDataResult{Data: out})
}

var useDigit = map[string]string{pinpad.UseKEK: "2", pinpad.UsePIN: "3", pinpad.UseMAC: "5", "M0": "5", pinpad.UseData: "6"}

func (d *driver) importKey(ctx context.Context, r pinpad.ImportKey) api.Completion {
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
		if c := d.mayLoadClear(s); c != nil {
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
		return broken(err, api.Indeterminate)
	}
	kcv, err := unhex(data, 0, 0)
	if err != nil || len(kcv) < 3 {
		return api.Completion{Outcome: api.Indeterminate, Code: api.HardwareError, Description: "the device gave no check value"}
	}
	if !bytes.HasPrefix(kcv, r.VerificationData) {
		_ = d.erase(s)
		_ = d.remember(s.name, nil)
		return api.Fail(api.Failed, pinpad.ErrContent, "the check value differs; the key was erased")
	}
	if err := d.remember(s.name, &pinpad.KeyDetail{KeyAttributes: r.KeyAttributes, KCV: kcv[:3]}); err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: err.Error()}
	}
	return sdk.Ok(pinpad.ImportKeyResult{VerificationData: kcv, KeyLength: 8 * n})
}

// mayLoadClear allows a clear master key in the first installation only.
func (d *driver) mayLoadClear(s slot) *api.Completion {
	no := func(why string) *api.Completion {
		c := api.Fail(api.NotStarted, pinpad.ErrAccessDenied, why)
		return &c
	}
	if !s.master || !d.p.AllowClearMaster {
		return no("a clear key is not taken (profile allowClearMaster, master keys only)")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.p.Masters {
		if o, ok := d.p.slot(m); ok && o.sm4 == s.sm4 {
			if _, loaded := d.ring.keys[m]; loaded {
				return no("the device holds a master key already; initialise it first")
			}
		}
	}
	return nil
}

func (d *driver) remember(name string, detail *pinpad.KeyDetail) error {
	d.mu.Lock()
	if detail == nil {
		delete(d.ring.keys, name)
	} else {
		d.ring.keys[name] = *detail
	}
	err := d.ring.save()
	d.mu.Unlock()
	d.env.StatusChanged()
	return err
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

func (d *driver) deleteKey(ctx context.Context, name string) api.Completion {
	s, c := d.key(name)
	if c != nil {
		return *c
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	if err := d.erase(s); err != nil {
		return broken(err, api.Indeterminate)
	}
	if err := d.remember(name, nil); err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: err.Error()}
	}
	return sdk.Ok(nil)
}

func (d *driver) wipe(ctx context.Context) api.Completion {
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	if _, err := d.do("5031"); err != nil {
		return broken(err, api.Indeterminate)
	}
	d.mu.Lock()
	clear(d.ring.keys)
	d.havePin = false
	err := d.ring.save()
	d.mu.Unlock()
	d.env.StatusChanged()
	if err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: err.Error()}
	}
	d.env.Event(pinpad.EvInitialized, nil)
	return sdk.Ok(nil)
}
