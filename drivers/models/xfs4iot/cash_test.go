package xfs4iot

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/drivers/sdk"
)

// end is a completion in the spelling of one maker or another.
func end(name, header, payload string) string {
	f := `{"header":{"type":"completion","name":"` + name + `","version":"3.0","requestId":ID` + header + `}`
	if payload != "" {
		f += `,"payload":` + payload
	}
	return f + `}`
}

func eventFrame(name, payload string) string {
	return `{"header":{"type":"event","name":"` + name + `","version":"2.0","requestId":ID},"payload":` + payload + `}`
}

// storageOf is a storage with two units, of which so many notes were presented and rejected.
func storageOf(accuracy string, presented, rejected int) string {
	return end("Storage.GetStorage", "", fmt.Sprintf(`{"storage":{
		"unitA":{"status":"ok","cash":{"configuration":{"types":{"cashOut":true},"currency":"CNY","value":100},"status":{"accuracy":%q,"replenishmentStatus":"low","out":{"presented":{"typeCNY100":{"fit":%d}},"rejected":{"typeCNY100":{"unfit":%d},"unrecognized":0}}}}},
		"unitB":{"status":"missing","cash":{"configuration":{"types":{"cashOut":true},"currency":"CNY","value":50},"status":{"accuracy":%q}}}}}`, accuracy, presented, rejected, accuracy))
}

func presentStatus(state string, n int) string {
	return end("CashDispenser.GetPresentStatus", "", fmt.Sprintf(`{"presentState":%q,"denomination":{"currencies":{"CNY":%d},"values":{"unitA":%d,"unitB":0}}}`, state, n*100, n))
}

const startDispense = `{"header":{"type":"event","name":"CashDispenser.StartDispenseEvent","version":"2.0","requestId":ID}}`

// dispenserAt is a service provider of a dispenser that has paid 40 notes before.
func dispenserAt(t *testing.T) *provider {
	p := newProvider(t)
	p.set("Common.Status", end("Common.Status", "", `{"common":{"device":"online"},"cashDispenser":{"intermediateStacker":"empty","positions":[{"position":"outFront","shutter":"closed","positionStatus":"empty","transport":"ok","transportStatus":"empty"}]}}`))
	p.set("Storage.GetStorage", storageOf("accurate", 40, 2))
	p.set("CashDispenser.GetPresentStatus", presentStatus("presented", 3))
	return p
}

func pay(t *testing.T, e *sdk.Engine, op string) (api.Completion, cash.Moved) {
	t.Helper()
	c, _ := do(t, e, op, cash.CmdDispense, `{"counts":{"unit1":3}}`)
	var m cash.Moved
	if len(c.Payload) > 0 {
		if err := json.Unmarshal(c.Payload, &m); err != nil {
			t.Fatal(err)
		}
	}
	return c, m
}

