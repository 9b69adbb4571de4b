package conformance_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/creatorcrt350n"
	"zhigui/drivers/models/creatorcrt591"
	"zhigui/drivers/sdk"
	"zhigui/sim/device"
	"zhigui/sim/device/crt350n"
	"zhigui/sim/device/crt591"
)

// chipReader is everything that differs between two makes with contacts for a chip.
type chipReader struct {
	model  sdk.Model
	config device.Config
	insert device.Args // how a card with a chip goes in
	// patience is the profile value for an answer of a chip
	patience string
	apdu     map[string]string // protocol → the maker's command
}

var chipReaders = []chipReader{
	{model: creatorcrt350n.Model, config: device.Config{Model: "crt350n", Reader: &crt350n.Config{}}, insert: device.Args{"mag": true, "ic": true}, patience: "replyMs",
		apdu: map[string]string{card.T0: "CI3", card.T1: "CI4"}},
	{model: creatorcrt591.Model, config: device.Config{Model: "crt591", Cards: &crt591.Config{}}, patience: "moveMs",
		apdu: map[string]string{card.T0: "51 33", card.T1: "51 34"}},
}

// contacts is one reader with a card on its contacts.
type contacts struct {
	chipReader
	t   *testing.T
	sim *device.Sim
	r   *conformance.Rig
	how []string // what was done and what came of it
}

const selectPBOC = "00A4040008A000000333010101"

// read lets a card in and reads its chip.
func (c *contacts) read(a device.Args) {
	c.t.Helper()
	args := device.Args{"track2": testPAN + "=30122010000000000"}
	maps.Copy(args, c.insert)
	maps.Copy(args, a)
	events, done := c.r.Begin(c.t.Context(), c.r.Command(card.CmdReadRawData, card.ReadRawData{Chip: true}))
	conformance.Next(c.t, events, card.EvInsertCard)
	ctx, cancel := context.WithTimeout(c.t.Context(), conformance.Patience)
	defer cancel()
	if err := c.sim.Wait(ctx, func(s device.State) bool { return s.Prompt == "insertCard" }); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.sim.Do("insertCard", args); err != nil {
		c.t.Fatal(err)
	}
	end := conformance.Ended(c.t, done)
	var out card.ReadRawDataResult
	_ = json.Unmarshal(end.Payload, &out)
	what := "no chip"
	if len(out.Chip) == 1 {
		what = out.Chip[0].Status
		if b := out.Chip[0].Data; len(b) > 4 {
			what = fmt.Sprintf("%X", b[:4])
		}
	}
	c.say("read", end, what)
}

// say notes what was done, how it ended, what was answered, and how the chip is now.
func (c *contacts) say(what string, end api.Completion, answer string) {
	c.t.Helper()
	var st card.Status
	if end.Outcome != api.Failed || end.ErrorCode != "" { // after silence the next look decides
		c.r.Status("cardReader", &st)
	}
	c.how = append(c.how, strings.Join(strings.Fields(fmt.Sprintf("%s: %s %s %s %s", what, end.Outcome, end.ErrorCode, answer, st.ChipPower)), " "))
}

func (c *contacts) power(to string) {
	c.t.Helper()
	end, _ := c.r.Do(card.CmdChipPower, card.ChipPower{ChipPower: to})
	var out card.ChipPowerResult
	_ = json.Unmarshal(end.Payload, &out)
	answer := ""
	if len(out.ChipData) > 4 {
		answer = fmt.Sprintf("%X", out.ChipData[:4])
	}
	c.say(to, end, answer)
}

// tell sends a command to the chip; of the answer it notes the first byte.
func (c *contacts) tell(protocol, hexed string) {
	c.t.Helper()
	b, err := hex.DecodeString(hexed)
	if err != nil {
		c.t.Fatal(err)
	}
	end, _ := c.r.Do(card.CmdChipIO, card.ChipIO{ChipProtocol: protocol, ChipData: b})
	var out card.ChipIO
	_ = json.Unmarshal(end.Payload, &out)
	answer := ""
	if len(out.ChipData) > 0 {
		answer = fmt.Sprintf("%X", out.ChipData[:1])
	}
	c.say(protocol, end, answer)
}

func (c *contacts) eject() {
	c.t.Helper()
	end, _ := c.r.Do(card.CmdMove, card.Move{From: card.Transport, To: card.Exit})
	c.say("eject", end, "")
}

func (c *contacts) arm(f device.FaultSpec) {
	c.t.Helper()
	f.Times = 1
	if err := c.sim.ArmFault(f); err != nil {
		c.t.Fatal(err)
	}
}

