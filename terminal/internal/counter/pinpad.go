package counter

import (
	"bytes"
	"context"
	"encoding/json"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/terminal/internal/service"
)

func (c *Counter) pinpadService() *service.Service {
	return &service.Service{
		Name:         "pinpad",
		Status:       deviceStatus(c.PinPad),
		Capabilities: capabilities(c.PinPad),
		Commands: map[string]service.Command{
			pinpad.CmdPinEntry:      {Handle: c.pinEntry},
			pinpad.CmdDataEntry:     {Handle: outside(pass(c.PinPad))},
			pinpad.CmdGetPinBlock:   {Handle: c.getPinBlock},
			pinpad.CmdKeyboardReset: {Handle: pass(c.PinPad)},
			pinpad.CmdGetKeyDetail:  {Async: true, Handle: c.keyDetail},
			// Keys are changed by the platform only (sign-in, ceremony): a page or an outside
			// client that asks is refused.
			pinpad.CmdImportKey: {Async: true, Handle: denied}, pinpad.CmdDeleteKey: {Async: true, Handle: denied},
			pinpad.CmdInit: {Async: true, Handle: denied}, pinpad.CmdCryptoData: {Async: true, Handle: denied},
			pinpad.CmdStartKeyExchange: {Async: true, Handle: denied}, pinpad.CmdImportKeyToken: {Async: true, Handle: denied}, pinpad.CmdLoadCertificate: {Async: true, Handle: denied},
			pinpad.CmdExportItem: {Async: true, Handle: outside(pass(c.PinPad))}, pinpad.CmdGetCertificate: {Async: true, Handle: outside(pass(c.PinPad))},
			pinpad.CmdGenerateMAC: {Async: true, Handle: denied}, "Crypto.VerifyAuthentication": {Async: true, Handle: denied},
			"PinPad.Reset": {Handle: func(ctx context.Context, call *service.Call) api.Completion {
				return c.PinPad.Run(ctx, pinpad.CmdKeyboardReset, nil, call.Emit) // the devices know one reset
			}},
			"PinPad.MaintainPin":            {Handle: maintainPin},
			"PinPad.GetQueryPCIPTSDeviceId": {Async: true, Handle: c.deviceID},
			"KeyManagement.GenerateKCV":     {Async: true, Handle: c.checkValue},
			"Crypto.Digest":                 {Async: true, Handle: digest},
			"Crypto.GenerateRandom":         {Async: true, Handle: random},
		},
	}
}

func denied(context.Context, *service.Call) api.Completion {
	return api.Fail(api.NotStarted, pinpad.ErrAccessDenied, "keys belong to the platform")
}

// keyDetail names the keys as the standard does.
func (c *Counter) keyDetail(ctx context.Context, call *service.Call) api.Completion {
	var req struct {
		KeyName string `json:"keyName"`
	}
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	done := c.PinPad.Run(ctx, pinpad.CmdGetKeyDetail, nil, nil)
	if done.Outcome != api.Done {
		return done
	}
	var have pinpad.GetKeyDetailResult
	if err := json.Unmarshal(done.Payload, &have); err != nil {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: "the driver's keys do not decode"}
	}
	keys := map[string]any{}
	for name, k := range have.KeyDetails {
		if req.KeyName != "" && req.KeyName != name {
			continue
		}
		info := map[string]string{"keyUsage": k.KeyAttributes.KeyUsage}
		switch a := k.KeyAttributes.Algorithm; a {
		case pinpad.TripleDES:
			info["algorithm"] = "T"
		default:
			info["X-algorithm"] = a // the standard has no letter for it
		}
		keys[name] = map[string]any{"loaded": "yes", "keyBlockInfo": info}
	}
	if req.KeyName != "" && len(keys) == 0 {
		return api.Fail(api.NotStarted, pinpad.ErrKeyNotFound, "no such key is loaded")
	}
	return service.Done(map[string]any{"keyDetails": keys})
}

// pinEntry lets the customer type on the PIN pad; digits never leave it.
func (c *Counter) pinEntry(ctx context.Context, call *service.Call) api.Completion {
	var req pinpad.PinEntry
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	card, ok := c.Session.Card()
	if !ok {
		return api.Refuse(api.SequenceError, "read a card first")
	}
	req.XKey, req.XPAN = c.Link.PinKey(), card.PAN
	done := runWhenFree(ctx, c.PinPad, pinpad.CmdPinEntry, req, call.Emit)
	c.Link.Missed(done)
	return done
}

// getPinBlock encrypts what was typed. A page names a slot (current, new, confirm); the
// block stays in the platform, and of "confirm" it learns only whether it equals "new".
func (c *Counter) getPinBlock(ctx context.Context, call *service.Call) api.Completion {
	var req struct {
		Slot string `json:"X-slot"`
	}
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	s, _ := c.Session.Current()
	card, ok := c.Session.Card()
	if !ok {
		return api.Refuse(api.SequenceError, "read a card first")
	}
	keys := c.Link.Loads()                        // before: keys that come meanwhile may be those of the block or not
	done := whenFree(ctx, func() api.Completion { // the key may be a newer one by then
		return c.PinPad.Run(ctx, pinpad.CmdGetPinBlock, pinpad.GetPinBlock{Format: c.Link.PinFormat(), CustomerData: card.PAN, Key: c.Link.PinKey()}, call.Emit)
	})
	c.Link.Missed(done)
	if done.Outcome != api.Done || call.Role() == service.RoleXFS {
		return done
	}
	var out pinpad.GetPinBlockResult
	if err := json.Unmarshal(done.Payload, &out); err != nil || len(out.PinBlock) == 0 {
		return api.Completion{Outcome: api.Failed, Code: api.InternalError, Description: "the driver's PIN block does not decode"}
	}
	if req.Slot == "" {
		req.Slot = "current"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now, open := c.Session.Current(); !open || now.ID != s.ID {
		return api.Refuse(api.SequenceError, "the session has ended")
	}
	c.pins[req.Slot] = pinBlock{out.PinBlock, keys}
	if req.Slot == "confirm" {
		return service.Done(map[string]bool{"X-match": bytes.Equal(c.pins["new"].block, out.PinBlock)})
	}
	return service.Done(map[string]any{})
}
