// Package receiptio lets an independent receipt printing host, a library from npm, drive the
// virtual ESC/POS and Star printers and ask them for their state: what two hands of this project
// could both have got wrong shows here. Nothing imports it.
package receiptio

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"zhigui/bench/peers/npm"
	"zhigui/sim/device"
	"zhigui/sim/device/escpos"
)

const patience = 40 * time.Second

// line is what the peer says.
type line struct{ Result, Fatal string }

type peer struct {
	t     *testing.T
	in    io.Writer
	lines <-chan line
}

func start(t *testing.T, s *device.Sim) *peer {
	t.Helper()
	p := &peer{t: t}
	p.in, p.lines = npm.Start[line](t, s.Port())
	if got := p.result(); got != "ready" {
		t.Fatal(got)
	}
	return p
}

func (p *peer) result() string {
	p.t.Helper()
	select {
	case l, ok := <-p.lines:
		if !ok || l.Fatal != "" {
			p.t.Fatalf("the peer ended: %s", l.Fatal)
		}
		return l.Result
	case <-time.After(patience):
		p.t.Fatal("the peer says nothing")
		return ""
	}
}

// print lets the library print a text, or with -q among the options ask for the state.
func (p *peer) print(options, text string) string {
	p.t.Helper()
	b, err := json.Marshal([]string{options, text})
	if err == nil {
		_, err = fmt.Fprintf(p.in, "%s\n", b)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return p.result()
}

// makes are the printers, and how the library is told which one it has; "" is by itself.
var makes = []struct {
	model   string
	options []string
	config  func(escpos.Config) device.Config
}{
	{"escpos", []string{"", "-p escpos"}, func(c escpos.Config) device.Config { return device.Config{Model: "escpos", Printer: &c} }},
	{"starline", []string{"-p starline", "-p star"}, func(c escpos.Config) device.Config { return device.Config{Model: "starline", Star: &c} }},
}

func act(t *testing.T, s *device.Sim, action string, a device.Args) {
	t.Helper()
	if _, err := s.Do(action, a); err != nil {
		t.Fatalf("%s: %v", action, err)
	}
}

func until(t *testing.T, s *device.Sim, ok func(escpos.View) bool) escpos.View {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Wait(ctx, func(st device.State) bool { return ok(st.Physical.(escpos.View)) }); err != nil {
		t.Fatal(err)
	}
	return s.Physical().(escpos.View)
}

const receipt = "^^智柜银行\n-\n金额 | 300.00\n{code:https://example.com/r/1; option:qrcode,6,M}\n"

// req: VD-02
func TestAnIndependentHostSeesTheStateOfThePrinterAndPrints(t *testing.T) {
	for _, m := range makes {
		t.Run(m.model, func(t *testing.T) {
			s := device.MustStart(t, m.config(escpos.Config{Presenter: "off"}))
			p := start(t, s)
			for i, o := range m.options {
				ask := func(want string) {
					t.Helper()
					if got := p.print(o+" -q printer", ""); got != want {
						t.Errorf("%q: %q, want %q", o, got, want)
					}
				}
				ask("online")
				act(t, s, "setCover", device.Args{"open": true})
				ask("coveropen")
				if got := p.print(o, receipt); got != "coveropen" {
					t.Errorf("%q: printing with an open cover: %q", o, got)
				}
				act(t, s, "setCover", device.Args{"open": false})
				act(t, s, "loadPaper", device.Args{"mm": 0})
				ask("paperempty")
				act(t, s, "loadPaper", nil)
				act(t, s, "setStatus", device.Args{"name": "cutter", "value": "error"})
				ask("error")
				act(t, s, "setStatus", device.Args{"name": "cutter", "value": "ok"})
				if got := p.print(o, receipt); got != "success" {
					t.Fatalf("%q: %q", o, got)
				}
				v := until(t, s, func(v escpos.View) bool { return v.Printed == i+1 })
				for _, want := range []string{"智柜银行", "金额" + strings.Repeat(" ", 38) + "300.00\n", "[picture]"} {
					if !strings.Contains(v.Tickets[0].Text, want) {
						t.Errorf("%q: the ticket has no %q:\n%s", o, want, v.Tickets[0].Text)
					}
				}
			}
		})
	}
}

func TestAnIndependentHostIsToldOfPaperThatEndsInTheMiddle(t *testing.T) {
	for _, m := range makes {
		t.Run(m.model, func(t *testing.T) {
			s := device.MustStart(t, m.config(escpos.Config{Presenter: "off", LineMs: 5}))
			p := start(t, s)
			if err := s.ArmFault(device.FaultSpec{Code: "PE", Stage: device.MidMotion, Times: 1, After: -1}); err != nil {
				t.Fatal(err)
			}
			if got := p.print(m.options[len(m.options)-1], strings.Repeat("line\n", 20)); got != "paperempty" {
				t.Errorf("%q", got)
			}
		})
	}
}
