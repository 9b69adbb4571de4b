package f2

import (
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/internal/line"
	"zhigui/drivers/internal/serialport"
)

// Gap is the longest silence between the bytes of a frame.
const Gap = 500 * time.Millisecond

// Event is what the device says.
type Event int

// The events.
const (
	HeardACK Event = iota
	HeardNAK
	HeardEOT
	HeardText
	HeardDamaged
)

// Link is the exchange of frames on a port, used by one goroutine at a time.
type Link struct {
	Port    *serialport.Port
	Variant Variant
	Ack     time.Duration // from the frame to the acknowledgement
	Retries int
	// PlainEOT: the device says EOT alone, not DLE EOT.
	PlainEOT bool
}

// Next reads the next thing that the device says; noise is skipped.
func (l *Link) Next(deadline time.Time) (Event, []byte, error) {
	for {
		b, err := l.Port.Byte(deadline)
		if err != nil {
			return 0, nil, err
		}
		switch {
		case b == ACK:
			return HeardACK, nil, nil
		case b == NAK:
			return HeardNAK, nil, nil
		case b == EOT && l.PlainEOT:
			return HeardEOT, nil, nil
		case b == DLE && !l.PlainEOT:
			if b, err := l.Port.Byte(time.Now().Add(Gap)); err == nil && b == EOT {
				return HeardEOT, nil, nil
			}
		case b == Head:
			text, err := l.Variant.ReadRest(l.Port, Gap)
			if err != nil {
				return HeardDamaged, nil, nil
			}
			return HeardText, text, nil
		}
	}
}

// Send writes the frame of a text; what has arrived before is forgotten.
func (l *Link) Send(text []byte) error {
	l.Port.Discard()
	return l.Port.Write(l.Variant.Append(nil, text))
}

// Do exchanges one command; ours says whether a text is its response. A command that moves
// something (again false) is sent again only after a NAK; after silence ErrSilent says that
// nobody knows.
func (l *Link) Do(text []byte, again bool, reply time.Duration, ours func([]byte) bool) ([]byte, error) {
	for sent := 1; ; sent++ {
		if err := l.Send(text); err != nil {
			return nil, err
		}
		got, err := l.await(reply, ours)
		if sent <= l.Retries && (errors.Is(err, line.ErrRefused) || again && errors.Is(err, line.ErrSilent)) {
			continue
		}
		return got, err
	}
}

func (l *Link) await(reply time.Duration, ours func([]byte) bool) ([]byte, error) {
	end := time.Now().Add(l.Ack)
	accepted, damaged := false, 0
	for {
		ev, text, err := l.Next(end)
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			return nil, line.ErrSilent
		case err != nil:
			return nil, err
		}
		switch ev {
		case HeardNAK:
			if !accepted {
				return nil, line.ErrRefused
			}
		case HeardACK:
			if !accepted {
				accepted = true
				end = time.Now().Add(reply)
			}
		case HeardDamaged:
			if damaged++; damaged > l.Retries {
				return nil, fmt.Errorf("%w: its response arrived damaged %d times", line.ErrSilent, damaged)
			}
			end = time.Now().Add(2 * time.Second)
			if err := l.Port.Write([]byte{NAK}); err != nil {
				return nil, err
			}
		case HeardText:
			if err := l.Port.Write([]byte{ACK}); err != nil {
				return nil, err
			}
			if ours(text) {
				return text, nil
			}
		}
	}
}
