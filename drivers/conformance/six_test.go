package conformance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/conformance"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/drivers/models"
	"zhigui/sim/device"
	"zhigui/sim/device/xfscdm"
)

// six is a dispenser with six cassettes behind a service provider, under its driver.
type six struct {
	t   *testing.T
	sim *device.Sim
	r   *conformance.Rig
}

func newSix(t *testing.T, c xfscdm.Config) *six {
	t.Helper()
	s := &six{t: t, sim: device.MustStart(t, device.Config{Model: "xfscdm", CashXFS: &c})}
	m, _ := models.Find("xfs4iotdispenser")
	units := map[string]string{}
	for i := range 6 {
		units[fmt.Sprintf("unit%d", i+1)] = fmt.Sprintf("CU%d", i+1)
	}
	s.r = conformance.Start(t, m, s.view().URL, map[string]any{"units": units, "exit": "outFront", "againMs": 50, "pingMs": 200, "settleMs": 5000, "graceMs": 300})
	<-s.r.Recoveries
	return s
}

func (s *six) view() xfscdm.View { return s.sim.Physical().(xfscdm.View) }

func (s *six) arm(f device.FaultSpec) {
	s.t.Helper()
	f.Times, f.Command = 1, cash.CmdDispense
	if err := s.sim.ArmFault(f); err != nil {
		s.t.Fatal(err)
	}
}

func (s *six) pay(n ...int) (api.Completion, cash.Moved) {
	s.t.Helper()
	d := cash.Dispense{Counts: map[string]int{}}
	for i, k := range n {
		d.Counts[fmt.Sprintf("unit%d", i+1)] = k
	}
	c, _ := s.r.Do(cash.CmdDispense, d)
	var m cash.Moved
	if len(c.Payload) > 0 {
		if err := json.Unmarshal(c.Payload, &m); err != nil {
			s.t.Fatal(err)
		}
	}
	return c, m
}

// paid is what really reached the exit.
func (s *six) paid() map[string]int {
	out := map[string]int{}
	for _, c := range s.view().Truth {
		sums(out, map[string]string{"CU1": "unit1", "CU2": "unit2", "CU3": "unit3", "CU4": "unit4", "CU5": "unit5", "CU6": "unit6"}, c.Dispensed)
	}
	return out
}

// req: X-06
func TestSixCassettesPayInOneCommand(t *testing.T) {
	s := newSix(t, xfscdm.Config{})
	var st cash.Status
	if s.r.Status("cashDispenser", &st); len(st.Units) != 6 || st.Units["unit6"].State != "ok" {
		t.Fatalf("%+v", st.Units)
	}
	c, m := s.pay(1, 2, 3, 1, 2, 3)
	want := map[string]int{"unit1": 1, "unit2": 2, "unit3": 3, "unit4": 1, "unit5": 2, "unit6": 3}
	said := map[string]int{}
	for u, k := range m.Units {
		said[u] = k.Presented
	}
	if c.Outcome != api.Done || !maps.Equal(said, want) || !maps.Equal(s.paid(), want) {
		t.Fatalf("%+v %v %v", c, said, s.paid())
	}
	if _, err := s.sim.Do("takeCash", nil); err != nil {
		t.Fatal(err)
	}
	s.r.Event(cash.EvItemsTaken)
	if _, err := s.sim.Do("removeUnit", device.Args{"unit": "CU6"}); err != nil {
		t.Fatal(err)
	}
	s.r.Await("missing", func(n api.Notice) bool {
		return n.Status != nil && strings.Contains(string(n.Status.Classes), `"unit6":{"state":"missing"`)
	})
	if c, _ := s.pay(0, 0, 0, 0, 0, 1); c.Outcome == api.Done || len(s.paid()) != 6 {
		t.Errorf("a box that is out: %+v", c)
	}
}

