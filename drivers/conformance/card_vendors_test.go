//go:build unix

package conformance_test

import (
	"context"
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/conformance"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/drivers/models/creatorcrt350n"
	"zhigui/drivers/models/omron3s4yr"
	"zhigui/drivers/sdk"
	"zhigui/sim/device"
	"zhigui/sim/device/crt350n"
)

// cardReader is everything that differs between two makes of card reader.
type cardReader struct {
	model   sdk.Model
	profile map[string]any
	config  device.Config
	eject   string // the eject command on the wire
	jam     string // the maker's number of a card jam
}

const motionMs = 300

var cardReaders = []cardReader{
	{model: creatorcrt350n.Model, profile: map[string]any{"pollMs": 20, "idlePollMs": 30, "replyMs": 1500}, eject: "C30", jam: "10",
		config: device.Config{Model: "crt350n", Reader: &crt350n.Config{MotionMs: motionMs}}},
	{model: omron3s4yr.Model, profile: map[string]any{"pollMs": 20, "idlePollMs": 30, "replyMs": 1500, "ackMs": 300}, eject: "30", jam: "10",
		config: device.Config{Model: "omron3s4yr", Omron: &crt350n.Config{MotionMs: motionMs}}},
}

// slot is one reader at work under its driver.
type slot struct {
	cardReader
	t   *testing.T
	sim *device.Sim
	r   *conformance.Rig
}

func (m cardReader) slot(t *testing.T) *slot {
	t.Helper()
	s := &slot{cardReader: m, t: t, sim: device.MustStart(t, m.config)}
	s.r = conformance.Start(t, m.model, s.sim.Port(), m.profile)
	<-s.r.Recoveries
	return s
}

const testPAN = "6225880000000001"

func (s *slot) until(ok func(crt350n.View) bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), conformance.Patience)
	defer cancel()
	if err := s.sim.Wait(ctx, func(st device.State) bool { return ok(st.Physical.(crt350n.View)) }); err != nil {
		s.t.Fatal(err)
	}
}

// insert lets the driver wait for a card, puts one in and gives the completion.
func (s *slot) insert(ask card.ReadRawData, a device.Args) api.Completion {
	s.t.Helper()
	events, done := s.r.Begin(s.t.Context(), s.r.Command(card.CmdReadRawData, ask))
	conformance.Next(s.t, events, card.EvInsertCard)
	s.until(func(v crt350n.View) bool { return v.CanInsert })
	s.do("insertCard", a)
	return conformance.Ended(s.t, done)
}

func (s *slot) read() api.Completion {
	s.t.Helper()
	c := s.insert(card.ReadRawData{Track2: true}, device.Args{"track2": testPAN + "=30121010000000000"})
	if c.Outcome != api.Done {
		s.t.Fatalf("%+v", c)
	}
	return c
}

func (s *slot) do(action string, a device.Args) {
	s.t.Helper()
	if _, err := s.sim.Do(action, a); err != nil {
		s.t.Fatal(err)
	}
}

func (s *slot) move(to string) api.Completion {
	s.t.Helper()
	c, _ := s.r.Do(card.CmdMove, card.Move{From: card.Transport, To: to})
	return c
}

