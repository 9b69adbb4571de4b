package olivettipr2_test

import (
	"context"
	"encoding/json"
	"strings"
	"syscall"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	"zhigui/drivers/conformance"
	"zhigui/drivers/conformance/xfs4iot"
	"zhigui/drivers/models/olivettipr2"
	"zhigui/sim/device"
	"zhigui/sim/device/pr2"
)

func TestMain(m *testing.M) { conformance.Main(m, olivettipr2.Model) }

const account = "6225880000000001=001"

func setup(t *testing.T, c pr2.Config) (*device.Sim, *conformance.Rig) {
	t.Helper()
	c.Books = []pr2.BookConfig{{Name: "demo", Stripe: account}, {Name: "new"}}
	sim := device.MustStart(t, device.Config{Model: "pr2", Passbook: &c})
	r := conformance.Start(t, olivettipr2.Model, sim.Port(), map[string]any{"pollMs": 30, "replyMs": 1500, "motionMs": 1500, "retries": 1})
	<-r.Recoveries
	return sim, r
}

func view(s *device.Sim) pr2.View { return s.Physical().(pr2.View) }

func act(t *testing.T, s *device.Sim, action string, a device.Args) {
	t.Helper()
	if _, err := s.Do(action, a); err != nil {
		t.Fatal(err)
	}
}

// insert lets the driver ask for a book, puts one in open at a page, and waits for the completion.
func insert(t *testing.T, sim *device.Sim, r *conformance.Rig, book string, page int) {
	t.Helper()
	events, done := r.Begin(t.Context(), r.Command(printer.CmdInsertMedia, nil))
	conformance.Next(t, events, printer.EvNoMedia)
	act(t, sim, "insertPassbook", device.Args{"book": book, "page": page})
	conformance.Next(t, events, printer.EvMediaInserted)
	if c := conformance.Ended(t, done); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
}

func line(n int, text string) printer.Passbook {
	return printer.Passbook{Lines: []printer.PassbookLine{{Line: n, Column: 1, Text: text}}}
}

func media(r *conformance.Rig) string {
	r.T.Helper()
	var st printer.Status
	r.Status("printer", &st)
	return st.Media
}

func TestABookIsDrawnInReadPrintedGivenBackAndSeenTaken(t *testing.T) {
	sim, r := setup(t, pr2.Config{})
	insert(t, sim, r, "demo", 3)
	c, _ := r.Do(printer.CmdReadStripe, nil)
	var s printer.Stripe
	if err := json.Unmarshal(c.Payload, &s); err != nil || c.Outcome != api.Done || s.Data != account {
		t.Fatalf("%+v", c)
	}
	c, _ = r.Do(printer.CmdPrintPassbook, printer.Passbook{Lines: []printer.PassbookLine{
		{Line: 5, Column: 1, Text: "20261122"}, {Line: 5, Column: 11, Text: "存入"}, {Line: 5, Column: 20, Text: "100.00"}, {Line: 6, Column: 1, Text: "20261123"}}})
	if c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	page := strings.Split(view(sim).Pages[2], "\n")
	if len(page) < 6 || page[4] != "20261122  存入     100.00" || page[5] != "20261123" {
		t.Errorf("%q", page)
	}
	if c, events := r.Do(printer.CmdControlMedia, printer.ControlMedia{MediaControl: map[string]bool{"eject": true}}); c.Outcome != api.Done || len(events) != 1 || events[0] != printer.EvMediaPresented {
		t.Errorf("%+v %v", c, events)
	}
	act(t, sim, "takePassbook", nil)
	r.Event(printer.EvMediaTaken)
	if strings.Contains(r.Log.String(), account[4:14]) {
		t.Error("the log holds the account")
	}
}

