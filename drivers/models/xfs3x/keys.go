package xfs3x

import (
	"context"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/sdk"
)

// PIN pads (XFSPIN.H).
const (
	pinStatus    = pin + 1
	pinDetail    = pin + 4
	pinImport    = pin + 3
	pinGetPIN    = pin + 5
	pinGetBlock  = pin + 7
	pinInit      = pin + 9
	pinReset     = pin + 18
	pinKey       = pin + 1
	pinReady     = pin + 2
	pinEnterData = pin + 8
)

// Keys that are active in PIN entry, and those that end it: enter and cancel.
const (
	digits    = 0x000003FF
	enterKey  = 0x00000400
	cancelKey = 0x00000800
	clearKey  = 0x00001000
	backKey   = 0x00002000
)

var (
	pinStates     = []string{"ready", "notReady", "notInitialized", "busy", "undefined", "initialized", "pinTampered"}
	pinEnds       = map[uint16]string{0: "auto", 1: "enter", 2: "cancel", 6: "continue", 7: "clear", 8: "backspace", 9: "fdk", 10: "help", 11: "fk", 12: "contFdk"}
	pinFormats    = map[string]uint16{"iso0": 0x0004, "iso1": 0x0008, "iso3": 0x2000, "ansi": 0x0002}
	pinUses       = map[string]uint16{pinpad.UseKEK: 0x0020, pinpad.UsePIN: 0x0002, pinpad.UseMAC: 0x0004, pinpad.UseData: 0x0001}
	pinUsesByName = []string{pinpad.UseKEK, pinpad.UsePIN, pinpad.UseMAC, pinpad.UseData}
)

// pinState is the part of WFSPINSTATUS that 3.00 has.
type pinState struct{ Device, Encryption uint16 }

func readPINStatus(m memory, l layout, addr uint64) (pinState, error) {
	c := walk(m, l, addr)
	s := pinState{Device: c.u16(), Encryption: c.u16()}
	return s, *c.err
}

// getPIN is a WFSPINGETPIN.
func getPIN(l layout, r pinpad.PinEntry) *block {
	k := &block{l: l}
	k.u16(uint16(r.MinLen))
	k.u16(uint16(r.MaxLen))
	k.flag(r.AutoEnd)
	k.u8('*') // cEcho
	k.u32(0)  // ulActiveFDKs
	k.u32(digits | enterKey | cancelKey | clearKey | backKey)
	k.u32(0) // ulTerminateFDKs
	k.u32(enterKey | cancelKey)
	return k
}

// readEntry is a WFSPINENTRY.
func readEntry(m memory, l layout, addr uint64) (pinpad.PinEntryResult, error) {
	c := walk(m, l, addr)
	r := pinpad.PinEntryResult{Digits: int(c.u16()), Completion: pinEnds[c.u16()]}
	return r, *c.err
}

// pinBlock is a WFSPINBLOCK. The customer's data are sensitive.
func pinBlock(l layout, format uint16, padding byte, customer, key string) *block {
	k := &block{l: l}
	data := k.ptr()
	k.ptr() // lpsXORData
	k.u8(padding)
	k.u16(format)
	name := k.ptr()
	k.ptr() // lpsKeyEncKey
	k.text(data, customer)
	k.text(name, key)
	return k
}

// importKey is a WFSPINIMPORT.
func importKey(l layout, key, under string, value []byte, use uint16) *block {
	k := &block{l: l}
	name, enc := k.ptr(), k.ptr()
	k.ptr() // lpxIdent
	data := k.ptr()
	k.u16(use)
	k.text(name, key)
	k.text(enc, under)
	k.xdata(data, value)
	return k
}

// initialization is a WFSPININIT without identification and key.
func initialization(l layout) *block {
	k := &block{l: l}
	k.ptr()
	k.ptr()
	return k
}

// readXData is a WFSXDATA; NULL is no data.
func readXData(m memory, l layout, addr uint64) ([]byte, error) {
	if addr == 0 {
		return nil, nil
	}
	c := walk(m, l, addr)
	n := c.u16()
	data := c.data(uint32(n), c.ptr())
	return data, *c.err
}

// keyDetail is the part of WFSPINKEYDETAIL that 3.00 has.
type keyDetail struct {
	Name   string
	Use    uint16
	Loaded bool
}

func readKeys(m memory, l layout, addr uint64) (out []keyDetail, err error) {
	c := walk(m, l, addr)
	for _, p := range c.list(addr) {
		e := c.there(p)
		out = append(out, keyDetail{e.text(), e.u16(), e.u32() != 0})
	}
	return out, *c.err
}

var pinCommands = map[string]api.Motion{
	pinpad.CmdPinEntry: api.Wait, pinpad.CmdGetPinBlock: api.Wait, pinpad.CmdImportKey: api.ChangesKey, pinpad.CmdInit: api.ChangesKey,
	pinpad.CmdGetKeyDetail: api.Wait, pinpad.CmdKeyboardReset: api.Wait,
}

type keys struct{}

func (keys) capabilities(_ *profile) map[string]any {
	return map[string]any{"pinPad": map[string]any{"pinFormats": map[string]bool{"iso0": true, "iso1": true, "iso3": true, "ansi": true}}}
}

