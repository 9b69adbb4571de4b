package epp

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"strings"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/internal/record"
	"zhigui/drivers/sdk"
)

// Execute implements sdk.Driver.
func (p *Pad) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case pinpad.CmdPinEntry:
		return sdk.Decoded(cmd, func(r pinpad.PinEntry) api.Completion { return p.pinEntry(ctx, r, emit) })
	case pinpad.CmdDataEntry:
		return sdk.Decoded(cmd, func(r pinpad.DataEntry) api.Completion { return p.dataEntry(ctx, r, emit) })
	case pinpad.CmdGetPinBlock:
		return sdk.Decoded(cmd, p.o.PinBlock)
	case pinpad.CmdGenerateMAC:
		return sdk.Decoded(cmd, p.o.MAC)
	case pinpad.CmdCryptoData:
		return sdk.Decoded(cmd, p.o.Cipher)
	case pinpad.CmdImportKey:
		return sdk.Decoded(cmd, func(r pinpad.ImportKey) api.Completion { return p.o.ImportKey(ctx, r) })
	case pinpad.CmdDeleteKey:
		return sdk.Decoded(cmd, func(r struct {
			Key string `json:"key"`
		}) api.Completion {
			return p.deleteKey(ctx, r.Key)
		})
	case pinpad.CmdStartKeyExchange:
		return sdk.Decoded(cmd, func(r pinpad.StartKeyExchange) api.Completion { return p.remote(r.Key, p.startKeyExchange) })
	case pinpad.CmdExportItem:
		return sdk.Decoded(cmd, func(r pinpad.ExportItem) api.Completion {
			if r.ExportItemType != "deviceId" {
				return api.Refuse(api.UnsupportedData, "exportItemType: deviceId")
			}
			return p.remote(r.Key, func(z Zone) api.Completion { return p.exportItem(r.Key, z) })
		})
	case pinpad.CmdGetCertificate:
		return sdk.Decoded(cmd, func(r pinpad.GetCertificate) api.Completion {
			return p.remote(r.Key, func(z Zone) api.Completion { return p.getCertificate(r, z) })
		})
	case pinpad.CmdLoadCertificate:
		return sdk.Decoded(cmd, func(r pinpad.LoadCertificate) api.Completion {
			return p.remote(r.Key, func(z Zone) api.Completion { return p.loadCertificate(ctx, r, z) })
		})
	case pinpad.CmdImportKeyToken:
		return sdk.Decoded(cmd, func(r pinpad.ImportKeyToken) api.Completion {
			return p.remote(r.Key, func(z Zone) api.Completion { return p.importToken(ctx, r, z) })
		})
	case pinpad.CmdGetKeyDetail:
		p.mu.Lock()
		defer p.mu.Unlock()
		return sdk.Ok(pinpad.GetKeyDetailResult{KeyDetails: maps.Clone(p.loaded)})
	case pinpad.CmdInit:
		return p.wipe(ctx)
	case pinpad.CmdKeyboardReset:
		if err := p.o.Reset(); err != nil {
			return p.Broken(err, api.Failed)
		}
		p.ForgetPin()
		return sdk.Ok(nil)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

// Loaded is what is known of a key.
func (p *Pad) Loaded(name string) (pinpad.KeyDetail, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k, ok := p.loaded[name]
	return k, ok
}

// Forget takes a key out of the record.
func (p *Pad) Forget(name string) { _ = p.remember(name, nil) }

func (p *Pad) remember(name string, detail *pinpad.KeyDetail) error {
	p.mu.Lock()
	if detail == nil {
		delete(p.loaded, name)
	} else {
		p.loaded[name] = *detail
	}
	err := record.Save(p.file(), p.loaded)
	p.mu.Unlock()
	p.o.Env.StatusChanged()
	return err
}

// Import ends an import: the pad's check value proves the key, or undo destroys it.
func (p *Pad) Import(r pinpad.ImportKey, kcv []byte, undo func()) api.Completion {
	if !bytes.HasPrefix(kcv, r.VerificationData) {
		p.Forget(r.Key)
		undo()
		return api.Fail(api.Failed, pinpad.ErrContent, "the check value differs; the key was destroyed or is not used")
	}
	if err := p.remember(r.Key, &pinpad.KeyDetail{KeyAttributes: r.KeyAttributes, KCV: kcv[:3]}); err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: err.Error()}
	}
	return sdk.Ok(pinpad.ImportKeyResult{VerificationData: kcv, KeyLength: 8 * len(r.Value)})
}

// MayLoadClear allows a clear key in the first installation only: where the profile allows it,
// and none of these keys is loaded.
func (p *Pad) MayLoadClear(allowed bool, masters ...string) *api.Completion {
	no := func(why string) *api.Completion {
		c := api.Fail(api.NotStarted, pinpad.ErrAccessDenied, why)
		return &c
	}
	if !allowed {
		return no("a clear key is not taken (profile allowClearMaster, master keys only)")
	}
	for _, m := range masters {
		if _, there := p.Loaded(m); there {
			return no("the pad holds a master key already; initialise it first")
		}
	}
	return nil
}

func (p *Pad) deleteKey(ctx context.Context, name string) api.Completion {
	erase, c := p.o.Eraser(name)
	if c != nil {
		return *c
	}
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	if err := erase(); err != nil {
		return p.Broken(err, api.Indeterminate)
	}
	if err := p.remember(name, nil); err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: err.Error()}
	}
	return sdk.Ok(nil)
}

func (p *Pad) wipe(ctx context.Context) api.Completion {
	if err := sdk.Moving(ctx); err != nil {
		return api.Refuse(api.InternalError, err.Error())
	}
	if err := p.o.Wipe(); err != nil {
		return p.Broken(err, api.Indeterminate)
	}
	p.mu.Lock()
	clear(p.loaded)
	p.entered = nil
	err := record.Save(p.file(), p.loaded)
	p.mu.Unlock()
	if err == nil {
		err = p.prepare()
	}
	p.o.Env.StatusChanged()
	if err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: err.Error()}
	}
	p.o.Env.Event(pinpad.EvInitialized, nil)
	return sdk.Ok(nil)
}

// PAN12 are the twelve digits before the check digit.
func PAN12(pan string) (string, error) {
	if len(pan) < 13 || len(pan) > 19 || strings.Trim(pan, "0123456789") != "" {
		return "", errors.New("customerData must be an account number of 13 to 19 digits")
	}
	return pan[len(pan)-13 : len(pan)-1], nil
}
