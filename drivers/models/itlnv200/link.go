package itlnv200

import (
	"errors"
	"fmt"
	"time"

	"zhigui/drivers/internal/serialport"
)

// How an exchange ended.
var (
	errSilent = errors.New("the validator does not answer")
	// errNoKey: the device has no session key; it was reset or lost power.
	errNoKey = errors.New("the validator has no session key")
)

// answerError is a response other than OK.
type answerError struct {
	cmd, code byte
	more      []byte
}

func (e *answerError) Error() string {
	return fmt.Sprintf("command %02X answered by %02X %s", e.cmd, e.code, responseNames[e.code])
}

func cannot(err error) bool {
	var a *answerError
	return errors.As(err, &a) && a.code == rspCannot
}

// answered reports whether the device said no, so that it certainly did nothing.
func answered(err error) bool {
	var a *answerError
	return errors.As(err, &a)
}

// link is the exchange of packets, used under the driver's line lock.
//
// A packet that is not answered is sent again with the same sequence bit: the device then
// repeats its last reply and carries nothing out twice. A device that was reset in between
// has neither a note in escrow nor a session key, so a repeated poll, reject or payout finds
// nothing to do there.
type link struct {
	port *serialport.Port
	p    *profile
	seq  byte
	keys *session
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// exchange sends a command and gives the data after the OK.
func (l *link) exchange(cmd ...byte) ([]byte, error) {
	data := cmd
	if l.keys != nil {
		var err error
		if data, err = l.keys.wrap(cmd); err != nil {
			return nil, err
		}
	}
	return l.send(cmd[0], data)
}

// send sends data, encrypted or not, as it is.
func (l *link) send(cmd byte, data []byte) ([]byte, error) {
	head := l.seq | byte(l.p.Address)
	l.seq ^= seqMask
	frame := encode(head, data)
	l.port.Discard()
	for range 1 + l.p.Retries {
		if err := l.port.Write(frame); err != nil {
			return nil, err
		}
		out, err := l.receive(head)
		switch {
		case errors.Is(err, serialport.ErrTimeout), errors.Is(err, errDamaged):
			continue
		case err != nil:
			return nil, err
		}
		return l.judge(cmd, data[0] == encrypted, out)
	}
	return nil, errSilent
}

// receive waits for the reply with the same sequence bit and address.
func (l *link) receive(head byte) ([]byte, error) {
	end := time.Now().Add(ms(l.p.ReplyMs))
	for {
		h, data, err := decode(l.port, end)
		if err != nil {
			return nil, err
		}
		if h == head {
			return data, nil
		}
	}
}

func (l *link) judge(cmd byte, secret bool, out []byte) ([]byte, error) {
	if secret {
		if out[0] == rspNoKey && len(out) == 1 {
			l.keys = nil
			return nil, errNoKey
		}
		var err error
		if out, err = l.keys.unwrap(out); err != nil {
			return nil, err
		}
	}
	switch out[0] {
	case rspOK:
		return out[1:], nil
	case rspNoKey:
		return nil, errNoKey
	}
	return nil, &answerError{cmd, out[0], out[1:]}
}

// sync begins a new sequence and forgets the session key.
func (l *link) sync() error {
	l.keys = nil
	l.seq = seqMask
	if l.p.SeqAfterSync == "80" {
		l.seq = 0
	}
	_, err := l.send(cmdSync, []byte{cmdSync})
	return err
}

// agree makes a session key.
func (l *link) agree() error {
	h, err := newHandshake()
	if err != nil {
		return err
	}
	for _, c := range [][]byte{append([]byte{cmdGenerator}, number(h.generator)...), append([]byte{cmdModulus}, number(h.modulus)...)} {
		if _, err := l.send(c[0], c); err != nil {
			return fmt.Errorf("key exchange: %w", err)
		}
	}
	c := append([]byte{cmdExchange}, h.public()...)
	out, err := l.send(c[0], c)
	if err != nil {
		return fmt.Errorf("key exchange: %w", err)
	}
	l.keys, err = h.session(l.p.fixed, out)
	return err
}
