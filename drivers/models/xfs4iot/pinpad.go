package xfs4iot

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/sdk"
)

// pad translates between the platform's PIN pad and the standard's: names of keys, key
// attributes, the keys that end an entry. No PIN and no clear key goes through it.
type pad struct{ *driver }

var pinpadCommands = map[string]api.Motion{
	pinpad.CmdPinEntry: api.Wait, pinpad.CmdDataEntry: api.Wait, pinpad.CmdKeyboardReset: api.Wait, pinpad.CmdGetPinBlock: api.Wait,
	pinpad.CmdGenerateMAC: api.Wait, pinpad.CmdCryptoData: api.Wait, pinpad.CmdGetKeyDetail: api.Still,
	pinpad.CmdImportKey: api.ChangesKey, pinpad.CmdDeleteKey: api.ChangesKey, pinpad.CmdInit: api.ChangesKey,
}

func newPinpad(d *driver) sdk.Driver { return &pad{driver: d} }

var digitNames = []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}

// active are the keys of an entry: all digits, and those that end or mend it.
func active() map[string]any {
	out := map[string]any{}
	for _, k := range digitNames {
		out[k] = map[string]bool{"terminate": false}
	}
	for k, ends := range map[string]bool{"enter": true, "cancel": true, "clear": false, "backspace": false} {
		out[k] = map[string]bool{"terminate": ends}
	}
	return out
}

// algorithms and modes of use of X9.143 for our key attributes.
var algorithms = map[string]string{pinpad.TripleDES: "T"}

var modes = map[string]string{pinpad.UseKEK: "D", pinpad.UsePIN: "E", pinpad.UseMAC: "G", "M0": "G", pinpad.UseData: "B"}

func (x *pad) key(name string) string {
	if n := x.p.Keys[name]; n != "" {
		return n
	}
	return name
}

// Execute implements sdk.Driver.
func (x *pad) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	run := func(payload any) api.Completion {
		cmd.Payload, _ = json.Marshal(payload)
		return x.run(ctx, cmd, emit)
	}
	switch cmd.Name {
	case pinpad.CmdPinEntry:
		var r pinpad.PinEntry
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		pass := emit
		emit = func(ev api.Event) {
			if ev.Name == pinpad.EvKey {
				ev.Payload = withoutDigit(ev.Payload)
			}
			pass(ev)
		}
		return run(map[string]any{"minLen": r.MinLen, "maxLen": r.MaxLen, "autoEnd": r.AutoEnd, "activeKeys": active()})
	case pinpad.CmdDataEntry:
		return x.data(cmd, run)
	case pinpad.CmdGetPinBlock:
		return x.block(cmd, run)
	case pinpad.CmdImportKey:
		return x.load(cmd, run)
	case pinpad.CmdGenerateMAC:
		return sdk.Decoded(cmd, func(r pinpad.GenerateMAC) api.Completion {
			return run(map[string]any{"key": x.key(r.Key), "data": r.Data, "padding": 0, "authenticationDatalength": 8})
		})
	case pinpad.CmdCryptoData:
		return sdk.Decoded(cmd, func(r pinpad.CryptoData) api.Completion {
			return run(map[string]any{"key": x.key(r.Key), "modeOfUse": r.ModeOfUse, "cryptoMethod": "ecb", "data": r.Data})
		})
	case pinpad.CmdDeleteKey:
		var r struct{ Key string }
		if err := sdk.Decode(cmd, &r); err != nil {
			return sdk.BadPayload(err)
		}
		return run(map[string]any{"key": x.key(r.Key)})
	case pinpad.CmdGetKeyDetail:
		return x.detail(run(map[string]any{}))
	}
	return x.driver.Execute(ctx, cmd, emit)
}

// withoutDigit keeps what ended or mended the entry; a digit has no business in an event of a
// PIN, whoever sends it.
func withoutDigit(p json.RawMessage) json.RawMessage {
	var k pinpad.KeyEvent
	_ = json.Unmarshal(p, &k)
	b, _ := json.Marshal(pinpad.KeyEvent{Completion: k.Completion})
	return b
}

