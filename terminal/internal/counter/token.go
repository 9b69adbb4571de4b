package counter

import (
	"context"
	"encoding/json"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/terminal/internal/device"
	"zhigui/terminal/internal/service"
)

// cashCommands are those that depend on the cash module: what the staff may do with it, and
// end-to-end security. The platform holds no key and judges no token: what the module signs
// and refuses is passed on, so that the host needs to trust nobody in between.
func (c *Counter) cashCommands() map[string]service.Command {
	desc, err := c.Cash.Describe(context.Background())
	if err != nil {
		return nil // not open yet
	}
	out := map[string]service.Command{}
	for _, name := range []string{cash.CmdTest, cash.CmdReset} {
		if _, ok := desc.Commands[name]; ok {
			out[name] = service.Command{Handle: outside(func(ctx context.Context, call *service.Call) api.Completion {
				return c.Cashier.Maintain(ctx, name, call.Emit)
			})}
		}
	}
	if hasTokens(context.Background(), c.Cash) {
		out[cash.CmdGetCommandNonce] = service.Command{Handle: pass(c.Cash)}
		out[cash.CmdClearCommandNonce] = service.Command{Handle: pass(c.Cash)}
	}
	return out
}

func hasTokens(ctx context.Context, dev *device.Device) bool {
	desc, err := dev.Describe(ctx)
	if err != nil {
		return false // not open yet
	}
	var caps struct {
		Common struct {
			EndToEndSecurity *json.RawMessage `json:"endToEndSecurity"`
		} `json:"common"`
	}
	_ = json.Unmarshal(desc.Capabilities, &caps) // no capabilities: no tokens
	return caps.Common.EndToEndSecurity != nil
}

// signedStatus is the module's own signed word on its last dispense; "" if it cannot say.
func signedStatus(ctx context.Context, dev *device.Device, req cash.PresentStatus) (string, *api.Completion) {
	if !hasTokens(ctx, dev) {
		no := api.Refuse(api.UnsupportedData, "the cash module signs nothing: ask without a nonce")
		return "", &no
	}
	done := dev.Run(ctx, cash.CmdGetPresentStatus, req, nil)
	if done.Outcome != api.Done {
		return "", &done
	}
	var signed cash.PresentStatusToken
	if err := json.Unmarshal(done.Payload, &signed); err != nil {
		bad := api.Refuse(api.InternalError, "the driver's present status does not decode")
		return "", &bad
	}
	return signed.Token, nil
}
