package creatorcrt591_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/conformance"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/drivers/models/creatorcrt591"
	"zhigui/sim/device"
	"zhigui/sim/device/crt591"
)

func TestMain(m *testing.M) { conformance.Main(m, creatorcrt591.Model) }

func setup(t *testing.T, c crt591.Config, more map[string]any) (*device.Sim, *conformance.Rig) {
	t.Helper()
	sim := device.MustStart(t, device.Config{Model: "crt591", Cards: &c})
	p := map[string]any{"pollMs": 20, "idlePollMs": 30}
	maps.Copy(p, more)
	r := conformance.Start(t, creatorcrt591.Model, sim.Port(), p)
	<-r.Recoveries
	return sim, r
}

func view(s *device.Sim) crt591.View { return s.Physical().(crt591.View) }

func act(t *testing.T, s *device.Sim, action string, a device.Args) {
	t.Helper()
	if _, err := s.Do(action, a); err != nil {
		t.Fatal(err)
	}
}

func unit(r *conformance.Rig, id string) card.Unit {
	r.T.Helper()
	var st card.Status
	r.Status("cardReader", &st)
	return st.Units[id]
}

func fill(t *testing.T, r *conformance.Rig, n int) {
	t.Helper()
	set := card.Storage{Storage: map[string]card.StorageUnit{creatorcrt591.Stacker: {Card: &card.CardUnit{Status: &card.UnitCounts{InitialCount: &n}}}}}
	if c, _ := r.Do(card.CmdSetStorage, set); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
}

// req: D-08
// req: X-06
func TestACardIsDispensedOfferedTakenAndCounted(t *testing.T) {
	sim, r := setup(t, crt591.Config{Cards: 30}, nil)
	fill(t, r, 30)
	if c, _ := r.Do(card.CmdMove, card.Move{From: creatorcrt591.Stacker, To: card.Exit}); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if c, _ := r.Do(card.CmdMove, card.Move{From: creatorcrt591.Stacker, To: card.Exit}); c.Outcome != api.NotStarted || c.ErrorCode != card.ErrOccupied {
		t.Errorf("a second card while one lies at the gate: %+v", c)
	}
	act(t, sim, "takeCard", nil)
	r.Event(card.EvMediaRemoved)
	want := card.Unit{Type: card.UnitDispense, Status: "ok", Replenishment: card.StockOK, Count: 29}
	if diff := cmp.Diff(want, unit(r, creatorcrt591.Stacker)); diff != "" {
		t.Error(diff)
	}
	if v := view(sim); v.Stacker != 29 || len(v.Taken) != 1 {
		t.Errorf("%+v", v)
	}
}

func TestACardThatNobodyTakesGoesToTheBinAndIsNotReportedAsTaken(t *testing.T) {
	for _, to := range []string{creatorcrt591.Bin, card.UnitBin} {
		sim, r := setup(t, crt591.Config{Cards: 30}, nil)
		if c, _ := r.Do(card.CmdMove, card.Move{From: creatorcrt591.Stacker, To: card.Exit}); c.Outcome != api.Done {
			t.Fatalf("%+v", c)
		}
		if c, _ := r.Do(card.CmdMove, card.Move{From: card.Exit, To: to}); c.Outcome != api.Done {
			t.Fatalf("%s: %+v", to, c)
		}
		if n := unit(r, creatorcrt591.Bin).Count; n != 1 || view(sim).Bin != 1 || r.Saw(card.EvMediaRemoved) {
			t.Errorf("%s: %d counted, %+v", to, n, view(sim))
		}
	}
}

