package puloonlcdm2000_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/conformance"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/sim/device"
	"zhigui/sim/device/lcdm2000"
)

const secret = "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"

// bank is the host that has the key: it makes tokens and believes only what is signed.
type bank struct {
	t   *testing.T
	key []byte
}

func newBank(t *testing.T) bank {
	key, err := hex.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return bank{t, key}
}

func (b bank) mac(text string) string {
	h := hmac.New(sha256.New, b.key)
	h.Write([]byte(text))
	return strings.ToUpper(hex.EncodeToString(h.Sum(nil)))
}

// token is NONCE=…,TOKENFORMAT=1,TOKENLENGTH=nnnn,keys,HMACSHA256=….
func (b bank) token(nonce, keys string) string {
	text := fmt.Sprintf("NONCE=%s,TOKENFORMAT=1,TOKENLENGTH=%04d,%s,HMACSHA256=", nonce, 49+len(nonce)+len(keys)+64, keys)
	return text + b.mac(text)
}

// read proves a response and gives its keys.
func (b bank) read(token string) map[string]string {
	b.t.Helper()
	text, sum, _ := strings.Cut(token, "HMACSHA256=")
	if sum == "" || b.mac(text+"HMACSHA256=") != sum {
		b.t.Fatalf("not signed by the device: %s", token)
	}
	out := map[string]string{}
	for _, item := range strings.Split(strings.TrimSuffix(text, ","), ",") {
		k, v, _ := strings.Cut(item, "=")
		out[k] = v
	}
	if out["TOKENLENGTH"] != fmt.Sprintf("%04d", len(token)) {
		b.t.Errorf("TOKENLENGTH %s of %d characters", out["TOKENLENGTH"], len(token))
	}
	return out
}

func secured(t *testing.T) (*device.Sim, *conformance.Rig, bank) {
	t.Helper()
	sim, r := setup(t, lcdm2000.Config{E2EKey: secret}, map[string]any{"endToEnd": true})
	return sim, r, newBank(t)
}

func nonce(t *testing.T, r *conformance.Rig) string {
	t.Helper()
	c, _ := r.Do(cash.CmdGetCommandNonce, nil)
	var out cash.CommandNonce
	if err := json.Unmarshal(c.Payload, &out); c.Outcome != api.Done || err != nil {
		t.Fatalf("%+v %v", c, err)
	}
	for _, p := range xfs4iot.Check("completion", cash.CmdGetCommandNonce, c.Payload) {
		t.Error(p)
	}
	return out.CommandNonce
}

// pay asks for n notes of 100.
func pay(r *conformance.Rig, n int, token string) api.Completion {
	c, _ := r.Do(cash.CmdDispense, cash.Dispense{Counts: map[string]int{"unit1": n}, Token: token})
	return c
}

func take(t *testing.T, sim *device.Sim, r *conformance.Rig) {
	t.Helper()
	if _, err := sim.Do("takeCash", nil); err != nil {
		t.Fatal(err)
	}
	r.Await("an empty exit", func(n api.Notice) bool { return n.Event != nil && n.Event.Name == cash.EvItemsTaken })
}

func status(t *testing.T, r *conformance.Rig, hostNonce string) cash.PresentStatusToken {
	t.Helper()
	c, _ := r.Do(cash.CmdGetPresentStatus, cash.PresentStatus{Nonce: hostNonce})
	var out cash.PresentStatusToken
	if err := json.Unmarshal(c.Payload, &out); c.Outcome != api.Done || err != nil {
		t.Fatalf("%+v %v", c, err)
	}
	for _, p := range xfs4iot.Check("completion", cash.CmdGetPresentStatus, c.Payload) {
		t.Error(p)
	}
	return out
}

