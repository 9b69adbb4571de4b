//go:build unix

package conformance_test

import (
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/escposreceipt"
	"zhigui/drivers/models/starline"
	"zhigui/drivers/sdk"
	"zhigui/sim/device"
	"zhigui/sim/device/escpos"
)

// receiptPrinter is everything that differs between two makes of receipt printer.
type receiptPrinter struct {
	model   sdk.Model
	profile map[string]any
	config  func(escpos.Config) device.Config
}

var receiptPrinters = []receiptPrinter{
	{model: escposreceipt.Model, profile: map[string]any{"pollMs": 30, "replyMs": 300, "jobMs": 2000},
		config: func(c escpos.Config) device.Config { return device.Config{Model: "escpos", Printer: &c} }},
	{model: starline.Model, profile: map[string]any{"pollMs": 30, "replyMs": 300, "jobMs": 2000, "resetMs": 1000},
		config: func(c escpos.Config) device.Config { return device.Config{Model: "starline", Star: &c} }},
}

// shelf is where one printer is at work under its driver.
type shelf struct {
	receiptPrinter
	t   *testing.T
	sim *device.Sim
	r   *conformance.Rig
}

const slowLineMs = 15

func (m receiptPrinter) shelf(t *testing.T) *shelf {
	t.Helper()
	d := &shelf{receiptPrinter: m, t: t, sim: device.MustStart(t, m.config(escpos.Config{LineMs: slowLineMs}))}
	d.r = conformance.Start(t, m.model, d.sim.Port(), m.profile)
	<-d.r.Recoveries
	return d
}

func slip(lines ...printer.Line) printer.Receipt { return printer.Receipt{Cut: true, Lines: lines} }

var shortSlip = slip(printer.Line{Text: "智柜银行", Align: "center", Big: true, Bold: true}, printer.Line{Rule: true},
	printer.Line{Text: "金额", Right: "300.00"}, printer.Line{QR: "https://example.com/r/1", Align: "center"})

func longSlip() printer.Receipt {
	r := slip()
	for range 60 {
		r.Lines = append(r.Lines, printer.Line{Text: "line"})
	}
	return r
}

func (d *shelf) print(r printer.Receipt) api.Completion {
	d.t.Helper()
	c, _ := d.r.Do(printer.CmdPrintReceipt, r)
	return c
}

func (d *shelf) do(action string, a device.Args) {
	d.t.Helper()
	if _, err := d.sim.Do(action, a); err != nil {
		d.t.Fatal(err)
	}
}

func (d *shelf) arm(code string) {
	d.t.Helper()
	if err := d.sim.ArmFault(device.FaultSpec{Code: code, Stage: device.MidMotion, Times: 1, After: -1}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *shelf) until(ok func(escpos.View) bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), conformance.Patience)
	defer cancel()
	if err := d.sim.Wait(ctx, func(s device.State) bool { return ok(s.Physical.(escpos.View)) }); err != nil {
		d.t.Fatal(err)
	}
}

func (d *shelf) state(what string) {
	d.t.Helper()
	d.r.Await(what, func(n api.Notice) bool { return n.Status != nil && strings.Contains(string(n.Status.Classes), what) })
}

func (d *shelf) kill() api.Recovery {
	d.t.Helper()
	if err := syscall.Kill(d.r.Device.PID(), syscall.SIGKILL); err != nil {
		d.t.Fatal(err)
	}
	rec := <-d.r.Recoveries
	d.r.Ready()
	return rec
}

// slipSeen is what a platform learns from a scenario, and what lies on the paper.
type slipSeen struct {
	Outcome   api.Outcome
	Code      api.CompletionCode
	ErrorCode string
	Vendor    string
	Media     string
	Paper     string
	Tickets   int
	Last      string // where the last ticket went; "" is at the exit
	Taken     bool   // a MediaTakenEvent came that nobody waited for
}

func (d *shelf) saw(c api.Completion) slipSeen {
	d.t.Helper()
	var st printer.Status
	d.r.Status("printer", &st)
	v := d.sim.Physical().(escpos.View)
	out := slipSeen{Outcome: c.Outcome, Code: c.Code, ErrorCode: c.ErrorCode, Media: st.Media, Paper: st.Paper["upper"], Tickets: len(v.Tickets), Taken: d.r.Saw(printer.EvMediaTaken)}
	if c.Vendor != nil {
		out.Vendor = c.Vendor.Code
	}
	if len(v.Tickets) > 0 {
		out.Last = v.Tickets[0].Gone
	}
	return out
}

