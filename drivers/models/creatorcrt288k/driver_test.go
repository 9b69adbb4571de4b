package creatorcrt288k_test

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
	"zhigui/drivers/models/creatorcrt288k"
	"zhigui/sim/device"
	"zhigui/sim/device/crt288k"
)

func TestMain(m *testing.M) { conformance.Main(m, creatorcrt288k.Model) }

const (
	track2     = "6225880000000001=30122010000000000"
	selectPBOC = "00A4040008A000000333010101"
)

type desk struct {
	t   *testing.T
	sim *device.Sim
	r   *conformance.Rig
	how []string
}

func start(t *testing.T, c crt288k.Config, more map[string]any) *desk {
	t.Helper()
	p := map[string]any{"pollMs": 20, "idlePollMs": 30}
	for k, v := range more {
		p[k] = v
	}
	d := &desk{t: t, sim: device.MustStart(t, device.Config{Model: "crt288k", Dip: &c})}
	d.r = conformance.Start(t, creatorcrt288k.Model, d.sim.Port(), p)
	<-d.r.Recoveries
	return d
}

// person does something by hand and notes whether it was possible.
func (d *desk) person(action string, a device.Args) {
	d.t.Helper()
	how := "ok"
	if _, err := d.sim.Do(action, a); err != nil {
		how = err.Error()
	}
	d.how = append(d.how, action+": "+how)
}

func (d *desk) say(what string, end api.Completion, answer string) {
	d.t.Helper()
	var st card.Status
	d.r.Status("cardReader", &st)
	d.how = append(d.how, strings.Join(strings.Fields(fmt.Sprintf("%s: %s %s %s %s", what, end.Outcome, end.ErrorCode, answer, st.Media)), " "))
}

// read waits for a card while hand is at work.
func (d *desk) read(hand func()) {
	d.t.Helper()
	events, done := d.r.Begin(d.t.Context(), d.r.Command(card.CmdReadRawData, card.ReadRawData{Track2: true, Chip: true}))
	conformance.Next(d.t, events, card.EvInsertCard)
	hand()
	end := conformance.Ended(d.t, done)
	if p := xfs4iot.Check("completion", card.CmdReadRawData, end.Payload); len(p) > 0 {
		d.t.Error(p)
	}
	var out card.ReadRawDataResult
	_ = json.Unmarshal(end.Payload, &out)
	answer := ""
	if out.Track2 != nil {
		answer = out.Track2.Status + string(out.Track2.Data)
	}
	if len(out.Chip) == 1 {
		answer += fmt.Sprintf(" %s%.2X", out.Chip[0].Status, out.Chip[0].Data)
	}
	d.say("read", end, answer)
}

func (d *desk) do(name string, in any) {
	d.t.Helper()
	end, _ := d.r.Do(name, in)
	d.say(strings.TrimPrefix(name, "CardReader."), end, "")
}

func (d *desk) want(lines ...string) {
	d.t.Helper()
	if diff := cmp.Diff(lines, d.how); diff != "" {
		d.t.Error(diff)
	}
}

func TestACardIsPushedInHeldReadAndGivenBackByHand(t *testing.T) {
	d := start(t, crt288k.Config{}, nil)
	d.read(func() {
		d.person("insertCard", device.Args{"track2": track2, "halfway": true})
		d.person("pushCard", nil)
	})
	d.person("takeCard", nil)
	apdu, _ := hex.DecodeString(selectPBOC)
	d.do(card.CmdChipIO, card.ChipIO{ChipProtocol: card.T0, ChipData: apdu})
	d.do(card.CmdChipPower, card.ChipPower{ChipPower: card.Warm})
	d.do(card.CmdMove, card.Move{From: card.Transport, To: card.UnitBin})
	d.do(card.CmdMove, card.Move{From: card.Transport, To: card.Exit})
	d.person("takeCard", nil)
	d.r.Event(card.EvMediaRemoved)
	d.do(card.CmdMove, card.Move{From: card.Transport, To: card.Exit})
	d.want("insertCard: ok", "pushCard: ok", "read: done "+track2+" 3B68 latched", "takeCard: the latch holds the card",
		"ChipIO: done latched", "ChipPower: notStarted chipPowerNotSupported latched", "Move: notStarted latched", "Move: done present", "takeCard: ok", "Move: notStarted noMedia notPresent")
	if s := d.r.Log.String(); strings.Contains(s, track2[:16]) {
		t.Error("the log knows the card's number")
	}
}

