package kmy3501

import (
	"encoding/hex"
	"errors"

	"zhigui/sim/epp"
)

// ST of command 4B.
const (
	stForm      = 0xE1
	stSignature = 0xE2
	stRandom    = 0xE3
	stContent   = 0xE4
	stHost      = 0xE5
)

// extension is command 4B, keys over the line by RSA: operation and arguments.
func (m *Model) extension(p []byte) (byte, []byte) {
	if m.items == nil || len(p) == 0 {
		return stUnknown, nil
	}
	out, err := m.item(p[0], p[1:])
	switch {
	case err == nil:
		return m.done(), out
	case errors.Is(err, epp.ErrFormat):
		return stForm, nil
	case errors.Is(err, epp.ErrSignature):
		return stSignature, nil
	case errors.Is(err, epp.ErrRandom):
		return stRandom, nil
	case errors.Is(err, epp.ErrContent):
		return stContent, nil
	case errors.Is(err, epp.ErrNoHost):
		return stHost, nil
	}
	return stUnknown, nil
}

func (m *Model) item(op byte, arg []byte) ([]byte, error) {
	switch op {
	case 1, 2, 3, 4, 5:
		m.tell()
		n, err := m.items.Make(1, int(op))
		return []byte{byte(n >> 8), byte(n)}, err
	case 6, 7:
		if len(arg) < 2 {
			return nil, epp.ErrFormat
		}
		at := int(arg[0])<<8 | int(arg[1])
		if op == 6 {
			b, err := m.items.Read(at, 100)
			return append([]byte{arg[0], arg[1]}, b...), err
		}
		return nil, m.items.Write(at, arg[2:])
	case 8:
		if len(arg) != 1 || arg[0] > 15 {
			return nil, epp.ErrFormat
		}
		key, nonce, err := m.items.Take(1)
		if err != nil {
			return nil, err
		}
		m.mem.Slot, m.mem.Came, m.mem.Nonce = int(arg[0]), hex.EncodeToString(key), nonce
		m.putMaster(int(arg[0]), key)
		c, err := two(key)
		if err != nil {
			return nil, epp.ErrContent
		}
		return blocks(c.Encrypt, make([]byte, 8)), nil
	case 9:
		if err := m.items.Pin(1); err != nil {
			return nil, err
		}
		m.mem.Host = m.items.RSA.Host()
		return nil, m.save()
	}
	return nil, epp.ErrOperation
}

// tell gives the signing half the master key that is in the memory now.
func (m *Model) tell() {
	text := m.mem.Masters[m.mem.Slot]
	key, ok := m.key(text)
	switch {
	case !ok:
		m.items.RSA.Hold(nil, nil)
	case text == m.mem.Came:
		m.items.RSA.Hold(m.mem.Nonce, key)
	default:
		m.items.RSA.Hold(nil, key)
	}
}
