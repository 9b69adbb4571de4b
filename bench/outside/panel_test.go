package outside

import (
	"strings"
	"testing"

	"time"
	"zhigui/bench/robot"
)

// panel is the operator's display and keypad.
func panel(t *testing.T, b *counter) {
	c := b.service(t, "panel")
	if got := c.do("TextTerminal.Write", `{"mode":"absolute","posX":0,"posY":0,"text":"COUNT?"}`).Header.CompletionCode; got != "" {
		t.Errorf("write: %q", got)
	}
	if got := c.do("TextTerminal.WriteForm", `{"formName":"F"}`).Header.CompletionCode; got != "unsupportedCommand" {
		t.Errorf("a form: %q", got)
	}
	id := c.send("TextTerminal.Read", `{"numOfChars":3,"echoMode":"text","activeKeys":["four","two"],"activeCommandKeys":{"enter":{"terminate":true}}}`)
	c.until("event", id)
	if err := robot.Until(20*time.Second, func() error { return b.devices.Do("panel", "typeText", map[string]any{"text": "42"}) }); err != nil {
		t.Fatal(err)
	}
	if err := b.devices.Do("panel", "pressKey", map[string]any{"key": "enter"}); err != nil {
		t.Fatal(err)
	}
	if done := c.until("completion", id); done.Header.CompletionCode != "" || !strings.Contains(string(done.Payload), `"42"`) {
		t.Errorf("%+v %s", done.Header, done.Payload)
	}
	for _, to := range []string{"malfunction", "ok"} {
		if err := b.devices.Do("panel", "setStatus", map[string]any{"name": "selfTest", "value": to}); err != nil {
			t.Fatal(err)
		}
		if to == "malfunction" {
			for c.until("unsolicited", 0).Header.Name != "Common.ErrorEvent" {
			}
		}
	}
	page := dial(t, b.url+"/panel/", b.Token("flow"))
	if got := page.do("TextTerminal.Read", `{"numOfChars":3}`).Header.CompletionCode; got != "authorizationRequired" {
		t.Errorf("a page reads the staff's keypad: %q", got)
	}
}

// vendorMode is asked for by one client and agreed to by another.
func vendorMode(t *testing.T, b *counter) {
	tool, monitor := b.service(t, "vendormode"), b.service(t, "vendormode")
	page := dial(t, b.url+"/platform/", b.Token("flow"))
	told := func(name string) {
		t.Helper()
		for monitor.until("unsolicited", 0).Header.Name != name {
		}
	}
	if got := monitor.do("VendorMode.Register", `{"appName":"monitor"}`).Header.CompletionCode; got != "" {
		t.Fatal(got)
	}
	for _, step := range []struct{ ask, event, agree, after, session string }{
		{"VendorMode.EnterModeRequest", "VendorMode.EnterModeRequestEvent", "VendorMode.EnterModeAcknowledge", "VendorMode.ModeEnteredEvent", "deviceNotReady"},
		{"VendorMode.ExitModeRequest", "VendorMode.ExitModeRequestEvent", "VendorMode.ExitModeAcknowledge", "VendorMode.ModeExitedEvent", ""},
	} {
		if got := tool.do(step.ask, "").Header.CompletionCode; got != "" {
			t.Fatalf("%s: %q", step.ask, got)
		}
		told(step.event)
		if got := monitor.do(step.agree, "").Header.CompletionCode; got != "" {
			t.Fatalf("%s: %q", step.agree, got)
		}
		told(step.after)
		if got := page.do("X-Session.Begin", `{"flow":"withdraw","lang":"zh"}`).Header.CompletionCode; got != step.session {
			t.Errorf("a customer after %s: %q", step.ask, got)
		}
	}
	if got := page.do("X-Session.End", `{"reason":"test"}`).Header.CompletionCode; got != "" {
		t.Errorf("%q", got)
	}
}
