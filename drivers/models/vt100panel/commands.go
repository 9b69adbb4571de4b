package vt100panel

import (
	"context"
	"strings"

	"zhigui/drivers/api"
	tt "zhigui/drivers/api/textterminal"
	"zhigui/drivers/sdk"
)

// Execute implements sdk.Driver.
func (d *driver) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case tt.CmdGetKeyDetail:
		return sdk.Ok(d.p.pad.detail())
	case tt.CmdReset:
		return d.clear(tt.ClearScreen{})
	case tt.CmdBeep:
		return run(cmd, d.beep)
	case tt.CmdClearScreen:
		return run(cmd, d.clear)
	case tt.CmdDefineKeys:
		return run(cmd, d.define)
	case tt.CmdSetResolution:
		return run(cmd, d.resolution)
	case tt.CmdWrite:
		return run(cmd, d.write)
	case tt.CmdRead:
		return run(cmd, func(r tt.Read) api.Completion { return d.read(ctx, r, emit) })
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

func run[T any](cmd api.Command, f func(T) api.Completion) api.Completion {
	return sdk.Decoded(cmd, func(req T) api.Completion { return f(req) })
}

// drawn is the completion of what was drawn.
func drawn(err error) api.Completion {
	if err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	return sdk.Ok(nil)
}

func (d *driver) define(k tt.Keys) api.Completion {
	if code := d.p.pad.check(k); code != "" {
		return api.Fail(api.NotStarted, code, "keys of the panel are wanted")
	}
	d.mu.Lock()
	d.keys = k
	d.mu.Unlock()
	return sdk.Ok(nil)
}

func (d *driver) resolution(r tt.SetResolution) api.Completion {
	if r.Resolution.SizeX != d.p.Cols || r.Resolution.SizeY != d.p.Rows {
		return api.Fail(api.NotStarted, tt.ErrResolutionNotSup, "the display has one resolution")
	}
	return d.clear(tt.ClearScreen{}) // the standard: the screen is clear after it
}

// bells are as many as the sound means; the panel has one sound.
var bells = map[string]int{"": 1, "keyPress": 1, "exclamation": 1, "warning": 2, "error": 3, "critical": 3}

func (d *driver) beep(b tt.Beep) api.Completion {
	if b.Beep == nil {
		return sdk.Ok(nil) // a continuous sound would end; there is none
	}
	n, ok := bells[b.Beep.BeepType]
	if !ok || b.Beep.Continuous {
		return api.Refuse(api.UnsupportedData, "the panel has a short bell only")
	}
	return drawn(d.show(strings.Repeat(bell, n)))
}

func (d *driver) clear(c tt.ClearScreen) api.Completion {
	x, y := 0, 0
	text := attributes(nil) + clearAll
	if a := c.Screen; a != nil {
		if a.PositionX < 0 || a.PositionY < 0 || a.Width < 1 || a.Height < 1 || a.PositionX+a.Width > d.p.Cols || a.PositionY+a.Height > d.p.Rows {
			return api.Refuse(api.InvalidData, "the area is not on the screen")
		}
		x, y, text = a.PositionX, a.PositionY, attributes(nil)
		for row := range a.Height {
			text += at(x, y+row) + strings.Repeat(" ", a.Width)
		}
	}
	err := d.show(text + at(x, y))
	if err == nil {
		d.moved(x, y)
	}
	return drawn(err)
}

func (d *driver) moved(x, y int) {
	d.mu.Lock()
	d.x, d.y = x, y
	d.mu.Unlock()
}

// place is where something begins; false when that is not on the screen.
func (d *driver) place(p tt.Place) (x, y int, ok bool) {
	x, y = p.PosX, p.PosY
	if p.Mode != "absolute" {
		d.mu.Lock()
		x, y = x+d.x, y+d.y
		d.mu.Unlock()
	}
	return x, y, (p.Mode == "" || p.Mode == "relative" || p.Mode == "absolute") && x >= 0 && y >= 0 && x < d.p.Cols && y < d.p.Rows
}

// write draws text row by row, each at its own place, so that drawing it twice is drawing it
// once.
func (d *driver) write(w tt.Write) api.Completion {
	for _, c := range []byte(w.Text) {
		if (c < 0x20 || c > 0x7E) && c != '\n' {
			return api.Fail(api.NotStarted, tt.ErrCharacterSets, "the panel has ASCII only")
		}
	}
	x, y, ok := d.place(w.Place)
	if !ok {
		return api.Refuse(api.InvalidData, "the position is not on the screen")
	}
	var out strings.Builder
	out.WriteString(attributes(w.TextAttr))
	for i, text := range strings.Split(w.Text, "\n") {
		if i > 0 {
			x, y = 0, y+1
		}
		for text != "" {
			if x == d.p.Cols {
				x, y = 0, y+1
			}
			n := min(len(text), d.p.Cols-x)
			if y >= d.p.Rows {
				return api.Refuse(api.InvalidData, "the text does not fit on the screen")
			}
			out.WriteString(at(x, y) + text[:n])
			x, text = x+n, text[n:]
		}
	}
	if x == d.p.Cols && y+1 < d.p.Rows {
		x, y = 0, y+1
	}
	x, y = min(x, d.p.Cols-1), min(y, d.p.Rows-1)
	err := d.show(out.String() + attributes(nil) + at(x, y))
	if err == nil {
		d.moved(x, y)
	}
	return drawn(err)
}
