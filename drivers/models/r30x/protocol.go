package r30x

import (
	"encoding/binary"
	"errors"
	"fmt"

	"zhigui/drivers/internal/dialog"
)

// Packet identifiers.
const (
	pidCommand = 0x01
	pidData    = 0x02
	pidAck     = 0x07
	pidEnd     = 0x08
)

// Instructions.
const (
	genImage  = 0x01
	imageToTz = 0x02
	match     = 0x03
	search    = 0x04
	regModel  = 0x05
	store     = 0x06
	load      = 0x07
	upChar    = 0x08
	downChar  = 0x09
	deletePg  = 0x0C
	empty     = 0x0D
	params    = 0x0F
	verifyPwd = 0x13
	index     = 0x1F
)

// Confirmation codes.
const (
	ok         = 0x00
	noFinger   = 0x02
	imageFail  = 0x03
	disorderly = 0x06
	fewPoints  = 0x07
	noMatch    = 0x08
	notFound   = 0x09
	mergeFail  = 0x0A
	badPage    = 0x0B
	wrongPwd   = 0x13
	noImage    = 0x15
)

var codeNames = map[byte]string{0x01: "packet error", noFinger: "no finger", imageFail: "image failed", disorderly: "image disorderly", fewPoints: "too few points",
	noMatch: "no match", notFound: "not found", mergeFail: "captures differ", badPage: "page out of range", 0x0C: "template cannot be read", 0x0D: "upload failed",
	0x0E: "cannot receive", 0x10: "delete failed", 0x11: "clear failed", wrongPwd: "wrong password", noImage: "no valid image", 0x18: "flash error"}

// refusal is the module's own word for what did not work.
type refusal byte

func (r refusal) Error() string {
	return fmt.Sprintf("the module says %02X %s", byte(r), codeNames[byte(r)])
}

const maxTemplate = 8192

// packet is EF 01 ADDR PID LEN data SUM; SUM is the 16-bit sum of PID … data.
func packet(addr uint32, pid byte, data []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0xEF, 0x01}, addr)
	b = append(b, pid)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)+2))
	b = append(b, data...)
	return binary.BigEndian.AppendUint16(b, sum(b[6:]))
}

func sum(b []byte) (s uint16) {
	for _, x := range b {
		s += uint16(x)
	}
	return s
}

// readPacket finds the next packet.
func readPacket(next dialog.Next) (pid byte, data []byte, err error) {
	for last := byte(0); ; {
		b, err := next()
		if err != nil {
			return 0, nil, err
		}
		if last == 0xEF && b == 0x01 {
			break
		}
		last = b
	}
	take := func(n int) ([]byte, error) {
		out := make([]byte, 0, min(n, 512))
		for range n {
			b, err := next()
			if err != nil {
				return nil, err
			}
			out = append(out, b)
		}
		return out, nil
	}
	head, err := take(7)
	if err != nil {
		return 0, nil, err
	}
	n := int(binary.BigEndian.Uint16(head[5:]))
	if n < 2 || n > 258 {
		return 0, nil, fmt.Errorf("%w: length %d", dialog.ErrDamaged, n)
	}
	rest, err := take(n)
	if err != nil {
		return 0, nil, err
	}
	if sum(head[4:])+sum(rest[:n-2]) != binary.BigEndian.Uint16(rest[n-2:]) {
		return 0, nil, fmt.Errorf("%w: sum", dialog.ErrDamaged)
	}
	return head[4], rest[:n-2], nil
}

// readAck reads an acknowledgement: confirmation code and data. Code 01 says that the module
// got the packet damaged.
func readAck(next dialog.Next) ([]byte, error) {
	pid, data, err := readPacket(next)
	switch {
	case err != nil:
		return nil, err
	case pid != pidAck || len(data) == 0:
		return nil, fmt.Errorf("%w: packet %02X", dialog.ErrDamaged, pid)
	case data[0] == 0x01:
		return nil, fmt.Errorf("%w: the module got it damaged", dialog.ErrDamaged)
	}
	return data, nil
}

var errTooLong = errors.New("the template is too long")

// readTemplate reads the acknowledgement of an upload and the data packets behind it.
func readTemplate(next dialog.Next) ([]byte, error) {
	out, err := readAck(next)
	if err != nil || out[0] != ok {
		return out, err
	}
	for {
		pid, data, err := readPacket(next)
		switch {
		case err != nil:
			return nil, err
		case pid != pidData && pid != pidEnd:
			return nil, fmt.Errorf("%w: packet %02X", dialog.ErrDamaged, pid)
		case len(out)+len(data) > maxTemplate:
			return nil, errTooLong
		}
		out = append(out, data...)
		if pid == pidEnd {
			return out, nil
		}
	}
}
