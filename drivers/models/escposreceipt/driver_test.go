package escposreceipt_test

import (
	"maps"
	"strings"
	"syscall"
	"testing"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/escposreceipt"
	"zhigui/sim/device"
	"zhigui/sim/device/escpos"
)

func TestMain(m *testing.M) { conformance.Main(m, escposreceipt.Model) }

func setup(t *testing.T, c escpos.Config, more map[string]any) (*device.Sim, *conformance.Rig) {
	t.Helper()
	sim := device.MustStart(t, device.Config{Model: "escpos", Printer: &c})
	p := map[string]any{"pollMs": 40, "replyMs": 300, "jobMs": 3000}
	maps.Copy(p, more)
	r := conformance.Start(t, escposreceipt.Model, sim.Port(), p)
	<-r.Recoveries
	return sim, r
}

var receipt = printer.Receipt{Cut: true, Lines: []printer.Line{
	{Text: "智柜银行", Align: "center", Big: true, Bold: true}, {Rule: true}, {Text: "金额", Right: "300.00"}, {QR: "https://example.com/r/1", Align: "center"},
}}

func tickets(s *device.Sim) []escpos.TicketView { return s.Physical().(escpos.View).Tickets }

// req: X-06
func TestAReceiptIsPrintedCutPresentedAndTaken(t *testing.T) {
	sim, r := setup(t, escpos.Config{}, nil)
	c, events := r.Do(printer.CmdPrintReceipt, receipt)
	if c.Outcome != api.Done || len(events) != 1 || events[0] != printer.EvMediaPresented {
		t.Fatalf("%+v %v", c, events)
	}
	got := tickets(sim)
	if len(got) != 1 {
		t.Fatalf("%d tickets", len(got))
	}
	txt := got[0].Text
	for _, want := range []string{"智柜银行", "金额", "300.00", strings.Repeat("-", 48)} {
		if !strings.Contains(txt, want) {
			t.Errorf("the ticket has no %q:\n%s", want, txt)
		}
	}
	var st printer.Status
	if r.Status("printer", &st); st.Media != "present" || st.Paper["upper"] != "full" {
		t.Errorf("%+v", st)
	}
	if _, err := sim.Do("takePaper", nil); err != nil {
		t.Fatal(err)
	}
	r.Event(printer.EvMediaTaken)
}

func TestAPrinterInTroubleRefusesOrFailsWithTheReason(t *testing.T) {
	sim, r := setup(t, escpos.Config{LineMs: 5}, nil)
	if _, err := sim.Do("setCover", device.Args{"open": true}); err != nil {
		t.Fatal(err)
	}
	if c, _ := r.Do(printer.CmdPrintReceipt, receipt); c.Outcome != api.NotStarted || c.Vendor == nil || c.Vendor.Code != "cover" {
		t.Errorf("open cover: %+v", c)
	}
	if _, err := sim.Do("setCover", device.Args{"open": false}); err != nil {
		t.Fatal(err)
	}
	if err := sim.ArmFault(device.FaultSpec{Code: "PE", Stage: device.MidMotion, Times: 1, After: -1}); err != nil {
		t.Fatal(err)
	}
	if c, _ := r.Do(printer.CmdPrintReceipt, receipt); c.Outcome != api.Failed || c.ErrorCode != printer.ErrPaperOut {
		t.Errorf("paper end in the middle: %+v", c)
	}
	r.Event(printer.EvPaperThreshold)
}

func TestTextCannotCommandThePrinter(t *testing.T) {
	sim, r := setup(t, escpos.Config{}, nil)
	evil := printer.Receipt{Cut: true, Lines: []printer.Line{{Text: "a\x1b@\x1dV\x00b"}}}
	if c, _ := r.Do(printer.CmdPrintReceipt, evil); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if n := len(tickets(sim)); n != 1 {
		t.Errorf("%d tickets", n)
	}
}

