package creatorcrt350n_test

import (
	"encoding/hex"
	"encoding/json"
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

func apdu(t *testing.T, r *conformance.Rig, hexed string) api.Completion {
	t.Helper()
	b, err := hex.DecodeString(hexed)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := r.Do(card.CmdChipIO, card.ChipIO{ChipProtocol: card.T0, ChipData: b})
	return c
}

const selectPBOC = "00A4040008A000000333010101"

func TestACardPulledOffTheContactsIsTold(t *testing.T) {
	sim, r := setup(t, nil)
	chipIn(t, sim, r, nil)
	if err := sim.ArmFault(device.FaultSpec{Code: "CHIP-PULLED", Command: "CI3", Stage: device.MidMotion, Times: 1, After: 1}); err != nil {
		t.Fatal(err)
	}
	if c := apdu(t, r, selectPBOC); c.Outcome != api.Done {
		t.Fatalf("the first command: %+v", c)
	}
	if c := apdu(t, r, selectPBOC); c.Outcome != api.Failed || c.ErrorCode != card.ErrNoMedia || c.Vendor == nil {
		t.Errorf("%+v", c)
	}
	if c := apdu(t, r, selectPBOC); c.Outcome == api.Done {
		t.Error("the chip is spoken to without a reset")
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
