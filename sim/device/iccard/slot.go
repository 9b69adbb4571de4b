package iccard

import "errors"

// What can go wrong between a reader and a chip.
var (
	ErrMute     = errors.New("the chip does not answer")
	ErrATR      = errors.New("the answer to reset is wrong")
	ErrOff      = errors.New("the chip has no power")
	ErrProtocol = errors.New("the transmission failed")
	ErrOther    = errors.New("the chip speaks another protocol")
	ErrLength   = errors.New("the command has a wrong length")
)

// Slot is a reader's coupler: it powers a chip and speaks the protocol of its answer to reset.
type Slot struct {
	card         *Card
	on           bool
	protocol     int
	atr          []byte
	limit        int  // bytes that the chip takes in one block
	seq, expects byte // T=1: N(S) of our next block, N(S) of the chip's
	// Mute: the chip says nothing any more. Noise is how many of the chip's blocks are spoiled on
	// their way.
	Mute  bool
	Noise int
	// Commands counts those since power on.
	Commands int
}

// Put brings a card to the contacts, nil takes it away.
func (s *Slot) Put(c *Card) {
	if s.card != c {
		*s = Slot{card: c}
	}
}

// Powered reports whether the chip was reset and not switched off.
func (s *Slot) Powered() bool { return s.on }

// Power resets the chip, cold or warm, and reads its answer.
func (s *Slot) Power() ([]byte, error) {
	if s.card == nil {
		return nil, ErrMute
	}
	atr := s.card.Reset()
	*s = Slot{card: s.card}
	if atr == nil {
		return nil, ErrMute
	}
	protocol, limit, err := parseATR(atr)
	if err != nil {
		return nil, err
	}
	s.on, s.protocol, s.limit, s.atr = true, protocol, limit, atr
	if protocol == 1 { // the reader takes blocks of 254
		if _, inf, err := s.exchange(block(0xC1, []byte{0xFE})); err != nil || len(inf) != 1 {
			s.on = false
			return nil, ErrProtocol
		}
	}
	return atr, nil
}

// Protocol is that of the answer to reset.
func (s *Slot) Protocol() int { return s.protocol }

// Off takes the power away.
func (s *Slot) Off() { *s = Slot{card: s.card} }

// parseATR finds the first protocol offered and the chip's block size.
func parseATR(atr []byte) (protocol, limit int, err error) {
	if len(atr) < 2 || atr[0] != 0x3B && atr[0] != 0x3F {
		return 0, 0, ErrATR
	}
	limit = ifsDefault
	y, at := atr[1]>>4, 2
	check := false
	for level := 1; ; level++ {
		var td byte
		more := y&8 != 0
		for bit := byte(1); bit <= 8; bit <<= 1 {
			if y&bit == 0 {
				continue
			}
			if at >= len(atr) {
				return 0, 0, ErrATR
			}
			switch {
			case bit == 8:
				td = atr[at]
			case bit == 1 && level == 3 && protocol == 1:
				limit = int(atr[at])
			}
			at++
		}
		if !more {
			break
		}
		if level == 1 {
			protocol = int(td & 15)
		}
		check = check || td&15 != 0
		y = td >> 4
	}
	n := at + int(atr[1]&15)
	if check {
		if n+1 != len(atr) || xor(atr[1:]) != 0 {
			return 0, 0, ErrATR
		}
	} else if n != len(atr) {
		return 0, 0, ErrATR
	}
	if protocol > 1 || limit < 1 {
		return 0, 0, ErrATR
	}
	return protocol, limit, nil
}

// Transmit carries one command. Over T=0 a status word 61xx or 6Cxx is the caller's business.
func (s *Slot) Transmit(protocol int, apdu []byte) ([]byte, error) {
	switch {
	case !s.on || s.card == nil:
		return nil, ErrOff
	case protocol != s.protocol:
		return nil, ErrOther
	case len(apdu) < 4 || len(apdu) > 261:
		return nil, ErrLength
	}
	s.Commands++
	if s.protocol == 0 {
		return s.transmitT0(apdu)
	}
	return s.transmitT1(apdu)
}

func (s *Slot) bytes(in []byte) []byte {
	if s.Mute {
		return nil
	}
	return s.card.Bytes(in)
}

