package epp

import (
	"bytes"
	"encoding/asn1"
	"errors"
)

// Items are the two memories of the extension that virtual pads have for keys over the line, and the
// operations on them. A pad's firmware gives them its own frames and codes.
type Items struct {
	Both
	out, in []byte
}

// ErrOperation is an operation that is not there.
var ErrOperation = errors.New("unknown operation")

const memory = 4096

// PowerOff clears what does not survive it.
func (t *Items) PowerOff() {
	t.out, t.in = nil, nil
	t.RSA.PowerOff()
	t.SM2.PowerOff()
}

// Make puts item op of a zone into the out memory and answers its length.
func (t *Items) Make(zone, op int) (int, error) {
	p := t.Zone(zone)
	if p == nil {
		return 0, ErrOperation
	}
	t.out = nil
	var err error
	switch op {
	case 1:
		var o Offer
		if o, err = p.StartKeyExchange(); err == nil {
			t.out, err = asn1.Marshal(o)
		}
	case 2:
		var o Proof
		if o, err = p.Proof(); err == nil {
			t.out, err = asn1.Marshal(o)
		}
	case 3:
		t.out, _ = p.Certificates()
	case 4:
		_, t.out = p.Certificates()
	case 5:
		t.out = p.Host()
	default:
		err = ErrOperation
	}
	return len(t.out), err
}

// Read is a part of the out memory.
func (t *Items) Read(offset, most int) ([]byte, error) {
	if offset < 0 || offset >= len(t.out) {
		return nil, ErrFormat
	}
	return t.out[offset:min(len(t.out), offset+most)], nil
}

// Write puts a part into the in memory, in order; offset 0 begins anew.
func (t *Items) Write(offset int, b []byte) error {
	if offset == 0 {
		t.in = nil
	}
	if offset != len(t.in) && !(offset+len(b) == len(t.in) && bytes.HasSuffix(t.in, b)) || offset+len(b) > memory {
		return ErrFormat
	}
	if offset == len(t.in) { // else the host has sent this part again
		t.in = append(t.in, b...)
	}
	return nil
}

// Take takes the in memory as a token of a zone and answers the master key and the nonce it came with.
func (t *Items) Take(zone int) (key, last []byte, err error) {
	p := t.Zone(zone)
	if p == nil {
		return nil, nil, ErrOperation
	}
	if err := p.ImportKeyToken(t.in); err != nil {
		return nil, nil, err
	}
	last, key = p.Held()
	return key, last, nil
}

// Pin takes the in memory as the host's public key of a zone.
func (t *Items) Pin(zone int) error {
	p := t.Zone(zone)
	if p == nil {
		return ErrOperation
	}
	return p.PinHost(t.in)
}
