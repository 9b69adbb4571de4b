package vt100panel_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	tt "zhigui/drivers/api/textterminal"
	"zhigui/drivers/conformance"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/drivers/models/vt100panel"
	"zhigui/sim/device"
	"zhigui/sim/device/vtpanel"
)

func TestMain(m *testing.M) { conformance.Main(m, vt100panel.Model) }

func setup(t *testing.T) (*device.Sim, *conformance.Rig) {
	t.Helper()
	sim := device.MustStart(t, device.Config{Model: "vtpanel", Panel: &vtpanel.Config{Rows: 4, Cols: 20}})
	r := conformance.Start(t, vt100panel.Model, sim.Port(), map[string]any{"rows": 4, "cols": 20, "pollMs": 40, "replyMs": 300})
	<-r.Recoveries
	return sim, r
}

func view(s *device.Sim) vtpanel.View { return s.Physical().(vtpanel.View) }

func do(t *testing.T, r *conformance.Rig, name string, payload any) {
	t.Helper()
	if c, _ := r.Do(name, payload); c.Outcome != api.Done {
		t.Fatalf("%s: %+v", name, c)
	}
}

func press(t *testing.T, sim *device.Sim, keys ...string) {
	t.Helper()
	for _, k := range keys {
		if _, err := sim.Do("pressKey", device.Args{"key": k}); err != nil {
			t.Fatal(err)
		}
	}
}

func write(x, y int, text string) tt.Write {
	return tt.Write{Place: tt.Place{Mode: "absolute", PosX: x, PosY: y}, Text: text}
}

func TestTextStandsWhereItWasPut(t *testing.T) {
	sim, r := setup(t)
	do(t, r, tt.CmdWrite, write(2, 1, "HELLO"))
	do(t, r, tt.CmdWrite, tt.Write{Text: "!\nNEXT", TextAttr: &tt.Attr{Inverted: true}})
	do(t, r, tt.CmdWrite, write(15, 3, "EDGE!"))
	if d := cmp.Diff([]string{"", "  HELLO!", "NEXT", "               EDGE!"}, view(sim).Lines); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"!", "NEXT"}, view(sim).Marked); d != "" {
		t.Error(d)
	}
	do(t, r, tt.CmdWrite, write(18, 0, "WRAPS"))
	if got := view(sim).Lines; got[0] != "                  WR" || got[1][:3] != "APS" {
		t.Errorf("%q", got)
	}
	do(t, r, tt.CmdClearScreen, tt.ClearScreen{Screen: &tt.Area{PositionX: 0, PositionY: 1, Width: 20, Height: 2}})
	if got := view(sim).Lines; got[1] != "" || got[2] != "" || got[3] == "" {
		t.Errorf("%q", got)
	}
	do(t, r, tt.CmdBeep, map[string]any{"beep": map[string]any{"beepType": "error"}})
	if n := view(sim).Bells; n != 3 {
		t.Errorf("%d bells", n)
	}
	do(t, r, tt.CmdReset, nil)
	if got := strings.Join(view(sim).Lines, ""); got != "" {
		t.Errorf("%q", got)
	}
}

