package creatorcrt350n

import (
	"context"
	"errors"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/internal/f2"
	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/motorcard"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

// places are st.
var places = map[string]motorcard.Place{"00": motorcard.Nowhere, "01": motorcard.Gate, "02": motorcard.Inside}

// link is the exchange of frames, used under the driver's line lock.
type link struct {
	*f2.Link
	reply time.Duration
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// parse takes a response to cmd; other texts are not ours any more.
func parse(cmd string, text []byte) (motorcard.Answer, bool, error) {
	if len(text) < 5 || string(text[1:3]) != cmd[1:3] {
		return motorcard.Answer{}, false, nil
	}
	word := string(text[3:5])
	switch text[0] {
	case 'P':
		return motorcard.Answer{At: places[word], Data: text[5:]}, true, nil
	case 'N':
		return motorcard.Answer{}, true, &motorcard.Fault{Cmd: cmd[:3], Code: word, Name: names[word]}
	}
	return motorcard.Answer{}, false, nil
}

// do exchanges one command; again as f2.Link.Do has it.
func (l *link) do(cmd string, again bool) (motorcard.Answer, error) {
	text, err := l.Do([]byte(cmd), again, l.reply, func(b []byte) bool { _, ours, _ := parse(cmd, b); return ours })
	if err != nil {
		return motorcard.Answer{}, err
	}
	a, _, err := parse(cmd, text)
	return a, err
}

// awaitTimed uses the reader's own waiting command and cancels it with DLE EOT; nil means a
// card is inside.
func awaitTimed(ctx context.Context, d *motorcard.Reader, l *link, every time.Duration) *api.Completion {
	no := func(c api.Completion) *api.Completion { return &c }
	if err := l.begin("C20"); err != nil {
		return no(d.Broken(err, api.NotStarted))
	}
	for {
		d.Promise()
		r, done, err := l.poke("C20", every)
		switch {
		case err != nil:
			return no(d.Broken(err, api.Failed))
		case done && r.At == motorcard.Inside:
			d.Note(r, nil)
			return nil
		case done:
			return no(api.Fail(api.Failed, card.ErrNoMedia, "the reader ended its intake without a card"))
		}
		if ctx.Err() == nil {
			continue
		}
		if err := l.cancel(); err != nil {
			return no(d.Broken(err, api.Failed))
		}
		if s, err := d.Do(table.Look, true); err == nil && s.At == motorcard.Inside {
			return nil
		}
		return no(sdk.Ended(ctx))
	}
}

// begin sends a timed intake and returns when it is acknowledged.
func (l *link) begin(cmd string) error {
	for range l.Retries + 1 {
		if err := l.Send([]byte(cmd)); err != nil {
			return err
		}
		ev, _, err := l.Next(time.Now().Add(l.Ack))
		switch {
		case err == nil && ev == f2.HeardACK:
			return nil
		case err == nil || errors.Is(err, serialport.ErrTimeout):
		default:
			return err
		}
	}
	return line.ErrSilent
}

// poke looks for the response of a begun intake for a while; done false means not yet.
func (l *link) poke(cmd string, d time.Duration) (r motorcard.Answer, done bool, err error) {
	end := time.Now().Add(d)
	for {
		ev, text, err := l.Next(end)
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			return motorcard.Answer{}, false, nil
		case err != nil:
			return motorcard.Answer{}, false, err
		}
		switch ev {
		case f2.HeardDamaged:
			if err := l.Port.Write([]byte{f2.NAK}); err != nil {
				return motorcard.Answer{}, false, err
			}
		case f2.HeardText:
			if err := l.Port.Write([]byte{f2.ACK}); err != nil {
				return motorcard.Answer{}, false, err
			}
			if r, ours, err := parse(cmd, text); ours {
				return r, true, err
			}
		}
	}
}

// cancel ends a begun intake with DLE EOT.
func (l *link) cancel() error {
	if err := l.Port.Write([]byte{f2.DLE, f2.EOT}); err != nil {
		return err
	}
	end := time.Now().Add(time.Second)
	for {
		ev, _, err := l.Next(end)
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			return nil // C10 decides
		case err != nil:
			return err
		case ev == f2.HeardEOT:
			return nil
		case ev == f2.HeardText:
			if err := l.Port.Write([]byte{f2.ACK}); err != nil {
				return err
			}
		}
	}
}
