package creatorcrt591

import (
	"errors"

	"zhigui/drivers/internal/f2"
	"zhigui/drivers/internal/motorcard"
)

// Commands, CM PM (maker's text 1.0, chapter 3). Those with a variable PM are made by the
// functions of commands.go.
const (
	cmdStatus  = "C10"
	cmdSensors = "C11"
	cmdGate    = "C20"
	cmdBin     = "C23"
	cmdCold    = "CQ0" // 51 30: IC cold reset
	cmdIC      = "C21" // takes a card from the stacker when the path is empty
	cmdSerial  = "C\xA20"
	cmdBinRead = "C\xA50"
)

// places are st0.
var places = map[byte]motorcard.Place{'0': motorcard.Nowhere, '1': motorcard.Gate, '2': motorcard.Inside}

var errLayout = errors.New("answer has another layout than documented")

// ours says whether a text answers cmd.
func ours(cmd string, text []byte) bool {
	return len(text) >= 3 && text[1] == cmd[1] && text[2] == cmd[2] && (text[0] == 'P' || text[0] == 'N' || text[0] == 'E')
}

// parse takes the text of an answer to cmd. The maker's text names two heads of an error
// response: N, and 45 hex which is E. Devices were seen to send N.
func parse(cmd string, text []byte) (motorcard.Answer, supply, error) {
	none := motorcard.Answer{}
	switch {
	case !ours(cmd, text):
		return none, supply{}, errLayout
	case text[0] != 'P' && len(text) >= 5:
		code := string(text[3:5])
		return none, supply{}, &motorcard.Fault{Cmd: cmd[:3], Code: code, Name: names[code]}
	case text[0] != 'P' || len(text) < 6:
		return none, supply{}, errLayout
	}
	at, known := places[text[3]]
	s := supply{stock: text[4], full: text[5] == '1'}
	if !known || s.level() == "" {
		return none, supply{}, errLayout
	}
	return motorcard.Answer{At: at, Data: text[6:]}, s, nil
}

// variant is the frame of the device with that address.
func variant(address int) f2.Variant {
	return f2.Variant{Addr: true, BCC: true, Address: byte(address)}
}