func TestWhatThePanelCannotShowOrReadIsRefusedByName(t *testing.T) {
	sim, r := setup(t)
	keys := func(k ...string) tt.Keys { return tt.Keys{ActiveKeys: k} }
	for _, c := range []struct {
		name, command string
		give          any
		code          api.CompletionCode
		err           string
	}{
		{"Chinese", tt.CmdWrite, write(0, 0, "钱"), api.CommandErrorCode, tt.ErrCharacterSets},
		{"off the screen", tt.CmdWrite, write(20, 0, "X"), api.InvalidData, ""},
		{"too long", tt.CmdWrite, write(19, 3, "XY"), api.InvalidData, ""},
		{"an area off the screen", tt.CmdClearScreen, tt.ClearScreen{Screen: &tt.Area{Width: 21, Height: 1}}, api.InvalidData, ""},
		{"another resolution", tt.CmdSetResolution, map[string]any{"resolution": map[string]int{"sizeX": 80, "sizeY": 24}}, api.CommandErrorCode, tt.ErrResolutionNotSup},
		{"a sound without end", tt.CmdBeep, map[string]any{"beep": map[string]any{"continuous": true}}, api.UnsupportedData, ""},
		{"no keys", tt.CmdRead, tt.Read{NumOfChars: 1}, api.CommandErrorCode, tt.ErrNoActiveKeys},
		{"no end", tt.CmdRead, tt.Read{NumOfChars: 1, Keys: keys("one")}, api.CommandErrorCode, tt.ErrNoActiveKeys},
		{"a key that it has not", tt.CmdDefineKeys, keys("A"), api.CommandErrorCode, tt.ErrKeyNotSupported},
		{"a key that is none", tt.CmdDefineKeys, keys("eleven"), api.CommandErrorCode, tt.ErrKeyInvalid},
		{"a form", "TextTerminal.WriteForm", map[string]any{"formName": "F"}, api.UnsupportedCommand, ""},
	} {
		if got, _ := r.Do(c.command, c.give); got.Outcome != api.NotStarted || got.Code != c.code || got.ErrorCode != c.err {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	if got := strings.Join(view(sim).Lines, ""); got != "" {
		t.Errorf("%q", got)
	}
}

var ends = map[string]tt.CommandKey{"enter": {Terminate: true}, "cancel": {Terminate: true}, "backspace": {}, "clear": {}}

func TestAFieldIsReadWithCorrectionsAndItsKeysAreTold(t *testing.T) {
	sim, r := setup(t)
	press(t, sim, "9") // nobody waits for it
	events, done := r.Begin(t.Context(), r.Command(tt.CmdRead, tt.Read{Place: tt.Place{Mode: "absolute", PosX: 1, PosY: 2}, NumOfChars: 4,
		Keys: tt.Keys{ActiveKeys: []string{"one", "two", "three", "."}, ActiveCommandKeys: ends}}))
	conformance.Next(t, events, tt.EvReading)
	var st tt.Status
	if r.Status("textTerminal", &st); st.Keyboard != "on" || st.DisplaySizeX != 20 {
		t.Errorf("%+v", st)
	}
	press(t, sim, "1", "2", "7", "backspace", "3", ".", "enter")
	var keys []string
	for len(keys) < 6 {
		ev := conformance.Next(t, events, tt.EvKey)
		for _, p := range xfs4iot.Check("event", tt.EvKey, ev.Payload) {
			t.Error(p)
		}
		var k tt.KeyPressed
		if err := json.Unmarshal(ev.Payload, &k); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k.Key+k.CommandKey)
	}
	if d := cmp.Diff([]string{"one", "two", "backspace", "three", ".", "enter"}, keys); d != "" {
		t.Error(d)
	}
	c := conformance.Ended(t, done)
	var out tt.ReadResult
	if err := json.Unmarshal(c.Payload, &out); err != nil || c.Outcome != api.Done || out.Input != "13." {
		t.Errorf("%+v %v", c, err)
	}
	if got := view(sim).Lines[2]; got != " 13." {
		t.Errorf("%q", got)
	}
}

func TestAPasswordIsNeitherShownNorTold(t *testing.T) {
	sim, r := setup(t)
	do(t, r, tt.CmdDefineKeys, tt.Keys{ActiveKeys: []string{"zero", "four", "seven"}})
	events, done := r.Begin(t.Context(), r.Command(tt.CmdRead, tt.Read{NumOfChars: 3, EchoMode: "password", AutoEnd: true}))
	conformance.Next(t, events, tt.EvReading)
	if _, err := sim.Do("typeText", device.Args{"text": "470"}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if ev := conformance.Next(t, events, tt.EvKey); string(ev.Payload) != "{}" {
			t.Errorf("%s", ev.Payload)
		}
	}
	c := conformance.Ended(t, done)
	if c.Outcome != api.Done || string(c.Payload) != `{"input":"470"}` {
		t.Errorf("%+v", c)
	}
	if got := view(sim).Lines[0]; got != "***" {
		t.Errorf("%q", got)
	}
	for _, f := range sim.Trace() {
		if f.Decoded == "key" && strings.ContainsAny(f.Hex, "0123456789") {
			t.Errorf("the trace shows a key: %+v", f)
		}
	}
	if strings.Contains(r.Log.String(), "470") {
		t.Error("the log shows it")
	}
}

func TestAPanelThatDiesEndsTheReading(t *testing.T) {
	sim, r := setup(t)
	events, done := r.Begin(t.Context(), r.Command(tt.CmdRead, tt.Read{Keys: tt.Keys{ActiveCommandKeys: ends}}))
	conformance.Next(t, events, tt.EvReading)
	sim.PowerCut()
	if c := conformance.Ended(t, done); c.Outcome != api.NotStarted || c.Code != api.HardwareError {
		t.Errorf("%+v", c)
	}
}

func TestAMalfunctionIsAStatus(t *testing.T) {
	sim, r := setup(t)
	for _, s := range []struct{ set, want string }{{"malfunction", "hardwareError"}, {"ok", "online"}} {
		if _, err := sim.Do("setStatus", device.Args{"name": "selfTest", "value": s.set}); err != nil {
			t.Fatal(err)
		}
		r.Await(s.want, func(n api.Notice) bool {
			return n.Status != nil && strings.Contains(string(n.Status.Classes), `"device":"`+s.want+`"`)
		})
	}
}

func TestTheKeysOfThePanelAreThoseOfItsProfile(t *testing.T) {
	_, r := setup(t)
	c, _ := r.Do(tt.CmdGetKeyDetail, nil)
	for _, p := range xfs4iot.Check("completion", tt.CmdGetKeyDetail, c.Payload) {
		t.Error(p)
	}
	var k tt.KeyDetail
	if err := json.Unmarshal(c.Payload, &k); err != nil || len(k.Keys) != 14 || k.Keys[0] != "zero" || len(k.CommandKeys) != 11 {
		t.Errorf("%+v %v", k, err)
	}
}
