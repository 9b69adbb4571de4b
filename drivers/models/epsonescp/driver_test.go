package epsonescp_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"maps"
	"os"
	"strings"
	"syscall"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/epsonescp"
	"zhigui/sim/device"
	"zhigui/sim/device/escp"
	"zhigui/sim/device/escpos"
)

func TestMain(m *testing.M) { conformance.Main(m, epsonescp.Model) }

func setup(t *testing.T, c escp.Config, more map[string]any) (*device.Sim, *conformance.Rig) {
	t.Helper()
	if c.StatusMs == 0 {
		c.StatusMs = 100
	}
	sim := device.MustStart(t, device.Config{Model: "escp", Statement: &c})
	p := map[string]any{"pollMs": 40, "replyMs": 800, "silentMs": 2000, "jobMs": 6000}
	maps.Copy(p, more)
	r := conformance.Start(t, epsonescp.Model, sim.Port(), p)
	<-r.Recoveries
	return sim, r
}

func view(s *device.Sim) escp.View { return s.Physical().(escp.View) }

func statement(lines int) printer.Receipt {
	r := printer.Receipt{Cut: true, Lines: []printer.Line{{Text: "智柜银行 对账单", Align: "center", Big: true, Bold: true}, {Rule: true}}}
	for i := range lines {
		r.Lines = append(r.Lines, printer.Line{Text: fmt.Sprintf("2026-11-%02d 存入", i%28+1), Right: fmt.Sprintf("%d.00", 100+i)})
	}
	return r
}

func until(t *testing.T, sim *device.Sim, ok func(escp.View) bool) {
	t.Helper()
	if err := sim.Wait(t.Context(), func(s device.State) bool { return ok(s.Physical.(escp.View)) }); err != nil {
		t.Fatal(err)
	}
}

// req: X-06
func TestAStatementOfTwoPagesIsPrintedInTheColumnsItWasSetIn(t *testing.T) {
	sim, r := setup(t, escp.Config{}, nil)
	c, events := r.Do(printer.CmdPrintReceipt, statement(70))
	if c.Outcome != api.Done || len(events) != 1 || events[0] != printer.EvMediaPresented {
		t.Fatalf("%+v %v", c, events)
	}
	v := view(sim)
	if v.Printed != 2 || v.Loaded || v.Sheets != 98 || v.Tray != 2 {
		t.Fatalf("%+v", v)
	}
	lines := strings.Split(v.Pages[1].Text, "\n")
	for i, want := range []string{strings.Repeat(" ", 30) + "智柜银行 对账单", strings.Repeat("-", 90), "2026-11-01 存入" + strings.Repeat(" ", 69) + "100.00"} {
		if lines[i] != want {
			t.Errorf("line %d: %q, want %q", i, lines[i], want)
		}
	}
	if !strings.Contains(v.Pages[0].Text, "169.00") || strings.Contains(v.Pages[0].Text, "对账单") {
		t.Errorf("the second page:\n%s", v.Pages[0].Text)
	}
}

func TestAPageOfFieldsCanBeSeen(t *testing.T) {
	sim, r := setup(t, escp.Config{}, nil)
	page := printer.Page{Eject: true, Fields: []printer.Field{{X: 1200, Y: 200, QR: "https://example.com/s/1"}, {X: 100, Y: 300, Text: "客户：张三", Bold: true}, {Y: 100, Text: "0123"}}}
	if c, _ := r.Do(printer.CmdPrintPage, page); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if got := view(sim).Pages[0].Text; got != "0123\n     客户：张三\n" {
		t.Errorf("%q", got)
	}
	body, _, err := sim.Picture(1, "png")
	if errors.Is(err, escpos.ErrNoFont) && os.Getenv("HOSTS") != "required" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(body))
	if err != nil || img.Bounds() != image.Rect(0, 0, 992, 1403) {
		t.Fatal(err)
	}
	// The symbol is where it was to be, black and white as its finder pattern says: 120 dots to the inch, a
	// margin of 30, a module of 4.
	x0, y0 := 30+1200*120/254, 30+200*120/254
	for at, black := range map[image.Point]bool{{1, 1}: true, {5, 5}: false, {14, 14}: true, {30, 1}: false} {
		if g, _, _, _ := img.At(x0+at.X, y0+at.Y).RGBA(); (g < 0x8000) != black {
			t.Errorf("at %v: %04x", at, g)
		}
	}
	if c, _ := r.Do(printer.CmdPrintPage, printer.Page{Fields: []printer.Field{{Y: 3000, Text: "x"}}}); c.ErrorCode != printer.ErrMediaOverflow || c.Outcome != api.NotStarted {
		t.Errorf("%+v", c)
	}
}