func TestATokenPaysItsValueAndNotANoteMore(t *testing.T) {
	sim, r, b := secured(t)
	token := b.token(nonce(t, r), "DISPENSE1=300.00CNY")
	if c := pay(r, 4, token); c.Outcome != api.NotStarted || c.Code != api.InvalidToken {
		t.Errorf("more than its value: %+v", c)
	}
	if c := pay(r, 2, token); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	take(t, sim, r)
	if c := pay(r, 2, token); c.Outcome != api.NotStarted || c.Code != api.InvalidToken {
		t.Errorf("more than is left: %+v", c)
	}
	if c := pay(r, 1, token); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if got := r.Event(cash.EvNonceCleared); !strings.Contains(string(got), "whole value") || len(xfs4iot.Check("unsolicited", cash.EvNonceCleared, got)) > 0 {
		t.Errorf("%s", got)
	}
	take(t, sim, r)
	if c := pay(r, 1, token); c.Code != api.NoCommandNonce {
		t.Errorf("replayed: %+v", c)
	}
	if n := dispensed(sim)["upper"]; n != 3 {
		t.Errorf("the device paid %d", n)
	}
	got := b.read(status(t, r, "1414").Token)
	if got["NONCE"] != "1414" || got["DISPENSEID"] != token[len(token)-64:] || got["DISPENSED1"] != "300.00CNY" || got["PRESENTED1"] != "YES" || got["RETRACTED1"] != "NO" {
		t.Errorf("%v", got)
	}
}

func TestALostReplyIsNotPaidAgainUnderTheSameToken(t *testing.T) {
	sim, r, b := secured(t)
	token := b.token(nonce(t, r), "DISPENSE1=200.00CNY")
	if err := sim.ArmFault(device.FaultSpec{Code: device.FaultNone, Command: "45", Stage: device.ReplyLost, Times: 1, After: -1}); err != nil {
		t.Fatal(err)
	}
	if c := pay(r, 2, token); c.Outcome != api.Indeterminate {
		t.Fatalf("%+v", c)
	}
	if _, err := sim.Do("takeCash", nil); err != nil {
		t.Fatal(err)
	}
	if c := pay(r, 2, token); c.Outcome != api.NotStarted || c.Code != api.NoCommandNonce {
		t.Errorf("%+v", c)
	}
	if n := dispensed(sim)["upper"]; n != 2 {
		t.Errorf("the device paid %d", n)
	}
	if got := b.read(status(t, r, "7").Token); got["DISPENSED1"] != "200.00CNY" || got["DISPENSEID"] != token[len(token)-64:] {
		t.Errorf("what the host may believe: %v", got)
	}
}