func (keys) status(d *driver, m memory, r result) (map[string]any, map[string]int, error) {
	s, err := readPINStatus(m, d.s.layout(), r.buffer)
	return map[string]any{"common": map[string]any{"device": pick(devices, s.Device)},
		"keyManagement": pinpad.Status{EncryptionState: pick(pinStates, s.Encryption)}}, nil, err
}

func (keys) event(d *driver, k kind, r result, m memory) (name string, payload any) {
	switch {
	case k == onExecute && r.command == pinEnterData:
		return pinpad.EvEnterData, nil
	case k == onExecute && r.command == pinKey: // WFSPINKEY: how the key counts; its digit is not looked at
		c := walk(m, d.s.layout(), r.buffer)
		return pinpad.EvKey, pinpad.KeyEvent{Completion: pinEnds[c.u16()]}
	case k == onService && r.command == pinReady:
		return pinpad.EvInitialized, nil
	}
	return "", nil
}

func (keys) execute(ctx context.Context, d *driver, cmd api.Command) api.Completion {
	l := d.s.layout()
	switch cmd.Name {
	case pinpad.CmdPinEntry:
		return sdk.Decoded(cmd, func(r pinpad.PinEntry) api.Completion {
			if r.MinLen < 0 || r.MaxLen < 0 || r.MinLen > 12 || r.MaxLen > 12 {
				return api.Refuse(api.InvalidData, "PinEntry: minLen and maxLen are 0 to 12")
			}
			d.note(pinpad.EvEnterData, onExecute) // service providers before 3.10 have no such event
			return d.do(ctx, cmd, pinGetPIN, getPIN(l, r), func(a result, m memory) (any, error) { return readEntry(m, l, a.buffer) })
		})
	case pinpad.CmdGetPinBlock:
		return sdk.Decoded(cmd, func(r pinpad.GetPinBlock) api.Completion {
			format, ok := pinFormats[r.Format]
			if !ok {
				return api.Refuse(api.UnsupportedData, "GetPinBlock: XFS 3 has no such format")
			}
			in := pinBlock(l, format, byte(d.p.Padding), d.p.customerData(r.CustomerData), d.p.key(r.Key))
			return d.do(ctx, cmd, pinGetBlock, in, func(a result, m memory) (any, error) {
				b, err := readXData(m, l, a.buffer)
				return pinpad.GetPinBlockResult{PinBlock: b}, err
			})
		})
	case pinpad.CmdImportKey:
		return sdk.Decoded(cmd, func(r pinpad.ImportKey) api.Completion { return importing(ctx, d, cmd, r) })
	case pinpad.CmdInit:
		return d.do(ctx, cmd, pinInit, initialization(l), nil)
	case pinpad.CmdKeyboardReset:
		return d.do(ctx, cmd, pinReset, nil, nil)
	case pinpad.CmdGetKeyDetail:
		return keyDetails(ctx, d)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

// customerData are the twelve digits of a PAN before its check digit, which formats 0 and 3 take,
// or the whole PAN.
func (p *profile) customerData(pan string) string {
	if p.Customer == "pan" || len(pan) < 13 {
		return pan
	}
	return pan[len(pan)-13 : len(pan)-1]
}

func importing(ctx context.Context, d *driver, cmd api.Command, r pinpad.ImportKey) api.Completion {
	use, ok := pinUses[r.KeyAttributes.KeyUsage]
	switch {
	case !ok || r.KeyAttributes.Algorithm != pinpad.TripleDES:
		return api.Refuse(api.UnsupportedData, "ImportKey: usage K0, P0, M3 or D0, algorithm tripleDes")
	case r.Key == "" || len(r.Value) == 0:
		return api.Refuse(api.InvalidData, "ImportKey: key or value is missing")
	case r.DecryptKey == "":
		return api.Refuse(api.UnsupportedData, "ImportKey: a key in the clear")
	}
	in := importKey(d.s.layout(), d.p.key(r.Key), d.p.key(r.DecryptKey), r.Value, use)
	c := d.do(ctx, cmd, pinImport, in, func(a result, m memory) (any, error) {
		kcv, err := readXData(m, d.s.layout(), a.buffer)
		if err == nil && len(kcv) > 0 && len(r.VerificationData) > 0 && string(kcv[:min(3, len(kcv))]) != string(r.VerificationData[:min(3, len(r.VerificationData))]) {
			err = errCheckValue
		}
		return pinpad.ImportKeyResult{VerificationData: kcv, KeyLength: 8 * len(r.Value)}, err
	})
	if c.Description == errCheckValue.Error() {
		return api.Fail(api.Failed, pinpad.ErrContent, c.Description)
	}
	return c
}

func keyDetails(ctx context.Context, d *driver) api.Completion {
	out := pinpad.GetKeyDetailResult{KeyDetails: map[string]pinpad.KeyDetail{}}
	err := d.ask(ctx, pinDetail, nil, func(r result, m memory) error {
		list, err := readKeys(m, d.s.layout(), r.buffer)
		for _, k := range list {
			for _, use := range pinUsesByName {
				if k.Loaded && k.Use&pinUses[use] != 0 {
					out.KeyDetails[d.p.name(k.Name)] = pinpad.KeyDetail{KeyAttributes: pinpad.KeyAttributes{KeyUsage: use, Algorithm: pinpad.TripleDES}}
				}
			}
		}
		return err
	})
	if err != nil {
		return api.Refuse(api.HardwareError, err.Error())
	}
	return sdk.Ok(out)
}
