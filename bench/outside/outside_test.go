// Package outside proves that an XFS4IoT client that knows nothing of us can use the devices
// of a counter: the real programs of a branch with every device, and a client that compares
// every frame with the published messages.
package outside

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zhigui/bench/branch"
	"zhigui/bench/robot"
	"zhigui/sim/scene"
)

// counter is a branch with every device, as an outside client sees it.
type counter struct {
	*branch.Branch
	url, token string
	devices    robot.Devices
}

func start(t *testing.T) *counter {
	t.Helper()
	b := branch.Start(t, "", scene.Options{Zone: "3des", All: true, Profile: map[string]map[string]any{"cash": {"endToEnd": true}}})
	return &counter{Branch: b, url: b.Desk.XFS + "/xfs4iot/v1.0", token: b.Token("xfs"), devices: b.Desk.Devices}
}

func (b *counter) service(t *testing.T, id string) *client {
	t.Helper()
	return dial(t, b.url+"/"+id+"/", b.token)
}

// req
func TestAnOutsideClientUsesEveryDevice(t *testing.T) {
	b := start(t)
	var names []string
	t.Run("it finds the services", func(t *testing.T) {
		var list struct {
			Services []struct{ ServiceURI string }
		}
		if err := json.Unmarshal(dial(t, b.url, b.token).do("ServicePublisher.GetServices", "").Payload, &list); err != nil {
			t.Fatal(err)
		}
		for _, s := range list.Services {
			names = append(names, filepath.Base(strings.TrimSuffix(s.ServiceURI, "/")))
		}
		for _, want := range []string{"card", "cash", "pinpad", "printer", "cards", "idreader", "scanner", "finger", "siu", "ups", "panel", "camera", "vendormode"} {
			if !slices.Contains(names, want) {
				t.Errorf("no service %q in %v", want, names)
			}
		}
	})
	for _, name := range names {
		if name == "platform" {
			continue // not a device; its interfaces are all our own
		}
		t.Run("capabilities and status of "+name+" are as published", func(t *testing.T) {
			c := b.service(t, name)
			online := func() error {
				var st struct{ Common struct{ Device string } }
				if err := json.Unmarshal(c.do("Common.Status", "").Payload, &st); err != nil || st.Common.Device != "online" {
					return fmt.Errorf("%s: %q %v", name, st.Common.Device, err)
				}
				return nil
			}
			if err := robot.Until(30*time.Second, online); err != nil {
				t.Fatal(err)
			}
			var caps struct {
				Interfaces []struct {
					Name     string
					Commands map[string]any
				}
			}
			if err := json.Unmarshal(c.do("Common.Capabilities", "").Payload, &caps); err != nil || len(caps.Interfaces) < 2 {
				t.Errorf("interfaces: %+v %v", caps, err)
			}
			for _, tt := range []struct{ state, payload, code string }{
				{"a state that is none", `{"state":"maybe"}`, "invalidData"}, {"a transaction", `{"state":"active","transactionID":"T1"}`, ""},
			} {
				if got := c.do("Common.SetTransactionState", tt.payload).Header.CompletionCode; got != tt.code {
					t.Errorf("%s: %q", tt.state, got)
				}
			}
			if got := string(c.do("Common.GetTransactionState", "").Payload); !strings.Contains(got, `"T1"`) {
				t.Errorf("transaction state: %s", got)
			}
		})
	}
	t.Run("its commands are those of the docs", func(t *testing.T) {
		commands(t, b, slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "platform" || n == "operator" }))
	})
	t.Run("it asks what stands where", func(t *testing.T) { questions(t, b) })
	t.Run("it reads a card, and cancels a wait for one", func(t *testing.T) {
		c := b.service(t, "card")
		id := c.send("CardReader.ReadRawData", `{"track2":true}`)
		c.until("event", id) // InsertCardEvent
		if err := robot.Until(20*time.Second, func() error {
			return b.devices.Do("card", "insertCard", map[string]any{"card": "demo-1", "mag": true})
		}); err != nil {
			t.Fatal(err)
		}
		done := c.until("completion", id)
		if done.Header.CompletionCode != "" || !strings.Contains(string(done.Payload), `"status":"ok"`) && !strings.Contains(string(done.Payload), `"data"`) {
			t.Errorf("%+v %s", done.Header, done.Payload)
		}
		if got := c.do("CardReader.Move", `{"from":"transport","to":"exit"}`).Header.CompletionCode; got != "" {
			t.Errorf("move: %s", got)
		}
		if err := robot.Until(20*time.Second, func() error { return b.devices.Do("card", "takeCard", nil) }); err != nil {
			t.Fatal(err)
		}
		for c.until("unsolicited", 0).Header.Name != "CardReader.MediaRemovedEvent" {
		}
		wait := c.send("CardReader.ReadRawData", `{"track2":true}`)
		c.until("event", wait)
		if got := c.do("Common.Cancel", fmt.Sprintf(`{"requestIds":[%d]}`, wait)).Header.CompletionCode; got != "" {
			t.Errorf("cancel: %s", got)
		}
		if got := c.until("completion", wait).Header.CompletionCode; got != "canceled" {
			t.Errorf("the canceled read: %q", got)
		}
	})
	t.Run("it gets no cash without a transaction", func(t *testing.T) {
		c := b.service(t, "cash")
		if got := c.do("CashDispenser.Dispense", `{"denomination":{"denomination":{"app":{"currencies":{"CNY":100}}}}}`).Header.CompletionCode; got != "authorizationRequired" && got != "sequenceError" {
			t.Errorf("%q", got)
		}
	})
	t.Run("it has a nonce and a signed status from the cash module itself", func(t *testing.T) { tokens(t, b) })
	t.Run("it exchanges cash, and the counts are the book's afterwards", func(t *testing.T) {
		c := b.service(t, "cash")
		for _, step := range []struct{ name, payload, code, word string }{
			{"Storage.EndExchange", ``, "commandErrorCode", "noExchangeActive"},
			{"Storage.SetStorage", `{"storage":{"unit1":{"cash":{"status":{"initial":{"typeCNY100":{"fit":400}}}}}}}`, "sequenceError", ""},
			{"Storage.StartExchange", ``, "", ""},
			{"Storage.StartExchange", ``, "commandErrorCode", "exchangeActive"},
			{"Storage.SetStorage", `{"storage":{"unit9":{"cash":{"status":{"initial":{"typeCNY100":{"fit":1}}}}}}}`, "invalidData", ""},
			{"Storage.SetStorage", `{"storage":{"unit1":{"cash":{"status":{"initial":{"typeCNY50":{"fit":1}}}}}}}`, "invalidData", ""},
			{"Storage.SetStorage", `{"storage":{"unit1":{"cash":{"status":{"initial":{"typeCNY100":{"fit":400}}}}}}}`, "", ""},
			{"Storage.EndExchange", ``, "", ""},
		} {
			done := c.do(step.name, step.payload)
			if done.Header.CompletionCode != step.code || !strings.Contains(string(done.Payload), step.word) {
				t.Fatalf("%s: %+v %s, want %q %q", step.name, done.Header, done.Payload, step.code, step.word)
			}
		}
		got := string(c.do("Storage.GetStorage", "").Payload)
		if !strings.Contains(got, `"initial":{"typeCNY100":{"fit":400}}`) || !strings.Contains(got, `"initial":{"typeCNY50":{"fit":500}}`) {
			t.Errorf("%s", got)
		}
	})
	t.Run("it scans a code", func(t *testing.T) {
		c := b.service(t, "scanner")
		id := c.send("BarcodeReader.Read", `{}`)
		if err := robot.Until(20*time.Second, func() error {
			return b.devices.Do("scanner", "presentCode", map[string]any{"data": "https://pay.example/1", "symbology": "qr"})
		}); err != nil {
			t.Fatal(err)
		}
		if done := c.until("completion", id); done.Header.CompletionCode != "" || len(done.Payload) < 10 {
			t.Errorf("%+v %s", done.Header, done.Payload)
		}
	})
	t.Run("a driver for service providers drives a device behind them", func(t *testing.T) { behind(t, b) })
	t.Run("it writes on the operator's panel and reads a number there", func(t *testing.T) { panel(t, b) })
	t.Run("it puts the counter into vendor mode, and out of it", func(t *testing.T) { vendorMode(t, b) })
	t.Run("it turns a lamp on", func(t *testing.T) {
		c := b.service(t, "siu")
		if done := c.do("Lights.SetLight", `{"cardReader":{"default":{"flashRate":"slow"}}}`); done.Header.CompletionCode != "" {
			t.Errorf("%+v", done.Header)
		}
	})
}

