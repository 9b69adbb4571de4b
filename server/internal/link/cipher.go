package link

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"zhigui/server/api/message"
	"zhigui/server/api/message/format"
	"zhigui/server/internal/hsm"
)

// Cipher has fields, or whole messages, encrypted on a link under data keys of the peer, both ways.
type Cipher struct {
	Owner  string   `yaml:"owner"`  // of the data keys in the security module (serverctl key data)
	Fields []string `yaml:"fields"` // canonical names; they travel together in the field Into
	Body   bool     `yaml:"body"`   // or the whole message
	Into   string   `yaml:"into"`   // default: private
	Carry  string   `yaml:"carry"`  // base64 (default), hex, or binary (body only)
	As     string   `yaml:"as"`     // of a body: text (default), json or xml
	Clear  bool     `yaml:"clear"`  // what comes in the clear is taken, too

	// Refused is told why a message was refused; it must not block. nil: nobody is.
	Refused func(cause error) `yaml:"-"`
	// Opened is told that a message was opened; it must not block. nil: nobody is.
	Opened func() `yaml:"-"`
}

// Validate answers the first wrong key and why.
func (s *Cipher) Validate() (key, reason string) {
	switch {
	case s.Owner == "":
		return "owner", "is missing: the owner of the data keys"
	case s.Body == (len(s.Fields) > 0):
		return "fields", "want fields, or body: true"
	case s.Into != "" && (s.Body || message.CanonByName(s.Into) == message.CanonNone):
		return "into", "is the canonical field that carries the encrypted ones"
	case s.Carry != "" && s.Carry != "base64" && s.Carry != "hex" && (s.Carry != "binary" || !s.Body):
		return "carry", "want base64, hex, or binary of a body"
	case s.As != "" && s.As != "text" && (!s.Body || s.Carry == "binary" || s.As != "json" && s.As != "xml"):
		return "as", "want text, or json or xml of a body"
	}
	return "", ""
}

// CipherError is a message whose encryption is not right. The message that was being unpacked has its other fields, if
// Rest is set. Away means that nobody can tell: the security module did not answer.
type CipherError struct {
	Rest, Away bool
	Err        error
}

func (e *CipherError) Error() string { return e.Err.Error() }
func (e *CipherError) Unwrap() error { return e.Err }

// secrecy is a Cipher that was opened for a codec.
type secrecy struct {
	vault
	s      *Cipher
	into   message.Canon
	fields []int    // of the peer's 8583 dialect
	names  []string // of any other
}

// Encrypted is a codec whose messages are encrypted as s says; m has the keys. signed: the link's bodies are.
func (c *Codec) Encrypted(s *Cipher, m DataModule, signed bool) (*Codec, error) {
	if s == nil {
		return c, nil
	}
	out := *c
	x := &secrecy{vault: vault{m: m, owner: s.Owner, carry: s.Carry, opened: s.Opened}, s: s, into: message.CanonByName(s.Into)}
	if x.into == message.CanonNone {
		x.into = message.Private
	}
	if ref, err := m.Current(s.Owner); err != nil {
		return nil, fmt.Errorf("cipher: keys of %s (serverctl key data): %w", s.Owner, err)
	} else if _, _, err := m.DataKey(ref); err != nil {
		return nil, fmt.Errorf("cipher: keys of %s (serverctl key data): %w", s.Owner, err)
	}
	out.secret = x
	if s.Body {
		return &out, nil
	}
	if (!c.HasMAC() || c.iso != nil && c.iso.ChoosesFields()) && !signed {
		return nil, errors.New("cipher.fields: messages of this dialect have no MAC over all their fields and the link no signature, so that encrypted fields could be moved from one to another; encrypt the body")
	}
	if !c.Carries(x.into) {
		return nil, fmt.Errorf("cipher.into: dialect %s has no field %s", c.d.Name, x.into)
	}
	for i, name := range s.Fields {
		f := message.CanonByName(name)
		n := c.model.Number(f)
		switch {
		case f == message.CanonNone || n == 0 || c.iso == nil && !c.d.Carries(f):
			return nil, fmt.Errorf("cipher.fields[%d]: dialect %s has no field %q", i, c.d.Name, name)
		case !c.model.Encloses(n) || slices.Contains(c.pairs, f) || f == message.TransmitTime || f == message.Network:
			return nil, fmt.Errorf("cipher.fields[%d]: %s says whose message it is and stays in the clear", i, name)
		case c.iso == nil && c.d.Requires(f):
			return nil, fmt.Errorf("cipher.fields[%d]: dialect %s cannot leave %s out; encrypt the body", i, c.d.Name, name)
		case c.iso == nil && c.model.Field(n).Type == message.TypeB && f != x.into:
			return nil, fmt.Errorf("cipher.fields[%d]: %s holds bytes; encrypt the body", i, name)
		}
		x.fields, x.names = append(x.fields, n), append(x.names, name)
	}
	if into := c.model.Number(x.into); !slices.Contains(x.fields, into) { // what it carries otherwise goes along
		x.fields, x.names = append(x.fields, into), append(x.names, x.into.String())
	}
	return &out, nil
}

