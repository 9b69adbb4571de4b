package link

import (
	"bufio"

	"zhigui/server/api/message"
	"zhigui/server/api/message/format"
	"zhigui/server/internal/hsm"
)

// Codec carries the messages of one model, an 8583 dialect in whose fields the engine thinks, over
// the dialect that the peer speaks. Where both are 8583 with the same data elements a message is
// packed and unpacked in place; every other dialect goes through the canonical transaction. A
// Codec is immutable and safe for concurrent use.
type Codec struct {
	d     *format.Dialect
	model *message.Dialect
	iso   *message.Dialect // the peer's dialect when messages need no translation
	pairs []message.Canon  // what an answer has in common with its request, in the peer's dialect
	idle  []byte

	secret *secrecy // nil: nothing is encrypted
}

// NewCodec makes the codec of a peer that speaks d. model is used unless d is 8583 with the same
// numbers for the same values; Model tells which it is.
func NewCodec(d *format.Dialect, model *message.Dialect) *Codec {
	c := &Codec{d: d, model: model}
	if iso := d.ISO(); iso != nil && message.SameNumbers(iso, model) {
		c.iso, c.model = iso, iso
	}
	for _, f := range [...]message.Canon{message.TransmitTime, message.STAN, message.Terminal} {
		if c.Carries(f) {
			c.pairs = append(c.pairs, f)
		}
	}
	if d.Frame.Idle() {
		c.idle, _ = d.Frame.Finish(d.Frame.Begin(nil), 0)
	}
	return c
}

// Model is the dialect of the messages that Pack takes and Unpack fills.
func (c *Codec) Model() *message.Dialect { return c.model }

// Name is that of the peer's dialect.
func (c *Codec) Name() string { return c.d.Name }

// HasMAC tells whether the peer's messages carry a MAC.
func (c *Codec) HasMAC() bool {
	if iso := c.d.ISO(); iso != nil {
		return iso.MAC != 0
	}
	return c.d.HasMAC()
}

// Lacks names what of these the peer's messages have no place for, their type included: "" when nothing is missing.
func (c *Codec) Lacks(of ...string) string {
	if !c.d.HasType() {
		return "type"
	}
	for _, name := range of {
		if !c.d.Carries(message.CanonByName(name)) {
			return name
		}
	}
	return ""
}

// Carries tells whether the peer's messages have a place for f.
func (c *Codec) Carries(f message.Canon) bool { return c.d.Carries(f) }

// Read reads one frame; an empty one is a sign of life.
func (c *Codec) Read(r *bufio.Reader, buf []byte) ([]byte, error) { return c.d.Frame.Read(r, buf) }

// Strip is the message of one whole frame, for carriers that have message boundaries of their own.
func (c *Codec) Strip(frame []byte) []byte {
	body, ok := c.d.Frame.Strip(frame)
	if !ok {
		return nil
	}
	return body
}

// Idle is the frame that shows life on a quiet link; nil when the dialect has none.
func (c *Codec) Idle() []byte { return c.idle }

// Pack appends m as a whole frame to dst. sign computes the MAC of the covered bytes; a message is
// sent without one only where the dialect has none, or where sign is nil (sign-in, before there are keys).
func (c *Codec) Pack(dst []byte, m *message.Message, sign format.Sign) ([]byte, error) {
	if c.secret != nil {
		return c.conceal(dst, m, sign, hsm.Ref{})
	}
	return c.plain(dst, m, sign)
}

// Answer is Pack for the answer to a request with the seal s: what is encrypted is so under the key of the
// request, as its sender may not have a newer one yet.
func (c *Codec) Answer(dst []byte, m *message.Message, sign format.Sign, s Seal) ([]byte, error) {
	if c.secret != nil {
		return c.conceal(dst, m, sign, s.key)
	}
	return c.plain(dst, m, sign)
}

// conceal packs a message of a link with encryption.
func (c *Codec) conceal(dst []byte, m *message.Message, sign format.Sign, key hsm.Ref) ([]byte, error) {
	switch x := c.secret; {
	case x.s.Body:
		frame, err := c.plain(nil, m, sign)
		if err != nil {
			return dst, err
		}
		return x.closeBody(c, dst, frame, key)
	case c.iso != nil:
		return x.packFields(c, dst, m, sign, key)
	default:
		return c.translated(dst, m, sign, func(t *format.Transaction) error { return x.closeValues(t, key) })
	}
}

