package creatorcrt350n_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/conformance"
	"zhigui/sim/device"
)

// chipIn inserts a card with a chip and reads its answer to reset.
func chipIn(t *testing.T, sim *device.Sim, r *conformance.Rig, more device.Args) (api.Completion, card.ReadRawDataResult) {
	t.Helper()
	args := device.Args{"mag": true, "ic": true, "track2": pan + "=30122010000000000"}
	for k, v := range more {
		args[k] = v
	}
	events, done := r.Begin(t.Context(), r.Command(card.CmdReadRawData, card.ReadRawData{Track2: true, Chip: true}))
	conformance.Next(t, events, card.EvInsertCard)
	until(t, sim, "the reader takes cards", func(s device.State) bool { return s.Prompt != "" })
	if _, err := sim.Do("insertCard", args); err != nil {
		t.Fatal(err)
	}
	conformance.Next(t, events, card.EvMediaInserted)
	c := conformance.Ended(t, done)
	var out card.ReadRawDataResult
	if err := json.Unmarshal(c.Payload, &out); c.Outcome == api.Done && err != nil {
		t.Fatal(err)
	}
	return c, out
}

func apdu(t *testing.T, r *conformance.Rig, protocol, hexed string) (api.Completion, string) {
	t.Helper()
	b, err := hex.DecodeString(hexed)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := r.Do(card.CmdChipIO, card.ChipIO{ChipProtocol: protocol, ChipData: b})
	var out card.ChipIO
	_ = json.Unmarshal(c.Payload, &out)
	return c, fmt.Sprintf("%X", out.ChipData)
}

func power(r *conformance.Rig) string {
	var st card.Status
	r.Status("cardReader", &st)
	return st.ChipPower
}

const selectPBOC = "00A4040008A000000333010101"

// req: X-06
func TestAChipIsPoweredSpokenToAndReleasedBeforeTheCardMoves(t *testing.T) {
	for protocol, want := range map[string]struct{ arg, atr, answer string }{
		card.T0: {"T0", "3B680000", "61"}, card.T1: {"T1", "3BE8000081312045", "6F"},
	} {
		t.Run(want.arg, func(t *testing.T) {
			sim, r := setup(t, nil)
			c, out := chipIn(t, sim, r, device.Args{"protocol": want.arg})
			if c.Outcome != api.Done || len(out.Chip) != 1 || !strings.HasPrefix(fmt.Sprintf("%X", out.Chip[0].Data), want.atr) || out.Track2 == nil {
				t.Fatalf("%+v %+v", c, out)
			}
			if p := power(r); p != card.ChipOnline {
				t.Errorf("chip %s", p)
			}
			if c, got := apdu(t, r, protocol, selectPBOC); c.Outcome != api.Done || !strings.HasPrefix(got, want.answer) {
				t.Errorf("%+v %s", c, got)
			}
			if c, got := apdu(t, r, card.NotRequired, "00A404000E315041592E5359532E4444463031"); c.Outcome != api.Done || len(got) < 4 {
				t.Errorf("%+v %s", c, got)
			}
			wrong := map[string]string{card.T0: card.T1, card.T1: card.T0}[protocol]
			if c, _ := apdu(t, r, wrong, selectPBOC); c.ErrorCode != card.ErrProtocolNotSupported {
				t.Errorf("%+v", c)
			}
			if c, _ := r.Do(card.CmdChipPower, card.ChipPower{ChipPower: card.Warm}); c.Outcome != api.Done {
				t.Errorf("warm: %+v", c)
			}
			if c, _ := r.Do(card.CmdChipPower, card.ChipPower{ChipPower: card.Off}); c.Outcome != api.Done || power(r) != card.ChipOff {
				t.Errorf("off: %+v, %s", c, power(r))
			}
			if c, _ := apdu(t, r, protocol, selectPBOC); c.ErrorCode != card.ErrATRNotObtained {
				t.Errorf("without power: %+v", c)
			}
			if c, _ := r.Do(card.CmdChipPower, card.ChipPower{ChipPower: card.Cold}); c.Outcome != api.Done {
				t.Errorf("cold: %+v", c)
			}
			if c, _ := r.Do(card.CmdMove, card.Move{From: card.Transport, To: card.Exit}); c.Outcome != api.Done {
				t.Errorf("eject with the chip on: %+v", c)
			}
			if _, err := sim.Do("takeCard", nil); err != nil {
				t.Fatal(err)
			}
			r.Event(card.EvMediaRemoved)
			if c, _ := r.Do(card.CmdChipPower, card.ChipPower{ChipPower: card.Cold}); c.ErrorCode != card.ErrNoMedia {
				t.Errorf("no card: %+v", c)
			}
			if s := r.Log.String(); strings.Contains(s, pan) || strings.Contains(s, selectPBOC) {
				t.Error("the log knows what was said to the chip")
			}
		})
	}
}

func TestAChipThatFailsIsToldInTheStandardsWords(t *testing.T) {
	for fault, want := range map[string]string{"CHIP-MUTE": card.ErrInvalidMedia, "CHIP-PULLED": card.ErrNoMedia, "64": card.ErrInvalidMedia, "65": card.ErrATRNotObtained} {
		t.Run(fault, func(t *testing.T) {
			sim, r := setup(t, nil)
			chipIn(t, sim, r, nil)
			if err := sim.ArmFault(device.FaultSpec{Code: fault, Command: "CI3", Stage: device.MidMotion, Times: 1, After: 1}); err != nil {
				t.Fatal(err)
			}
			if c, _ := apdu(t, r, card.T0, selectPBOC); c.Outcome != api.Done {
				t.Fatalf("the first command: %+v", c)
			}
			if c, _ := apdu(t, r, card.T0, selectPBOC); c.Outcome != api.Failed || c.ErrorCode != want || c.Vendor == nil {
				t.Errorf("%+v", c)
			}
			if c, _ := apdu(t, r, card.T0, selectPBOC); c.Outcome == api.Done {
				t.Error("the chip is spoken to without a reset")
			}
		})
	}
}

func TestACardWithoutALivingChipStillGivesItsStripe(t *testing.T) {
	for _, args := range []device.Args{{"ic": false}, {"chip": "mute"}} {
		sim, r := setup(t, nil)
		c, out := chipIn(t, sim, r, args)
		if c.Outcome != api.Done || len(out.Chip) != 1 || out.Chip[0].Status != "dataMissing" || out.Track2 == nil || out.Track2.Status != "" {
			t.Errorf("%v: %+v %+v", args, c, out)
		}
		if c, _ := r.Do(card.CmdMove, card.Move{From: card.Transport, To: card.Exit}); c.Outcome != api.Done {
			t.Errorf("%+v", c)
		}
	}
}

func TestACommandToAChipWhoseAnswerIsLostIsNotRepeated(t *testing.T) {
	sim, r := setup(t, map[string]any{"replyMs": 400})
	chipIn(t, sim, r, nil)
	if err := sim.ArmFault(device.FaultSpec{Command: "CI3", Stage: device.ReplyLost, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if c, _ := apdu(t, r, card.T0, selectPBOC); c.Outcome != api.Failed {
		t.Errorf("%+v", c)
	}
	if c, _ := apdu(t, r, card.T0, selectPBOC); c.ErrorCode != card.ErrATRNotObtained {
		t.Errorf("%+v", c)
	}
}
