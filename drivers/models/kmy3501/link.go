package kmy3501

import (
	"errors"
	"sync"
	"time"

	"zhigui/drivers/internal/serialport"
)

// errSilent: no understandable answer after all repetitions.
var errSilent = errors.New("the PIN pad does not answer")

// link takes the line apart: answers to commands, and key presses between them.
type link struct {
	port    *serialport.Port
	p       *profile
	line    sync.Mutex // one exchange at a time
	answers chan []byte
	keys    chan byte
	lost    chan struct{} // has an element after the port went away
	stop    chan struct{}
	ended   chan struct{}
}

func newLink(port *serialport.Port, p *profile) *link {
	return &link{port: port, p: p, answers: make(chan []byte, 8), keys: make(chan byte, 256), lost: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// read is the only reader of the port.
func (l *link) read() {
	defer close(l.ended)
	for {
		select {
		case <-l.stop:
			return
		default:
		}
		b, err := l.port.Byte(time.Now().Add(200 * time.Millisecond))
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			continue
		case err != nil:
			select {
			case l.lost <- struct{}{}:
			default:
			}
			select {
			case <-l.stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
			_ = l.port.Reopen()
			continue
		}
		if b != stx {
			select {
			case l.keys <- b:
			default:
			}
			continue
		}
		if body, err := readRest(l.port, frameGap); err == nil {
			select {
			case l.answers <- body:
			default:
			}
		}
	}
}

func (l *link) close() error {
	close(l.stop)
	<-l.ended
	return l.port.Close()
}

// do exchanges one command; data of the answer. Every command of this device may be sent
// again: keys and settings are put where they are already.
func (l *link) do(body []byte) ([]byte, error) {
	l.line.Lock()
	defer l.line.Unlock()
	l.forget(0)
	f := frame(body)
	defer clear(f)
	for range l.p.Retries + 1 {
		if err := l.port.Write(f); err != nil {
			return nil, err
		}
		limit := time.After(ms(l.p.ReplyMs))
		for waiting := true; waiting; {
			select {
			case a := <-l.answers:
				switch {
				case !good(a[0]):
					return nil, &deviceError{a[0]}
				case fits(body, a[1:]):
					return a[1:], nil
				}
			case <-l.stop:
				return nil, errSilent
			case <-limit:
				waiting = false
			}
		}
	}
	return nil, errSilent
}

// forget drops answers until none came for a while.
func (l *link) forget(quiet time.Duration) {
	for {
		select {
		case <-l.answers:
		case <-time.After(quiet):
			return
		}
	}
}

// dropKeys forgets presses from before an entry.
func (l *link) dropKeys() {
	for {
		select {
		case <-l.keys:
		case <-l.lost:
		default:
			return
		}
	}
}
