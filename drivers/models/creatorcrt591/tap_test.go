package creatorcrt591_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/conformance"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/sim/device"
	"zhigui/sim/device/crt591"
)

const (
	tapTrack   = "6225880000000001=30122010000000000"
	selectPPSE = "00A404000E325041592E5359532E444446303100"
)

// taps is a reader that waits for a card in the slot or at its antenna.
type taps struct {
	t   *testing.T
	sim *device.Sim
	r   *conformance.Rig
}

func tapRig(t *testing.T) *taps {
	t.Helper()
	sim, r := setup(t, crt591.Config{}, map[string]any{"tap": true, "moveMs": 500})
	return &taps{t, sim, r}
}

// read waits for a card while do is done.
func (x *taps) read(do func()) (api.Completion, card.ReadRawDataResult) {
	x.t.Helper()
	events, done := x.r.Begin(x.t.Context(), x.r.Command(card.CmdReadRawData, card.ReadRawData{Chip: true}))
	conformance.Next(x.t, events, card.EvInsertCard)
	ctx, cancel := context.WithTimeout(x.t.Context(), conformance.Patience)
	defer cancel()
	if err := x.sim.Wait(ctx, func(s device.State) bool { return s.Prompt == "insertCard" }); err != nil {
		x.t.Fatal(err)
	}
	do()
	end := conformance.Ended(x.t, done)
	if p := xfs4iot.Check("completion", card.CmdReadRawData, end.Payload); len(p) > 0 {
		x.t.Error(p)
	}
	var out card.ReadRawDataResult
	_ = json.Unmarshal(end.Payload, &out)
	return end, out
}

func (x *taps) tap(a device.Args) {
	x.t.Helper()
	all := device.Args{"track2": tapTrack}
	for k, v := range a {
		all[k] = v
	}
	act(x.t, x.sim, "tapCard", all)
}

// tell sends a command to the card and says how it ended.
func (x *taps) tell(protocol, apdu string) string {
	x.t.Helper()
	b, err := hex.DecodeString(apdu)
	if err != nil {
		x.t.Fatal(err)
	}
	end, _ := x.r.Do(card.CmdChipIO, card.ChipIO{ChipProtocol: protocol, ChipData: b})
	if p := xfs4iot.Check("completion", card.CmdChipIO, end.Payload); len(p) > 0 {
		x.t.Error(p)
	}
	var out card.ChipIO
	_ = json.Unmarshal(end.Payload, &out)
	return strings.TrimSpace(fmt.Sprintf("%s %s %.1X", end.Outcome, end.ErrorCode, out.ChipData))
}

func (x *taps) power(how string) string {
	x.t.Helper()
	end, _ := x.r.Do(card.CmdChipPower, card.ChipPower{ChipPower: how})
	if p := xfs4iot.Check("completion", card.CmdChipPower, end.Payload); len(p) > 0 {
		x.t.Error(p)
	}
	return strings.TrimSpace(string(end.Outcome) + " " + end.ErrorCode)
}

func TestACardAtTheAntennaIsReadSpokenToAndActivatedAgain(t *testing.T) {
	for air, want := range map[string]string{"A": card.TypeA, "B": card.TypeB} {
		x := tapRig(t)
		end, out := x.read(func() { x.tap(device.Args{"card": "c", "air": air}) })
		if end.Outcome != api.Done || out.Protocol != want || len(out.Chip) != 1 || len(out.Chip[0].Data) < 5 {
			t.Fatalf("%+v %+v", end, out)
		}
		other := card.TypeA
		if want == other {
			other = card.TypeB
		}
		var st card.Status
		x.r.Status("cardReader", &st)
		if st.Media != "notPresent" || st.ChipPower != card.ChipOnline {
			t.Errorf("%+v", st)
		}
		var got []string
		got = append(got, x.tell(want, selectPPSE), x.tell(other, selectPPSE), x.tell(card.T0, selectPPSE), x.tell(card.NotRequired, selectPPSE), x.power(card.Cold))
		act(t, x.sim, "removeCard", nil)
		got = append(got, x.tell(want, selectPPSE), x.tell(want, selectPPSE), x.power(card.Cold))
		x.tap(device.Args{"card": "c", "air": air})
		got = append(got, x.power(card.Cold), x.tell(want, selectPPSE), x.power(card.Off), x.tell(want, selectPPSE))
		if d := cmp.Diff([]string{"done  6F", "notStarted protocolNotSupported", "notStarted noMedia", "done  6F", "done",
			"failed noMedia", "notStarted atrNotObtained", "notStarted noMedia", "done", "done  6F", "done", "notStarted atrNotObtained"}, got); d != "" {
			t.Error(d)
		}
		if v := view(x.sim); v.Total != 1 || len(v.Field) != 1 {
			t.Errorf("the card that came again is another one: %+v", v)
		}
		if s := x.r.Log.String(); strings.Contains(s, tapTrack[:16]) || strings.Contains(s, selectPPSE[10:]) {
			t.Error("the log knows what was said to the card")
		}
	}
}

