package creatorcrt350n_test

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"syscall"
	"testing"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/creatorcrt350n"
	"zhigui/sim/device"
	"zhigui/sim/device/crt350n"
)

func TestMain(m *testing.M) { conformance.Main(m, creatorcrt350n.Model) }

func setup(t *testing.T, more map[string]any) (*device.Sim, *conformance.Rig) {
	t.Helper()
	sim := device.MustStart(t, device.Config{Model: "crt350n", Reader: &crt350n.Config{}})
	p := map[string]any{"pollMs": 20, "idlePollMs": 30}
	maps.Copy(p, more)
	r := conformance.Start(t, creatorcrt350n.Model, sim.Port(), p)
	<-r.Recoveries
	return sim, r
}

const pan = "6225880000000001"

func insert(t *testing.T, sim *device.Sim) {
	t.Helper()
	if _, err := sim.Do("insertCard", device.Args{"mag": true, "track2": pan + "=30121010000000000"}); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, sim *device.Sim, r *conformance.Rig) card.ReadRawDataResult {
	t.Helper()
	events, done := r.Begin(t.Context(), r.Command(card.CmdReadRawData, card.ReadRawData{Track2: true}))
	conformance.Next(t, events, card.EvInsertCard)
	until(t, sim, "the reader takes cards", func(s device.State) bool { return s.Prompt != "" })
	insert(t, sim)
	conformance.Next(t, events, card.EvMediaInserted)
	c := conformance.Ended(t, done)
	if c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	var out card.ReadRawDataResult
	if err := json.Unmarshal(c.Payload, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func until(t *testing.T, sim *device.Sim, what string, ok func(device.State) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), conformance.Patience)
	defer cancel()
	if err := sim.Wait(ctx, ok); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// req: D-08
// req: X-06
func TestACardIsWaitedForReadEjectedAndSeenTaken(t *testing.T) {
	for _, intake := range []string{"entry", "timed"} {
		t.Run(intake, func(t *testing.T) {
			t.Parallel()
			sim, r := setup(t, map[string]any{"intake": intake})
			got := read(t, sim, r)
			if got.Track2 == nil || !strings.HasPrefix(string(got.Track2.Data), pan) || got.Track1 != nil {
				t.Errorf("%+v", got)
			}
			var st card.Status
			if r.Status("cardReader", &st); st.Media != "present" {
				t.Errorf("media %s", st.Media)
			}
			if c, _ := r.Do(card.CmdMove, card.Move{From: card.Transport, To: card.Exit}); c.Outcome != api.Done {
				t.Fatalf("%+v", c)
			}
			if _, err := sim.Do("takeCard", nil); err != nil {
				t.Fatal(err)
			}
			r.Event(card.EvMediaRemoved)
			// The log of host and driver must not know the card.
			if strings.Contains(r.Log.String(), pan) || strings.Contains(r.Log.String(), pan[4:14]) {
				t.Error("the log holds the card number")
			}
		})
	}
}

func TestAWaitEndsByCancelAndByDeadlineWithTheEntryClosed(t *testing.T) {
	for _, intake := range []string{"entry", "timed"} {
		t.Run(intake, func(t *testing.T) {
			t.Parallel()
			sim, r := setup(t, map[string]any{"intake": intake})
			ctx, cancel := context.WithCancel(t.Context())
			events, done := r.Begin(ctx, r.Command(card.CmdReadRawData, card.ReadRawData{Track2: true}))
			conformance.Next(t, events, card.EvInsertCard)
			cancel()
			if c := conformance.Ended(t, done); c.Outcome != api.Canceled {
				t.Errorf("%+v", c)
			}
			if p := sim.State().Prompt; p != "" {
				t.Errorf("the reader still waits: %q", p)
			}
			cmd := r.Command(card.CmdReadRawData, card.ReadRawData{Track2: true})
			cmd.Deadline = time.Now().Add(100 * time.Millisecond)
			if c := r.Device.Execute(t.Context(), cmd, nil); c.Outcome != api.TimedOut || c.Code != api.CodeTimeOut {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestACardJammedOnEjectIsError1283(t *testing.T) {
	sim, r := setup(t, nil)
	read(t, sim, r)
	if err := sim.ArmFault(device.FaultSpec{Code: "1283", Stage: device.MidMotion, Times: 1, After: -1}); err != nil {
		t.Fatal(err)
	}
	c, _ := r.Do(card.CmdMove, card.Move{From: card.Transport, To: card.Exit})
	if c.Outcome != api.Failed || c.ErrorCode != card.ErrMediaJam || c.Vendor == nil || c.Vendor.Code != "1283" || c.Vendor.Name != "card jammed on eject" {
		t.Fatalf("%+v", c)
	}
	var st card.Status
	if r.Status("cardReader", &st); st.Media != "jammed" {
		t.Errorf("media %s", st.Media)
	}
	if c, _ := r.Do(card.CmdMove, card.Move{From: card.Transport, To: card.UnitBin}); c.Outcome != api.Done {
		t.Errorf("capture: %+v", c)
	}
	if r.Status("cardReader", &st); st.Retained != 1 {
		t.Errorf("%d cards retained", st.Retained)
	}
}

func TestAReaderThatLostItsPowerIsInitialisedAgain(t *testing.T) {
	sim, r := setup(t, nil)
	sim.PowerCut()
	r.Await("offline", offline)
	sim.PowerRestore()
	r.Await("online", online)
	read(t, sim, r)
}

func TestAPortThatVanishesComesBack(t *testing.T) {
	sim, r := setup(t, nil)
	pid := r.Device.PID()
	if _, err := sim.Do("portVanish", nil); err != nil {
		t.Fatal(err)
	}
	r.Await("offline", offline)
	if _, err := sim.Do("portReturn", nil); err != nil {
		t.Fatal(err)
	}
	r.Await("online", online)
	if r.Device.PID() != pid {
		t.Error("the driver was replaced")
	}
	read(t, sim, r)
}

func offline(n api.Notice) bool { return says(n, `"device":"offline"`) }
func online(n api.Notice) bool  { return says(n, `"device":"online"`) }

func says(n api.Notice, what string) bool {
	return n.Status != nil && strings.Contains(string(n.Status.Classes), what)
}

// req: D-03
func TestAKilledDriverFindsTheCardWhereItLies(t *testing.T) {
	sim, r := setup(t, nil)
	read(t, sim, r)
	if err := syscall.Kill(r.Device.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if rec := <-r.Recoveries; rec.Media[card.Transport] != 1 {
		t.Errorf("%+v", rec)
	}
	r.Ready()
	if c, _ := r.Do(card.CmdReset, card.Reset{To: card.Exit}); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
	if _, err := sim.Do("takeCard", nil); err != nil {
		t.Fatal(err)
	}
	r.Event(card.EvMediaRemoved)
}

func TestLineFaultsAreMended(t *testing.T) {
	for _, k := range []device.LineFault{device.Nak, device.LostAck, device.LateAck, device.BadChecksum, device.DropByte, device.Garbage, device.DuplicateReply, device.Silence} {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			sim, r := setup(t, map[string]any{"idlePollMs": 600000})
			if err := sim.ArmLine(k, 1); err != nil {
				t.Fatal(err)
			}
			if c, _ := r.Do(card.CmdReset, card.Reset{}); c.Outcome != api.Done {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestAnEmptyStripeIsInvalidMedia(t *testing.T) {
	sim, r := setup(t, nil)
	events, done := r.Begin(t.Context(), r.Command(card.CmdReadRawData, card.ReadRawData{Track1: true}))
	conformance.Next(t, events, card.EvInsertCard)
	until(t, sim, "the reader takes cards", func(s device.State) bool { return s.Prompt != "" })
	insert(t, sim)
	conformance.Next(t, events, card.EvInvalidMedia)
	if c := conformance.Ended(t, done); c.ErrorCode != card.ErrInvalidMedia || c.Vendor == nil {
		t.Errorf("%+v", c)
	}
}
