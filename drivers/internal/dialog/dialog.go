// Package dialog is the host's side of a device that speaks only when it is asked: one
// exchange at a time, repeated when the answer is damaged or missing, the port opened again
// when it has gone, and a poll that notices silence. Only drivers/models import it, and only
// for devices whose commands may be sent twice.
package dialog

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

// ErrDamaged is what a reader of answers wraps when the bytes are no answer: Ask repeats.
var ErrDamaged = errors.New("damaged answer")

// Next gives the next byte of an answer, or an error when its time is over.
type Next func() (byte, error)

// Profile is the part of a model's profile that every dialog has; the model embeds it.
type Profile struct {
	Baud    int    `json:"baud"`
	Parity  string `json:"parity"`
	ReplyMs int    `json:"replyMs"` // an answer is complete after this time
	Retries int    `json:"retries"`
	PollMs  int    `json:"pollMs"`
}

// Dialog is an open line.
type Dialog struct {
	p   Profile
	env sdk.Env
	*line.Line

	mu     sync.Mutex
	online bool
}

// Open opens the port and asks nothing.
func (p Profile) Open(e sdk.Env) (*Dialog, error) {
	l, err := line.Open(e.Port, serialport.Mode{Baud: p.Baud, Parity: p.Parity}, e.Heart)
	if err != nil {
		return nil, err
	}
	return &Dialog{p: p, env: e, Line: l}, nil
}

// On is a dialog on a line that somebody else has opened, polls and closes.
func (p Profile) On(l *line.Line, e sdk.Env) *Dialog { return &Dialog{p: p, env: e, Line: l} }

// Reply is how long an answer may take.
func (p Profile) Reply() time.Duration { return time.Duration(p.ReplyMs) * time.Millisecond }

// Close ends the poll and closes the port. Closing a nil Dialog does nothing.
func (d *Dialog) Close() error {
	if d == nil {
		return nil
	}
	return d.Line.Close()
}

// Online reports whether the device answered last.
func (d *Dialog) Online() bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.online
}

// SetOnline is for drivers that learn it otherwise than by Ask.
func (d *Dialog) SetOnline(on bool) {
	d.mu.Lock()
	was := d.online
	d.online = on
	d.mu.Unlock()
	if was != on {
		d.env.StatusChanged()
	}
}

// Hold runs f with the line to itself; f renews the promise if it takes longer.
func (d *Dialog) Hold(promise time.Duration, f func(*serialport.Port) error) error {
	defer d.Take(promise)()
	return f(d.Port)
}

// Busy is the longest that one Ask may take.
func (d *Dialog) Busy() time.Duration {
	return time.Duration(d.p.Retries+1)*(d.p.Reply()+3*time.Second) + 10*time.Second
}

// Ask sends a request and gives what answer makes of the bytes that come back.
func (d *Dialog) Ask(request []byte, answer func(Next) ([]byte, error)) (out []byte, err error) {
	err = d.Hold(d.Busy(), func(*serialport.Port) error {
		out, err = d.Exchange(request, answer)
		return err
	})
	return out, err
}

// Exchange is Ask for a caller that holds the line.
func (d *Dialog) Exchange(request []byte, answer func(Next) ([]byte, error)) ([]byte, error) {
	return d.ExchangeFor(d.p.Reply(), request, answer)
}

// ExchangeFor is Exchange with another time for the answer; the caller renews the promise.
func (d *Dialog) ExchangeFor(reply time.Duration, request []byte, answer func(Next) ([]byte, error)) ([]byte, error) {
	err := line.ErrSilent
	for range d.p.Retries + 1 {
		var out []byte
		if out, err = d.Once(reply, request, answer); err == nil {
			return out, nil
		}
	}
	d.SetOnline(false)
	return nil, err
}

// Once is ExchangeFor without a repetition, for a request that moves something: after an
// error nobody knows whether the device took it.
func (d *Dialog) Once(reply time.Duration, request []byte, answer func(Next) ([]byte, error)) ([]byte, error) {
	if err := d.send(request); err != nil {
		return nil, err
	}
	end := time.Now().Add(reply)
	out, err := answer(func() (byte, error) { return d.Port.Byte(end) })
	switch {
	case err == nil:
		d.SetOnline(true)
		return out, nil
	case errors.Is(err, serialport.ErrTimeout):
		return nil, line.ErrSilent
	}
	return nil, err
}

// Tell sends what is not answered.
func (d *Dialog) Tell(request []byte) error {
	return d.Hold(d.Busy(), func(*serialport.Port) error { return d.send(request) })
}

func (d *Dialog) send(b []byte) error {
	if err := d.Present(); err != nil {
		return err
	}
	d.Port.Discard()
	if err := d.Port.Write(b); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// Poll runs look again and again unless the line is in use. look is called with the line held
// and uses Exchange.
func (d *Dialog) Poll(look func()) {
	d.Line.Poll(d.env.Go, line.Every(time.Duration(d.p.PollMs)*time.Millisecond), 8*d.Busy(), look)
}