func (s *Slot) transmitT0(apdu []byte) ([]byte, error) {
	head := make([]byte, 5)
	copy(head, apdu)
	var body []byte
	if len(apdu) > 5 {
		n := int(apdu[4])
		if n == 0 || len(apdu) != 5+n && len(apdu) != 6+n {
			return nil, ErrLength
		}
		body = apdu[5 : 5+n] // Le is dropped: it is asked with GET RESPONSE
	}
	ins := head[1]
	line := s.bytes(head)
	next := func() (byte, bool) {
		if len(line) == 0 {
			return 0, false
		}
		b := line[0]
		line = line[1:]
		return b, true
	}
	incoming := len(body) == 0
	want := int(head[4])
	if want == 0 {
		want = 256
	}
	var data []byte
	for {
		b, ok := next()
		if !ok {
			return nil, ErrMute
		}
		switch {
		case b == null:
		case b == ins || b == ins^0xFF:
			n := 1
			switch {
			case incoming && b == ins:
				n = want - len(data)
			case !incoming && b == ins:
				n = len(body)
			}
			if !incoming {
				if n = min(n, len(body)); n == 0 {
					return nil, ErrProtocol
				}
				line = append(line, s.bytes(body[:n])...)
				body = body[n:]
				continue
			}
			for range n {
				v, ok := next()
				if !ok {
					return nil, ErrMute
				}
				data = append(data, v)
			}
		case b&0xF0 == 0x60 || b&0xF0 == 0x90:
			sw2, ok := next()
			if !ok {
				return nil, ErrMute
			}
			return append(data, b, sw2), nil
		default:
			return nil, ErrProtocol
		}
	}
}

// exchange sends a block until the chip's answer arrives whole, three times at most.
func (s *Slot) exchange(out []byte) (pcb byte, inf []byte, err error) {
	send := out
	for range 4 {
		in := append([]byte(nil), s.bytes(send)...)
		if len(in) == 0 {
			return 0, nil, ErrMute
		}
		if s.Noise > 0 {
			s.Noise--
			in[len(in)-1] ^= 0x40
		}
		pcb, inf, ok := openBlock(in)
		switch {
		case !ok:
			send = block(0x80|s.expects<<4|1, nil) // say it again
		case pcb&0xC0 == 0x80 && pcb&0x0F != 0:
			send = out // the chip did not understand us
		case pcb == 0xC3: // more time
			out = block(0xE3, inf)
			send = out
		case pcb == 0xC1:
			if len(inf) == 1 && inf[0] > 0 {
				s.limit = int(inf[0])
			}
			out = block(0xE1, inf)
			send = out
		default:
			return pcb, inf, nil
		}
	}
	return 0, nil, ErrProtocol
}

func (s *Slot) transmitT1(apdu []byte) ([]byte, error) {
	var pcb byte
	var inf []byte
	for rest := apdu; ; {
		n := min(s.limit, len(rest))
		head := s.seq << 6
		if n < len(rest) {
			head |= chained
		}
		var err error
		if pcb, inf, err = s.exchange(block(head, rest[:n])); err != nil {
			return nil, s.resync(err)
		}
		s.seq ^= 1
		if rest = rest[n:]; len(rest) == 0 {
			break
		}
		if pcb&0xC0 != 0x80 || pcb>>4&1 != s.seq {
			return nil, s.resync(ErrProtocol)
		}
	}
	var out []byte
	for {
		if pcb&0x80 != 0 || pcb>>6&1 != s.expects {
			return nil, s.resync(ErrProtocol)
		}
		out = append(out, inf...)
		s.expects ^= 1
		if pcb&chained == 0 {
			break
		}
		var err error
		if pcb, inf, err = s.exchange(block(0x80|s.expects<<4, nil)); err != nil {
			return nil, s.resync(err)
		}
	}
	if len(out) < 2 {
		return nil, ErrProtocol
	}
	return out, nil
}

// resync begins the numbering anew after an exchange that could not be saved.
func (s *Slot) resync(err error) error {
	if pcb, _, ok := openBlock(s.bytes(block(0xC0, nil))); ok && pcb == 0xE0 {
		s.seq, s.expects = 0, 0
	}
	return err
}