func TestWhatAnAntennaCannotReadIsToldWhy(t *testing.T) {
	for _, c := range []struct {
		name, want string
		do         func(x *taps)
	}{
		{"two cards at once", "failed cardCollision", func(x *taps) {
			if err := x.sim.ArmFault(device.FaultSpec{Code: "61", Command: "60 30", Stage: device.BeforeMotion}); err != nil { // until both are there
				x.t.Fatal(err)
			}
			x.tap(nil)
			x.tap(device.Args{"track2": "6225880000000002=30122010000000000"})
			act(x.t, x.sim, "clearFaults", nil)
		}},
		{"a card of another kind", "failed invalidMedia", func(x *taps) { x.tap(device.Args{"air": "mifare"}) }},
	} {
		x := tapRig(t)
		end, _ := x.read(func() { c.do(x) })
		if got := string(end.Outcome) + " " + end.ErrorCode; got != c.want {
			t.Errorf("%s: %s (%+v)", c.name, got, end)
		}
		if view(x.sim).CanInsert {
			t.Errorf("%s: the slot is open", c.name)
		}
		act(t, x.sim, "removeCard", nil)
		if end, out := x.read(func() { x.tap(nil) }); end.Outcome != api.Done || out.Protocol != card.TypeA {
			t.Errorf("%s: the next card: %+v", c.name, end)
		}
	}
}

func TestACardThatIsTakenAwayInMidExchangeIsNoMediaAndNothingIsSentAgain(t *testing.T) {
	x := tapRig(t)
	x.read(func() { x.tap(nil) })
	if err := x.sim.ArmFault(device.FaultSpec{Code: "AIR-LEAVES", Command: "60 34", Stage: device.MidMotion, Times: 1, After: 1}); err != nil {
		t.Fatal(err)
	}
	got := []string{x.tell(card.TypeA, selectPPSE), x.tell(card.TypeA, selectPPSE), x.tell(card.TypeA, selectPPSE)}
	if d := cmp.Diff([]string{"done  6F", "failed noMedia", "notStarted atrNotObtained"}, got); d != "" {
		t.Error(d)
	}
	if v := view(x.sim); len(v.Field) != 0 {
		t.Errorf("%+v", v.Field)
	}
}

func TestAnInsertedCardIsReadByItsContactsThoughTheReaderHasAnAntenna(t *testing.T) {
	x := tapRig(t)
	end, out := x.read(func() { act(x.t, x.sim, "insertCard", device.Args{"track2": tapTrack}) })
	if end.Outcome != api.Done || out.Protocol != "" || len(out.Chip) != 1 || out.Chip[0].Data[0] != 0x3B {
		t.Fatalf("%+v %+v", end, out)
	}
	x.tap(device.Args{"track2": "6225880000000002=30122010000000000"})
	if got := x.tell(card.T0, selectPPSE[:len(selectPPSE)-2]); got != "done  61" {
		t.Errorf("the card inside: %s", got)
	}
	if got := x.tell(card.TypeA, selectPPSE); got != "notStarted atrNotObtained" {
		t.Errorf("the card at the antenna was not asked for: %s", got)
	}
}
