package omron3s4yr

import (
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/internal/serialport"
)

const gap = 500 * time.Millisecond // between the bytes of a frame; the maker allows 5 s

var (
	// errRefused: the reader did not take the command's text; it was never told to execute it.
	errRefused = errors.New("the reader did not take the command")
	// errSilent: it was told to execute, and no answer came that can be read.
	errSilent = errors.New("the reader does not answer")
)

// response is a P response.
type response struct {
	st   string // 00 no card, 01 at the takeout position, 02 inside, 04 read start
	data []byte
}

// link is the exchange of frames, used under the driver's line lock.
type link struct {
	port    *serialport.Port
	ack     time.Duration
	reply   time.Duration
	retries int
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

// do exchanges one command. Nothing runs before DLE ENQ, so the text may be sent again as
// often as it takes. A DLE ENQ that is sent again makes the reader send its last response
// again or, if the first was lost, run the command: it never runs twice (1.5.3).
func (l *link) do(cmd string) (response, error) {
	l.port.Discard()
	if err := l.offer(cmd); err != nil {
		return response{}, err
	}
	for sent := 0; sent <= l.retries; sent++ {
		if err := l.port.Write([]byte{dle, enq}); err != nil {
			return response{}, fmt.Errorf("%w: %w", errSilent, err)
		}
		r, ours, err := l.await(cmd)
		if ours || err != nil && !errors.Is(err, serialport.ErrTimeout) {
			return r, err
		}
	}
	return response{}, errSilent
}

// offer sends the text until it is acknowledged.
func (l *link) offer(cmd string) error {
	for sent := 0; sent <= l.retries; sent++ {
		if err := l.port.Write(frame([]byte(cmd))); err != nil {
			return fmt.Errorf("%w: %w", errRefused, err)
		}
		end := time.Now().Add(l.ack)
		for again := false; !again; {
			ev, _, err := next(l.port, end, gap)
			switch {
			case errors.Is(err, serialport.ErrTimeout):
				again = true
			case err != nil:
				return fmt.Errorf("%w: %w", errRefused, err)
			case ev == heardACK:
				return nil
			case ev == heardNAK:
				again = true
			}
		}
	}
	return errRefused
}

// await waits for the response; a damaged one ends the wait, so that it is asked for again.
func (l *link) await(cmd string) (response, bool, error) {
	end := time.Now().Add(l.reply)
	for {
		ev, text, err := next(l.port, end, gap)
		switch {
		case err != nil && errors.Is(err, serialport.ErrTimeout):
			return response{}, false, nil
		case err != nil:
			return response{}, false, fmt.Errorf("%w: %w", errSilent, err)
		case ev == heardDamaged:
			return response{}, false, nil
		case ev == heardText:
			if r, ours, err := parse(cmd, text); ours {
				return r, true, err
			}
		}
	}
}
