package kmy3501

import (
	"bytes"
	"context"
	"crypto/des"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/internal/epp"
	"zhigui/drivers/sdk"
)

// work is the number of a working key.
func (d *driver) work(name string) (byte, *api.Completion) {
	n, ok := d.p.Work[name]
	if !ok {
		c := api.Fail(api.NotStarted, pinpad.ErrKeyNotFound, fmt.Sprintf("the profile has no working key %q", name))
		return 0, &c
	}
	return byte(n), nil
}

// loaded is a working key that was loaded for one of the uses. The pad keeps no uses: the
// driver's record is what keeps keys apart.
func (d *driver) loaded(name string, uses ...string) (byte, *api.Completion) {
	n, c := d.work(name)
	if c != nil {
		return 0, c
	}
	no := func(code, why string) (byte, *api.Completion) {
		c := api.Fail(api.NotStarted, code, why)
		return 0, &c
	}
	k, there := d.Loaded(name)
	if !there {
		return no(pinpad.ErrKeyNotFound, fmt.Sprintf("key %s is not loaded", name))
	}
	for _, u := range uses {
		if k.KeyAttributes.KeyUsage == u {
			return n, nil
		}
	}
	return no(pinpad.ErrUseViolation, fmt.Sprintf("key %s has usage %s", name, k.KeyAttributes.KeyUsage))
}

// with activates a working key and exchanges a command under it; nobody activates another in
// between.
func (d *driver) with(wk byte, body ...byte) ([]byte, error) {
	d.use.Lock()
	defer d.use.Unlock()
	if d.entering {
		return nil, epp.ErrBusy
	}
	return d.under(wk, body...)
}

func (d *driver) under(wk byte, body ...byte) ([]byte, error) {
	if _, err := d.do(cmdActivate, byte(d.p.Master), wk); err != nil {
		return nil, err
	}
	d.active = wk
	return d.do(body...)
}

// PinBlock implements epp.Maker.
func (d *driver) PinBlock(r pinpad.GetPinBlock) api.Completion {
	wk, c := d.loaded(r.Key, pinpad.UsePIN)
	if c != nil {
		return *c
	}
	if r.Format != "iso0" {
		return api.Refuse(api.UnsupportedData, "this pad makes blocks of format iso0")
	}
	if _, err := epp.PAN12(r.CustomerData); err != nil {
		return sdk.BadPayload(err)
	}
	switch e := d.Entered(); {
	case e == nil:
		return api.Fail(api.NotStarted, pinpad.ErrNoPin, "no PIN has been entered")
	case *e != epp.Bound{Key: r.Key, PAN: r.CustomerData}:
		return api.Fail(api.NotStarted, pinpad.ErrAccessDenied, "the PIN was entered for another key or account")
	}
	d.use.Lock()
	defer d.use.Unlock()
	if d.active != wk { // a MAC was made in between
		if _, err := d.do(cmdActivate, byte(d.p.Master), wk); err != nil {
			return d.Broken(err, api.Failed)
		}
		d.active = wk
	}
	data, err := d.do(cmdPin)
	if err != nil {
		return d.Broken(err, api.Failed)
	}
	return sdk.Ok(pinpad.GetPinBlockResult{PinBlock: data})
}

// MAC implements epp.Maker.
func (d *driver) MAC(r pinpad.GenerateMAC) api.Completion {
	wk, c := d.loaded(r.Key, pinpad.UseMAC, "M0")
	if c != nil {
		return *c
	}
	if len(r.Data) == 0 || len(r.Data) > d.p.MacMax {
		return api.Refuse(api.InvalidData, fmt.Sprintf("MAC data must have 1 to %d bytes", d.p.MacMax))
	}
	out, err := d.with(wk, append([]byte{cmdMAC}, r.Data...)...)
	if err != nil {
		return d.Broken(err, api.Failed)
	}
	return sdk.Ok(pinpad.GenerateMACResult{AuthenticationData: out})
}

// Cipher implements epp.Maker.
func (d *driver) Cipher(r pinpad.CryptoData) api.Completion {
	wk, c := d.loaded(r.Key, pinpad.UseData)
	if c != nil {
		return *c
	}
	if len(r.Data) == 0 || len(r.Data)%8 != 0 || len(r.Data) > 248 {
		return api.Refuse(api.InvalidData, "data must be whole blocks of 8 bytes, 248 at most")
	}
	if r.ModeOfUse != "E" && r.ModeOfUse != "D" {
		return api.Refuse(api.InvalidData, "modeOfUse must be E or D")
	}
	cmd := byte(cmdEncrypt)
	if r.ModeOfUse == "D" {
		cmd = cmdDecrypt
	}
	out, err := d.with(wk, append([]byte{cmd}, r.Data...)...)
	if err != nil {
		return d.Broken(err, api.Failed)
	}
	return sdk.Ok(pinpad.CryptoDataResult{Data: out})
}

var workUses = map[string]bool{pinpad.UsePIN: true, pinpad.UseMAC: true, "M0": true, pinpad.UseData: true}

