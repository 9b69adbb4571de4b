package counter

import (
	"context"
	"encoding/json"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/terminal/internal/service"
)

// tokenCommands are those of end-to-end security, when the cash module has it. The platform
// holds no key and judges no token: what the module signs and refuses is passed on, so that
// the host needs to trust nobody in between.
func (c *Counter) tokenCommands() map[string]service.Command {
	if !c.hasTokens(context.Background()) {
		return nil
	}
	return map[string]service.Command{
		cash.CmdGetCommandNonce:   {Handle: pass(c.Cash)},
		cash.CmdClearCommandNonce: {Handle: pass(c.Cash)},
	}
}

func (c *Counter) hasTokens(ctx context.Context) bool {
	desc, err := c.Cash.Describe(ctx)
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
func (c *Counter) signedStatus(ctx context.Context, req cash.PresentStatus) (string, *api.Completion) {
	if !c.hasTokens(ctx) {
		no := api.Refuse(api.UnsupportedData, "the cash module signs nothing: ask without a nonce")
		return "", &no
	}
	done := c.Cash.Run(ctx, cash.CmdGetPresentStatus, req, nil)
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
