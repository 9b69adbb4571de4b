package outside

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"zhigui/bench/robot"
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
	withdrawals(t, b, c, raw)
	if got := c.do("Common.GetCommandNonce", "").Header.CompletionCode; got != "" {
		t.Errorf("%q", got)
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

// withdrawals are real ones: the bank has approved each, and the module still pays only under
// a token that it can prove.
func withdrawals(t *testing.T, b *counter, c *client, key []byte) {
	mac := func(text string) string {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return strings.ToUpper(hex.EncodeToString(h.Sum(nil)))
	}
	var used string
	fresh := func(amount int64) string {
		var n struct{ CommandNonce string }
		if err := json.Unmarshal(c.do("Common.GetCommandNonce", "").Payload, &n); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("NONCE=%s,TOKENFORMAT=1,TOKENLENGTH=0196,DISPENSE1=%d.00CNY,HMACSHA256=", n.CommandNonce, amount/100)
		used = text + mac(text)
		return used
	}
	out := func() int { // notes that left through the exit
		var st struct {
			Physical struct {
				Units map[string]struct{ Taken int }
			}
		}
		if err := b.devices.State("cash", &st); err != nil {
			t.Fatal(err)
		}
		return st.Physical.Units["upper"].Taken + st.Physical.Units["lower"].Taken
	}
	for _, w := range []struct {
		name  string
		token func(int64) string
		paid  bool
	}{
		{"with the host's token", fresh, true},
		{"with the same token again", func(int64) string { return used }, false},
		{"without a token", nil, false},
		{"with a token for less", func(int64) string { return fresh(10000) }, false},
		{"with a forged one", func(a int64) string { return strings.Replace(fresh(a), "DISPENSE1=200", "DISPENSE1=900", 1) }, false},
		{"with the host's token again", fresh, true},
	} {
		desk := b.Desk
		desk.Authorise = w.token
		before := out()
		v, err := desk.Withdraw(t.Context(), "demo-1", "123456", 20000, robot.Takes)
		if !v.Asked || (err == nil) != w.paid {
			t.Errorf("%s: %+v %v", w.name, v, err)
		}
		if n := out() - before; n != map[bool]int{true: 2}[w.paid] {
			t.Errorf("%s: %d notes", w.name, n)
		}
		if !w.paid {
			_ = desk.End(t.Context()) // a page that gives up
		}
	}
	if err := robot.Until(20*time.Second, func() error { // its notes are booked as taken
		if got := c.do("Storage.StartExchange", "").Header; got.CompletionCode != "" {
			return errors.New(got.ErrorDescription)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	c.do("Storage.EndExchange", "")
	var signed struct{ Token string }
	if err := json.Unmarshal(c.do("CashDispenser.GetPresentStatus", `{"nonce":"7"}`).Payload, &signed); err != nil {
		t.Fatal(err)
	}
	text, sum, _ := strings.Cut(signed.Token, "HMACSHA256=")
	if mac(text+"HMACSHA256=") != sum || !strings.Contains(text, "DISPENSEID="+used[len(used)-64:]+",DISPENSED1=200.00CNY,PRESENTED1=YES,PRESENTEDAMOUNT1=200.00CNY,RETRACTED1=NO") {
		t.Errorf("what the host may believe: %q", signed.Token)
	}
}