// ImportKey implements epp.Maker.
func (d *driver) ImportKey(ctx context.Context, r pinpad.ImportKey) api.Completion {
	master := r.Key == masterName
	wk, c := byte(0), (*api.Completion)(nil)
	if !master {
		if wk, c = d.work(r.Key); c != nil {
			return *c
		}
	}
	switch use := r.KeyAttributes.KeyUsage; {
	case master != (use == pinpad.UseKEK) || !master && !workUses[use]:
		return api.Fail(api.NotStarted, pinpad.ErrUseViolation, fmt.Sprintf("key %s cannot have usage %q", r.Key, use))
	case r.KeyAttributes.Algorithm != pinpad.TripleDES:
		return api.Fail(api.NotStarted, pinpad.ErrUseViolation, "this pad has tripleDes keys only")
	case len(r.Value) != 16:
		return api.Fail(api.NotStarted, pinpad.ErrInvalidKeyLen, "this pad takes keys of 16 bytes")
	case len(r.VerificationData) > 0 && len(r.VerificationData) < 3:
		return api.Refuse(api.InvalidData, "verificationData must have at least 3 bytes")
	case master && r.DecryptKey != "":
		return api.Fail(api.NotStarted, pinpad.ErrUseViolation, "this pad takes its master key in the clear only")
	case !master && r.DecryptKey == "":
		return api.Fail(api.NotStarted, pinpad.ErrAccessDenied, "a clear working key is not taken")
	case !master && r.DecryptKey != masterName:
		return api.Fail(api.NotStarted, pinpad.ErrKeyNotFound, fmt.Sprintf("the profile has no master key %q", r.DecryptKey))
	}
	if master {
		if c := d.MayLoadClear(d.p.AllowClearMaster, masterName); c != nil {
			return *c
		}
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	d.use.Lock()
	defer d.use.Unlock()
	d.ForgetPin() // another key is activated for the check value
	var kcv []byte
	var err error
	if master {
		kcv, err = d.loadMaster(r.Value)
	} else {
		kcv, err = d.loadWork(wk, r.Value)
	}
	switch {
	case errors.Is(err, errNotProven):
		d.Forget(r.Key)
		return api.Fail(api.Failed, pinpad.ErrContent, err.Error())
	case err != nil:
		d.Forget(r.Key)
		return d.Broken(err, api.Indeterminate)
	}
	return d.Import(r, kcv, func() {
		if !master {
			_ = d.overwrite(wk)
		}
	})
}

// loadWork loads an encrypted working key and asks the pad for its check value: a zero block
// under it.
func (d *driver) loadWork(wk byte, value []byte) ([]byte, error) {
	if _, err := d.do(append([]byte{cmdWork, byte(d.p.Master), wk}, value...)...); err != nil {
		return nil, err
	}
	return d.under(wk, append([]byte{cmdEncrypt}, make([]byte, 8)...)...)
}

var errNotProven = errors.New("the pad did not prove that it holds the master key")

// loadMaster loads a clear master key. The pad has no check value for it: a random working key
// is loaded under it, and the pad's answer under that one proves the master key.
func (d *driver) loadMaster(value []byte) ([]byte, error) {
	b, err := des.NewTripleDESCipher(append(append([]byte{}, value...), value[:8]...))
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	kcv, test, under := make([]byte, 8), make([]byte, 16), make([]byte, 16)
	b.Encrypt(kcv, kcv)
	_, _ = rand.Read(test) // never fails since Go 1.24
	b.Encrypt(under[:8], test[:8])
	b.Encrypt(under[8:], test[8:])
	t, err := des.NewTripleDESCipher(append(append([]byte{}, test...), test[:8]...))
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	want := make([]byte, 8)
	t.Encrypt(want, want)
	if _, err := d.do(append([]byte{cmdMaster, byte(d.p.Master)}, value...)...); err != nil {
		return nil, err
	}
	got, err := d.loadWork(byte(d.p.Scratch), under)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(got, want) {
		return nil, errNotProven
	}
	return kcv, nil
}

// overwrite puts a random key in the place of a working key: the pad cannot erase one.
func (d *driver) overwrite(wk byte) error {
	noise := make([]byte, 16)
	_, _ = rand.Read(noise)
	_, err := d.do(append([]byte{cmdWork, byte(d.p.Master), wk}, noise...)...)
	return err
}

// Eraser implements epp.Maker.
func (d *driver) Eraser(name string) (func() error, *api.Completion) {
	if name == masterName {
		c := api.Fail(api.NotStarted, pinpad.ErrAccessDenied, "the master key is cleared by Initialization only")
		return nil, &c
	}
	wk, c := d.work(name)
	return func() error { return d.overwrite(wk) }, c
}

// Wipe implements epp.Maker.
func (d *driver) Wipe() error {
	how, _ := hex.DecodeString(d.p.Wipe) // readProfile has tried it
	_, err := d.do(append([]byte{cmdReset}, how...)...)
	return err
}