func (s *slot) kill() api.Recovery {
	s.t.Helper()
	if err := syscall.Kill(s.r.Device.PID(), syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
	rec := <-s.r.Recoveries
	s.r.Ready()
	return rec
}

// held is what a platform learns from a scenario, and where the card really is.
type held struct {
	Outcome   api.Outcome
	Code      api.CompletionCode
	ErrorCode string
	Media     string
	Retained  int
	Where     crt350n.Position
	Bin       int
	Removed   bool // MediaRemovedEvent came
}

func (s *slot) saw(c api.Completion) held {
	s.t.Helper()
	var st card.Status
	s.r.Status("cardReader", &st)
	v := s.sim.Physical().(crt350n.View)
	return held{Outcome: c.Outcome, Code: c.Code, ErrorCode: c.ErrorCode, Media: st.Media, Retained: st.Retained, Where: v.Position, Bin: len(v.Bin), Removed: s.r.Saw(card.EvMediaRemoved)}
}

var cardScenarios = []struct {
	name string
	run  func(*slot) held
	want held
}{
	{"a card is read, ejected and seen taken", func(s *slot) held {
		var out card.ReadRawDataResult
		if err := json.Unmarshal(s.read().Payload, &out); err != nil || !strings.HasPrefix(string(out.Track2.Data), testPAN) {
			s.t.Errorf("%+v, %v", out, err)
		}
		c := s.move(card.Exit)
		s.do("takeCard", nil)
		s.r.Event(card.EvMediaRemoved)
		if strings.Contains(s.r.Log.String(), testPAN[4:14]) {
			s.t.Error("the log holds the card number")
		}
		return s.saw(c)
	}, held{Outcome: api.Done, Media: "notPresent", Where: crt350n.Outside}},
	{"a wait that is canceled closes the entry", func(s *slot) held {
		ctx, cancel := context.WithCancel(s.t.Context())
		events, done := s.r.Begin(ctx, s.r.Command(card.CmdReadRawData, card.ReadRawData{Track2: true}))
		conformance.Next(s.t, events, card.EvInsertCard)
		cancel()
		c := conformance.Ended(s.t, done)
		if s.sim.State().Prompt != "" {
			s.t.Error("the entry is open")
		}
		return s.saw(c)
	}, held{Outcome: api.Canceled, Code: api.CodeCanceled, Media: "notPresent", Where: crt350n.Outside}},
	{"a wait ends at its deadline", func(s *slot) held {
		cmd := s.r.Command(card.CmdReadRawData, card.ReadRawData{Track2: true})
		cmd.Deadline = time.Now().Add(150 * time.Millisecond)
		return s.saw(s.r.Device.Execute(s.t.Context(), cmd, nil))
	}, held{Outcome: api.TimedOut, Code: api.CodeTimeOut, Media: "notPresent", Where: crt350n.Outside}},
	{"a card without a stripe is invalid media and can be given back", func(s *slot) held {
		c := s.insert(card.ReadRawData{Track2: true}, device.Args{"invalid": true})
		if back := s.move(card.Exit); back.Outcome != api.Done {
			s.t.Errorf("%+v", back)
		}
		return s.saw(c)
	}, held{Outcome: api.Failed, Code: api.CommandErrorCode, ErrorCode: card.ErrInvalidMedia, Media: "entering", Where: crt350n.Mouth}},
	{"a damaged track is no reason to keep the card", func(s *slot) held {
		c := s.insert(card.ReadRawData{Track1: true, Track2: true}, device.Args{"track1": "B" + testPAN + "^A/B^30121010", "track2": testPAN + "=3012", "damage2": "lrc"})
		var out card.ReadRawDataResult
		if err := json.Unmarshal(c.Payload, &out); err != nil || out.Track2.Status != "dataInvalid" || len(out.Track1.Data) == 0 {
			s.t.Errorf("%v", err)
		}
		return s.saw(c)
	}, held{Outcome: api.Done, Media: "present", Where: crt350n.Inside}},
	{"a card jammed on eject is failed, jammed, and can be captured", func(s *slot) held {
		s.read()
		if err := s.sim.ArmFault(device.FaultSpec{Code: s.jam, Command: s.eject, Stage: device.MidMotion, Times: 1}); err != nil {
			s.t.Fatal(err)
		}
		c := s.move(card.Exit)
		if got := s.saw(c); got.Media != "jammed" || c.Vendor == nil {
			s.t.Errorf("%+v", got)
		}
		if kept := s.move(card.UnitBin); kept.Outcome != api.Done {
			s.t.Errorf("%+v", kept)
		}
		return s.saw(c)
	}, held{Outcome: api.Failed, Code: api.CommandErrorCode, ErrorCode: card.ErrMediaJam, Media: "notPresent", Retained: 1, Where: crt350n.Outside, Bin: 1}},
	{"a card that nobody takes is captured and not reported as taken", func(s *slot) held {
		s.read()
		s.move(card.Exit)
		c, _ := s.r.Do(card.CmdMove, card.Move{From: card.Exit, To: card.UnitBin})
		return s.saw(c)
	}, held{Outcome: api.Done, Media: "notPresent", Retained: 1, Where: crt350n.Outside, Bin: 1}},
	{"a lost reply of an eject is settled by the card's position", func(s *slot) held {
		s.read()
		if err := s.sim.ArmFault(device.FaultSpec{Code: device.FaultNone, Command: s.eject, Stage: device.ReplyLost, Times: 1}); err != nil {
			s.t.Fatal(err)
		}
		return s.saw(s.move(card.Exit))
	}, held{Outcome: api.Done, Media: "entering", Where: crt350n.Mouth}},
	{"a driver killed with a card inside finds it and gives it back", func(s *slot) held {
		s.read()
		if rec := s.kill(); rec.Media[card.Transport] != 1 {
			s.t.Errorf("%+v", rec)
		}
		c, _ := s.r.Do(card.CmdReset, card.Reset{To: card.Exit})
		s.do("takeCard", nil)
		s.r.Event(card.EvMediaRemoved)
		return s.saw(c)
	}, held{Outcome: api.Done, Media: "notPresent", Where: crt350n.Outside}},
	{"a driver killed while the card moves finds it at the gate", func(s *slot) held {
		s.read()
		_, done := s.r.Begin(s.t.Context(), s.r.Command(card.CmdMove, card.Move{From: card.Transport, To: card.Exit}))
		s.until(func(v crt350n.View) bool { return v.Position == crt350n.Mouth })
		rec := s.kill()
		conformance.Ended(s.t, done)
		if rec.Media[card.Exit] != 1 {
			s.t.Errorf("%+v", rec)
		}
		if len(rec.Ops) == 1 { // unless its result had reached the journal
			return s.saw(*rec.Ops[0].Completion)
		}
		return s.saw(api.Completion{Outcome: api.Done})
	}, held{Outcome: api.Done, Media: "entering", Where: crt350n.Mouth}},
	{"a reset can capture the card and says by the standard's name where it went", func(s *slot) held {
		s.read()
		c, _ := s.r.Do(card.CmdReset, card.Reset{To: card.Retain})
		found := s.r.Event(card.EvMediaDetected)
		if p := xfs4iot.Check("unsolicited", card.EvMediaDetected, found); len(p) > 0 || !strings.Contains(string(found), card.UnitBin) {
			s.t.Errorf("%s: %v", found, p)
		}
		return s.saw(c)
	}, held{Outcome: api.Done, Media: "notPresent", Retained: 1, Where: crt350n.Outside, Bin: 1}},
	{"a reader that lost its power is initialised again and reads", func(s *slot) held {
		state := func(what string) func(api.Notice) bool {
			return func(n api.Notice) bool {
				return n.Status != nil && strings.Contains(string(n.Status.Classes), `"device":"`+what+`"`)
			}
		}
		s.sim.PowerCut()
		s.r.Await("offline", state("offline"))
		s.sim.PowerRestore()
		s.r.Await("online", state("online"))
		return s.saw(s.read())
	}, held{Outcome: api.Done, Media: "present", Where: crt350n.Inside}},
	{"nothing can be moved when no card is there", func(s *slot) held { return s.saw(s.move(card.Exit)) },
		held{Outcome: api.NotStarted, Code: api.CommandErrorCode, ErrorCode: card.ErrNoMedia, Media: "notPresent", Where: crt350n.Outside}},
}

// req: X-02
func TestEveryCardReaderBehavesAlike(t *testing.T) {
	t.Parallel()
	for _, sc := range cardScenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			for _, m := range cardReaders {
				t.Run(m.model.Name, func(t *testing.T) {
					t.Parallel()
					if diff := cmp.Diff(sc.want, sc.run(m.slot(t))); diff != "" {
						t.Error(diff)
					}
				})
			}
		})
	}
}
