package xfs4iot

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/drivers/sdk"
)

func padAt(t *testing.T, more map[string]any) (*provider, *sdk.Engine) {
	p := newProvider(t)
	return p, openAs(t, p, "xfs4iotpinpad", t.TempDir(), more)
}

// What the platform asks and what goes over the link, both ways.
func TestThePinPadsCommandsAreTheStandards(t *testing.T) {
	key := `"key":"TPK"`
	for _, c := range []struct {
		name, command, give, sent, answer, want string
	}{
		{"a PIN block without the check digit", pinpad.CmdGetPinBlock, `{"format":"iso0","customerData":"6225880000000001","key":"pik"}`,
			`{"cryptoMethod":"ecb","customerData":"622588000000000","format":"iso0",` + key + `,"padding":15}`, `{"pinBlock":"AQEBAQEBAQE="}`, `{"pinBlock":"AQEBAQEBAQE="}`},
		{"a key under another", pinpad.CmdImportKey, `{"key":"pik","keyAttributes":{"keyUsage":"P0","algorithm":"tripleDes"},"value":"AAAA","decryptKey":"tmk","verificationData":"AQEB"}`,
			`{"constructing":false,"decryptKey":"tmk","decryptMethod":"ecb",` + key + `,"keyAttributes":{"algorithm":"T","keyUsage":"P0","modeOfUse":"E"},"value":"AAAA","verificationData":"AQEB","verifyAttributes":{"cryptoMethod":"kcvZero"}}`,
			`{"verificationData":"AQEB","keyLength":128}`, `{"verificationData":"AQEB","keyLength":128}`},
		{"a MAC", pinpad.CmdGenerateMAC, `{"key":"pik","data":"AAAA"}`, `{"authenticationDatalength":8,"data":"AAAA",` + key + `,"padding":0}`, `{"authenticationData":"AQEB"}`, `{"authenticationData":"AQEB"}`},
		{"data", pinpad.CmdCryptoData, `{"key":"pik","modeOfUse":"E","data":"AAAA"}`, `{"cryptoMethod":"ecb","data":"AAAA",` + key + `,"modeOfUse":"E"}`, `{"data":"AQEB"}`, `{"data":"AQEB"}`},
		{"a key is deleted", pinpad.CmdDeleteKey, `{"key":"pik"}`, `{` + key + `}`, `null`, ``},
		{"the keys that are loaded", pinpad.CmdGetKeyDetail, `{}`, `{}`,
			`{"keyDetails":{"TPK":{"loaded":"yes","keyBlockInfo":{"keyUsage":"P0","algorithm":"T"}},"HALF":{"loaded":"construct"}}}`, `{"keyDetails":{"pik":{"keyAttributes":{"keyUsage":"P0","algorithm":"tripleDes"}}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, e := padAt(t, map[string]any{"keys": map[string]string{"pik": "TPK"}})
			p.set(c.command, end(c.command, "", c.answer))
			done, _ := do(t, e, "1", c.command, c.give)
			if done.Outcome != api.Done || string(done.Payload) != c.want {
				t.Errorf("%+v %s", done, done.Payload)
			}
			sent := p.sent(c.command).Payload
			if string(sent) != c.sent {
				t.Errorf("sent %s\nwant %s", sent, c.sent)
			}
			for _, problem := range xfs4iot.Check("command", c.command, sent) {
				t.Error(problem)
			}
		})
	}
}

func TestAPinEntryHasItsKeysAndNeverADigit(t *testing.T) {
	p, e := padAt(t, nil)
	p.set(pinpad.CmdPinEntry, eventFrame(pinpad.EvEnterData, "null"), eventFrame(pinpad.EvKey, `{"completion":"continue","digit":"four"}`), eventFrame(pinpad.EvKey, `{"completion":"enter"}`),
		end(pinpad.CmdPinEntry, `,"completionCode":"Success"`, `{"digits":6,"completion":"enter"}`))
	var keys []string
	c := e.Execute(t.Context(), api.Command{Op: "1", Name: pinpad.CmdPinEntry, Payload: json.RawMessage(`{"minLen":4,"maxLen":6,"X-pan":"6225880000000001","X-key":"pik"}`)}, func(ev api.Event) {
		if ev.Name == pinpad.EvKey {
			keys = append(keys, string(ev.Payload))
		}
	})
	if c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
	if d := cmp.Diff([]string{`{"completion":"continue"}`, `{"completion":"enter"}`}, keys); d != "" {
		t.Error(d)
	}
	var sent struct {
		ActiveKeys map[string]struct{ Terminate bool }
		Pan        *string `json:"X-pan"`
	}
	if err := json.Unmarshal(p.sent(pinpad.CmdPinEntry).Payload, &sent); err != nil || len(sent.ActiveKeys) != 14 || !sent.ActiveKeys["enter"].Terminate || sent.ActiveKeys["clear"].Terminate || sent.Pan != nil {
		t.Errorf("%+v %v", sent, err)
	}
}

func TestTypedDigitsAreReadWithTheirCorrections(t *testing.T) {
	p, e := padAt(t, nil)
	p.set(pinpad.CmdDataEntry, end(pinpad.CmdDataEntry, "", `{"keys":6,"pinKeys":[{"digit":"nine","completion":"continue"},{"digit":"clear"},{"digit":"one"},{"digit":"five"},{"digit":"backspace"},{"digit":"zero"},{"digit":"enter","completion":"enter"}],"completion":"enter"}`))
	if c, _ := do(t, e, "1", pinpad.CmdDataEntry, `{"maxLen":6}`); c.Outcome != api.Done || string(c.Payload) != `{"keys":2,"X-data":"10","completion":"enter"}` {
		t.Errorf("%+v %s", c, c.Payload)
	}
}

func TestWhatAServiceProviderCannotDoIsRefusedBeforeItIsAsked(t *testing.T) {
	p, e := padAt(t, nil)
	for name, c := range map[string]struct{ command, give, want string }{
		"a clear master key": {pinpad.CmdImportKey, `{"key":"tmk","keyAttributes":{"keyUsage":"K0","algorithm":"tripleDes"},"value":"AAAA"}`, pinpad.ErrAccessDenied},
		"an SM4 key":         {pinpad.CmdImportKey, `{"key":"k","keyAttributes":{"keyUsage":"P0","algorithm":"X-sm4"},"value":"AAAA","decryptKey":"tmk"}`, "algorithmNotSupported"},
		"an SM4 block":       {pinpad.CmdGetPinBlock, `{"format":"X-sm4","customerData":"1","key":"k"}`, "formatNotSupported"},
	} {
		if done, _ := do(t, e, name, c.command, c.give); done.Outcome != api.NotStarted || done.ErrorCode != c.want {
			t.Errorf("%s: %+v", name, done)
		}
		if p.sent(c.command) != nil {
			t.Errorf("%s was sent", name)
		}
	}
}

func TestALostLinkWhileAKeyIsLoadedIsIndeterminate(t *testing.T) {
	p, e := padAt(t, nil)
	p.set(pinpad.CmdImportKey, "BREAK")
	c := e.Execute(context.Background(), api.Command{Op: "1", Name: pinpad.CmdImportKey, Payload: json.RawMessage(`{"key":"k","keyAttributes":{"keyUsage":"P0","algorithm":"tripleDes"},"value":"AAAA","decryptKey":"tmk"}`)}, func(api.Event) {})
	if c.Outcome != api.Indeterminate {
		t.Errorf("%+v", c)
	}
}