// req: X-06
func TestADispenseIsWhatCountsAndPresentStatusProve(t *testing.T) {
	ack := `{"header":{"type":"acknowledge","name":"CashDispenser.Dispense","version":"2.0","requestId":ID}}`
	good := end("CashDispenser.Dispense", "", `{"denomination":{"values":{"unitA":3}}}`)
	presented := end("CashDispenser.Present", `,"completionCode":"success"`, "")
	failed := end("CashDispenser.Dispense", `,"completionCode":"commandErrorCode"`, `{"errorCode":"cashUnitError"}`)
	for _, c := range []struct {
		name     string
		dispense []string
		present  string
		storage  string // afterwards
		status   string
		want     api.Outcome
		moved    cash.Moved
	}{
		{"both say so", []string{ack, startDispense, good}, presented, storageOf("accurate", 43, 3), presentStatus("presented", 3),
			api.Done, cash.Moved{Units: map[string]cash.UnitMoved{"unit1": {Presented: 3, Rejected: 1}}}},
		{"a maker who does not count", []string{good}, presented, storageOf("unknown", 40, 2), presentStatus("presented", 3),
			api.Done, cash.Moved{Units: map[string]cash.UnitMoved{"unit1": {Presented: 3}}}},
		{"a maker who does not know what was presented", []string{ack, good}, presented, storageOf("accurateSet", 43, 2), presentStatus("unknown", 0),
			api.Done, cash.Moved{Units: map[string]cash.UnitMoved{"unit1": {Presented: 3}}}},
		{"done, and nothing proves it", []string{ack, good}, presented, storageOf("accurate", 40, 2), presentStatus("unknown", 0), api.Failed, cash.Moved{Unknown: true}},
		{"done, and the counts say less", []string{ack, good}, presented, storageOf("accurate", 42, 2), presentStatus("presented", 3), api.Failed, cash.Moved{Unknown: true}},
		{"done, and the present status says less", []string{ack, good}, presented, storageOf("accurate", 43, 2), presentStatus("presented", 2), api.Failed, cash.Moved{Unknown: true}},
		{"failed before it began", []string{ack, failed}, "", storageOf("accurate", 40, 2), presentStatus("presented", 3),
			api.Failed, cash.Moved{Units: map[string]cash.UnitMoved{"unit1": {}}}},
		{"failed with notes in the reject box", []string{ack, startDispense, failed}, "", storageOf("accurate", 40, 4), presentStatus("notPresented", 0),
			api.Failed, cash.Moved{Units: map[string]cash.UnitMoved{"unit1": {Rejected: 2}}}},
		{"failed with a part presented", []string{ack, startDispense, failed}, "", storageOf("accurate", 42, 2), presentStatus("presented", 2),
			api.Failed, cash.Moved{Units: map[string]cash.UnitMoved{"unit1": {Presented: 2}}}},
		{"failed, and the two differ", []string{ack, startDispense, failed}, "", storageOf("accurate", 40, 2), presentStatus("presented", 3), api.Failed, cash.Moved{Unknown: true}},
		{"failed, and the counts are not to be trusted", []string{ack, startDispense, failed}, "", storageOf("inaccurate", 40, 2), presentStatus("notPresented", 0), api.Failed, cash.Moved{Unknown: true}},
		{"the counts were reset meanwhile", []string{ack, startDispense, failed}, "", storageOf("accurate", 0, 0), presentStatus("notPresented", 0), api.Failed, cash.Moved{Unknown: true}},
		{"stacked and never presented", []string{ack, startDispense, good}, end("CashDispenser.Present", `,"completionCode":"commandErrorCode"`, `{"errorCode":"presentErrorItems"}`),
			storageOf("accurate", 40, 2), presentStatus("notPresented", 0), api.Failed, cash.Moved{Units: map[string]cash.UnitMoved{"unit1": {}}}},
		{"refused", []string{ack, end("CashDispenser.Dispense", `,"completionCode":"authorisationRequired"`, "")}, "", storageOf("accurate", 40, 2), "", api.NotStarted, cash.Moved{}},
		{"the link is lost, and the counts prove it", []string{ack, startDispense, "BREAK"}, "", storageOf("accurate", 43, 2), presentStatus("presented", 3),
			api.Done, cash.Moved{Units: map[string]cash.UnitMoved{"unit1": {Presented: 3}}}},
		{"the link is lost, and nothing is proven: the present status may be an earlier one's", []string{ack, startDispense, "BREAK"}, "", storageOf("accurate", 40, 2), presentStatus("presented", 3),
			api.Indeterminate, cash.Moved{Unknown: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := dispenserAt(t)
			p.set("CashDispenser.Dispense", c.dispense...)
			p.set("CashDispenser.Present", c.present)
			p.before(func(name string) {
				if name == cash.CmdDispense { // from now on the world is another
					p.set("Storage.GetStorage", c.storage)
					p.set("CashDispenser.GetPresentStatus", c.status)
				}
			})
			e := openAs(t, p, "xfs4iotdispenser", t.TempDir(), map[string]any{"units": map[string]string{"unit1": "unitA"}, "settleMs": 2000})
			done, m := pay(t, e, "1")
			if done.Outcome != c.want {
				t.Errorf("%+v", done)
			}
			if d := cmp.Diff(c.moved, m); d != "" {
				t.Error(d)
			}
			sent := p.sent(cash.CmdDispense)
			for _, problem := range xfs4iot.Check("command", cash.CmdDispense, sent.Payload) {
				t.Error(problem)
			}
			if !strings.Contains(string(sent.Payload), `"counts":{"unitA":3}`) || !strings.Contains(string(sent.Payload), `"CNY":300`) {
				t.Errorf("%s", sent.Payload)
			}
			if n := p.times(cash.CmdDispense); n != 1 {
				t.Errorf("it was told to dispense %d times", n)
			}
		})
	}
}

