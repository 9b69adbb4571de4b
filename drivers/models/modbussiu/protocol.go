package modbussiu

import (
	"encoding/binary"
	"fmt"

	"zhigui/drivers/internal/dialog"
)

// Function codes (Modbus Application Protocol V1.1b3).
const (
	readCoils     = 1
	readDiscrete  = 2
	readHolding   = 3
	readInput     = 4
	writeCoil     = 5
	writeRegister = 6
)

const (
	maxBits      = 2000
	maxRegisters = 125
	maxFrame     = 256
)

// exception is the board's own word for a refusal.
type exception struct{ function, code byte }

var exceptionNames = map[byte]string{1: "illegal function", 2: "illegal data address", 3: "illegal data value", 4: "server device failure",
	5: "acknowledge", 6: "server device busy", 8: "memory parity error"}

func (e *exception) Error() string {
	return fmt.Sprintf("the board refuses function %d: %02d %s", e.function, e.code, exceptionNames[e.code])
}

// crc is CRC-16/MODBUS; it goes over the line low byte first.
func crc(b []byte) uint16 {
	c := uint16(0xFFFF)
	for _, x := range b {
		c ^= uint16(x)
		for range 8 {
			if c&1 != 0 {
				c = c>>1 ^ 0xA001
			} else {
				c >>= 1
			}
		}
	}
	return c
}

// request builds an RTU frame of a function with two 16-bit parameters.
func request(unit, function byte, a, b uint16) []byte {
	f := []byte{unit, function, byte(a >> 8), byte(a), byte(b >> 8), byte(b)}
	return binary.LittleEndian.AppendUint16(f, crc(f))
}

// size is how long the answer that begins with b is: 0 when it is not known yet, -1 when it
// is no answer to the function.
func size(b []byte, unit, function byte) int {
	switch {
	case b[0] != unit:
		return -1
	case len(b) < 2:
		return 0
	case b[1] == function|0x80:
		return 5
	case b[1] != function:
		return -1
	case function == writeCoil || function == writeRegister:
		return 8
	case len(b) < 3:
		return 0
	}
	return 5 + int(b[2])
}

// answerTo reads the answer to a request wherever it begins: noise before it does not
// matter. It gives the data of a read, or the echo of a write, or the exception as a frame.
func answerTo(unit, function byte) func(dialog.Next) ([]byte, error) {
	return func(next dialog.Next) ([]byte, error) {
		var buf []byte
		for len(buf) < 2*maxFrame {
			x, err := next()
			if err != nil {
				return nil, err
			}
			buf = append(buf, x)
			for i := range buf {
				n := size(buf[i:], unit, function)
				if n <= 0 || len(buf)-i < n {
					continue
				}
				f := buf[i : i+n]
				if crc(f[:n-2]) == binary.LittleEndian.Uint16(f[n-2:]) {
					return f[1 : n-2], nil
				}
			}
		}
		return nil, fmt.Errorf("%w: no frame in %d bytes", dialog.ErrDamaged, len(buf))
	}
}

// bits and registers take the data of a read apart; n is how many were asked for.
func bits(body []byte, n int) ([]uint16, error) {
	if len(body) < 2 || int(body[1]) != (n+7)/8 || len(body) != 2+int(body[1]) {
		return nil, fmt.Errorf("%w: not %d bits", dialog.ErrDamaged, n)
	}
	out := make([]uint16, n)
	for i := range out {
		out[i] = uint16(body[2+i/8] >> (i % 8) & 1)
	}
	return out, nil
}

func registers(body []byte, n int) ([]uint16, error) {
	if len(body) < 2 || int(body[1]) != 2*n || len(body) != 2+2*n {
		return nil, fmt.Errorf("%w: not %d registers", dialog.ErrDamaged, n)
	}
	out := make([]uint16, n)
	for i := range out {
		out[i] = binary.BigEndian.Uint16(body[2+2*i:])
	}
	return out, nil
}