func (x *pad) data(cmd api.Command, run func(any) api.Completion) api.Completion {
	var r pinpad.DataEntry
	if err := sdk.Decode(cmd, &r); err != nil {
		return sdk.BadPayload(err)
	}
	done := run(map[string]any{"maxLen": r.MaxLen, "autoEnd": r.AutoEnd, "activeKeys": active()})
	if done.Outcome != api.Done {
		return done
	}
	var theirs struct {
		PinKeys    []struct{ Digit string }
		Completion string
	}
	if err := json.Unmarshal(done.Payload, &theirs); err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: "the service provider's keys do not decode"}
	}
	out := pinpad.DataEntryResult{Completion: theirs.Completion}
	for _, k := range theirs.PinKeys {
		switch i := slices.Index(digitNames, k.Digit); {
		case i >= 0:
			out.Data += string(rune('0' + i))
		case k.Digit == "clear":
			out.Data = ""
		case k.Digit == "backspace" && out.Data != "":
			out.Data = out.Data[:len(out.Data)-1]
		}
	}
	out.Keys = len(out.Data)
	return sdk.With(done, out)
}

func (x *pad) block(cmd api.Command, run func(any) api.Completion) api.Completion {
	var r pinpad.GetPinBlock
	if err := sdk.Decode(cmd, &r); err != nil {
		return sdk.BadPayload(err)
	}
	if strings.HasPrefix(r.Format, "X-") {
		return api.Fail(api.NotStarted, "formatNotSupported", "the standard has no format "+r.Format)
	}
	pan := r.CustomerData
	if x.p.PAN == "withoutCheck" && len(pan) > 1 {
		pan = pan[:len(pan)-1]
	}
	return run(map[string]any{"customerData": pan, "padding": x.p.PinFiller, "format": r.Format, "key": x.key(r.Key), "cryptoMethod": "ecb"})
}

func (x *pad) load(cmd api.Command, run func(any) api.Completion) api.Completion {
	var r pinpad.ImportKey
	if err := sdk.Decode(cmd, &r); err != nil {
		return sdk.BadPayload(err)
	}
	algorithm, mode := algorithms[r.KeyAttributes.Algorithm], modes[r.KeyAttributes.KeyUsage]
	switch {
	case algorithm == "" || mode == "":
		return api.Fail(api.NotStarted, "algorithmNotSupported", "the standard has no such key")
	case r.DecryptKey == "":
		return api.Fail(api.NotStarted, pinpad.ErrAccessDenied, "a master key is loaded by the service provider's own ceremony, never through this link")
	}
	ask := map[string]any{"key": x.key(r.Key), "value": r.Value, "constructing": false, "decryptKey": x.key(r.DecryptKey), "decryptMethod": "ecb",
		"keyAttributes": map[string]string{"keyUsage": r.KeyAttributes.KeyUsage, "algorithm": algorithm, "modeOfUse": mode}}
	if len(r.VerificationData) > 0 {
		ask["verificationData"], ask["verifyAttributes"] = r.VerificationData, map[string]string{"cryptoMethod": "kcvZero"}
	}
	return run(ask)
}

// detail gives the keys that are loaded, by our names.
func (x *pad) detail(done api.Completion) api.Completion {
	if done.Outcome != api.Done {
		return done
	}
	var theirs struct {
		KeyDetails map[string]struct {
			Loaded       string
			KeyBlockInfo struct{ KeyUsage, Algorithm string }
		}
	}
	if err := json.Unmarshal(done.Payload, &theirs); err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: "the service provider's keys do not decode"}
	}
	out := pinpad.GetKeyDetailResult{KeyDetails: map[string]pinpad.KeyDetail{}}
	for name, k := range theirs.KeyDetails {
		if k.Loaded != "" && k.Loaded != "yes" {
			continue
		}
		for ours, n := range x.p.Keys {
			if n == name {
				name = ours
			}
		}
		a := k.KeyBlockInfo.Algorithm
		for ours, n := range algorithms {
			if n == a {
				a = ours
			}
		}
		out.KeyDetails[name] = pinpad.KeyDetail{KeyAttributes: pinpad.KeyAttributes{KeyUsage: k.KeyBlockInfo.KeyUsage, Algorithm: a}}
	}
	return sdk.With(done, out)
}