func TestADispenseThatADriverDiedInIsSettledByTheCountsOfBefore(t *testing.T) {
	for name, c := range map[string]struct {
		storage string
		want    api.Outcome
	}{
		"it was paid":   {storageOf("accurate", 43, 2), api.Done},
		"it is unclear": {storageOf("accurate", 41, 2), api.Indeterminate},
	} {
		t.Run(name, func(t *testing.T) {
			p := dispenserAt(t)
			dir := t.TempDir()
			p.set("CashDispenser.Dispense", startDispense, "BREAK")
			p.before(func(name string) {
				if name == cash.CmdDispense {
					p.set("Common.Capabilities") // it does not come back while this driver lives
				}
			})
			profile := map[string]any{"units": map[string]string{"unit1": "unitA"}, "settleMs": 100, "openMs": 300, "replyMs": 200}
			e := openAs(t, p, "xfs4iotdispenser", dir, profile)
			if done, m := pay(t, e, "1"); done.Outcome != api.Indeterminate || !m.Unknown {
				t.Fatalf("%+v", done)
			}
			_ = e.Drain(context.Background())
			p.set("Common.Capabilities", capabilities)
			p.set("Storage.GetStorage", c.storage)
			e = openAs(t, p, "xfs4iotdispenser", dir, profile)
			if _, err := e.Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			if rec, err := e.QueryOp(t.Context(), "1"); err != nil || rec.Completion == nil || rec.Completion.Outcome != c.want {
				t.Errorf("%+v %v", rec, err)
			}
		})
	}
}

func TestTheStatusOfADispenserIsThePlatforms(t *testing.T) {
	p := dispenserAt(t)
	p.set("Common.Status", end("Common.Status", "", `{"common":{"device":"online"},"cashDispenser":{"intermediateStacker":"notEmptyUnknown","positions":[{"position":"outFront","positionStatus":"notEmpty"}]}}`))
	e := openAs(t, p, "xfs4iotdispenser", t.TempDir(), map[string]any{"units": map[string]string{"unit1": "unitA", "unit2": "unitB"}})
	s, err := e.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range xfs4iot.Check("completion", "Common.Status", s.Classes) {
		t.Error(problem)
	}
	var got struct{ CashDispenser cash.Status }
	if err := json.Unmarshal(s.Classes, &got); err != nil {
		t.Fatal(err)
	}
	want := cash.Status{Transport: "notEmpty", Positions: []cash.Position{{Position: "outFront", PositionStatus: "notEmpty"}}, Units: map[string]cash.UnitStatus{"unit1": {State: "low"}, "unit2": {State: "missing"}}}
	if d := cmp.Diff(want, got.CashDispenser); d != "" {
		t.Error(d)
	}
	if r, err := e.Recover(t.Context()); err != nil || r.Media["outDefault"] != -1 || r.Media["transport"] != -1 {
		t.Errorf("%+v %v", r, err)
	}
}

func TestWhatIsRetractedIsNeverBookedFromAServiceProvider(t *testing.T) {
	p := dispenserAt(t)
	e := openAs(t, p, "xfs4iotdispenser", t.TempDir(), map[string]any{"retract": "retract"})
	p.set(cash.CmdRetract, end(cash.CmdRetract, "", `{"storage":{"unitR":{"retracted":{"typeCNY100":{"fit":3}}}}}`))
	if c, _ := do(t, e, "1", cash.CmdRetract, `{}`); c.Outcome != api.Done || !strings.Contains(string(c.Payload), `"X-unknown":true`) {
		t.Errorf("%+v", c)
	}
	if got := string(p.sent(cash.CmdRetract).Payload); got != `{"location":{"outputPosition":"outDefault","retractArea":"retract"}}` {
		t.Error(got)
	}
	p.set(cash.CmdRetract, end(cash.CmdRetract, `,"completionCode":"commandErrorCode"`, `{"errorCode":"noItems"}`))
	if c, _ := do(t, e, "2", cash.CmdRetract, `{}`); c.Outcome != api.NotStarted || c.ErrorCode != cash.ErrNoItems {
		t.Errorf("%+v", c)
	}
}

