package creatorcrt350n

import (
	"errors"
	"time"

	"zhigui/drivers/internal/f2"
	"zhigui/drivers/internal/serialport"
)

// response is a P response.
type response struct {
	st   string // 00 no card, 01 at the gate, 02 inside
	data []byte
}

// link is the exchange of frames, used under the driver's line lock.
type link struct {
	*f2.Link
	reply time.Duration
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// parse takes a response to cmd; other texts are not ours any more.
func parse(cmd string, text []byte) (response, bool, error) {
	if len(text) < 5 || string(text[1:3]) != cmd[1:3] {
		return response{}, false, nil
	}
	switch text[0] {
	case 'P':
		return response{st: string(text[3:5]), data: text[5:]}, true, nil
	case 'N':
		return response{}, true, &deviceError{cmd: cmd[:3], code: string(text[3:5])}
	}
	return response{}, false, nil
}

// do exchanges one command; again as f2.Link.Do has it.
func (l *link) do(cmd string, again bool) (response, error) {
	text, err := l.Do([]byte(cmd), again, l.reply, func(b []byte) bool { _, ours, _ := parse(cmd, b); return ours })
	if err != nil {
		return response{}, err
	}
	r, _, err := parse(cmd, text)
	return r, err
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
	return f2.ErrSilent
}

// poke looks for the response of a begun intake for a while; done false means not yet.
func (l *link) poke(cmd string, d time.Duration) (r response, done bool, err error) {
	end := time.Now().Add(d)
	for {
		ev, text, err := l.Next(end)
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			return response{}, false, nil
		case err != nil:
			return response{}, false, err
		}
		switch ev {
		case f2.HeardDamaged:
			if err := l.Port.Write([]byte{f2.NAK}); err != nil {
				return response{}, false, err
			}
		case f2.HeardText:
			if err := l.Port.Write([]byte{f2.ACK}); err != nil {
				return response{}, false, err
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
