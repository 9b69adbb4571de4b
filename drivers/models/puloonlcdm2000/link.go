package puloonlcdm2000

import (
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/internal/serialport"
)

// How a command ended on the line.
var (
	// errRefused: the device said NAK each time; it certainly did not take the command.
	errRefused = errors.New("the device refused the frame (NAK)")
	// errSilent: nothing understandable came back. For a command that moves notes this
	// proves nothing.
	errSilent = errors.New("the device does not answer")
)

// late is the last answer to a moving command that nobody waited for.
type late struct {
	cmd  byte
	data []byte
}

// link is the exchange of frames. It is used under the driver's line lock.
type link struct {
	port *serialport.Port
	p    *profile
	// stray keeps late answers for Recover; the device repeats what was not acknowledged.
	stray []late
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func moves(cmd byte) bool { return cmd != cmdStatus && cmd != cmdROM }

// take handles what is not the answer that is waited for.
func (l *link) take(m message) error {
	switch m.kind {
	case gotFrame:
		if moves(m.cmd) {
			l.stray = append(l.stray, late{m.cmd, m.data})
		}
		return l.port.Write([]byte{ack})
	case gotDamaged:
		return l.port.Write([]byte{nak})
	}
	return nil
}

// hear takes everything that comes for a while. It reports whether anything came.
func (l *link) hear(d time.Duration) (heard bool, err error) {
	end := time.Now().Add(d)
	for {
		m, err := next(l.port, end)
		if errors.Is(err, serialport.ErrTimeout) {
			return heard, nil
		}
		if err == nil {
			heard = true
			err = l.take(m)
		}
		if err != nil {
			return heard, err
		}
	}
}

// ask exchanges a command that moves nothing; it may be sent again.
func (l *link) ask(cmd byte, tries int) ([]byte, error) {
	if _, err := l.hear(0); err != nil {
		return nil, err
	}
	for range tries {
		data, err := l.askOnce(cmd)
		if err == nil || !errors.Is(err, errSilent) && !errors.Is(err, errRefused) {
			return data, err
		}
	}
	return nil, errSilent
}

func (l *link) askOnce(cmd byte) ([]byte, error) {
	if err := l.port.Write(request(cmd)); err != nil {
		return nil, err
	}
	accepted, damaged := false, 0
	end := time.Now().Add(ms(l.p.AckMs))
	for {
		m, err := next(l.port, end)
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			return nil, errSilent
		case err != nil:
			return nil, err
		case m.kind == gotFrame && m.cmd == cmd:
			return m.data, l.port.Write([]byte{ack})
		case m.kind == gotNAK:
			return nil, errRefused
		case m.kind == gotACK && !accepted:
			accepted = true
			end = time.Now().Add(ms(l.p.StatusMs))
		case m.kind == gotDamaged:
			if damaged++; damaged > l.p.Retries {
				return nil, errSilent
			}
			end = time.Now().Add(ms(l.p.StatusMs))
			err = l.take(m)
		default:
			err = l.take(m)
		}
		if err != nil {
			return nil, err
		}
	}
}

// move exchanges a command that moves notes. Only a NAK, which says that the device did
// not take the frame, lets it be sent again. errRefused means certainly not taken; any
// other error means that nobody knows. accepted is called once, when the device has
// acknowledged.
func (l *link) move(frame []byte, notes int, accepted func()) ([]byte, error) {
	if _, err := l.hear(0); err != nil {
		return nil, fmt.Errorf("%w: %w", errRefused, err) // nothing was sent
	}
	l.stray = nil
	cmd := frame[3]
	if err := l.port.Write(frame); err != nil {
		return nil, err
	}
	start := time.Now()
	last := start.Add(ms(l.p.ReplyMs) + time.Duration(notes)*ms(l.p.PerNoteMs))
	var isAccepted, unsure bool
	refused, damaged := 0, 0
	wait := start.Add(ms(l.p.AckMs))
	for {
		m, err := next(l.port, wait)
		now := time.Now()
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			if now.After(last) {
				return nil, errSilent
			}
			if !isAccepted && !unsure { // the ACK may be what was lost: listen first
				unsure = true
				wait = now.Add(ms(l.p.ProbeMs))
				continue
			}
			data, answered, err := l.probe(cmd)
			if data != nil || err != nil {
				return data, err
			}
			if answered {
				return nil, fmt.Errorf("%w: it is idle again but gave no result", errSilent)
			}
			wait = time.Now().Add(ms(l.p.ProbeMs))
			continue
		case err != nil:
			return nil, err
		case m.kind == gotFrame && m.cmd == cmd:
			return m.data, l.port.Write([]byte{ack})
		case m.kind == gotNAK && !isAccepted && !unsure:
			if refused++; refused > l.p.Retries {
				return nil, errRefused
			}
			if err := l.port.Write(frame); err != nil {
				return nil, err
			}
			wait = time.Now().Add(ms(l.p.AckMs))
			continue
		case m.kind == gotACK:
			if !isAccepted {
				isAccepted = true
				accepted()
			}
		case m.kind == gotDamaged:
			if damaged++; damaged > l.p.Retries {
				return nil, fmt.Errorf("%w: its result arrived damaged %d times", errSilent, damaged)
			}
			err = l.take(m)
		default: // interim notices, strays
			err = l.take(m)
		}
		if err != nil {
			return nil, err
		}
		if isAccepted {
			wait = now.Add(ms(l.p.QuietMs) + time.Duration(notes)*ms(l.p.PerNoteMs))
		}
	}
}

// probe asks for the status of a device that owes the answer to cmd, and takes that answer
// if it comes in between.
func (l *link) probe(cmd byte) (data []byte, answered bool, err error) {
	_, err = l.ask(cmdStatus, 1)
	for _, s := range l.stray {
		if s.cmd == cmd {
			l.stray = nil
			return s.data, true, nil
		}
	}
	switch {
	case err == nil:
		return nil, true, nil
	case errors.Is(err, errSilent), errors.Is(err, errRefused):
		return nil, false, nil
	}
	return nil, false, err
}