// acceptorAt is a service provider of an acceptor whose transaction stands at status with n
// notes of 100.
func acceptorAt(t *testing.T) (*provider, func(status string, n int)) {
	p := newProvider(t)
	p.set("Common.Status", end("Common.Status", "", `{"common":{"device":"online"},"cashAcceptor":{"intermediateStacker":"empty","stackerItems":"noItems","positions":[{"position":"inFront","positionStatus":"empty","transportStatus":"empty"}]}}`))
	p.set("CashManagement.GetBankNoteTypes", end("CashManagement.GetBankNoteTypes", "", `{"items":{"typeCNY100":{"cashItem":{"noteID":1,"currency":"CNY","value":100},"enabled":true},"typeCNY50":{"cashItem":{"noteID":2,"currency":"CNY","value":50},"enabled":false}}}`))
	p.set("Storage.GetStorage", end("Storage.GetStorage", "", `{"storage":{"unit5":{"status":"ok","cash":{"configuration":{"types":{"cashIn":true}},"status":{"replenishmentStatus":"full"}}},"unit6":{"status":"ok","cash":{"configuration":{"types":{"cashOut":true}}}}}}`))
	at := func(status string, n int) {
		p.set("CashAcceptor.GetCashInStatus", end("CashAcceptor.GetCashInStatus", "", fmt.Sprintf(`{"status":%q,"numOfRefused":1,"noteNumberList":{"unrecognized":0,"typeCNY100":{"fit":%d,"unfit":1}}}`, status, n-1)))
	}
	at("ok", 1)
	return p, at
}