func TestTheStackerTellsLowAndEmptyAndAnEmptyOneGivesNothing(t *testing.T) {
	sim, r := setup(t, crt591.Config{Cards: 3, Few: 2}, nil)
	fill(t, r, 3)
	for i, want := range []string{card.StockLow, card.StockLow, card.StockEmpty} {
		if c, _ := r.Do(card.CmdMove, card.Move{From: creatorcrt591.Stacker, To: card.Exit}); c.Outcome != api.Done {
			t.Fatalf("card %d: %+v", i, c)
		}
		act(t, sim, "takeCard", nil)
		r.Await("taken", func(n api.Notice) bool { return n.Event != nil && n.Event.Name == card.EvMediaRemoved })
		if got := unit(r, creatorcrt591.Stacker).Replenishment; got != want {
			t.Errorf("after card %d: %s, want %s", i+1, got, want)
		}
	}
	c, _ := r.Do(card.CmdMove, card.Move{From: creatorcrt591.Stacker, To: card.Exit})
	if c.Outcome != api.NotStarted || c.Vendor == nil || c.Vendor.Code != "A0" {
		t.Errorf("%+v", c)
	}
	act(t, sim, "loadCards", device.Args{"count": 50})
	low := r.Event(card.EvThreshold)
	if p := xfs4iot.Check("unsolicited", card.EvThreshold, low); len(p) > 0 {
		t.Error(p)
	}
	got, _ := r.Do(card.CmdGetStorage, nil)
	if p := xfs4iot.Check("completion", card.CmdGetStorage, got.Payload); len(p) > 0 || got.Outcome != api.Done {
		t.Error(p, got)
	}
	var e map[string]card.StorageUnit
	if err := json.Unmarshal(low, &e); err != nil || e[creatorcrt591.Stacker].Card.Status.Replenishment != card.StockOK {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestAJamOnTheWayOutIsFailedAndTheCardIsCaptured(t *testing.T) {
	sim, r := setup(t, crt591.Config{Cards: 30}, nil)
	fill(t, r, 30)
	if err := sim.ArmFault(device.FaultSpec{Code: "10", Command: "32 31", Stage: device.MidMotion, Times: 1}); err != nil {
		t.Fatal(err)
	}
	c, _ := r.Do(card.CmdMove, card.Move{From: creatorcrt591.Stacker, To: card.Exit})
	if c.Outcome != api.Failed || c.ErrorCode != card.ErrMediaJam || c.Vendor.Code != "10" {
		t.Fatalf("%+v", c)
	}
	var st card.Status
	if r.Status("cardReader", &st); st.Media != "jammed" || st.Units[creatorcrt591.Stacker].Count != 29 {
		t.Errorf("%+v", st)
	}
	if c, _ := r.Do(card.CmdMove, card.Move{From: card.Transport, To: creatorcrt591.Bin}); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
	if r.Status("cardReader", &st); st.Media != "notPresent" {
		t.Errorf("%+v", st)
	}
}

// A reply that is lost is not a reason for a second card.
func TestALostReplyIsSettledByThePosition(t *testing.T) {
	sim, r := setup(t, crt591.Config{Cards: 30}, map[string]any{"moveMs": 300})
	fill(t, r, 30)
	if err := sim.ArmFault(device.FaultSpec{Code: device.FaultNone, Command: "32 31", Stage: device.ReplyLost, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if c, _ := r.Do(card.CmdMove, card.Move{From: creatorcrt591.Stacker, To: card.Exit}); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if v := view(sim); v.Stacker != 29 || v.Position != crt591.Gate {
		t.Errorf("%+v", v)
	}
	if n := unit(r, creatorcrt591.Stacker).Count; n != 29 {
		t.Errorf("counted %d", n)
	}
}

// req: D-03
func TestADriverKilledInADispenseFindsTheCardAndCountsIt(t *testing.T) {
	sim, r := setup(t, crt591.Config{Cards: 30, MotionMs: 400}, nil)
	fill(t, r, 30)
	_, done := r.Begin(t.Context(), r.Command(card.CmdMove, card.Move{From: creatorcrt591.Stacker, To: card.Transport}))
	moving := func(s device.State) bool { return s.Physical.(crt591.View).Moving }
	ctx, cancel := context.WithTimeout(t.Context(), conformance.Patience)
	defer cancel()
	if err := sim.Wait(ctx, moving); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(r.Device.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if c := conformance.Ended(t, done); c.Outcome != api.Indeterminate {
		t.Errorf("%+v", c)
	}
	rec := <-r.Recoveries
	r.Ready()
	if rec.Media[card.Transport] != 1 {
		t.Errorf("%+v", rec)
	}
	if u := unit(r, creatorcrt591.Stacker); u.Count != 29 || u.Unsure || view(sim).Stacker != 29 {
		t.Errorf("%+v, %+v", u, view(sim))
	}
}

func TestTheChipOfAnInsertedCardAnswersToReset(t *testing.T) {
	for _, hw := range []struct {
		r02     bool
		profile map[string]any
	}{{false, nil}, {true, map[string]any{"entryOn": "2", "entryOff": "0"}}} {
		sim, r := setup(t, crt591.Config{R02: hw.r02}, hw.profile)
		events, done := r.Begin(t.Context(), r.Command(card.CmdReadRawData, card.ReadRawData{Chip: true}))
		conformance.Next(t, events, card.EvInsertCard)
		ctx, cancel := context.WithTimeout(t.Context(), conformance.Patience)
		defer cancel()
		if err := sim.Wait(ctx, func(s device.State) bool { return s.Prompt == "insertCard" }); err != nil {
			t.Fatal(err)
		}
		act(t, sim, "insertCard", nil)
		conformance.Next(t, events, card.EvMediaInserted)
		c := conformance.Ended(t, done)
		var out card.ReadRawDataResult
		if err := json.Unmarshal(c.Payload, &out); err != nil || c.Outcome != api.Done || len(out.Chip) != 1 || !bytes.HasPrefix(out.Chip[0].Data, []byte{0x3B, 0x68, 0x00, 0x00}) {
			t.Fatalf("%+v %+v", c, out)
		}
		if sim.State().Prompt != "" {
			t.Error("the gate is still open")
		}
	}
}

func TestTheChipOfANewCardIsReachedFromTheRFPositionToo(t *testing.T) {
	sim, r := setup(t, crt591.Config{Cards: 2}, map[string]any{"reading": "2"})
	if c, _ := r.Do(card.CmdMove, card.Move{From: creatorcrt591.Stacker, To: card.Transport}); c.Outcome != api.Done || view(sim).Position != crt591.RF {
		t.Fatalf("%+v %+v", c, view(sim))
	}
	if c, _ := r.Do(card.CmdChipPower, card.ChipPower{ChipPower: card.Cold}); c.Outcome != api.Done || view(sim).Position != crt591.IC || view(sim).Stacker != 1 {
		t.Fatalf("%+v %+v", c, view(sim))
	}
	// It has no application yet.
	c, _ := r.Do(card.CmdChipIO, card.ChipIO{ChipProtocol: card.T0, ChipData: []byte("\x00\xA4\x04\x00\x08\xA0\x00\x00\x03\x33\x01\x01\x01")})
	var out card.ChipIO
	if err := json.Unmarshal(c.Payload, &out); err != nil || c.Outcome != api.Done || !cmp.Equal(out.ChipData, []byte{0x6A, 0x82}) {
		t.Errorf("%+v % X", c, out.ChipData)
	}
	if c, _ := r.Do(card.CmdMove, card.Move{To: card.Exit}); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
}

func TestACardWithoutAChipIsInvalidMedia(t *testing.T) {
	sim, r := setup(t, crt591.Config{}, nil)
	act(t, sim, "loadCards", device.Args{"count": 1, "blank": true})
	if c, _ := r.Do(card.CmdMove, card.Move{From: creatorcrt591.Stacker, To: card.Transport}); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	c, events := r.Do(card.CmdReadRawData, card.ReadRawData{Chip: true})
	if c.ErrorCode != card.ErrInvalidMedia || !cmp.Equal(events, []string{card.EvInvalidMedia}) {
		t.Errorf("%+v %v", c, events)
	}
	if c, _ := r.Do(card.CmdReadRawData, card.ReadRawData{Track2: true}); c.Code != api.UnsupportedData {
		t.Errorf("tracks: %+v", c)
	}
}

func TestAFullBinRefusesBeforeAnythingMoves(t *testing.T) {
	sim, r := setup(t, crt591.Config{Cards: 5, BinSize: 1}, nil)
	for i := range 2 {
		if c, _ := r.Do(card.CmdMove, card.Move{From: creatorcrt591.Stacker, To: card.Transport}); c.Outcome != api.Done {
			t.Fatalf("%+v", c)
		}
		c, _ := r.Do(card.CmdMove, card.Move{To: creatorcrt591.Bin})
		if i == 0 && c.Outcome != api.Done || i == 1 && (c.Outcome != api.NotStarted || c.ErrorCode != card.ErrFull) {
			t.Fatalf("card %d: %+v", i+1, c)
		}
	}
	act(t, sim, "emptyBin", nil)
	none := 0
	set := card.Storage{Storage: map[string]card.StorageUnit{creatorcrt591.Bin: {Card: &card.CardUnit{Status: &card.UnitCounts{Count: &none}}}}}
	if c, _ := r.Do(card.CmdSetStorage, set); c.Outcome != api.Done || view(sim).Counter != 0 {
		t.Errorf("%+v %+v", c, view(sim))
	}
	if c, _ := r.Do(card.CmdMove, card.Move{To: creatorcrt591.Bin}); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
}

func TestLineFaultsNeverDispenseTwoCards(t *testing.T) {
	for _, k := range []device.LineFault{device.Nak, device.LostAck, device.LateAck, device.BadChecksum, device.DropByte, device.Garbage, device.DuplicateReply, device.Silence} {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			sim, r := setup(t, crt591.Config{Cards: 30}, map[string]any{"idlePollMs": 600000})
			// The status before the movement meets the first fault, the movement the second.
			if err := sim.ArmLine(k, 2); err != nil {
				t.Fatal(err)
			}
			c, _ := r.Do(card.CmdMove, card.Move{From: creatorcrt591.Stacker, To: card.Transport})
			left := view(sim).Stacker
			if c.Outcome == api.Done && left != 29 || left < 29 || left == 29 && c.Outcome == api.NotStarted {
				t.Errorf("%+v, %d cards left", c, left)
			}
		})
	}
}

func TestADeviceThatLostItsPowerIsInitialisedAgain(t *testing.T) {
	sim, r := setup(t, crt591.Config{Cards: 30}, nil)
	says := func(what string) func(api.Notice) bool {
		return func(n api.Notice) bool {
			return n.Status != nil && strings.Contains(string(n.Status.Classes), `"device":"`+what+`"`)
		}
	}
	sim.PowerCut()
	r.Await("offline", says("offline"))
	sim.PowerRestore()
	r.Await("online", says("online"))
	if c, _ := r.Do(card.CmdMove, card.Move{From: creatorcrt591.Stacker, To: card.Exit}); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
}
