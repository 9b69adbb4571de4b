package lcdm2000

import "fmt"

// Control bytes and heads of the frames (specification 2.1):
// host 04 50 02 CMD DATA 03 BCC, device 01 50 02 CMD DATA 03 BCC.
const (
	soh, stx, etx, eot = 0x01, 0x02, 0x03, 0x04
	ack, nak           = 0x06, 0x15
	commID             = 0x50
)

// Commands.
const (
	cmdPurge     = 0x44
	cmdUpper     = 0x45
	cmdStatus    = 0x46
	cmdROM       = 0x47
	cmdLower     = 0x55
	cmdBoth      = 0x56
	cmdTestUpper = 0x76
	cmdTestLower = 0x77
	// Ours, not the maker's: end-to-end security (README.md).
	cmdTrust    = 0x60
	cmdNonce    = 0x61
	cmdForget   = 0x62
	cmdToken    = 0x63
	cmdResponse = 0x64
)

const maxData = 64

// request is one decoded command frame.
type request struct {
	cmd  byte
	data []byte
	raw  []byte
	bad  bool // checksum wrong or frame too long: NAK
}

// readRequest reads a frame whose EOT (04) has been read. next gives the following bytes;
// ok false means noise or an incomplete frame, which the device ignores; the byte that did
// not fit is in raw's last place.
func readRequest(next func() (byte, bool)) (r request, ok bool) {
	r.raw = []byte{eot}
	get := func() (byte, bool) {
		b, ok := next()
		if ok {
			r.raw = append(r.raw, b)
		}
		return b, ok
	}
	for _, want := range []byte{commID, stx} {
		if b, ok := get(); !ok || b != want {
			return r, false
		}
	}
	b, ok := get()
	if !ok {
		return r, false
	}
	r.cmd = b
	for {
		b, ok := get()
		if !ok {
			return r, false
		}
		if b == etx {
			break
		}
		if r.data = append(r.data, b); len(r.data) > maxData {
			r.bad = true
			return r, true
		}
	}
	sum := bcc(r.raw)
	b, ok = get()
	if !ok {
		return r, false
	}
	r.bad = b != sum
	return r, true
}

func bcc(b []byte) byte {
	var x byte
	for _, c := range b {
		x ^= c
	}
	return x
}

// response builds a device frame.
func response(cmd byte, data []byte) []byte {
	b := append([]byte{soh, commID, stx, cmd}, data...)
	b = append(b, etx)
	return append(b, bcc(b))
}

func name(cmd byte) string { return fmt.Sprintf("%02X", cmd) }

var commandNames = map[byte][2]string{
	cmdPurge: {"purge", "清空通道"}, cmdUpper: {"dispense upper", "上钞箱出钞"}, cmdLower: {"dispense lower", "下钞箱出钞"},
	cmdBoth: {"dispense both", "双钞箱出钞"}, cmdStatus: {"status", "状态"}, cmdROM: {"ROM version", "版本"},
	cmdTrust: {"end-to-end state", "端到端状态"}, cmdNonce: {"command nonce", "命令随机数"}, cmdForget: {"clear nonce", "清除随机数"},
	cmdToken: {"token part", "令牌分段"}, cmdResponse: {"present status token", "出钞状态令牌"},
	cmdTestUpper: {"test upper", "上钞箱测试"}, cmdTestLower: {"test lower", "下钞箱测试"},
}

func title(cmd byte) string {
	if n, ok := commandNames[cmd]; ok {
		return n[0]
	}
	return "unknown command"
}

func two(n int) string { return fmt.Sprintf("%02d", min(n, 99)) }

// digits reads a two-digit ASCII number.
func digits(b []byte) (int, bool) {
	if len(b) != 2 || b[0] < '0' || b[0] > '9' || b[1] < '0' || b[1] > '9' {
		return 0, false
	}
	return int(b[0]-'0')*10 + int(b[1]-'0'), true
}