func TestASheetStaysUntilItIsComplete(t *testing.T) {
	sim, r := setup(t, escp.Config{}, nil)
	for _, line := range []string{"one", "two"} {
		if c, _ := r.Do(printer.CmdPrintReceipt, printer.Receipt{Lines: []printer.Line{{Text: line}}}); c.Outcome != api.Done {
			t.Fatalf("%+v", c)
		}
	}
	if v := view(sim); !v.Loaded || v.Current != "one\ntwo\n" {
		t.Errorf("%+v", v)
	}
	if c, _ := r.Do(printer.CmdControlMedia, printer.ControlMedia{MediaControl: map[string]bool{"eject": true}}); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
	if v := view(sim); v.Loaded || v.Tray != 1 {
		t.Errorf("%+v", v)
	}
}

func TestPaperThatEndsLeavesTheJobIndeterminateAndInTheWayOfTheNext(t *testing.T) {
	sim, r := setup(t, escp.Config{Sheets: 1}, nil)
	c, _ := r.Do(printer.CmdPrintReceipt, statement(70))
	if c.Outcome != api.Indeterminate || c.ErrorCode != printer.ErrPaperOut || c.Vendor == nil || c.Vendor.Code != "paper-end" {
		t.Fatalf("%+v", c)
	}
	r.Event(printer.EvPaperThreshold)
	if c, _ := r.Do(printer.CmdPrintReceipt, statement(1)); c.Outcome != api.NotStarted || c.ErrorCode != printer.ErrPaperOut {
		t.Errorf("%+v", c)
	}
	if _, err := sim.Do("loadPaper", nil); err != nil {
		t.Fatal(err)
	}
	until(t, sim, func(v escp.View) bool { return v.Tray == 2 }) // the rest of the job
	r.Await("full", func(n api.Notice) bool {
		return n.Status != nil && strings.Contains(string(n.Status.Classes), `"upper":"full"`)
	})
	if c, _ := r.Do(printer.CmdPrintReceipt, statement(1)); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
	if v := view(sim); v.Tray != 3 || strings.Count(v.Pages[0].Text, "存入") != 1 {
		t.Errorf("%+v", v)
	}
}

func TestALostEchoLeavesTheJobIndeterminateAndTheNextOneIsRefusedUntilThePowerWasOff(t *testing.T) {
	sim, r := setup(t, escp.Config{}, map[string]any{"jobMs": 500})
	if err := sim.ArmFault(device.FaultSpec{Code: device.FaultNone, Command: "REMOTE ??", Stage: device.ReplyLost, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if c, _ := r.Do(printer.CmdPrintReceipt, statement(1)); c.Outcome != api.Indeterminate {
		t.Fatalf("%+v", c)
	}
	if c, _ := r.Do(printer.CmdPrintReceipt, statement(1)); c.Outcome != api.NotStarted || c.Code != api.DeviceNotReady {
		t.Errorf("%+v", c)
	}
	sim.PowerCut()
	state := func(what string) {
		r.Await(what, func(n api.Notice) bool {
			return n.Status != nil && strings.Contains(string(n.Status.Classes), `"device":"`+what+`"`)
		})
	}
	state("offline")
	sim.PowerRestore()
	state("online")
	if c, _ := r.Do(printer.CmdPrintReceipt, statement(1)); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
}

func TestAPrinterInTroubleRefusesWithTheReason(t *testing.T) {
	sim, r := setup(t, escp.Config{}, nil)
	for _, tc := range []struct{ status, bad, good, vendor, code string }{
		{"cover", "open", "closed", "cover", ""}, {"path", "jammed", "clear", "jam", printer.ErrPaperJammed}, {"lever", "wrong", "right", "lever", ""}, {"panel", "paused", "online", "pause", ""},
	} {
		if _, err := sim.Do("setStatus", device.Args{"name": tc.status, "value": tc.bad}); err != nil {
			t.Fatal(err)
		}
		if c, _ := r.Do(printer.CmdPrintReceipt, statement(1)); c.Outcome != api.NotStarted || c.ErrorCode != tc.code || c.Vendor == nil || c.Vendor.Code != tc.vendor {
			t.Errorf("%s: %+v", tc.status, c)
		}
		if _, err := sim.Do("setStatus", device.Args{"name": tc.status, "value": tc.good}); err != nil {
			t.Fatal(err)
		}
	}
	if c, _ := r.Do(printer.CmdPrintReceipt, statement(1)); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
}

// req: D-03
func TestADriverKilledInAPageBeginsTheNextOneOnAnotherSheet(t *testing.T) {
	sim, r := setup(t, escp.Config{LineMs: 20}, nil)
	_, done := r.Begin(t.Context(), r.Command(printer.CmdPrintReceipt, printer.Receipt{Lines: statement(30).Lines}))
	until(t, sim, func(v escp.View) bool { return strings.Contains(v.Current, "101.00") })
	if err := syscall.Kill(r.Device.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	rec := <-r.Recoveries
	r.Ready()
	conformance.Ended(t, done)
	if len(rec.Ops) != 1 || rec.Ops[0].Completion.Outcome != api.Indeterminate {
		t.Fatalf("%+v", rec)
	}
	if c, _ := r.Do(printer.CmdPrintReceipt, printer.Receipt{Cut: true, Lines: []printer.Line{{Text: "new"}}}); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if v := view(sim); v.Printed != 2 || v.Pages[0].Text != "new\n" {
		t.Errorf("%+v", v)
	}
}