// translated packs m in a dialect that is not 8583 with the same numbers.
func (c *Codec) translated(dst []byte, m *message.Message, sign format.Sign, conceal func(*format.Transaction) error) ([]byte, error) {
	t, err := format.FromMessage(m)
	if err == nil && conceal != nil {
		err = conceal(t)
	}
	if err != nil {
		return dst, err
	}
	if sign == nil {
		sign = func([]byte) ([]byte, error) { return make([]byte, 16), nil }
	}
	return c.d.Pack(dst, t, sign)
}

// plain packs m as it is.
func (c *Codec) plain(dst []byte, m *message.Message, sign format.Sign) ([]byte, error) {
	if c.iso == nil {
		return c.translated(dst, m, sign, nil)
	}
	if sign == nil || c.iso.MAC == 0 {
		out, _, err := m.Pack(dst)
		return out, err
	}
	m.ReserveMAC()
	out, lay, err := m.Pack(dst)
	if err != nil {
		return dst, err
	}
	mac, err := sign(lay.Cover(out))
	if err != nil {
		return dst, err
	}
	if !lay.PutMAC(out, mac) {
		return dst, &message.FieldError{Dialect: c.iso.Name, Field: c.iso.MAC, Reason: "the MAC is too short"}
	}
	return out, nil
}

// Unpack reads body, one message without its frame, into m.
func (c *Codec) Unpack(m *message.Message, body []byte) (Seal, error) {
	if c.secret != nil {
		return c.reveal(m, body)
	}
	if c.iso != nil {
		err := m.Unpack(c.iso, body)
		return Seal{m: m, cover: m.Covered()}, err
	}
	t, s, err := c.d.Unpack(body)
	if err != nil {
		return Seal{}, err
	}
	m.Reset(c.model)
	return Seal{cover: s.Cover, s: s}, format.ToMessage(t, m)
}

// reveal reads a message of a link with encryption.
func (c *Codec) reveal(m *message.Message, body []byte) (s Seal, err error) {
	x := c.secret
	if x.s.Body {
		var key hsm.Ref
		if body, key, err = x.openBody(body); err != nil {
			return s, err
		}
		open := *c
		open.secret = nil
		s, err = open.Unpack(m, body)
		s.key = key
		return s, err
	}
	if c.iso != nil {
		if err = m.Unpack(c.iso, body); err != nil {
			return s, err
		}
		s = Seal{m: m, cover: m.Covered()}
		s.key, err = x.openFields(c, m)
		return s, err
	}
	t, mac, err := c.d.Unpack(body)
	if err != nil {
		return s, err
	}
	s = Seal{cover: mac.Cover, s: mac}
	var refused error
	s.key, refused = x.openValues(t)
	m.Reset(c.model)
	if err := format.ToMessage(t, m); err != nil {
		return s, err
	}
	return s, refused
}

// Key pairs an answer with its request.
func (c *Codec) Key(m *message.Message) (k Key) {
	k[0] = m.MTI()[1]
	for _, f := range c.pairs {
		switch f {
		case message.TransmitTime:
			copy(k[1:11], m.Value(f))
		case message.STAN:
			copy(k[11:17], m.Value(f))
		case message.Terminal:
			copy(k[17:25], m.Value(f))
		}
	}
	return k
}

// Seal is the MAC of a received message and what it covers. It is valid as long as the message.
type Seal struct {
	m     *message.Message
	s     format.Seal
	cover []byte
	key   hsm.Ref // of what was encrypted
}

// Cover is what the MAC is computed over; nil when the message has no MAC.
func (s Seal) Cover() []byte { return s.cover }

// Equals compares a computed MAC with the received one in constant time; false when there is none.
func (s Seal) Equals(mac []byte) bool {
	if s.m != nil {
		return s.m.MACEquals(mac)
	}
	return s.s.Equals(mac)
}
