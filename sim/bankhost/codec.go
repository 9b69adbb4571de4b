package bankhost

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/moov-io/iso8583"
)

// message is a received message: the oracle reads it through this alone, so that it does not
// know which codec took it apart.
type message interface {
	text(n int) string
	raw(n int) []byte
}

// codec takes messages apart and puts answers together. out holds the fields by number, 0 is
// the MTI.
type codec interface {
	unpack(msg []byte) (message, error)
	pack(out *[129]string) ([]byte, error)
}

// moov is the codec used everywhere but under a benchmark's load.
type moov struct{ spec *iso8583.MessageSpec }

type moovMessage struct{ *iso8583.Message }

func (m moovMessage) text(n int) string { s, _ := m.GetString(n); return s }
func (m moovMessage) raw(n int) []byte  { b, _ := m.GetBytes(n); return b }

func (c moov) unpack(msg []byte) (message, error) {
	m := iso8583.NewMessage(c.spec)
	return moovMessage{m}, m.Unpack(msg)
}

func (c moov) pack(out *[129]string) ([]byte, error) {
	m := iso8583.NewMessage(c.spec)
	m.MTI(out[0])
	for n := 2; n < len(out); n++ {
		if out[n] == "" {
			continue
		}
		if err := m.Field(n, out[n]); err != nil {
			return nil, err
		}
	}
	return m.Pack()
}

// fast is a codec for load tests: the same table without moov's cost of some 30 µs a
// transaction, which on a machine shared with the server would be measured as the server's.
// What it does not read goes to moov; a test compares both byte for byte.
type fast struct {
	moov
	rules [129]rule
}

// rule of a field: digits of its length prefix, and its length or the most it may have.
type rule struct{ prefix, n int }

func newFast(m moov, pinBytes int) *fast {
	f := &fast{moov: m}
	for prefix, fields := range [4]map[int]int{0: fixedFields, 2: llFields, 3: lllFields} {
		for n, l := range fields {
			f.rules[n] = rule{prefix, l}
		}
	}
	f.rules[52], f.rules[55] = rule{0, pinBytes}, rule{3, 255}
	return f
}

type fastMessage struct {
	b  []byte
	at [129][2]uint16
}

func (m *fastMessage) raw(n int) []byte  { return m.b[m.at[n][0]:m.at[n][1]] }
func (m *fastMessage) text(n int) string { return string(m.raw(n)) }

var errFast = errors.New("bankhost: not for the fast codec")

func (f *fast) unpack(msg []byte) (message, error) {
	m := &fastMessage{b: msg}
	if err := f.walk(m); err != nil {
		return f.moov.unpack(msg)
	}
	return m, nil
}

func (f *fast) walk(m *fastMessage) error {
	b := m.b
	if len(b) < 20 || len(b) > 4096 || b[4]&0x80 == 0 || b[12]&0x80 != 0 {
		return errFast
	}
	bits := [2]uint64{binary.BigEndian.Uint64(b[4:]), binary.BigEndian.Uint64(b[12:])}
	for _, c := range b[:4] {
		if c >= 0x80 {
			return errFast
		}
	}
	m.at[0] = [2]uint16{0, 4}
	at := 20
	for n := 2; n <= 128; n++ {
		if bits[(n-1)/64]>>(63-(n-1)%64)&1 == 0 {
			continue
		}
		r := f.rules[n]
		l := r.n
		if r.prefix > 0 && len(b)-at >= r.prefix {
			l = 0
			for _, c := range b[at : at+r.prefix] {
				if c < '0' || c > '9' {
					return errFast
				}
				l = l*10 + int(c-'0')
			}
			at += r.prefix
		}
		if r.n == 0 || l > r.n || len(b)-at < l {
			return errFast
		}
		for _, c := range b[at : at+l] {
			if c >= 0x80 && n != 52 && n != 55 {
				return errFast
			}
		}
		m.at[n] = [2]uint16{uint16(at), uint16(at + l)}
		at += l
	}
	if at != len(b) {
		return errFast
	}
	return nil
}

func (f *fast) pack(out *[129]string) ([]byte, error) {
	b := make([]byte, 20, 512)
	copy(b, out[0])
	b[4] = 0x80
	for n := 2; n < len(out); n++ {
		v, r := out[n], f.rules[n]
		if v == "" {
			continue
		}
		if len(v) > r.n || r.prefix == 0 && len(v) != r.n {
			return nil, fmt.Errorf("bankhost: field %d has %d characters", n, len(v))
		}
		b[4+(n-1)/8] |= 0x80 >> ((n - 1) % 8)
		for d, l := r.prefix, len(v); d > 0; d-- {
			b = append(b, byte('0'+l/[4]int{0, 1, 10, 100}[d]%10))
		}
		b = append(b, v...)
	}
	return b, nil
}
