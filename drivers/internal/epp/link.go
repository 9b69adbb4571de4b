package epp

import (
	"errors"
	"time"

	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/serialport"
)

// read is the only reader of the port: it takes answers and key presses apart.
func (p *Pad) read() {
	for {
		select {
		case <-p.line.Stopped():
			return
		default:
		}
		b, err := p.line.Byte(time.Now().Add(200 * time.Millisecond))
		switch {
		case errors.Is(err, serialport.ErrTimeout):
		case err != nil:
			select {
			case p.lost <- struct{}{}:
			default:
			}
			select {
			case <-p.line.Stopped():
				return
			case <-time.After(100 * time.Millisecond):
			}
			_ = p.line.Reopen()
		case b != p.o.Head:
			select {
			case p.keys <- b:
			default:
			}
		default:
			if body, err := p.o.Rest(p.line.Port); err == nil {
				select {
				case p.answers <- body:
				default:
				}
			}
		}
	}
}

// Do exchanges one command: answer says whether a body is its answer, and the error in it.
// Every command of a pad may be sent again: keys and settings are put where they are already.
// The frame may hold a key; it is cleared.
func (p *Pad) Do(frame []byte, answer func(body []byte) (ours bool, err error)) ([]byte, error) {
	defer clear(frame)
	release := p.line.Take(time.Duration(p.o.Retries+2)*(p.o.Reply+4*time.Second) + 10*time.Second)
	body, err := p.exchange(frame, answer)
	release()
	var f *Fault
	p.mu.Lock()
	p.online = err == nil || errors.As(err, &f)
	if !p.online {
		p.entered = nil // it may have lost its power
	}
	p.mu.Unlock()
	if p.o.Seen != nil {
		p.o.Seen(err)
	}
	p.o.Env.StatusChanged()
	return body, err
}

func (p *Pad) exchange(frame []byte, answer func([]byte) (bool, error)) ([]byte, error) {
	p.forget(0)
	for try := 0; try <= p.o.Retries; try++ {
		if err := p.line.Write(frame); err != nil {
			return nil, err
		}
		limit := time.After(p.o.Reply)
		for waiting := true; waiting; {
			select {
			case a := <-p.answers:
				ours, err := answer(a)
				if !ours {
					continue
				}
				if try > 0 && p.o.Quiet > 0 {
					p.forget(p.o.Quiet)
				}
				return a, err
			case <-p.line.Stopped():
				return nil, line.ErrSilent
			case <-limit:
				waiting = false
			}
		}
	}
	return nil, line.ErrSilent
}

// forget drops answers until none came for a while.
func (p *Pad) forget(quiet time.Duration) {
	for {
		select {
		case <-p.answers:
		case <-time.After(quiet):
			return
		}
	}
}

// DropKeys forgets presses from before an entry.
func (p *Pad) DropKeys() {
	for {
		select {
		case <-p.keys:
		case <-p.lost:
		default:
			return
		}
	}
}
