package vt100panel

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"zhigui/drivers/api"
	tt "zhigui/drivers/api/textterminal"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

// reading is one Read at work, with the line held.
type reading struct {
	d     *driver
	req   tt.Read
	port  *serialport.Port
	emit  func(api.Event)
	x, y  int // of the first character
	input []byte
	part  []byte // of a sequence that is not complete
}

func (d *driver) read(ctx context.Context, r tt.Read, emit func(api.Event)) (done api.Completion) {
	if len(r.ActiveKeys) == 0 && len(r.ActiveCommandKeys) == 0 {
		d.mu.Lock()
		r.Keys = d.keys
		d.mu.Unlock()
	}
	if code := d.p.pad.check(r.Keys); code != "" {
		return api.Fail(api.NotStarted, code, "keys of the panel are wanted")
	}
	ends := r.AutoEnd && r.NumOfChars > 0
	for _, k := range r.ActiveCommandKeys {
		ends = ends || k.Terminate
	}
	x, y, ok := d.place(r.Place)
	switch {
	case !ends:
		return api.Fail(api.NotStarted, tt.ErrNoActiveKeys, "no key would end the reading")
	case !ok || x+r.NumOfChars > d.p.Cols:
		return api.Refuse(api.InvalidData, "the field is not on the screen")
	case !slices.Contains([]string{"", "text", "invisible", "password"}, r.EchoMode):
		return api.Refuse(api.InvalidData, "echoMode: text, invisible or password")
	}
	err := d.talk.Hold(d.talk.Busy(), func(port *serialport.Port) error {
		start := attributes(nil) + at(x, y)
		if d.p.Cursor {
			start += map[bool]string{true: cursorOn, false: cursorOff}[r.Visible]
		}
		// What was typed before is forgotten with every exchange, whether flush says so or not:
		// nobody waited for it.
		if _, err := d.talk.Exchange([]byte(start+askStatus), d.report); err != nil {
			return err
		}
		d.setReading(true)
		defer d.setReading(false)
		emit(api.Event{Name: tt.EvReading})
		done = (&reading{d: d, req: r, port: port, emit: emit, x: x, y: y}).run(ctx)
		return nil
	})
	if err != nil {
		return api.Refuse(api.DeviceNotReady, err.Error())
	}
	return done
}

func (d *driver) setReading(on bool) {
	d.mu.Lock()
	d.reading = on
	d.mu.Unlock()
	d.env.StatusChanged()
}

const slice = 50 * time.Millisecond

// run takes keys until one ends it. The panel is asked for its status meanwhile: a dead one
// must not be waited for.
func (r *reading) run(ctx context.Context) api.Completion {
	d := r.d
	asked, heard := time.Now(), time.Now()
	for {
		if ctx.Err() != nil {
			return sdk.Ended(ctx)
		}
		d.env.Heart.Expect(d.talk.Busy())
		now := time.Now()
		switch {
		case heard.Before(asked) && now.Sub(asked) > ms(d.p.ReplyMs)*time.Duration(d.p.Retries+1):
			d.talk.SetOnline(false)
			return api.Refuse(api.HardwareError, "the panel does not answer")
		case !heard.Before(asked) && now.Sub(heard) > ms(d.p.PollMs):
			if err := r.port.Write([]byte(askStatus)); err != nil {
				d.talk.SetOnline(false)
				return api.Refuse(api.HardwareError, err.Error())
			}
			asked = now
		}
		t, err := r.next()
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			continue
		case err != nil:
			d.talk.SetOnline(false)
			return api.Refuse(api.HardwareError, err.Error())
		case t.kind == gotReport:
			heard = time.Now()
			d.told(t)
			continue
		}
		if r.key(t) {
			x := min(r.x+len(r.input), d.p.Cols-1)
			d.moved(x, r.y)
			_, _ = d.talk.Exchange([]byte(at(x, r.y)+askStatus), d.report) // the echo is drawn; what was typed stands either way
			return sdk.Ok(tt.ReadResult{Input: string(r.input)})
		}
	}
}

// next gives one token, or a time-out after a slice; a sequence in parts is kept.
func (r *reading) next() (token, error) {
	end := time.Now().Add(slice)
	got := r.part
	used := 0
	t, err := readToken(func() (byte, error) {
		if used < len(got) {
			used++
			return got[used-1], nil
		}
		b, err := r.port.Byte(end)
		if err == nil {
			got, used = append(got, b), used+1
		}
		return b, err
	})
	r.part = nil
	if errors.Is(err, serialport.ErrTimeout) {
		r.part = got
	}
	return t, err
}

// key takes one key; true ends the reading.
func (r *reading) key(t token) bool {
	if t.kind == gotCharacter {
		return r.character(t.text[0])
	}
	name := r.d.p.pad.commands[t.text]
	active, ok := r.req.ActiveCommandKeys[name]
	if name == "" || !ok {
		return false
	}
	switch name {
	case "backspace":
		r.cut(len(r.input) - 1)
	case "clear":
		r.cut(0)
	}
	r.tell(tt.KeyPressed{CommandKey: name})
	return active.Terminate
}

func (r *reading) character(c byte) bool {
	if !slices.Contains(r.req.ActiveKeys, characterName(c)) || r.req.NumOfChars > 0 && len(r.input) >= r.req.NumOfChars {
		return false
	}
	r.input = append(r.input, c)
	x := r.x + len(r.input) - 1
	pressed := tt.KeyPressed{}
	switch r.req.EchoMode {
	case "invisible":
	case "password":
		r.draw(x, "*")
	default:
		pressed.Key = characterName(c)
		r.draw(x, string([]byte{c}))
	}
	r.tell(pressed)
	return r.req.AutoEnd && len(r.input) == r.req.NumOfChars
}

// cut leaves n characters.
func (r *reading) cut(n int) {
	if n < 0 || n >= len(r.input) {
		return
	}
	gone := len(r.input) - n
	r.input = r.input[:n]
	if r.req.EchoMode != "invisible" {
		r.draw(r.x+n, strings.Repeat(" ", gone))
		_ = r.port.Write([]byte(at(min(r.x+n, r.d.p.Cols-1), r.y))) // a lost line is noticed by the next question
	}
}

func (r *reading) draw(x int, text string) {
	if x >= r.d.p.Cols {
		return // typed on beyond the screen's edge
	}
	text = text[:min(len(text), r.d.p.Cols-x)]
	_ = r.port.Write([]byte(attributes(r.req.EchoAttr) + at(x, r.y) + text + attributes(nil))) // see cut
}

func (r *reading) tell(k tt.KeyPressed) {
	b, _ := json.Marshal(k)
	r.emit(api.Event{Name: tt.EvKey, Payload: b})
}