// packFields packs an 8583 message with the fields in their envelope, and leaves m as it was.
func (x *secrecy) packFields(c *Codec, dst []byte, m *message.Message, sign format.Sign, key hsm.Ref) ([]byte, error) {
	plain := m.AppendFields(nil, x.fields)
	if len(plain) == 0 {
		return c.plain(dst, m, sign)
	}
	defer clear(plain)
	env, err := x.seal(key, plain)
	if err != nil {
		return dst, err
	}
	for _, n := range x.fields {
		m.Unset(n)
	}
	out := dst
	if err = m.Put(x.into, env); err == nil {
		out, err = c.plain(dst, m, sign)
	}
	m.Unset(c.model.Number(x.into))
	return out, errors.Join(err, m.TakeFields(plain))
}

// openFields puts the fields of m's envelope into their places.
func (x *secrecy) openFields(c *Codec, m *message.Message) (hsm.Ref, error) {
	v := m.Value(x.into)
	if len(v) < len(magic) || string(v[:len(magic)]) != magic {
		for _, n := range x.fields {
			if m.Has(n) && !x.s.Clear {
				return hsm.Ref{}, x.refuse(ErrInClear, true)
			}
		}
		return hsm.Ref{}, nil
	}
	plain, key, err := x.open(v)
	if err != nil {
		return key, x.refuse(err, true)
	}
	defer clear(plain)
	m.Unset(c.model.Number(x.into))
	for _, n := range x.fields {
		if m.Has(n) {
			return key, x.refuse(ErrInClear, true)
		}
	}
	if m.TakeFields(plain) != nil {
		return key, x.refuse(ErrEnvelope, true)
	}
	return key, nil
}

// closeValues takes the named values out of t and puts their envelope in: a JSON object of them.
func (x *secrecy) closeValues(t *format.Transaction, key hsm.Ref) error {
	in := map[string]string{}
	for _, name := range x.names {
		if v, ok := t.Values[name]; ok {
			in[name] = v
			delete(t.Values, name)
		}
	}
	if len(in) == 0 {
		return nil
	}
	plain, err := json.Marshal(in)
	if err != nil {
		return err
	}
	defer clear(plain)
	env, err := x.seal(key, plain)
	if err == nil {
		t.Values[x.into.String()] = string(env)
	}
	return err
}

func (x *secrecy) openValues(t *format.Transaction) (hsm.Ref, error) {
	v := t.Values[x.into.String()]
	if len(v) < len(magic) || v[:len(magic)] != magic {
		for _, name := range x.names {
			if _, ok := t.Values[name]; ok && !x.s.Clear {
				return hsm.Ref{}, x.refuse(ErrInClear, true)
			}
		}
		return hsm.Ref{}, nil
	}
	plain, key, err := x.open([]byte(v))
	if err != nil {
		return key, x.refuse(err, true)
	}
	defer clear(plain)
	var in map[string]string
	if json.Unmarshal(plain, &in) != nil {
		return key, x.refuse(ErrEnvelope, true)
	}
	delete(t.Values, x.into.String())
	for _, name := range x.names {
		if _, ok := t.Values[name]; ok {
			return key, x.refuse(ErrInClear, true)
		}
	}
	for name, v := range in {
		if !slices.Contains(x.names, name) {
			return key, x.refuse(ErrEnvelope, true)
		}
		t.Values[name] = v
	}
	return key, nil
}

// closeBody encrypts the message in frame and frames it again.
func (x *secrecy) closeBody(c *Codec, dst, frame []byte, key hsm.Ref) ([]byte, error) {
	env, err := x.seal(key, c.Strip(frame))
	if err != nil {
		return dst, err
	}
	at := len(dst)
	return c.d.Frame.Finish(append(c.d.Frame.Begin(dst), box(x.s.As, env)...), at)
}

// openBody answers the message in body.
func (x *secrecy) openBody(body []byte) ([]byte, hsm.Ref, error) {
	env, err := unbox(x.s.As, body)
	if err == nil {
		var plain []byte
		var key hsm.Ref
		if plain, key, err = x.open(env); err == nil {
			return plain, key, nil
		}
	}
	if x.s.Clear && errors.Is(err, ErrEnvelope) {
		return body, hsm.Ref{}, nil
	}
	return nil, hsm.Ref{}, x.refuse(err, false)
}

// refuse says that a message was refused.
func (x *secrecy) refuse(cause error, rest bool) error {
	e := &CipherError{Rest: rest, Err: cause}
	for _, known := range []error{ErrEnvelope, ErrOtherKey, ErrChanged, ErrInClear} {
		if errors.Is(cause, known) {
			if x.s.Refused != nil {
				x.s.Refused(known)
			}
			return e
		}
	}
	e.Away = true
	return e
}
