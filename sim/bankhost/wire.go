package bankhost

import (
	"bufio"
	"io"
	"slices"
	"strconv"

	"zhigui/server/api/message/format"
)

// wire is how messages look on a door.
type wire interface {
	// read reads one message without its frame; an empty one is a sign of life.
	read(r *bufio.Reader) ([]byte, error)
	// open takes a message apart and finds the keys its MAC is right under; nil when it is not.
	open(h *Host, body []byte) (m message, z *zone, err error)
	// seal puts the answer to body together, with its frame.
	seal(h *Host, z *zone, body []byte, f *[129]string, badMAC bool) ([]byte, error)
	// bare takes the frame off an answer, for carriers with message boundaries.
	bare(frame []byte) []byte
}

// native is the interchange dialect, with codecs that the server has no part in.
type native struct{}

func (native) read(r *bufio.Reader) ([]byte, error) {
	var d [4]byte
	if _, err := io.ReadFull(r, d[:]); err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(string(d[:]))
	if err != nil || n < 0 {
		return nil, errFrame
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil || n == 0 {
		return nil, err
	}
	return body, checkHeader(body)
}

func (native) open(h *Host, body []byte) (message, *zone, error) {
	msg := body[headerLen:]
	m, err := h.codec.unpack(msg)
	if err != nil || !hasMAC(msg) {
		return m, nil, err
	}
	for _, z := range slices.Backward(h.zones()) {
		if z.macOf(msg[:len(msg)-8]) == m.text(128) {
			return m, z, nil
		}
	}
	return m, nil, nil
}

func (native) seal(h *Host, z *zone, body []byte, f *[129]string, badMAC bool) ([]byte, error) {
	f[128] = "00000000"
	out, err := h.codec.pack(f)
	if err != nil {
		return nil, err
	}
	at := len(out) - 8
	copy(out[at:], z.macOf(out[:at]))
	if badMAC {
		out[at] ^= 1
	}
	return frame(body, out), nil
}

func (native) bare(frame []byte) []byte { return frame[4:] }

// foreign is any other format. It goes through the platform's own codecs, so that a test with it says
// nothing about them (their golden files do); keys, MAC and books are this package's.
type foreign struct{ d *format.Dialect }

// names of fields in the canonical transaction.
var names = map[int]string{2: "pan", 3: "procCode", 4: "amount", 7: "transmitTime", 11: "stan", 12: "localTime", 13: "localDate", 14: "expiry",
	15: "settleDate", 18: "merchantType", 22: "entryMode", 23: "cardSeq", 25: "condition", 26: "pinLength", 32: "acquirer", 33: "forwarder", 35: "track2",
	36: "track3", 37: "reference", 38: "authCode", 39: "response", 41: "terminal", 42: "merchant", 43: "merchantName", 49: "currency", 52: "pinBlock",
	53: "security", 54: "balances", 55: "chip", 62: "private", 70: "network", 90: "origData", 95: "replacement", 100: "receiver"}

type foreignMessage struct{ t *format.Transaction }

func (m foreignMessage) text(n int) string {
	if n == 0 {
		return m.t.Type
	}
	return m.t.Values[names[n]]
}

func (m foreignMessage) raw(n int) []byte { return []byte(m.text(n)) }

func (w foreign) read(r *bufio.Reader) ([]byte, error) { return w.d.ReadFrame(r, nil) }

func (w foreign) open(h *Host, body []byte) (message, *zone, error) {
	t, seal, err := w.d.Unpack(body)
	if err != nil {
		return nil, nil, err
	}
	for _, z := range slices.Backward(h.zones()) {
		if !w.d.HasMAC() || seal.Equals(z.macBytes(seal.Cover)) {
			return foreignMessage{t}, z, nil
		}
	}
	return foreignMessage{t}, nil, nil
}

func (w foreign) seal(_ *Host, z *zone, _ []byte, f *[129]string, badMAC bool) ([]byte, error) {
	t := format.NewTransaction(f[0])
	for n, name := range names {
		if f[n] != "" {
			t.Values[name] = f[n]
		}
	}
	return w.d.Pack(nil, t, func(cover []byte) ([]byte, error) {
		mac := z.macBytes(cover)
		if badMAC {
			mac[0] ^= 1
		}
		return mac, nil
	})
}

func (w foreign) bare(frame []byte) []byte {
	b, _ := w.d.Frame.Strip(frame)
	return b
}
