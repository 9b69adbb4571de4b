package creatorcrt591

import (
	"errors"

	"zhigui/drivers/internal/f2"
)

// Commands, CM PM (maker's text 1.0, chapter 3). Those with a variable PM are made by the
// functions of commands.go.
const (
	cmdStatus  = "C10"
	cmdSensors = "C11"
	cmdGate    = "C20"
	cmdBin     = "C23"
	cmdCold    = "CQ0" // 51 30: IC cold reset
	cmdOff     = "CQ1"
	cmdSerial  = "C\xA20"
	cmdBinRead = "C\xA50"
)

// pos is st0, where the card is.
type pos byte

// The positions.
const (
	nowhere pos = '0'
	atGate  pos = '1'
	reading pos = '2'
)

// response is a P response: st0 st1 st2 and DATA.
type response struct {
	card  pos
	stock byte // 0 empty, 1 few, 2 enough
	full  bool // error bin
	data  []byte
}

var errLayout = errors.New("answer has another layout than documented")

// ours says whether a text answers cmd.
func ours(cmd string, text []byte) bool {
	return len(text) >= 3 && text[1] == cmd[1] && text[2] == cmd[2] && (text[0] == 'P' || text[0] == 'N' || text[0] == 'E')
}

// parse takes the text of an answer to cmd. The maker's text names two heads of an error
// response: N, and 45 hex which is E. Devices were seen to send N.
func parse(cmd string, text []byte) (response, error) {
	switch {
	case !ours(cmd, text):
		return response{}, errLayout
	case text[0] != 'P' && len(text) >= 5:
		return response{}, &deviceError{cmd: cmd[:3], code: string(text[3:5]), data: text[5:]}
	case text[0] != 'P' || len(text) < 6:
		return response{}, errLayout
	}
	r := response{card: pos(text[3]), stock: text[4], full: text[5] == '1', data: text[6:]}
	if r.card < nowhere || r.card > reading || r.stock < '0' || r.stock > '2' {
		return response{}, errLayout
	}
	return r, nil
}

// variant is the frame of the device with that address.
func variant(address int) f2.Variant {
	return f2.Variant{Addr: true, BCC: true, Address: byte(address)}
}

// sensors is the answer to 31 31: one character for each of S1…, 31 is covered. The maker's
// drawing has ten places, its text eight; any number is taken.
func sensors(data []byte) []bool {
	out := make([]bool, 0, len(data))
	for _, c := range data {
		if c != '0' && c != '1' {
			break
		}
		out = append(out, c == '1')
	}
	return out
}