// aLife is how a chip is used, from the reset that reading gives it to the card's leaving.
func aLife(arg, protocol, other string) func(*contacts) {
	return func(c *contacts) {
		c.read(device.Args{"protocol": arg})
		c.tell(protocol, selectPBOC)
		c.tell(card.NotRequired, "00A404000E315041592E5359532E4444463031")
		c.tell(other, selectPBOC)
		c.power(card.Warm)
		c.power(card.Off)
		c.tell(protocol, selectPBOC)
		c.power(card.Cold)
		c.eject()
		if _, err := c.sim.Do("takeCard", nil); err != nil {
			c.t.Fatal(err)
		}
		c.r.Event(card.EvMediaRemoved)
		c.power(card.Cold)
		if s := c.r.Log.String(); strings.Contains(s, testPAN) || strings.Contains(s, selectPBOC) {
			c.t.Error("the log knows what was said to the chip")
		}
	}
}

// strikes is a fault at the second command to the chip.
func strikes(code string) func(*contacts) {
	return func(c *contacts) {
		c.read(nil)
		c.arm(device.FaultSpec{Code: code, Command: c.apdu[card.T0], Stage: device.MidMotion, After: 1})
		c.tell(card.T0, selectPBOC)
		c.tell(card.T0, selectPBOC)
		c.tell(card.T0, selectPBOC)
	}
}

var chipScenarios = []struct {
	name string
	run  func(*contacts)
	want []string
}{
	{"a chip over T=0 is powered, spoken to, and off before the card moves", aLife("T0", card.T0, card.T1), []string{
		"read: done 3B680000 online", "chipT0: done 61 online", "chipProtocolNotRequired: done 61 online", "chipT1: failed protocolNotSupported online",
		"warm: done 3B680000 online", "off: done poweredOff", "chipT0: notStarted atrNotObtained poweredOff", "cold: done 3B680000 online", "eject: done noCard",
		"cold: notStarted noMedia noCard"}},
	{"a chip over T=1 is powered, spoken to, and off before the card moves", aLife("T1", card.T1, card.T0), []string{
		"read: done 3BE80000 online", "chipT1: done 6F online", "chipProtocolNotRequired: done 6F online", "chipT0: failed protocolNotSupported online",
		"warm: done 3BE80000 online", "off: done poweredOff", "chipT1: notStarted atrNotObtained poweredOff", "cold: done 3BE80000 online", "eject: done noCard",
		"cold: notStarted noMedia noCard"}},
	{"a chip that falls silent is off until its next reset", strikes("CHIP-MUTE"), []string{
		"read: done 3B680000 online", "chipT0: done 61 online", "chipT0: failed invalidMedia poweredOff", "chipT0: notStarted atrNotObtained poweredOff"}},
	{"a transmission that fails is told, and the chip is off until its next reset", strikes("64"), []string{
		"read: done 3B680000 online", "chipT0: done 61 online", "chipT0: failed invalidMedia poweredOff", "chipT0: notStarted atrNotObtained poweredOff"}},
	{"a chip that lost its power says so", strikes("65"), []string{
		"read: done 3B680000 online", "chipT0: done 61 online", "chipT0: failed atrNotObtained poweredOff", "chipT0: notStarted atrNotObtained poweredOff"}},
	{"a command whose answer is lost is not repeated", func(c *contacts) {
		c.read(nil)
		c.arm(device.FaultSpec{Code: device.FaultNone, Command: c.apdu[card.T0], Stage: device.ReplyLost})
		c.tell(card.T0, selectPBOC)
		c.tell(card.T0, selectPBOC)
	}, []string{"read: done 3B680000 online", "chipT0: failed", "chipT0: notStarted atrNotObtained poweredOff"}},
	{"a chip without an answer to reset is invalid media, and the card goes back", func(c *contacts) {
		c.read(device.Args{"chip": "mute"})
		c.eject()
	}, []string{"read: failed invalidMedia dataMissing poweredOff", "eject: done noCard"}},
	{"a chip keeps its count of transactions when the reader loses its power", func(c *contacts) {
		c.read(nil)
		c.sim.PowerCut()
		c.r.Await("offline", says("offline"))
		c.sim.PowerRestore()
		c.r.Await("online", says("online"))
		c.tell(card.T0, selectPBOC)
		c.power(card.Cold)
		c.tell(card.T0, selectPBOC)
	}, []string{"read: done 3B680000 online", "chipT0: notStarted atrNotObtained poweredOff", "cold: done 3B680000 online", "chipT0: done 61 online"}},
}

func says(state string) func(api.Notice) bool {
	return func(n api.Notice) bool {
		return n.Status != nil && strings.Contains(string(n.Status.Classes), `"device":"`+state+`"`)
	}
}

// req: X-06
func TestEveryChipReaderBehavesAlike(t *testing.T) {
	t.Parallel()
	for _, sc := range chipScenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			for _, m := range chipReaders {
				t.Run(m.model.Name, func(t *testing.T) {
					t.Parallel()
					c := &contacts{chipReader: m, t: t, sim: device.MustStart(t, m.config)}
					c.r = conformance.Start(t, m.model, c.sim.Port(), map[string]any{"pollMs": 20, "idlePollMs": 30, m.patience: 1500})
					<-c.r.Recoveries
					sc.run(c)
					if diff := cmp.Diff(sc.want, c.how); diff != "" {
						t.Error(diff)
					}
				})
			}
		})
	}
}
