// Package puloon is the family of Puloon's cash dispensers: the line, with frames
// 04 ID 02 CMD DATA 03 BCC (host) and 01 ID 02 CMD DATA 03 BCC (device) acknowledged by 06
// and 15, and the Dispenser above it. A model gives its commands, layouts and tables (Model).
// Only drivers/models import it.
//
// The rule of this package: a command that moves notes is sent once. Only a NAK lets it be
// sent again. What is not answered is looked at, never repeated.
//
// Sources: the maker's interface specification of the LCDM-1000 (V3.3, 2.1 to 2.3) and
// independent drivers for the LCDM-2000 and LCDM-4000.
package puloon

import "time"

const (
	soh, stx, etx, eot = 0x01, 0x02, 0x03, 0x04
	ack, nak           = 0x06, 0x15
)

const (
	frameTime = 200 * time.Millisecond // a frame is complete in 200 ms (2.3)
	maxData   = 64
)

func bcc(b []byte) (x byte) {
	for _, c := range b {
		x ^= c
	}
	return x
}

// Request builds a host frame for the device of that id.
func Request(id, cmd byte, data ...byte) []byte {
	b := append([]byte{eot, id, stx, cmd}, data...)
	b = append(b, etx)
	return append(b, bcc(b))
}

// Source gives bytes until a deadline.
type Source interface {
	Byte(deadline time.Time) (byte, error)
}

// Kind is what a message is.
type Kind int

// The kinds.
const (
	GotACK Kind = iota
	GotNAK
	GotFrame
	GotNotice  // 01 9C reason, 01 8D count: one source only
	GotEOT     // the device ends an exchange (LCDM-4000)
	GotDamaged // answer NAK
)

// Message is one thing that the device says.
type Message struct {
	Kind Kind
	Cmd  byte
	Data []byte
}

// Next reads the next thing that the device of an id says; noise is skipped. The error is the source's
// when nothing came until the deadline.
func Next(src Source, id byte, deadline time.Time) (Message, error) {
	for {
		b, err := src.Byte(deadline)
		if err != nil {
			return Message{}, err
		}
		switch b {
		case ack:
			return Message{Kind: GotACK}, nil
		case nak:
			return Message{Kind: GotNAK}, nil
		case eot:
			return Message{Kind: GotEOT}, nil
		case soh:
			return readFrame(src, id)
		}
	}
}

// readFrame reads what follows SOH.
func readFrame(src Source, id byte) (Message, error) {
	limit := time.Now().Add(frameTime)
	raw := []byte{soh}
	for {
		b, err := src.Byte(limit)
		if err != nil {
			return Message{Kind: GotDamaged}, nil
		}
		raw = append(raw, b)
		switch n := len(raw); {
		case n == 2 && (b == 0x9C || b == 0x8D):
			c, err := src.Byte(limit)
			if err != nil {
				return Message{Kind: GotDamaged}, nil
			}
			return Message{Kind: GotNotice, Cmd: b, Data: []byte{c}}, nil
		case n == 2 && b != id, n == 3 && b != stx, n > maxData:
			return Message{Kind: GotDamaged}, nil
		case n > 4 && b == etx:
			sum, err := src.Byte(limit)
			if err != nil || sum != bcc(raw) {
				return Message{Kind: GotDamaged}, nil
			}
			return Message{Kind: GotFrame, Cmd: raw[3], Data: raw[4 : n-1]}, nil
		}
	}
}