func TestWhatASixCassetteDispenserDoesWhenItFails(t *testing.T) {
	for _, x := range []struct {
		fault device.FaultSpec
		want  string // outcome, unknown, presented and rejected by unit1
		paid  int
	}{
		{device.FaultSpec{Code: "pickFailure", Stage: device.MidMotion, After: 1}, "failed false 0 1", 0},
		{device.FaultSpec{Code: "pickFailure", Stage: device.BeforeMotion}, "failed false 0 0", 0},
		{device.FaultSpec{Code: "doubleNote", Stage: device.MidMotion, After: 1}, "done false 3 1", 3},
		{device.FaultSpec{Code: "transportJam", Stage: device.MidMotion, After: 1}, "failed false 0 1", 0},
		{device.FaultSpec{Code: "linkLost", Stage: device.MidMotion, After: 1}, "indeterminate true 0 0", 0}, // the notes wait on the stacker
	} {
		t.Run(x.fault.Code, func(t *testing.T) {
			s := newSix(t, xfscdm.Config{})
			s.arm(x.fault)
			c, m := s.pay(3)
			if got := fmt.Sprintf("%s %t %d %d", c.Outcome, m.Unknown, m.Units["unit1"].Presented, m.Units["unit1"].Rejected); got != x.want {
				t.Errorf("%s, want %s: %+v", got, x.want, c)
			}
			if n := s.paid()["unit1"]; n != x.paid {
				t.Errorf("%d notes reached the exit", n)
			}
		})
	}
}

// The virtual service provider says what the standard says.
func TestTheVirtualServiceProviderSpeaksTheStandard(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "xfscdm"})
	ws, _, err := websocket.Dial(t.Context(), sim.Physical().(xfscdm.View).URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	ws.SetReadLimit(1 << 20)
	ctx, cancel := context.WithTimeout(t.Context(), conformance.Patience)
	defer cancel()
	var ends []string
	kinds := map[string]string{"completion": "completion", "event": "event", "unsolicited": "unsolicited"}
	for i, q := range []struct{ name, payload string }{
		{"Common.Capabilities", ""}, {"Common.Status", ""}, {"Storage.GetStorage", ""},
		{"CashDispenser.Dispense", `{"position":"outFront","denomination":{"denomination":{"app":{"counts":{"CU1":2,"CU6":1}}}}}`},
		{"CashDispenser.Dispense", `{"position":"outFront","denomination":{"denomination":{"app":{"counts":{"CU1":2}}}}}`},
		{"CashDispenser.Present", `{"position":"outFront"}`}, {"CashDispenser.GetPresentStatus", `{"position":"outFront"}`},
		{"CashManagement.Retract", `{"location":{"outputPosition":"outFront","retractArea":"reject"}}`}, {"CashDispenser.Reject", ""}, {"CashDispenser.TestCashUnits", ""}, {"Check.Nothing", ""},
	} {
		frame := fmt.Sprintf(`{"header":{"type":"command","name":%q,"version":"2.0","requestId":%d}`, q.name, i+1)
		if q.payload != "" {
			frame += `,"payload":` + q.payload
		}
		if err := ws.Write(ctx, websocket.MessageText, []byte(frame+"}")); err != nil {
			t.Fatal(err)
		}
		for ended := false; !ended; {
			_, b, err := ws.Read(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var m struct {
				Header struct {
					Type, Name, CompletionCode string
					RequestID                  int
				}
				Payload json.RawMessage
			}
			if err := json.Unmarshal(b, &m); err != nil {
				t.Fatal(err)
			}
			if kind := kinds[m.Header.Type]; kind != "" && m.Header.Name != "Check.Nothing" {
				for _, p := range xfs4iot.Check(kind, m.Header.Name, m.Payload) {
					t.Error(p)
				}
			}
			if ended = m.Header.Type == "completion"; ended {
				var e struct{ ErrorCode string }
				_ = json.Unmarshal(m.Payload, &e)
				ends = append(ends, strings.TrimRight(m.Header.Name+" "+m.Header.CompletionCode+" "+e.ErrorCode, " "))
			}
		}
	}
	if d := cmp.Diff([]string{"Common.Capabilities", "Common.Status", "Storage.GetStorage", "CashDispenser.Dispense", "CashDispenser.Dispense commandErrorCode itemsLeft",
		"CashDispenser.Present", "CashDispenser.GetPresentStatus", "CashManagement.Retract", "CashDispenser.Reject commandErrorCode noItems", "CashDispenser.TestCashUnits", "Check.Nothing unsupportedCommand"}, ends); d != "" {
		t.Error(d)
	}
}
