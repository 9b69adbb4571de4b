package lcdm4000

import "fmt"

// Heads and control bytes: host 04 30 02 CMD DATA 03 BCC, device 01 30 02 CMD DATA 03 BCC, and
// EOT alone from the device when the host has acknowledged.
const (
	startHost   = 0x04
	startDevice = 0x01
	startText   = 0x02
	endText     = 0x03
	ack, nak    = 0x06, 0x15
	device      = 0x30
	longest     = 32
)

// Commands.
const (
	cReset    = 0x44
	cStatus   = 0x50
	cPurge    = 0x51
	cDispense = 0x52
	cTest     = 0x53
	cLast     = 0x55
	cSerial   = 0x67
)

var titles = map[byte][2]string{cReset: {"reset", "复位"}, cStatus: {"status", "状态"}, cPurge: {"purge", "清空通道"}, cDispense: {"dispense", "出钞"},
	cTest: {"test dispense", "测试出钞"}, cLast: {"last result", "上次结果"}, cSerial: {"serial of the last command", "上次流水号"}}

func hex(b byte) string { return fmt.Sprintf("%02X", b) }

// order is a command frame.
type order struct {
	cmd  byte
	data []byte
	raw  []byte
	bad  bool // NAK
}

// receive reads a frame whose first byte has been read. Anything that is not a frame of this
// device is no order.
func receive(next func() (byte, bool)) (o order, ok bool) {
	o.raw = []byte{startHost}
	x := byte(startHost)
	for at := 1; ; at++ {
		b, got := next()
		if !got {
			return o, false
		}
		o.raw = append(o.raw, b)
		switch {
		case at == 1 && b != device, at == 2 && b != startText:
			return o, false
		case at == 3:
			o.cmd = b
		case at > 3 && b == endText:
			sum, got := next()
			o.raw = append(o.raw, sum)
			o.bad = sum != x^endText
			return o, got
		case at > 3:
			if o.data = append(o.data, b); len(o.data) > longest {
				o.bad = true
				return o, true
			}
		}
		x ^= b
	}
}

// answer builds a device frame.
func answer(cmd byte, data []byte) []byte {
	out := append([]byte{startDevice, device, startText, cmd}, data...)
	out = append(out, endText)
	var x byte
	for _, b := range out {
		x ^= b
	}
	return append(out, x)
}