func TestAPageIsTurnedByTheCustomer(t *testing.T) {
	sim, r := setup(t, pr2.Config{})
	insert(t, sim, r, "demo", 1)
	events, done := r.Begin(t.Context(), r.Command(printer.CmdControlPassbook, printer.ControlPassbook{Action: "forward", Count: 1}))
	conformance.Next(t, events, printer.EvMediaPresented)
	e := conformance.Next(t, events, printer.EvNoMedia)
	if p := xfs4iot.Check("event", printer.EvNoMedia, e.Payload); len(p) > 0 || !strings.Contains(string(e.Payload), "turnPage") {
		t.Errorf("%s: %v", e.Payload, p)
	}
	act(t, sim, "takePassbook", nil)
	r.Event(printer.EvMediaTaken)
	act(t, sim, "insertPassbook", device.Args{"page": 2})
	if c := conformance.Ended(t, done); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if c, _ := r.Do(printer.CmdPrintPassbook, line(1, "x")); c.Outcome != api.Done || view(sim).Pages[1] != "x\n" {
		t.Errorf("%+v %q", c, view(sim).Pages)
	}
}

func TestTheStripeIsWrittenAndReadBack(t *testing.T) {
	sim, r := setup(t, pr2.Config{})
	insert(t, sim, r, "new", 1)
	if c, _ := r.Do(printer.CmdReadStripe, nil); c.ErrorCode != printer.ErrNoStripe {
		t.Errorf("an empty stripe: %+v", c)
	}
	if c, _ := r.Do(printer.CmdWriteStripe, printer.Stripe{Data: "123=45"}); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if c, _ := r.Do(printer.CmdReadStripe, nil); !strings.Contains(string(c.Payload), "123=45") {
		t.Errorf("%+v", c)
	}
	if err := sim.ArmFault(device.FaultSpec{Code: "q", Stage: device.MidMotion, Times: 1}); err != nil {
		t.Fatal(err)
	}
	c, _ := r.Do(printer.CmdWriteStripe, printer.Stripe{Data: "999=99"})
	if c.Outcome != api.Failed || c.ErrorCode != printer.ErrStripe || c.Vendor == nil || c.Vendor.Code != "q" {
		t.Errorf("%+v", c)
	}
	if c, _ := r.Do(printer.CmdReadStripe, nil); c.ErrorCode != printer.ErrStripe {
		t.Errorf("half a stripe: %+v", c)
	}
	if c, _ := r.Do(printer.CmdWriteStripe, printer.Stripe{Data: "999=99"}); c.Outcome != api.Done {
		t.Errorf("the old error is cleared: %+v", c)
	}
	for _, bad := range []string{"", "12 34", strings.Repeat("1", 200), "1\x1BO"} {
		if c, _ := r.Do(printer.CmdWriteStripe, printer.Stripe{Data: bad}); c.Outcome != api.NotStarted || c.Code != api.InvalidData {
			t.Errorf("%q: %+v", bad, c)
		}
	}
}

func TestAJamWhilePrintingIsFailedAndNothingIsPrintedTwice(t *testing.T) {
	sim, r := setup(t, pr2.Config{})
	insert(t, sim, r, "demo", 1)
	if err := sim.ArmFault(device.FaultSpec{Code: "2", Command: "TEXT", Stage: device.MidMotion, Times: 1}); err != nil {
		t.Fatal(err)
	}
	c, _ := r.Do(printer.CmdPrintPassbook, line(1, "abcdef"))
	if c.Outcome != api.Failed || c.ErrorCode != printer.ErrMediaJammed || media(r) != "jammed" {
		t.Fatalf("%+v %s", c, media(r))
	}
	if c, _ := r.Do(printer.CmdPrintPassbook, line(2, "x")); c.Outcome != api.NotStarted {
		t.Errorf("%+v", c)
	}
	if got := view(sim).Pages[0]; got != "abc\n" {
		t.Errorf("%q", got)
	}
	act(t, sim, "clearPath", nil)
	act(t, sim, "takePassbook", nil)
	insert(t, sim, r, "demo", 1)
	if c, _ := r.Do(printer.CmdPrintPassbook, line(2, "x")); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
}

