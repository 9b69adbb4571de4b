package epsonescp

import "bytes"

// message is one answer of the printer.
type message struct {
	state string // ST: of a status
	err   string // ER: of a status
	echo  string // of an echo
}

const longest = 512 // an answer is shorter

// answer takes the next answer off the front of b: n bytes, all consumed; ok when it is one
// that is understood. n 0 asks for more.
func answer(b []byte) (m message, ok bool, n int) {
	start := bytes.IndexByte(b, '@')
	if start != 0 {
		if start < 0 {
			start = len(b)
		}
		return m, false, start // noise before an answer
	}
	end := bytes.IndexByte(b, 0x0C)
	if end < 0 {
		if len(b) > longest {
			return m, false, 1
		}
		return m, false, 0
	}
	head, body, found := bytes.Cut(b[:end], []byte("\r\n"))
	if !found {
		return m, false, end + 1
	}
	for _, f := range bytes.Split(body, []byte(";")) {
		name, value, _ := bytes.Cut(f, []byte(":"))
		switch string(head) + " " + string(name) {
		case "@BDC ST ST":
			m.state = string(value)
		case "@BDC ST ER":
			m.err = string(value)
		case "@BDC PS ??":
			m.echo = string(value)
		}
	}
	return m, m.state != "" || m.echo != "", end + 1
}

// States of a printer.
const (
	inError = "00"
	idle    = "04"
	paused  = "05"
)