func deposited(t *testing.T, raw json.RawMessage) cash.Deposited {
	t.Helper()
	var d cash.Deposited
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func note(f func(*cash.NoteMoved)) cash.Deposited {
	m := cash.NoteMoved{Currency: "CNY", Value: 10000}
	f(&m)
	return cash.Deposited{Types: map[string]cash.NoteMoved{"typeCNY100": m}, Refused: 1}
}

func TestADepositIsWhatTheCashInStatusSays(t *testing.T) {
	p, at := acceptorAt(t)
	e := openAs(t, p, "xfs4iotacceptor", t.TempDir(), nil)
	p.set(cash.CmdCashInStart, end(cash.CmdCashInStart, `,"completionCode":null`, "null"))
	at("active", 0)
	p.set("CashAcceptor.GetCashInStatus", end("CashAcceptor.GetCashInStatus", "", `{"status":"active","numOfRefused":0,"noteNumberList":{}}`))
	if c, _ := do(t, e, "1", cash.CmdCashInStart, `{"totalItemsLimit":50,"amountLimit":[{"currency":"CNY","X-value":1000000}]}`); c.Outcome != api.Done || deposited(t, c.Payload).Types != nil {
		t.Fatalf("%+v", c)
	}
	sent := p.sent(cash.CmdCashInStart)
	for _, problem := range xfs4iot.Check("command", cash.CmdCashInStart, sent.Payload) {
		t.Error(problem)
	}
	if !strings.Contains(string(sent.Payload), `"value":10000}`) {
		t.Errorf("%s", sent.Payload)
	}
	at("active", 3)
	p.set(cash.CmdCashIn, eventFrame(cash.EvInsertItems, "null"), eventFrame(cash.EvInputRefuse, `{"reason":"counterfeit"}`), eventFrame(cash.EvSubCashIn, `{"typeCNY100":{"fit":3}}`), end(cash.CmdCashIn, "", `{"items":{"typeCNY100":{"fit":3}}}`))
	c, events := do(t, e, "2", cash.CmdCashIn, `{}`)
	if d := cmp.Diff(note(func(m *cash.NoteMoved) { m.Escrow = 3 }), deposited(t, c.Payload)); d != "" || c.Outcome != api.Done || len(events) != 3 {
		t.Error(d, c, events)
	}
	at("ok", 3)
	p.set(cash.CmdCashInEnd, end(cash.CmdCashInEnd, "", `{"storage":{}}`))
	c, _ = do(t, e, "3", cash.CmdCashInEnd, `{}`)
	if d := cmp.Diff(note(func(m *cash.NoteMoved) { m.Credited, m.Cashbox = 3, 3 }), deposited(t, c.Payload)); d != "" || c.Outcome != api.Done {
		t.Error(d, c)
	}
	p.set(cash.CmdCashInEnd, end(cash.CmdCashInEnd, `,"completionCode":"commandErrorCode"`, `{"errorCode":"noCashInActive"}`))
	if c, _ = do(t, e, "4", cash.CmdCashInEnd, `{}`); c.Outcome != api.NotStarted || c.ErrorCode != cash.ErrNoCashIn {
		t.Errorf("%+v", c)
	}
}

func TestWhatAnAcceptorsStateMeans(t *testing.T) {
	for name, c := range map[string]struct {
		status string
		escrow bool
		want   cash.Deposited
	}{
		"rolled back":      {"rollback", true, note(func(m *cash.NoteMoved) { m.Returned = 3 })},
		"without escrow":   {"active", false, note(func(m *cash.NoteMoved) { m.Credited = 3 })},
		"retracted":        {"retract", true, func() cash.Deposited { d := note(func(*cash.NoteMoved) {}); d.Unknown = true; return d }()},
		"nobody knows":     {"unknown", true, func() cash.Deposited { d := note(func(*cash.NoteMoved) {}); d.Unknown = true; return d }()},
		"reset in between": {"reset", true, func() cash.Deposited { d := note(func(*cash.NoteMoved) {}); d.Unknown = true; return d }()},
	} {
		t.Run(name, func(t *testing.T) {
			p, at := acceptorAt(t)
			at(c.status, 3)
			e := openAs(t, p, "xfs4iotacceptor", t.TempDir(), map[string]any{"escrow": c.escrow})
			s, err := e.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got struct{ CashAcceptor cash.AcceptorStatus }
			if err := json.Unmarshal(s.Classes, &got); err != nil {
				t.Fatal(err)
			}
			a := got.CashAcceptor
			if d := cmp.Diff(c.want, a.CashIn.Deposited); d != "" || a.CashIn.Status != c.status {
				t.Error(d, a.CashIn.Status)
			}
			if a.Units[cash.BoxUnit].State != "full" || len(a.Units) != 1 || a.NoteTypes["typeCNY50"] != (cash.NoteType{Currency: "CNY", Value: 5000}) || a.Transport != "empty" {
				t.Errorf("%+v", a)
			}
			for _, problem := range xfs4iot.Check("completion", "Common.Status", s.Classes) {
				t.Error(problem)
			}
		})
	}
}

func TestALinkLostWhileNotesAreTakenIsUnknownUntilTheStatusIsAnswered(t *testing.T) {
	p, at := acceptorAt(t)
	e := openAs(t, p, "xfs4iotacceptor", t.TempDir(), nil)
	p.before(func(name string) {
		if name == cash.CmdCashIn {
			p.set("CashAcceptor.GetCashInStatus") // silent
		}
	})
	p.set(cash.CmdCashIn, eventFrame(cash.EvInsertItems, "null"), "BREAK")
	c, _ := do(t, e, "1", cash.CmdCashIn, `{}`)
	if c.Outcome != api.Indeterminate || !deposited(t, c.Payload).Unknown {
		t.Errorf("%+v", c)
	}
	at("active", 2)
	eventually(t, "the numbers do not come back", func() bool {
		s, err := e.Status(t.Context())
		return err == nil && strings.Contains(string(s.Classes), `"escrow":2`)
	})
}