func TestTokensThatAuthoriseNothing(t *testing.T) {
	sim, r, b := secured(t)
	n := nonce(t, r)
	good := b.token(n, "DISPENSE1=300.00CNY")
	for _, c := range []struct {
		name, token string
		want        api.CompletionCode
	}{
		{"none", "", api.AuthorizationRequired},
		{"a forged HMAC", strings.Replace(good, "DISPENSE1=300", "DISPENSE1=900", 1), api.InvalidTokenHMAC},
		{"another key", bank{t, []byte("another")}.token(n, "DISPENSE1=300.00CNY"), api.InvalidTokenHMAC},
		{"another nonce", b.token("254611E63B2531576314E86527338D61", "DISPENSE1=300.00CNY"), api.InvalidTokenNonce},
		{"no token at all", "please", api.InvalidTokenFormat},
		{"a key without a value", b.token(n, "DISPENSE1="), api.InvalidTokenKeyNoValue},
		{"another currency", b.token(n, "DISPENSE1=300.00EUR"), api.InvalidToken},
		{"too long", good + strings.Repeat("A", 1024), api.InvalidTokenFormat},
	} {
		if got := pay(r, 1, c.token); got.Outcome != api.NotStarted || got.Code != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	if c := pay(r, 1, good); c.Outcome != api.Done {
		t.Errorf("the good one: %+v", c)
	}
	take(t, sim, r)
	if c := pay(r, 1, b.token(n, "DISPENSE1=100.00CNY")); c.Code != api.InvalidToken {
		t.Errorf("a second token for one nonce: %+v", c)
	}
	if n := dispensed(sim)["upper"]; n != 1 {
		t.Errorf("the device paid %d", n)
	}
}

func TestTheNonceEndsWithThePowerAndOnlyWhatIsProvenIsSigned(t *testing.T) {
	sim, r, b := secured(t)
	token := b.token(nonce(t, r), "DISPENSE1=300.00CNY")
	if c := pay(r, 1, token); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	take(t, sim, r)
	sim.PowerCut()
	r.Await("offline", func(n api.Notice) bool {
		return n.Status != nil && strings.Contains(string(n.Status.Classes), `"offline"`)
	})
	sim.PowerRestore()
	if got := r.Event(cash.EvNonceCleared); !strings.Contains(string(got), "power") {
		t.Errorf("%s", got)
	}
	if c := pay(r, 1, token); c.Code != api.NoCommandNonce {
		t.Errorf("%+v", c)
	}
	if got := b.read(status(t, r, "254611E63B2531576314E86527338D61").Token); got["DISPENSED1"] != "100.00CNY" || got["PRESENTEDAMOUNT1"] != "100.00CNY" {
		t.Errorf("after the power cut: %v", got)
	}
	token = b.token(nonce(t, r), "DISPENSE1=300.00CNY")
	if err := sim.ArmFault(device.FaultSpec{Code: "48", Stage: device.MidMotion, Times: 1, After: 1}); err != nil {
		t.Fatal(err)
	}
	if c := pay(r, 2, token); c.Outcome != api.Failed {
		t.Fatalf("%+v", c)
	}
	if got := status(t, r, "8"); got.Token != "" || !got.Unknown {
		t.Errorf("a jam at the exit was signed: %+v", got)
	}
}

func TestWhatWasDrawnInIsSignedAsRetracted(t *testing.T) {
	_, r, b := secured(t)
	token := b.token(nonce(t, r), "DISPENSE1=100.00CNY")
	if c := pay(r, 1, token); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if c, _ := r.Do(cash.CmdRetract, cash.Retract{}); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if got := b.read(status(t, r, "9").Token); got["RETRACTED1"] != "YES" || got["RETRACTEDAMOUNT1"] != "?" {
		t.Errorf("%v", got)
	}
}

func TestAPartWithoutNotesLeftIsStillAuthorised(t *testing.T) {
	sim, r := setup(t, lcdm2000.Config{E2EKey: secret, Upper: lcdm2000.CassetteConfig{Count: 2, Value: 100}}, map[string]any{"endToEnd": true})
	b := newBank(t)
	token := b.token(nonce(t, r), "DISPENSE1=300.00CNY")
	if c := pay(r, 3, token); c.Outcome != api.Failed || moved(t, c).Units["unit1"].Presented != 2 {
		t.Fatalf("%+v", c)
	}
	take(t, sim, r)
	if c, _ := r.Do(cash.CmdDispense, cash.Dispense{Counts: map[string]int{"unit2": 2}, Token: token}); c.Outcome != api.Done {
		t.Errorf("the hundred that is left, in fifties: %+v", c)
	}
}

func TestAClearedNonceAndADeviceWithoutAKey(t *testing.T) {
	sim, r, b := secured(t)
	token := b.token(nonce(t, r), "DISPENSE1=100.00CNY")
	if c, _ := r.Do(cash.CmdClearCommandNonce, nil); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if got := r.Event(cash.EvNonceCleared); !strings.Contains(string(got), "asked") {
		t.Errorf("%s", got)
	}
	if c := pay(r, 1, token); c.Code != api.NoCommandNonce {
		t.Errorf("%+v", c)
	}
	var common struct {
		EndToEndSecurity string `json:"endToEndSecurity"`
	}
	if r.Status("common", &common); common.EndToEndSecurity != "enforced" {
		t.Errorf("%+v", common)
	}
	if _, err := sim.Do("loadKey", device.Args{"key": ""}); err != nil {
		t.Fatal(err)
	}
	if c, _ := r.Do(cash.CmdGetCommandNonce, nil); c.Code != api.UnsupportedCommand {
		t.Errorf("%+v", c)
	}
	if c := pay(r, 1, ""); c.Outcome != api.Done {
		t.Errorf("without a key nothing is enforced: %+v", c)
	}
}

func TestADeviceOfTheMakersHasNoTokens(t *testing.T) {
	_, r := setup(t, lcdm2000.Config{}, nil)
	for _, name := range []string{cash.CmdGetCommandNonce, cash.CmdClearCommandNonce, cash.CmdGetPresentStatus} {
		if c, _ := r.Do(name, map[string]any{"nonce": "1"}); c.Code != api.UnsupportedCommand {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if c := pay(r, 1, "NONCE=1"); c.Outcome != api.NotStarted || c.Code != api.UnsupportedData {
		t.Errorf("%+v", c)
	}
}
