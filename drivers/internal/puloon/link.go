package puloon

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/serialport"
)

// Times are the patience of a link.
type Times struct {
	Ack     time.Duration
	Reply   time.Duration // of a command that moves notes, and PerNote for each
	PerNote time.Duration
	Status  time.Duration // of a command that moves nothing
	Quiet   time.Duration // acknowledged, then silent for this and PerNote for each note: ask for status
	Probe   time.Duration // not acknowledged: ask for status this often
	// Close is how long the device's closing EOT is waited for; 0: it sends none.
	Close   time.Duration
	Retries int
}

// Link is the exchange of frames, used by one goroutine at a time.
type Link struct {
	Port  *serialport.Port
	ID    byte
	Times Times
	// Status is the command that asks for the status; Still are all that move nothing.
	Status byte
	Still  []byte
	// Stray keeps late answers for a driver's Recover; the device repeats what was not
	// acknowledged.
	Stray []Message
}

func (l *Link) next(deadline time.Time) (Message, error) { return Next(l.Port, l.ID, deadline) }

// ended acknowledges an answer and waits until the device has ended the exchange.
func (l *Link) ended() error {
	if err := l.Port.Write([]byte{ack}); err != nil || l.Times.Close == 0 {
		return err
	}
	end := time.Now().Add(l.Times.Close)
	for {
		m, err := l.next(end)
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			return nil
		case err != nil || m.Kind == GotEOT:
			return err
		}
		if err := l.take(m); err != nil {
			return err
		}
	}
}

// take handles what is not the answer that is waited for.
func (l *Link) take(m Message) error {
	switch m.Kind {
	case GotFrame:
		if !slices.Contains(l.Still, m.Cmd) {
			l.Stray = append(l.Stray, m)
		}
		return l.ended()
	case GotDamaged:
		return l.Port.Write([]byte{nak})
	}
	return nil
}

// Hear takes everything that comes for a while. It reports whether anything came.
func (l *Link) Hear(d time.Duration) (heard bool, err error) {
	end := time.Now().Add(d)
	for {
		m, err := l.next(end)
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

// Ask exchanges a command that moves nothing; it may be sent again.
func (l *Link) Ask(cmd byte, tries int, request ...byte) ([]byte, error) {
	if _, err := l.Hear(0); err != nil {
		return nil, err
	}
	for range tries {
		data, err := l.askOnce(cmd, request)
		if err == nil || !errors.Is(err, line.ErrSilent) && !errors.Is(err, line.ErrRefused) {
			return data, err
		}
	}
	return nil, line.ErrSilent
}

func (l *Link) askOnce(cmd byte, request []byte) ([]byte, error) {
	if err := l.Port.Write(Request(l.ID, cmd, request...)); err != nil {
		return nil, err
	}
	accepted, damaged := false, 0
	end := time.Now().Add(l.Times.Ack)
	for {
		m, err := l.next(end)
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			return nil, line.ErrSilent
		case err != nil:
			return nil, err
		case m.Kind == GotFrame && m.Cmd == cmd:
			return m.Data, l.ended()
		case m.Kind == GotNAK:
			return nil, line.ErrRefused
		case m.Kind == GotACK && !accepted:
			accepted = true
			end = time.Now().Add(l.Times.Status)
		case m.Kind == GotDamaged:
			if damaged++; damaged > l.Times.Retries {
				return nil, line.ErrSilent
			}
			end = time.Now().Add(l.Times.Status)
			err = l.take(m)
		default:
			err = l.take(m)
		}
		if err != nil {
			return nil, err
		}
	}
}

// Move exchanges a command that moves notes. Only a NAK, which says that the device did
// not take the frame, lets it be sent again. ErrRefused means certainly not taken; any
// other error means that nobody knows. accepted is called once, when the device has
// acknowledged.
func (l *Link) Move(frame []byte, notes int, accepted func()) ([]byte, error) {
	if _, err := l.Hear(0); err != nil {
		return nil, fmt.Errorf("%w: %w", line.ErrRefused, err) // nothing was sent
	}
	l.Stray = nil
	cmd := frame[3]
	if err := l.Port.Write(frame); err != nil {
		return nil, err
	}
	start := time.Now()
	last := start.Add(l.Times.Reply + time.Duration(notes)*l.Times.PerNote)
	var isAccepted, unsure bool
	refused, damaged := 0, 0
	wait := start.Add(l.Times.Ack)
	for {
		m, err := l.next(wait)
		now := time.Now()
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			if now.After(last) {
				return nil, line.ErrSilent
			}
			if !isAccepted && !unsure { // the ACK may be what was lost: listen first
				unsure = true
				wait = now.Add(l.Times.Probe)
				continue
			}
			data, answered, err := l.probe(cmd)
			if data != nil || err != nil {
				return data, err
			}
			if answered {
				return nil, fmt.Errorf("%w: it is idle again but gave no result", line.ErrSilent)
			}
			wait = time.Now().Add(l.Times.Probe)
			continue
		case err != nil:
			return nil, err
		case m.Kind == GotFrame && m.Cmd == cmd:
			return m.Data, l.ended()
		case m.Kind == GotNAK && !isAccepted && !unsure:
			if refused++; refused > l.Times.Retries {
				return nil, line.ErrRefused
			}
			if err := l.Port.Write(frame); err != nil {
				return nil, err
			}
			wait = time.Now().Add(l.Times.Ack)
			continue
		case m.Kind == GotACK:
			if !isAccepted {
				isAccepted = true
				accepted()
			}
		case m.Kind == GotDamaged:
			if damaged++; damaged > l.Times.Retries {
				return nil, fmt.Errorf("%w: its result arrived damaged %d times", line.ErrSilent, damaged)
			}
			err = l.take(m)
		default: // interim notices, strays
			err = l.take(m)
		}
		if err != nil {
			return nil, err
		}
		if isAccepted {
			wait = now.Add(l.Times.Quiet + time.Duration(notes)*l.Times.PerNote)
		}
	}
}

// probe asks for the status of a device that owes the answer to cmd, and takes that answer
// if it comes in between.
func (l *Link) probe(cmd byte) (data []byte, answered bool, err error) {
	_, err = l.Ask(l.Status, 1)
	for _, s := range l.Stray {
		if s.Cmd == cmd {
			l.Stray = nil
			return s.Data, true, nil
		}
	}
	switch {
	case err == nil:
		return nil, true, nil
	case errors.Is(err, line.ErrSilent), errors.Is(err, line.ErrRefused):
		return nil, false, nil
	}
	return nil, false, err
}