func TestAPlainDipReaderHoldsNothingAndTellsWhenTheCardIsGone(t *testing.T) {
	d := start(t, crt288k.Config{Plain: true}, map[string]any{"latch": false})
	d.read(func() { d.person("insertCard", device.Args{"track2": track2, "protocol": "T1"}) })
	d.person("takeCard", nil)
	ctx, cancel := context.WithTimeout(t.Context(), conformance.Patience)
	defer cancel()
	for st := (card.Status{}); st.Media != "notPresent" && ctx.Err() == nil; {
		d.r.Status("cardReader", &st)
	}
	apdu, _ := hex.DecodeString(selectPBOC)
	d.do(card.CmdChipIO, card.ChipIO{ChipProtocol: card.T1, ChipData: apdu})
	d.read(func() { d.person("insertCard", device.Args{"track2": track2}) })
	d.do(card.CmdMove, card.Move{From: card.Transport, To: card.Exit})
	d.person("takeCard", nil)
	d.r.Event(card.EvMediaRemoved)
	d.want("insertCard: ok", "read: done "+track2+" 3BE8 present", "takeCard: ok", "ChipIO: failed noMedia notPresent",
		"insertCard: ok", "read: done "+track2+" 3B68 present", "Move: done present", "takeCard: ok")
}

func TestALatchThatFailsIsToldAndTheCardIsNotHeld(t *testing.T) {
	d := start(t, crt288k.Config{}, nil)
	if err := d.sim.ArmFault(device.FaultSpec{Code: "11", Command: "30 30", Stage: device.BeforeMotion, Times: 1}); err != nil {
		t.Fatal(err)
	}
	d.read(func() { d.person("insertCard", device.Args{"track2": track2}) })
	d.person("takeCard", nil)
	d.want("insertCard: ok", "read: failed shutterFail present", "takeCard: ok")
}

func TestTracksAndChipsThatCannotBeReadAreToldByTheirStatus(t *testing.T) {
	for _, x := range []struct {
		name  string
		card  device.Args
		fault string
		want  string
	}{
		{"no chip", device.Args{"track2": track2, "ic": false}, "", "read: done " + track2 + " dataMissing latched"},
		{"a damaged stripe", device.Args{"track2": track2}, "STRIPE-LRC", "read: done dataInvalid 3B68 latched"},
		{"a blank stripe", device.Args{"track2": track2}, "STRIPE-BLANK", "read: done dataMissing 3B68 latched"},
		{"nothing that can be read", device.Args{"invalid": true}, "", "read: failed invalidMedia dataMissing dataMissing latched"},
	} {
		t.Run(x.name, func(t *testing.T) {
			d := start(t, crt288k.Config{}, nil)
			if x.fault != "" {
				if err := d.sim.ArmFault(device.FaultSpec{Code: x.fault, Command: "36 31", Stage: device.BeforeMotion, Times: 1}); err != nil {
					t.Fatal(err)
				}
			}
			d.read(func() { d.person("insertCard", x.card) })
			d.want("insertCard: ok", x.want)
		})
	}
}

func TestAPowerCutLetsTheCardGoAndTheReaderIsFoundAgain(t *testing.T) {
	d := start(t, crt288k.Config{}, nil)
	d.read(func() { d.person("insertCard", device.Args{"track2": track2}) })
	d.sim.PowerCut()
	d.r.Await("offline", says("offline"))
	d.sim.PowerRestore()
	d.r.Await("online", says("online"))
	d.do(card.CmdMove, card.Move{From: card.Transport, To: card.Exit})
	d.person("takeCard", nil)
	d.r.Event(card.EvMediaRemoved)
	d.want("insertCard: ok", "read: done "+track2+" 3B68 latched", "Move: done present", "takeCard: ok")
}

func says(state string) func(api.Notice) bool {
	return func(n api.Notice) bool {
		return n.Status != nil && strings.Contains(string(n.Status.Classes), `"device":"`+state+`"`)
	}
}