var printerScenarios = []struct {
	name string
	run  func(*shelf) slipSeen
	want slipSeen
}{
	{"a receipt is printed, cut, presented and seen taken", func(d *shelf) slipSeen {
		c, events := d.r.Do(printer.CmdPrintReceipt, shortSlip)
		if len(events) != 1 || events[0] != printer.EvMediaPresented {
			d.t.Errorf("%v", events)
		}
		text := d.sim.Physical().(escpos.View).Tickets[0].Text
		for _, want := range []string{"智柜银行", "金额" + strings.Repeat(" ", 38) + "300.00", strings.Repeat("-", 48), "[QR] https://example.com/r/1"} {
			if !strings.Contains(text, want) {
				d.t.Errorf("the ticket has no %q:\n%s", want, text)
			}
		}
		d.do("takePaper", nil)
		d.r.Event(printer.EvMediaTaken)
		return d.saw(c)
	}, slipSeen{Outcome: api.Done, Media: "notPresent", Paper: "full", Tickets: 1, Last: "taken"}},
	{"a text cannot command the printer", func(d *shelf) slipSeen {
		return d.saw(d.print(slip(printer.Line{Text: "a\x1b@\x1dV\x00\x1bd2\x10\x04\x01\x1b\x06\x18b"})))
	}, slipSeen{Outcome: api.Done, Media: "present", Paper: "full", Tickets: 1}},
	{"an open cover refuses a receipt", func(d *shelf) slipSeen {
		d.do("setCover", device.Args{"open": true})
		c := d.print(shortSlip)
		d.do("setCover", device.Args{"open": false})
		return d.saw(c)
	}, slipSeen{Outcome: api.NotStarted, Code: api.HardwareError, Vendor: "cover", Media: "notPresent", Paper: "full"}},
	{"paper that ends in the middle is failed, and the rest is not printed later", func(d *shelf) slipSeen {
		d.arm("PE")
		c := d.print(longSlip())
		d.r.Event(printer.EvPaperThreshold)
		seen := d.saw(c)
		d.do("loadPaper", nil)
		if next := d.print(slip(printer.Line{Text: "next"})); next.Outcome != api.Done {
			d.t.Errorf("%+v", next)
		}
		if text := d.sim.Physical().(escpos.View).Tickets[0].Text; strings.Count(text, "line") > 40 {
			d.t.Errorf("the old job went on:\n%s", text)
		}
		return seen
	}, slipSeen{Outcome: api.Failed, Code: api.CommandErrorCode, ErrorCode: printer.ErrPaperOut, Vendor: "paper-end", Media: "notPresent", Paper: "out"}},
	{"a jam is failed and seen", func(d *shelf) slipSeen {
		d.arm("JAM")
		return d.saw(d.print(shortSlip))
	}, slipSeen{Outcome: api.Failed, Code: api.CommandErrorCode, ErrorCode: printer.ErrPaperJammed, Vendor: "jam", Media: "jammed", Paper: "jammed"}},
	{"a cutter that fails leaves no ticket", func(d *shelf) slipSeen {
		d.arm("CUT")
		return d.saw(d.print(shortSlip))
	}, slipSeen{Outcome: api.Failed, Code: api.HardwareError, Vendor: "cutter", Media: "notPresent", Paper: "full"}},
	{"a ticket that nobody takes is drawn back and not reported as taken", func(d *shelf) slipSeen {
		d.print(shortSlip)
		c, _ := d.r.Do(printer.CmdControlMedia, printer.ControlMedia{MediaControl: map[string]bool{"retract": true}})
		d.until(func(v escpos.View) bool { return v.Exit == 0 })
		d.state(`"media":"notPresent"`)
		return d.saw(c)
	}, slipSeen{Outcome: api.Done, Media: "notPresent", Paper: "full", Tickets: 1, Last: "retracted"}},
	{"a roll that runs low is told", func(d *shelf) slipSeen {
		d.do("loadPaper", device.Args{"mm": 4000})
		d.r.Event(printer.EvPaperThreshold)
		return d.saw(d.print(shortSlip))
	}, slipSeen{Outcome: api.Done, Media: "present", Paper: "low", Tickets: 1}},
	{"a power cut in a job is indeterminate, and the printer comes back", func(d *shelf) slipSeen {
		_, done := d.r.Begin(d.t.Context(), d.r.Command(printer.CmdPrintReceipt, longSlip()))
		d.until(func(v escpos.View) bool { return strings.Count(v.Current, "line") > 1 })
		d.sim.PowerCut()
		c := conformance.Ended(d.t, done)
		d.sim.PowerRestore()
		d.state(`"device":"online"`)
		if again, _ := d.r.Do(printer.CmdReset, nil); again.Outcome != api.Done {
			d.t.Errorf("%+v", again)
		}
		if next := d.print(shortSlip); next.Outcome != api.Done {
			d.t.Errorf("%+v", next)
		}
		return d.saw(c)
	}, slipSeen{Outcome: api.Indeterminate, Code: api.HardwareError, Media: "present", Paper: "full", Tickets: 1}},
	{"a driver killed in a job does not know how much was printed", func(d *shelf) slipSeen {
		_, done := d.r.Begin(d.t.Context(), d.r.Command(printer.CmdPrintReceipt, longSlip()))
		d.until(func(v escpos.View) bool { return strings.Count(v.Current, "line") > 1 })
		rec := d.kill()
		conformance.Ended(d.t, done)
		if len(rec.Ops) != 1 {
			d.t.Fatalf("%+v", rec)
		}
		d.until(func(v escpos.View) bool { return len(v.Tickets) == 1 }) // the printer goes on by itself
		d.state(`"media":"present"`)
		return d.saw(*rec.Ops[0].Completion)
	}, slipSeen{Outcome: api.Indeterminate, Code: api.HardwareError, Media: "present", Paper: "full", Tickets: 1}},
	{"a killed driver finds the ticket at the exit", func(d *shelf) slipSeen {
		c := d.print(shortSlip)
		if rec := d.kill(); rec.Media["exit"] != 1 {
			d.t.Errorf("%+v", rec)
		}
		return d.saw(c)
	}, slipSeen{Outcome: api.Done, Media: "present", Paper: "full", Tickets: 1}},
}

// req: X-02
func TestEveryReceiptPrinterBehavesAlike(t *testing.T) {
	t.Parallel()
	for _, sc := range printerScenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			for _, m := range receiptPrinters {
				t.Run(m.model.Name, func(t *testing.T) {
					t.Parallel()
					if diff := cmp.Diff(sc.want, sc.run(m.shelf(t))); diff != "" {
						t.Error(diff)
					}
				})
			}
		})
	}
}
