// Package receipt is what is the same in receipt printers, whoever made them: the line and its watch, what
// their state means, what keeps them from printing, and what lies at the exit after a crash. Only
// drivers/models imports it.
package receipt

import (
	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
)

// State is what a printer says of itself.
type State struct {
	End, Near bool // of the roll
	Cover     bool // open
	Jam       bool
	Cutter    bool // does not cut
	Other     bool // does not print for another reason
	Exit      bool // a ticket lies at the exit
}

// Roll is XFS4IoT's word for the paper.
func (s State) Roll() string {
	switch {
	case s.Jam:
		return "jammed"
	case s.End:
		return "out"
	case s.Near:
		return "low"
	}
	return "full"
}

// Trouble is why the printer cannot print, or nil; other names what Other is.
func (s State) Trouble(o api.Outcome, other string) *api.Completion {
	fail := func(code, vendor, name string) *api.Completion {
		c := api.Fail(o, code, "printer: "+name)
		if code == "" {
			c.Code = api.HardwareError
		}
		c.Vendor = &api.VendorError{Code: vendor, Name: name}
		return &c
	}
	switch {
	case s.Jam:
		return fail(printer.ErrPaperJammed, "jam", "paper jam")
	case s.End:
		return fail(printer.ErrPaperOut, "paper-end", "paper end")
	case s.Cover:
		return fail("", "cover", "cover is open")
	case s.Cutter:
		return fail("", "cutter", "cutter error")
	case s.Other:
		return fail("", "error", other)
	}
	return nil
}

// Status is the object of Common.Status.
func (s State) Status(online bool) map[string]any {
	dev := api.Offline
	st := printer.Status{Media: "unknown", Paper: map[string]string{"upper": "unknown"}, Cover: "unknown"}
	if online {
		dev = api.Online
		if s.Cutter || s.Other || s.Jam {
			dev = api.StateHardwareError
		}
		st.Media, st.Cover = "notPresent", "closed"
		if s.Exit {
			st.Media = "present"
		}
		if s.Jam {
			st.Media = "jammed"
		}
		if s.Cover {
			st.Cover = "open"
		}
		st.Paper["upper"] = s.Roll()
	}
	return map[string]any{"common": map[string]any{"device": dev}, "printer": st}
}

// Recovery is where a ticket lies. An interrupted job stays indeterminate: the printer does not
// know how much of it is on the paper.
func (s State) Recovery() api.Recovery {
	if s.Exit {
		return api.Recovery{Media: map[string]int{"exit": 1}}
	}
	return api.Recovery{}
}