func TestAJobWithoutAnAnswerIsIndeterminateAndNotPrintedAgain(t *testing.T) {
	sim, r := setup(t, pr2.Config{LineMs: 200})
	insert(t, sim, r, "demo", 1)
	if err := sim.ArmFault(device.FaultSpec{Code: device.FaultPower, Command: "TEXT", Stage: device.AfterMotion, Times: 1}); err != nil {
		t.Fatal(err)
	}
	cmd := r.Command(printer.CmdPrintPassbook, line(1, "paid"))
	if c := r.Device.Execute(t.Context(), cmd, nil); c.Outcome != api.Indeterminate {
		t.Fatalf("%+v", c)
	}
	sim.PowerRestore()
	if c := r.Device.Execute(t.Context(), cmd, nil); c.Outcome != api.Indeterminate {
		t.Errorf("the same operation again: %+v", c)
	}
	if got := view(sim).Pages[0]; got != "paid\n" {
		t.Errorf("%q", got)
	}
}

// req: D-03
func TestAKilledDriverFindsTheBookAndGivesItBack(t *testing.T) {
	sim, r := setup(t, pr2.Config{LineMs: 100})
	insert(t, sim, r, "demo", 1)
	_, done := r.Begin(t.Context(), r.Command(printer.CmdPrintPassbook, line(1, "abc")))
	ctx, cancel := context.WithTimeout(t.Context(), conformance.Patience)
	defer cancel()
	if err := sim.Wait(ctx, func(s device.State) bool { return s.Physical.(pr2.View).Printed > 0 }); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(r.Device.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	conformance.Ended(t, done)
	rec := <-r.Recoveries
	r.Ready()
	if rec.Media["transport"] != 1 {
		t.Errorf("%+v", rec)
	}
	found := r.Event(printer.EvMediaDetected)
	if p := xfs4iot.Check("unsolicited", printer.EvMediaDetected, found); len(p) > 0 {
		t.Error(p)
	}
	if c, _ := r.Do(printer.CmdControlMedia, printer.ControlMedia{MediaControl: map[string]bool{"eject": true}}); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
	if got := view(sim).Pages[0]; got != "abc\n" {
		t.Errorf("%q", got)
	}
}

func TestWhatDoesNotFitIsRefusedBeforeAnythingIsPrinted(t *testing.T) {
	sim, r := setup(t, pr2.Config{})
	if c, _ := r.Do(printer.CmdPrintPassbook, line(1, "x")); c.ErrorCode != printer.ErrNoMedia {
		t.Errorf("no book: %+v", c)
	}
	insert(t, sim, r, "demo", 1)
	for want, p := range map[string]printer.Passbook{printer.ErrMediaOverflow: line(25, "x"), "": line(1, "a\x1Bb")} {
		if c, _ := r.Do(printer.CmdPrintPassbook, p); c.Outcome != api.NotStarted || c.ErrorCode != want {
			t.Errorf("%+v", c)
		}
	}
	act(t, sim, "setStatus", device.Args{"name": "cover", "value": "open"})
	if c, _ := r.Do(printer.CmdPrintPassbook, line(1, "x")); c.Outcome != api.NotStarted || c.Vendor == nil {
		t.Errorf("cover: %+v", c)
	}
	if got := strings.Join(view(sim).Pages, ""); strings.TrimSpace(got) != "" {
		t.Errorf("%q", got)
	}
}

func TestLineFaultsNeverPrintTwice(t *testing.T) {
	for _, k := range []device.LineFault{device.BadChecksum, device.DropByte, device.Garbage, device.DuplicateReply, device.Silence} {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			sim, r := setup(t, pr2.Config{})
			insert(t, sim, r, "demo", 1)
			if err := sim.ArmLine(k, 1); err != nil {
				t.Fatal(err)
			}
			c, _ := r.Do(printer.CmdPrintPassbook, line(1, "once"))
			if got := view(sim).Pages[0]; c.Outcome == api.Done && got != "once\n" || strings.Contains(got, "█") {
				t.Errorf("%+v %q", c, got)
			}
		})
	}
}
