package omron3s4yr_test

import (
	"strings"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/omron3s4yr"
	"zhigui/sim/device"
)

func TestMain(m *testing.M) { conformance.Main(m, omron3s4yr.Model) }

func setup(t *testing.T) (*device.Sim, *conformance.Rig) {
	t.Helper()
	sim := device.MustStart(t, device.Config{Model: "omron3s4yr"})
	r := conformance.Start(t, omron3s4yr.Model, sim.Port(), map[string]any{"pollMs": 20, "idlePollMs": 600000, "ackMs": 300, "replyMs": 500})
	<-r.Recoveries
	return sim, r
}

// insert puts a card into the slot by hand and lets the driver see it.
func insert(t *testing.T, sim *device.Sim) {
	t.Helper()
	if _, err := sim.Do("setStatus", device.Args{"name": "position", "value": "inside"}); err != nil {
		t.Fatal(err)
	}
}

func TestLineFaultsAreMendedWithoutASecondMovement(t *testing.T) {
	for _, k := range []device.LineFault{device.Nak, device.LostAck, device.LateAck, device.BadChecksum, device.DropByte, device.Garbage, device.DuplicateReply, device.Silence} {
		for times := 1; times <= 3; times++ {
			t.Run(string(k), func(t *testing.T) {
				t.Parallel()
				sim, r := setup(t)
				insert(t, sim)
				if err := sim.ArmLine(k, times); err != nil {
					t.Fatal(err)
				}
				if c, _ := r.Do(card.CmdMove, card.Move{From: card.Transport, To: card.Exit}); c.Outcome != api.Done {
					t.Errorf("%+v", c)
				}
			})
		}
	}
}

// The text of a command runs at DLE ENQ only: what the reader never acknowledged has not begun.
func TestACommandThatTheReaderNeverTakesHasNotStarted(t *testing.T) {
	sim, r := setup(t)
	insert(t, sim)
	if err := sim.ArmLine(device.Nak, 0); err != nil {
		t.Fatal(err)
	}
	if c, _ := r.Do(card.CmdMove, card.Move{From: card.Transport, To: card.Exit}); c.Outcome != api.NotStarted {
		t.Errorf("%+v", c)
	}
	sim.ClearFaults()
	if c, _ := r.Do(card.CmdMove, card.Move{From: card.Transport, To: card.Exit}); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
}

func TestAReaderThatDiesBeforeItAnswersAQuestionIsOffLine(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "omron3s4yr"})
	r := conformance.Start(t, omron3s4yr.Model, sim.Port(), map[string]any{"idlePollMs": 40, "ackMs": 300, "answerMs": 300})
	<-r.Recoveries
	if err := sim.ArmFault(device.FaultSpec{Code: device.FaultPower, Command: "10", Stage: device.BeforeMotion, Times: 1}); err != nil {
		t.Fatal(err)
	}
	r.Await("offline", func(n api.Notice) bool {
		return n.Status != nil && strings.Contains(string(n.Status.Classes), `"device":"offline"`)
	})
}

func TestAReaderThatDiesInTheMovementIsNotAskedToMoveAgain(t *testing.T) {
	sim, r := setup(t)
	insert(t, sim)
	if err := sim.ArmFault(device.FaultSpec{Code: device.FaultPower, Command: "30", Stage: device.MidMotion, Times: 1}); err != nil {
		t.Fatal(err)
	}
	_, done := r.Begin(t.Context(), r.Command(card.CmdMove, card.Move{From: card.Transport, To: card.Exit}))
	if err := sim.Wait(t.Context(), func(s device.State) bool { return !s.Power }); err != nil {
		t.Fatal(err)
	}
	sim.PowerRestore()
	if c := conformance.Ended(t, done); c.Outcome != api.Indeterminate {
		t.Errorf("%+v", c)
	}
	var st card.Status
	if r.Status("cardReader", &st); st.Media != "present" {
		t.Errorf("%+v", st)
	}
}
