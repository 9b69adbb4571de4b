package xfs3x

import (
	"context"

	"zhigui/drivers/api"
	"zhigui/drivers/api/printer"
	"zhigui/drivers/sdk"
)

// Printers (XFSPTR.H).
const (
	ptrStatus  = ptr + 1
	ptrControl = ptr + 1
	ptrRaw     = ptr + 4
	ptrReset   = ptr + 8

	ptrTaken     = ptr + 6
	ptrThreshold = ptr + 7
	ptrPresented = ptr + 14
)

const supplies = 16 // WFS_PTR_SUPPLYSIZE

var (
	ptrMedia    = []string{"present", "notPresent", "jammed", "notSupported", "unknown", "entering", "retracted"}
	ptrPaper    = []string{"full", "low", "out", "notSupported", "unknown", "jammed"}
	ptrSources  = []string{"upper", "lower", "external", "aux", "aux2", "park"}
	ptrControls = map[string]uint32{"eject": 0x0001, "perforate": 0x0002, "cut": 0x0004, "skip": 0x0008, "flush": 0x0010, "retract": 0x0020, "stack": 0x0040, "partialCut": 0x0080}
	// ptrSource are the numbers of the threshold event.
	ptrSource = map[uint16]string{0x0002: "upper", 0x0004: "lower", 0x0008: "external", 0x0010: "aux", 0x0020: "aux2", 0x0040: "park"}
)

// ptrState is the part of WFSPTRSTATUS that 3.00 has before its pointers.
type ptrState struct {
	Device, Media    uint16
	Paper            [supplies]uint16
	Toner, Ink, Lamp uint16
}

func readPTRStatus(m memory, l layout, addr uint64) (ptrState, error) {
	c := walk(m, l, addr)
	s := ptrState{Device: c.u16(), Media: c.u16()}
	for i := range s.Paper {
		s.Paper[i] = c.u16()
	}
	s.Toner, s.Ink, s.Lamp = c.u16(), c.u16(), c.u16()
	return s, *c.err
}

// rawData is a WFSPTRRAWDATA.
func rawData(l layout, answer bool, data []byte) *block {
	k := &block{l: l}
	if answer {
		k.u16(1)
	} else {
		k.u16(0)
	}
	k.u32(uint32(len(data)))
	k.data(k.ptr(), data)
	return k
}

// readRaw is a WFSPTRRAWDATAIN; NULL is no answer.
func readRaw(m memory, l layout, addr uint64) ([]byte, error) {
	if addr == 0 {
		return nil, nil
	}
	c := walk(m, l, addr)
	n := c.u32()
	data := c.data(n, c.ptr())
	return data, *c.err
}

// control is a DWORD of media controls.
func control(l layout, bits uint32) *block {
	k := &block{l: l}
	k.u32(bits)
	return k
}

var paperCommands = map[string]api.Motion{printer.CmdPrintRaw: api.MovesMedia, printer.CmdControlMedia: api.MovesMedia, printer.CmdReset: api.MovesMedia}

type papers struct{}

func (papers) capabilities(_ *profile) map[string]any {
	return map[string]any{"printer": map[string]any{"type": map[string]bool{"receipt": true}, "mediaTaken": true}}
}

func (papers) status(d *driver, m memory, r result) (map[string]any, map[string]int, error) {
	s, err := readPTRStatus(m, d.s.layout(), r.buffer)
	st := printer.Status{Media: pick(ptrMedia, s.Media), Paper: map[string]string{}}
	for i, name := range ptrSources {
		if p := pick(ptrPaper, s.Paper[i]); p != "notSupported" {
			st.Paper[name] = p
		}
	}
	where := map[string]int{}
	if st.Media == "present" {
		where["exit"] = 1
	}
	return map[string]any{"common": map[string]any{"device": pick(devices, s.Device)}, "printer": st}, where, err
}

func (papers) event(d *driver, k kind, r result, m memory) (name string, payload any) {
	switch {
	case k == onService && r.command == ptrTaken:
		return printer.EvMediaTaken, nil
	case k == onExecute && r.command == ptrPresented:
		return printer.EvMediaPresented, nil
	case k == onUser && r.command == ptrThreshold: // WFSPTRPAPERTHRESHOLD
		c := walk(m, d.s.layout(), r.buffer)
		source, state := ptrSource[c.u16()], pick(ptrPaper, c.u16())
		if *c.err != nil || source == "" {
			return "", nil
		}
		return printer.EvPaperThreshold, map[string]string{"paperSource": source, "threshold": state}
	}
	return "", nil
}

func (papers) execute(ctx context.Context, d *driver, cmd api.Command) api.Completion {
	l := d.s.layout()
	switch cmd.Name {
	case printer.CmdPrintRaw:
		return sdk.Decoded(cmd, func(r printer.PrintRaw) api.Completion {
			if len(r.Data) == 0 {
				return api.Refuse(api.InvalidData, "data is empty")
			}
			return d.do(ctx, cmd, ptrRaw, rawData(l, r.InputData == "yes", r.Data), func(a result, m memory) (any, error) {
				b, err := readRaw(m, l, a.buffer)
				if len(b) == 0 {
					return nil, err
				}
				return printer.PrintRaw{Data: b}, err
			})
		})
	case printer.CmdControlMedia:
		return sdk.Decoded(cmd, func(r printer.ControlMedia) api.Completion {
			var bits uint32
			for name, on := range r.MediaControl {
				b, ok := ptrControls[name]
				if on && !ok {
					return api.Refuse(api.UnsupportedData, "mediaControl: a control that XFS 3 does not have here")
				}
				if on {
					bits |= b
				}
			}
			return d.do(ctx, cmd, ptrControl, control(l, bits), nil)
		})
	case printer.CmdReset:
		return d.do(ctx, cmd, ptrReset, nil, nil)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}
