package omron3s4yr

import (
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/motorcard"
	"zhigui/drivers/internal/serialport"
)

const gap = 500 * time.Millisecond // between the bytes of a frame; the maker allows 5 s

// places are the result of a good response; 04 is where reading starts.
var places = map[string]motorcard.Place{"00": motorcard.Nowhere, "01": motorcard.Gate, "02": motorcard.Inside, "04": motorcard.Between}

// link is the exchange of frames, used under the driver's line lock.
type link struct {
	port    *serialport.Port
	ack     time.Duration
	reply   time.Duration
	answer  time.Duration // of a question
	retries int
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

// do exchanges one command. Nothing runs before DLE ENQ, so the text may be sent again as
// often as it takes. A DLE ENQ that is sent again makes the reader send its last response
// again or, if the first was lost, run the command: it never runs twice (1.5.3).
func (l *link) do(cmd string, _ bool) (motorcard.Answer, error) {
	l.port.Discard()
	if err := l.offer(cmd); err != nil {
		return motorcard.Answer{}, err
	}
	for sent := 0; sent <= l.retries; sent++ {
		if err := l.port.Write([]byte{dle, enq}); err != nil {
			return motorcard.Answer{}, fmt.Errorf("%w: %w", line.ErrSilent, err)
		}
		r, ours, err := l.await(cmd)
		if ours || err != nil && !errors.Is(err, serialport.ErrTimeout) {
			return r, err
		}
	}
	return motorcard.Answer{}, line.ErrSilent
}

// offer sends the text until it is acknowledged.
func (l *link) offer(cmd string) error {
	for sent := 0; sent <= l.retries; sent++ {
		if err := l.port.Write(frame([]byte(cmd))); err != nil {
			return fmt.Errorf("%w: %w", line.ErrRefused, err)
		}
		end := time.Now().Add(l.ack)
		for again := false; !again; {
			ev, _, err := next(l.port, end, gap)
			switch {
			case errors.Is(err, serialport.ErrTimeout):
				again = true
			case err != nil:
				return fmt.Errorf("%w: %w", line.ErrRefused, err)
			case ev == heardACK:
				return nil
			case ev == heardNAK:
				again = true
			}
		}
	}
	return line.ErrRefused
}

// asks: status, sensors, counters and version; no motor runs for them.
func asks(cmd string) bool { return cmd[1] == '1' || cmd[1] == 'Q' || cmd[1] == 'V' }

// await waits for the response; a damaged one ends the wait, so that it is asked for again.
func (l *link) await(cmd string) (motorcard.Answer, bool, error) {
	end := time.Now().Add(l.reply)
	if asks(cmd) {
		end = time.Now().Add(l.answer)
	}
	for {
		ev, text, err := next(l.port, end, gap)
		switch {
		case err != nil && errors.Is(err, serialport.ErrTimeout):
			return motorcard.Answer{}, false, nil
		case err != nil:
			return motorcard.Answer{}, false, fmt.Errorf("%w: %w", line.ErrSilent, err)
		case ev == heardDamaged:
			return motorcard.Answer{}, false, nil
		case ev == heardText:
			if r, ours, err := parse(cmd, text); ours {
				return r, true, err
			}
		}
	}
}
