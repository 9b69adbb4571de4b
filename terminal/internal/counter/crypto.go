package counter

import (
	"context"
	"crypto/rand"
	"crypto/sha1" // #nosec G505: the standard's choice of two
	"crypto/sha256"
	"encoding/json"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/terminal/internal/service"
)

// digest is Crypto.Digest. It needs no key, and the PIN pads have no such command: the
// platform computes it.
func digest(_ context.Context, call *service.Call) api.Completion {
	var req struct {
		HashAlgorithm string `json:"hashAlgorithm"`
		Data          []byte `json:"data"`
	}
	if err := call.Decode(&req); err != nil || len(req.Data) == 0 {
		return api.Refuse(api.InvalidData, "hashAlgorithm and data (base64) are wanted")
	}
	switch req.HashAlgorithm {
	case "sha1":
		sum := sha1.Sum(req.Data) // #nosec G401
		return service.Done(map[string][]byte{"digest": sum[:]})
	case "sha256":
		sum := sha256.Sum256(req.Data)
		return service.Done(map[string][]byte{"digest": sum[:]})
	}
	return api.Refuse(api.UnsupportedData, "hashAlgorithm: sha1 or sha256")
}

// random is Crypto.GenerateRandom, of the platform's generator.
func random(context.Context, *service.Call) api.Completion {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return service.Done(map[string][]byte{"randomNumber": b})
}

// maintainPin: the PIN pads forget a PIN with its block, and cannot be told otherwise.
func maintainPin(_ context.Context, call *service.Call) api.Completion {
	var req struct {
		MaintainPIN bool `json:"maintainPIN"`
	}
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	if req.MaintainPIN {
		return api.Refuse(api.UnsupportedData, "a PIN is used once")
	}
	return api.Completion{Outcome: api.Done}
}

// deviceID is what the driver knows of its device.
func (c *Counter) deviceID(ctx context.Context, _ *service.Call) api.Completion {
	d, err := c.PinPad.Describe(ctx)
	if err != nil {
		return api.Refuse(api.DeviceNotReady, "the driver does not answer")
	}
	return service.Done(map[string]string{"manufacturerIdentifier": d.Maker, "modelIdentifier": d.Model, "firmwareIdentifier": d.Firmware, "applicationIdentifier": d.Version})
}

// checkValue gives the check value that was computed when the key was loaded.
func (c *Counter) checkValue(ctx context.Context, call *service.Call) api.Completion {
	var req struct{ Key, KeyCheckMode string }
	if err := call.Decode(&req); err != nil {
		return api.Refuse(api.InvalidData, err.Error())
	}
	if req.KeyCheckMode != "zero" {
		return api.Fail(api.NotStarted, "modeNotSupported", "keyCheckMode: zero")
	}
	done := c.PinPad.Run(ctx, pinpad.CmdGetKeyDetail, nil, nil)
	if done.Outcome != api.Done {
		return done
	}
	var have pinpad.GetKeyDetailResult
	_ = json.Unmarshal(done.Payload, &have) // what does not decode has no keys
	k, ok := have.KeyDetails[req.Key]
	switch {
	case !ok:
		return api.Fail(api.NotStarted, pinpad.ErrKeyNotFound, "no such key is loaded")
	case len(k.KCV) == 0:
		return api.Fail(api.NotStarted, pinpad.ErrAccessDenied, "its check value is not known")
	}
	return service.Done(map[string][]byte{"kcv": k.KCV})
}
