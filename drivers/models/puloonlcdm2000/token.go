package puloonlcdm2000

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/internal/puloon"
	"zhigui/drivers/sdk"
)

// trust is what the device said of its end-to-end security, with mu held.
type trust struct {
	known, key, nonce bool
}

const partLen = 48 // characters of a token in one frame

// verdicts of the extension as completions.
var verdicts = map[byte]api.Completion{
	'F': api.Refuse(api.InvalidTokenFormat, "the device cannot read the token"),
	'K': api.Refuse(api.InvalidTokenKeyNoValue, "a key of the token has no value"),
	'N': api.Refuse(api.NoCommandNonce, "the device has no command nonce"),
	'M': api.Refuse(api.InvalidTokenNonce, "the token is for another nonce than the device's"),
	'H': api.Refuse(api.InvalidTokenHMAC, "the token is not the host's"),
	'D': api.Refuse(api.InvalidToken, "another token is in use for this nonce"),
	'U': api.Refuse(api.InvalidToken, "the token authorises nothing that the device pays"),
	'V': api.Refuse(api.InvalidToken, "the token does not authorise this value"),
	'X': api.Refuse(api.UnsupportedCommand, "no key is loaded into the device"),
}

var errNone = api.Refuse(api.UnsupportedCommand, "the device has no end-to-end security")

// verdict reads the first byte of an answer.
func verdict(data []byte) *api.Completion {
	if len(data) > 0 && data[0] == '0' {
		return nil
	}
	if len(data) > 0 {
		if c, ok := verdicts[data[0]]; ok {
			return &c
		}
	}
	c := api.Refuse(api.HardwareError, puloon.ErrLayout.Error())
	return &c
}

// show gives the device the token of the dispense that follows. Nothing moves by it.
func (d *driver) show(token string) *api.Completion {
	if token == "" {
		return nil
	}
	if !d.p.EndToEnd {
		c := api.Refuse(api.UnsupportedData, "the device has no end-to-end security: no token is taken")
		return &c
	}
	if len(token) > 1024 {
		c := verdicts['F']
		return &c
	}
	of := (len(token) + partLen - 1) / partLen
	var err error
	for range max(d.p.Retries, 1) { // a part that was not answered makes all parts new
		err = nil
		var data []byte
		for n := 0; n < of && err == nil; n++ {
			part := token[n*partLen : min((n+1)*partLen, len(token))]
			if data, err = d.Link().Ask(cmdToken, 1, fmt.Appendf(nil, "%02d%02d%s", n+1, of, part)...); err == nil {
				if c := verdict(data); c != nil {
					return c
				}
			}
		}
		if err == nil {
			return nil
		}
	}
	c := api.Refuse(api.DeviceNotReady, err.Error())
	return &c
}

// Execute implements sdk.Driver.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case cash.CmdGetCommandNonce, cash.CmdClearCommandNonce, cash.CmdGetPresentStatus:
		return d.secure(cmd)
	}
	return d.Dispenser.Execute(ctx, cmd, emit)
}

// Status implements sdk.Driver.
func (d *driver) Status() map[string]any {
	out := d.Dispenser.Status()
	d.mu.Lock()
	defer d.mu.Unlock()
	if common, ok := out["common"].(map[string]any); ok && d.p.EndToEnd && d.trust.known {
		common["endToEndSecurity"] = map[bool]string{true: "enforced", false: "notConfigured"}[d.trust.key]
	}
	return out
}

// secure runs the commands that move nothing.
func (d *driver) secure(cmd api.Command) api.Completion {
	if !d.p.EndToEnd {
		return errNone
	}
	defer d.Take(ms(d.p.ReplyMs))()
	switch cmd.Name {
	case cash.CmdGetCommandNonce:
		return d.nonce()
	case cash.CmdClearCommandNonce:
		data, err := d.Link().Ask(cmdForget, d.p.Retries)
		if err != nil {
			return api.Refuse(api.DeviceNotReady, err.Error())
		}
		if c := verdict(data); c != nil {
			return *c
		}
		d.lookTrust()
		return sdk.Ok(nil)
	}
	return sdk.Decoded(cmd, func(r cash.PresentStatus) api.Completion { return d.presentStatus(r.Nonce) })
}

var nonceForm = regexp.MustCompile(`^[0-9A-F]{32}$`)

func (d *driver) nonce() api.Completion {
	data, err := d.Link().Ask(cmdNonce, d.p.Retries)
	if err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	if c := verdict(data); c != nil {
		return *c
	}
	if !nonceForm.Match(data[1:]) {
		return api.Refuse(api.HardwareError, puloon.ErrLayout.Error())
	}
	d.mu.Lock()
	d.trust = trust{known: true, key: true, nonce: true}
	d.mu.Unlock()
	d.env.StatusChanged()
	return sdk.Ok(cash.CommandNonce{CommandNonce: string(data[1:])})
}

var hostNonce = regexp.MustCompile(`^([0-9A-F]{32}|[0-9]{1,32})$`)

// presentStatus fetches what the device signs for the host's nonce.
func (d *driver) presentStatus(nonce string) api.Completion {
	if !hostNonce.MatchString(nonce) {
		return api.Refuse(api.InvalidData, "nonce: 32 hexadecimal digits or a number of up to 32 digits")
	}
	token, of := "", 1
	for n := 1; n <= of; n++ {
		ask := fmt.Appendf(nil, "%02d", n)
		if n == 1 {
			ask = append(ask, nonce...)
		}
		data, err := d.Link().Ask(cmdResponse, d.p.Retries, ask...)
		if err != nil {
			return api.Refuse(api.DeviceNotReady, err.Error())
		}
		if len(data) > 0 && data[0] == 'U' {
			return sdk.Ok(cash.PresentStatusToken{Unknown: true})
		}
		if c := verdict(data); c != nil {
			return *c
		}
		err = puloon.ErrLayout
		if len(data) > 3 {
			of, err = two(data[1:3])
		}
		if err != nil {
			return api.Refuse(api.HardwareError, puloon.ErrLayout.Error())
		}
		token += string(data[3:])
	}
	return sdk.Ok(cash.PresentStatusToken{Token: token})
}

var cleared = map[byte]string{
	'0': "the device lost its power", '1': "cleared as asked", '2': "the whole value of the token was paid", '3': "its time was over",
}

// lookTrust asks whether key and nonce are there, under the line lock, and tells when the
// nonce is gone.
func (d *driver) lookTrust() {
	if !d.p.EndToEnd {
		return
	}
	data, err := d.Link().Ask(cmdTrust, 1)
	if err == nil && len(data) != 3 {
		err = errors.New("end-to-end state: " + puloon.ErrLayout.Error())
	}
	if err != nil {
		return // asked again with the next look
	}
	now := trust{known: true, key: data[0] == '1', nonce: data[1] == '1'}
	d.mu.Lock()
	was := d.trust
	d.trust = now
	d.mu.Unlock()
	if was != now {
		d.env.StatusChanged()
	}
	if was.nonce && !now.nonce {
		d.env.Event(cash.EvNonceCleared, cash.NonceCleared{ReasonDescription: cleared[data[2]]})
	}
}
