package emv

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// Card carries one command to the chip and its answer, with the status word, back.
type Card interface {
	Transmit(ctx context.Context, apdu []byte) ([]byte, error)
}

// Refusal is why a chip cannot be used; its Code is the response code whose text a customer reads.
type Refusal struct {
	Reason string
	Code   string
}

// Error implements error.
func (r *Refusal) Error() string { return "chip: " + r.Reason }

// The refusals.
var (
	ErrBlocked       = &Refusal{"the application is blocked", "62"}
	ErrCardBlocked   = &Refusal{"the card is blocked", "62"}
	ErrExpired       = &Refusal{"the application has expired", "54"}
	ErrNotYet        = &Refusal{"the application is not yet valid", "57"}
	ErrNoApplication = &Refusal{"there is no application that this terminal knows", "14"}
)

// ErrChip is a chip that answers what it must not, or not at all.
var ErrChip = errors.New("emv: the chip cannot be read")

// Protocol is the first protocol of an answer to reset: 0 or 1.
func Protocol(atr []byte) (int, error) {
	if len(atr) < 2 || atr[0] != 0x3B && atr[0] != 0x3F {
		return 0, ErrChip
	}
	if atr[1]&0x80 == 0 {
		return 0, nil
	}
	at := 2
	for bit := byte(0x10); bit < 0x80; bit <<= 1 {
		if atr[1]&bit != 0 {
			at++
		}
	}
	if at >= len(atr) || atr[at]&15 > 1 {
		return 0, ErrChip
	}
	return int(atr[at] & 15), nil
}

// link sends commands as the protocol wants them.
type link struct {
	card Card
	t0   bool
}

// command sends one; le asks for an answer.
func (l link) command(ctx context.Context, head [4]byte, data []byte, le bool) ([]byte, uint16, error) {
	apdu := append([]byte(nil), head[:]...)
	if len(data) > 0 {
		apdu = append(append(apdu, byte(len(data))), data...)
	}
	if len(data) == 0 || le && !l.t0 { // with T=0 the answer is fetched with GET RESPONSE
		apdu = append(apdu, 0)
	}
	var out []byte
	for range 8 {
		got, err := l.card.Transmit(ctx, apdu)
		if err != nil {
			return nil, 0, fmt.Errorf("%w: %w", ErrChip, err)
		}
		if len(got) < 2 {
			return nil, 0, ErrChip
		}
		n := len(got) - 2
		out = append(out, got[:n]...)
		switch sw := binary.BigEndian.Uint16(got[n:]); {
		case sw>>8 == 0x61:
			apdu = []byte{0, 0xC0, 0, 0, byte(sw)}
		case sw>>8 == 0x6C && len(apdu) == 5:
			apdu = append(apdu[:4:4], byte(sw))
		default:
			return out, sw, nil
		}
	}
	return nil, 0, ErrChip
}
