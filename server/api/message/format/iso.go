package format

import "zhigui/server/api/message"

// iso is the 8583 of the package message behind the same face.
type iso struct{ d *message.Dialect }

func (e *iso) frame(d *Dialect, dst []byte, t *Transaction, sign Sign) ([]byte, error) {
	m := message.New(e.d)
	if err := ToMessage(t, m); err != nil {
		return dst, err
	}
	m.ReserveMAC()
	out, lay, err := m.Pack(dst)
	if err != nil || e.d.MAC == 0 {
		return out, err
	}
	at := len(dst)
	mac, err := sign(lay.Cover(out))
	if err != nil {
		return out[:at], err
	}
	if !lay.PutMAC(out, mac) {
		return out[:at], d.wrong(nil, "the MAC is too short")
	}
	return out, nil
}

func (e *iso) pack(d *Dialect, t *Transaction, sign Sign) ([]byte, error) {
	out, err := e.frame(d, nil, t, sign)
	if err != nil {
		return nil, err
	}
	body, _ := d.Frame.Strip(out)
	return body, nil
}

func (e *iso) unpack(_ *Dialect, body []byte) (*Transaction, Seal, error) {
	m := message.New(e.d)
	if err := m.Unpack(e.d, body); err != nil {
		return nil, Seal{}, err
	}
	t, err := FromMessage(m)
	if err != nil || m.Covered() == nil {
		return t, Seal{}, err
	}
	return t, Seal{Cover: m.Covered(), MAC: m.MACBytes()}, nil
}
