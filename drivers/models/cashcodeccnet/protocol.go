package cashcodeccnet

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"zhigui/drivers/api/cash"
)

const (
	startByte = 0x02
	overhead  = 5 // 02, address, length, checksum
)

// Commands and short answers.
const (
	cmdReset   = 0x30
	cmdPoll    = 0x33
	cmdEnable  = 0x34
	cmdStack   = 0x35
	cmdReturn  = 0x36
	cmdIdent   = 0x37
	cmdHold    = 0x38
	cmdTable   = 0x41
	rspACK     = 0x00
	rspNAK     = 0xFF
	rspIllegal = 0x30
)

// States of a poll.
const (
	stPowerUp     = 0x10
	stBillInside  = 0x11
	stBillStacker = 0x12
	stInit        = 0x13
	stIdle        = 0x14
	stAccepting   = 0x15
	stStacking    = 0x17
	stReturning   = 0x18
	stDisabled    = 0x19
	stHolding     = 0x1A
	stBusy        = 0x1B
	stRejecting   = 0x1C
	stFull        = 0x41
	stBoxOut      = 0x42
	stJam         = 0x43
	stStackerJam  = 0x44
	stCheated     = 0x45
	stPause       = 0x46
	stFailure     = 0x47
	stEscrow      = 0x80
	stStacked     = 0x81
	stReturned    = 0x82
)

// checksum is CRC-16/KERMIT.
func checksum(b []byte) (crc uint16) {
	for _, c := range b {
		for bit := range 8 {
			mix := crc&1 ^ uint16(c>>bit)&1
			crc >>= 1
			if mix != 0 {
				crc ^= 0x8408
			}
		}
	}
	return crc
}

// encode builds a frame; its length counts all of it.
func encode(address byte, data []byte) []byte {
	b := make([]byte, 0, len(data)+overhead+1)
	b = append(b, startByte, address, byte(len(data)+overhead))
	b = append(b, data...)
	c := checksum(b)
	return append(b, byte(c), byte(c>>8))
}

type source interface {
	Byte(deadline time.Time) (byte, error)
}

var (
	errDamaged = errors.New("frame damaged")
	errLayout  = errors.New("answer has another layout than documented")
)

// decode reads the next frame from the address; noise before it is skipped.
func decode(src source, address byte, deadline time.Time) ([]byte, error) {
	var b byte
	var err error
	for b != startByte {
		if b, err = src.Byte(deadline); err != nil {
			return nil, err
		}
	}
	frame := []byte{startByte}
	for len(frame) < 3 || len(frame) < int(frame[2]) {
		if b, err = src.Byte(deadline); err != nil {
			return nil, err
		}
		frame = append(frame, b)
		if len(frame) == 2 && b != address || len(frame) == 3 && b <= overhead {
			return nil, errDamaged
		}
	}
	n := len(frame) - 2
	if c := checksum(frame[:n]); frame[n] != byte(c) || frame[n+1] != byte(c>>8) {
		return nil, errDamaged
	}
	return frame[3:n], nil
}

// table is the bill table: ids by type number, "" for none.
type table struct {
	ids   []string
	types map[string]cash.NoteType
}

// parseTable: 24 × (number, country(3), zeros); a set top bit of zeros divides instead.
func parseTable(b []byte) (t table, err error) {
	if len(b) == 0 || len(b)%5 != 0 {
		return t, fmt.Errorf("%w: bill table of %d bytes", errLayout, len(b))
	}
	t.types = map[string]cash.NoteType{}
	for ; len(b) > 0; b = b[5:] {
		id := ""
		if b[0] > 0 && b[4] <= 9 {
			major := int64(b[0])
			for range b[4] {
				major *= 10
			}
			currency := strings.TrimSpace(string(b[1:4]))
			for r := 1; id == "" || t.types[id].Value != 0; r++ {
				id = fmt.Sprintf("type%d%s%d", major, currency, r)
			}
			t.types[id] = cash.NoteType{Currency: currency, Value: major * 100, Enabled: true}
		}
		t.ids = append(t.ids, id)
	}
	return t, nil
}

func (t table) byType(n byte) string {
	if int(n) >= len(t.ids) {
		return ""
	}
	return t.ids[n]
}

// rejects are the reasons of state 1C.
var rejects = map[byte]struct{ name, reason string }{
	0x60: {"insertion", cash.RefuseInvalid}, 0x61: {"magnetic", cash.RefuseInvalid}, 0x62: {"bill remains in the head", cash.RefuseBunch},
	0x63: {"multiplying", cash.RefuseInvalid}, 0x64: {"conveying", cash.RefuseFailure}, 0x65: {"identification", cash.RefuseInvalid},
	0x66: {"verification", cash.RefuseInvalid}, 0x67: {"optic", cash.RefuseInvalid}, 0x68: {"inhibited", cash.RefuseInvalid},
	0x69: {"capacity", cash.RefuseInvalid}, 0x6A: {"operation", cash.RefuseFailure}, 0x6C: {"length", cash.RefuseForeign}, 0x6D: {"UV", cash.RefuseCounterfeit},
}

var failures = map[byte]string{
	0x50: "stack motor", 0x51: "transport motor speed", 0x52: "transport motor", 0x53: "aligning motor", 0x54: "initial cassette status",
	0x55: "optic canal", 0x56: "magnetic canal", 0x5F: "capacitance canal",
}
