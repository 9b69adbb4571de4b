package creatorcrt350n

import (
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/internal/f2"
	"zhigui/drivers/internal/serialport"
)

const gap = 500 * time.Millisecond // between the bytes of a frame

var (
	// errSilent: no acknowledgement and no response.
	errSilent = errors.New("the reader does not answer")
	// errRefused: NAK each time; certainly not taken.
	errRefused = errors.New("the reader refused the frame (NAK)")
)

// response is a P response.
type response struct {
	st   string // 00 no card, 01 at the gate, 02 inside
	data []byte
}

// link is the exchange of frames, used under the driver's line lock.
type link struct {
	port *serialport.Port
	p    *profile
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

type event int

const (
	heardACK event = iota
	heardNAK
	heardEOT
	heardText
	heardDamaged
)

// next reads the next thing that the reader says; noise is skipped.
func (l *link) next(deadline time.Time) (event, []byte, error) {
	for {
		b, err := l.port.Byte(deadline)
		if err != nil {
			return 0, nil, err
		}
		switch b {
		case f2.ACK:
			return heardACK, nil, nil
		case f2.NAK:
			return heardNAK, nil, nil
		case f2.DLE:
			if b, err := l.port.Byte(time.Now().Add(gap)); err == nil && b == f2.EOT {
				return heardEOT, nil, nil
			}
		case f2.Head:
			text, err := f2.CRC.ReadRest(l.port, gap)
			if err != nil {
				return heardDamaged, nil, nil
			}
			return heardText, text, nil
		}
	}
}

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

// do exchanges one command. A command that moves the card (again false) is sent again only
// after a NAK; after silence errSilent says that nobody knows.
func (l *link) do(cmd string, again bool) (response, error) {
	frame := f2.CRC.Append(nil, []byte(cmd))
	l.port.Discard()
	for sent, refused := 1, false; ; sent++ {
		if err := l.port.Write(frame); err != nil {
			return response{}, err
		}
		r, err := l.await(cmd)
		refused = errors.Is(err, errRefused)
		if sent <= l.p.Retries && (refused || again && errors.Is(err, errSilent)) {
			continue
		}
		return r, err
	}
}

func (l *link) await(cmd string) (response, error) {
	end := time.Now().Add(ms(l.p.AckMs))
	accepted, damaged := false, 0
	for {
		ev, text, err := l.next(end)
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			return response{}, errSilent
		case err != nil:
			return response{}, err
		}
		switch ev {
		case heardNAK:
			if !accepted {
				return response{}, errRefused
			}
		case heardACK:
			if !accepted {
				accepted = true
				end = time.Now().Add(ms(l.p.ReplyMs))
			}
		case heardDamaged:
			if damaged++; damaged > l.p.Retries {
				return response{}, fmt.Errorf("%w: its response arrived damaged %d times", errSilent, damaged)
			}
			end = time.Now().Add(2 * time.Second)
			if err := l.port.Write([]byte{f2.NAK}); err != nil {
				return response{}, err
			}
		case heardText:
			if err := l.port.Write([]byte{f2.ACK}); err != nil {
				return response{}, err
			}
			if r, ours, err := parse(cmd, text); ours {
				return r, err
			}
		}
	}
}

// begin sends a timed intake and returns when it is acknowledged.
func (l *link) begin(cmd string) error {
	l.port.Discard()
	for range l.p.Retries + 1 {
		if err := l.port.Write(f2.CRC.Append(nil, []byte(cmd))); err != nil {
			return err
		}
		ev, _, err := l.next(time.Now().Add(ms(l.p.AckMs)))
		switch {
		case err == nil && ev == heardACK:
			return nil
		case err == nil || errors.Is(err, serialport.ErrTimeout):
		default:
			return err
		}
	}
	return errSilent
}

// poke looks for the response of a begun intake for a while; done false means not yet.
func (l *link) poke(cmd string, d time.Duration) (r response, done bool, err error) {
	end := time.Now().Add(d)
	for {
		ev, text, err := l.next(end)
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			return response{}, false, nil
		case err != nil:
			return response{}, false, err
		}
		switch ev {
		case heardDamaged:
			if err := l.port.Write([]byte{f2.NAK}); err != nil {
				return response{}, false, err
			}
		case heardText:
			if err := l.port.Write([]byte{f2.ACK}); err != nil {
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
	if err := l.port.Write([]byte{f2.DLE, f2.EOT}); err != nil {
		return err
	}
	end := time.Now().Add(time.Second)
	for {
		ev, _, err := l.next(end)
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			return nil // C10 decides
		case err != nil:
			return err
		case ev == heardEOT:
			return nil
		case ev == heardText:
			if err := l.port.Write([]byte{f2.ACK}); err != nil {
				return err
			}
		}
	}
}
