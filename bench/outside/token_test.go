package outside

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
)

// tokens loads a key into the cash module by hand, and believes what is signed with it,
// through driver and platform, which have no key.
func tokens(t *testing.T, b *counter) {
	c := b.service(t, "cash")
	const key = "000102030405060708090A0B0C0D0E0F000102030405060708090A0B0C0D0E0F"
	if got := c.do("Common.GetCommandNonce", "").Header.CompletionCode; got != "unsupportedCommand" {
		t.Errorf("no key is loaded: %q", got)
	}
	if err := b.devices.Do("cash", "loadKey", map[string]any{"key": key}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.devices.Do("cash", "loadKey", map[string]any{"key": ""}); err != nil {
			t.Error(err)
		}
	}()
	var caps struct {
		Common struct {
			EndToEndSecurity struct{ Required string }
		}
		Interfaces []struct {
			Name     string
			Commands map[string]any
		}
	}
	if err := json.Unmarshal(c.do("Common.Capabilities", "").Payload, &caps); err != nil || caps.Common.EndToEndSecurity.Required != "ifConfigured" {
		t.Errorf("%+v %v", caps.Common, err)
	}
	for _, i := range caps.Interfaces {
		if i.Name == "common" && i.Commands["GetCommandNonce"] == nil {
			t.Errorf("the commands are not listed: %v", i.Commands)
		}
	}
	var n struct{ CommandNonce string }
	if err := json.Unmarshal(c.do("Common.GetCommandNonce", "").Payload, &n); err != nil || len(n.CommandNonce) != 32 {
		t.Fatalf("%+v %v", n, err)
	}
	var signed struct{ Token string }
	if err := json.Unmarshal(c.do("CashDispenser.GetPresentStatus", `{"nonce":"1414"}`).Payload, &signed); err != nil {
		t.Fatal(err)
	}
	raw, _ := hex.DecodeString(key)
	text, sum, _ := strings.Cut(signed.Token, "HMACSHA256=")
	h := hmac.New(sha256.New, raw)
	h.Write([]byte(text + "HMACSHA256="))
	if !strings.HasPrefix(text, "NONCE=1414,") || !strings.EqualFold(hex.EncodeToString(h.Sum(nil)), sum) {
		t.Errorf("%q is not signed with the key in the module", signed.Token)
	}
	if got := c.do("Common.ClearCommandNonce", "").Header.CompletionCode; got != "" {
		t.Errorf("%q", got)
	}
	for {
		if ev := c.until("unsolicited", 0); ev.Header.Name == "Common.NonceClearedEvent" {
			break
		}
	}
}