func TestAPowerCutInAJobIsIndeterminateAndThePrinterComesBack(t *testing.T) {
	sim, r := setup(t, escpos.Config{LineMs: 50}, nil)
	long := printer.Receipt{Cut: true}
	for range 100 {
		long.Lines = append(long.Lines, printer.Line{Text: "line"})
	}
	_, done := r.Begin(t.Context(), r.Command(printer.CmdPrintReceipt, long))
	ctx := t.Context()
	if err := sim.Wait(ctx, func(device.State) bool { return true }); err != nil {
		t.Fatal(err)
	}
	until(t, sim, func(v escpos.View) bool { return strings.Count(v.Current, "line") > 1 })
	sim.PowerCut()
	if c := conformance.Ended(t, done); c.Outcome != api.Indeterminate {
		t.Fatalf("%+v", c)
	}
	sim.PowerRestore()
	r.Await("online", func(n api.Notice) bool {
		return n.Status != nil && strings.Contains(string(n.Status.Classes), `"device":"online"`)
	})
	if c, _ := r.Do(printer.CmdReset, nil); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
	if c, _ := r.Do(printer.CmdPrintReceipt, receipt); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
}

func until(t *testing.T, sim *device.Sim, ok func(escpos.View) bool) {
	t.Helper()
	if err := sim.Wait(t.Context(), func(s device.State) bool { return ok(s.Physical.(escpos.View)) }); err != nil {
		t.Fatal(err)
	}
}

func TestAPrinterWithoutPresenterIsAskedInTheOldWay(t *testing.T) {
	_, r := setup(t, escpos.Config{Presenter: "off"}, map[string]any{"presenter": false})
	if c, _ := r.Do(printer.CmdPrintReceipt, receipt); c.Outcome != api.Done {
		t.Errorf("%+v", c)
	}
	if c, _ := r.Do(printer.CmdControlMedia, printer.ControlMedia{MediaControl: map[string]bool{"eject": true}}); c.Code != api.UnsupportedData {
		t.Errorf("%+v", c)
	}
}

// req: D-03
func TestAKilledDriverFindsTheTicketAtTheExit(t *testing.T) {
	_, r := setup(t, escpos.Config{}, nil)
	if c, _ := r.Do(printer.CmdPrintReceipt, receipt); c.Outcome != api.Done {
		t.Fatalf("%+v", c)
	}
	if err := syscall.Kill(r.Device.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if rec := <-r.Recoveries; rec.Media["exit"] != 1 {
		t.Errorf("%+v", rec)
	}
}

// A byte 00 looks like the answer to GS r, so that one alone proves nothing.
func TestAStrayByteIsNoProofThatTheJobIsPrinted(t *testing.T) {
	for name, x := range map[string]struct {
		answers int // of the printer to GS r
		want    api.Outcome
	}{"the paper ends before the end": {0, api.Failed}, "the printer answers both questions": {2, api.Done}} {
		t.Run(name, func(t *testing.T) {
			p := conformance.NewPeer(t, func(p *conformance.Peer) {
				out, last := false, [3]byte{}
				for {
					b, ok := p.Read(0)
					if !ok {
						return
					}
					last = [3]byte{last[1], last[2], b}
					switch {
					case b == 'J':
						p.Send(0x00) // noise
						out = x.answers == 0
					case last[0] == 0x10 && last[1] == 0x04 && b == 4 && out:
						p.Send(0x72) // end of the roll
					case last[0] == 0x10 && last[1] == 0x04:
						p.Send(0x12)
					case last == [3]byte{0x1D, 0x72, 0x01} && x.answers > 0:
						p.Send(0x00)
					}
				}
			})
			r := conformance.Start(t, escposreceipt.Model, p.Port(), map[string]any{"presenter": false, "pollMs": 60000, "replyMs": 300, "jobMs": 3000})
			<-r.Recoveries
			if c, _ := r.Do(printer.CmdPrintRaw, printer.PrintRaw{Data: []byte("JOB\n")}); c.Outcome != x.want {
				t.Errorf("%+v", c)
			}
		})
	}
}
