package creatorcrt288k

import (
	"bytes"
	"errors"

	"zhigui/drivers/internal/f2"
	"zhigui/drivers/internal/motorcard"
)

// Commands, CM PM.
const (
	cmdStatus = "C10"
	cmdSerial = "C\xA20"
	cmdMode   = "C60"   // how stripes are read
	cmdRead   = "C6107" // all tracks
	cmdCold   = "CQ0"
	cmdOff    = "CQ1"
)

// frame is the variant without an address, with ETX and a BCC.
var frame = f2.Variant{BCC: true}

// places are st0: outside, on the way, pushed in.
var places = map[byte]motorcard.Place{'0': motorcard.Nowhere, '1': motorcard.Gate, '2': motorcard.Inside}

var errLayout = errors.New("answer has another layout than documented")

// ours says whether a text answers cmd.
func ours(cmd string, text []byte) bool {
	return len(text) >= 3 && text[1] == cmd[1] && text[2] == cmd[2] && (text[0] == 'P' || text[0] == 'N')
}

// parse takes the text of an answer to cmd: P CM PM st1 st0 DATA, or N CM PM e1 e0. st1 was seen as 0 and
// 1; nobody says what it means.
func parse(cmd string, text []byte) (motorcard.Answer, error) {
	if !ours(cmd, text) || len(text) < 5 {
		return motorcard.Answer{}, errLayout
	}
	if text[0] == 'N' {
		code := string(text[3:5])
		return motorcard.Answer{}, &motorcard.Fault{Cmd: cmd[:3], Code: code, Name: names[code]}
	}
	at, known := places[text[4]]
	if !known || text[3] != '0' && text[3] != '1' {
		return motorcard.Answer{}, errLayout
	}
	return motorcard.Answer{At: at, Data: text[5:]}, nil
}

// track takes one of the three tracks of an answer to 36 31: P and the characters, or N and a code,
// with 7E between them.
func track(data []byte, n int) ([]byte, error) {
	parts := bytes.Split(data, []byte{'~'})
	if len(parts) != 3 || len(parts[n]) == 0 {
		return nil, errLayout
	}
	switch p := parts[n]; {
	case p[0] == 'P':
		return p[1:], nil
	case p[0] == 'N' && len(p) == 3:
		code := string(p[1:])
		return nil, &motorcard.Fault{Cmd: cmdRead[:3], Code: code, Name: stripeNames[code]}
	}
	return nil, errLayout
}