// stock is how many blank cards the ledger has, as the staff sees it.
func (b *counter) stock(t *testing.T, do func(call func(string, any, any) error) error) (n int) {
	t.Helper()
	if err := robot.Until(60*time.Second, func() error {
		return b.Desk.Staff(t.Context(), "operator", "Operator#2026", func(call func(string, any, any) error) error {
			if do != nil {
				if err := do(call); err != nil {
					return err
				}
			}
			var v struct {
				Stock []struct {
					ID    string
					Count int
				}
			}
			if err := call("X-Operator.Overview", nil, &v); err != nil {
				return err
			}
			for _, x := range v.Stock {
				if x.ID == "cards" {
					n = x.Count
				}
			}
			return nil
		})
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestABlankCardThatAnOutsideClientTakesLeavesTheStock(t *testing.T) {
	b := start(t)
	draw := func(call func(string, any, any) error) error {
		return call("X-Operator.Stock", map[string]any{"item": "cards", "move": "draw", "quantity": 50}, nil)
	}
	if n := b.stock(t, draw); n != 50 {
		t.Fatalf("%d", n)
	}
	c := b.service(t, "cards")
	if err := robot.Until(30*time.Second, func() error {
		if got := c.do("Common.Status", ""); !strings.Contains(string(got.Payload), `"notPresent"`) { // its driver is still starting
			return fmt.Errorf("%+v %s", got.Header, got.Payload)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	move := func(from, to string) {
		t.Helper()
		if f := c.do("CardReader.Move", fmt.Sprintf(`{"from":%q,"to":%q}`, from, to)); f.Header.CompletionCode != "" {
			t.Fatalf("from %s to %s: %s %s", from, to, f.Header.CompletionCode, f.Payload)
		}
	}
	left := func(want int) {
		t.Helper()
		n := 0
		if err := robot.Until(30*time.Second, func() error {
			if n = b.stock(t, nil); n != want {
				return fmt.Errorf("the ledger has %d cards, %d are there", n, want)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		var st struct{ Physical struct{ Stacker int } }
		if err := b.devices.State("cards", &st); err != nil || st.Physical.Stacker != n {
			t.Errorf("the ledger has %d cards, %d lie in the stacker (%v)", n, st.Physical.Stacker, err)
		}
	}
	move("unit1", "exit")
	if err := robot.Until(10*time.Second, func() error { return b.devices.Do("cards", "takeCard", nil) }); err != nil {
		t.Fatal(err)
	}
	left(49)
	move("unit1", "transport")
	move("transport", "unit2")
	left(48)
}
