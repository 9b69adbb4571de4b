package pr2

// item is one thing that the host sent.
type item struct {
	cmd  string // name for faults: the bytes behind ESC in hex, TEXT for text, FS for mode
	n    int    // a number behind the command
	data []byte
}

type state int

const (
	idle state = iota
	escaped
	number
	stripe
	space
	formed
)

// parser takes the host's bytes apart. push answers a finished item; text is collected until
// something else comes.
type parser struct {
	state  state
	digits int // of a number
	cmd    string
	n      int
	left   int
	data   []byte
	text   []byte
}

const maxStripe = 256

// flush gives the text so far.
func (p *parser) flush() (item, bool) {
	if len(p.text) == 0 {
		return item{}, false
	}
	t := item{cmd: "TEXT", data: p.text}
	p.text = nil
	return t, true
}

// push takes a byte. The first item, if any, is text that came before; the second is a command.
func (p *parser) push(b byte) (out []item) {
	done := func(i item) []item {
		p.state = idle
		if t, ok := p.flush(); ok {
			out = append(out, t)
		}
		return append(out, i)
	}
	switch p.state {
	case idle:
		switch {
		case b == 0x1B:
			p.state = escaped
		case b == 0x1C:
			p.state = formed
		case b == 0x0A, b == 0x0D:
			return done(item{cmd: "LF", n: int(b)})
		case b >= 0x20:
			p.text = append(p.text, b)
			if len(p.text) > 400 {
				return done(item{cmd: "NONE"})
			}
		}
	case formed:
		return done(item{cmd: "FS", data: []byte{b}})
	case escaped:
		switch b {
		case '0', 'j', 'l', 'n', 'O', ']', '\\':
			return done(item{cmd: string(rune(b))})
		case 'L', 'H':
			p.state, p.cmd, p.n, p.left = number, string(rune(b)), 0, p.digits
		case 't':
			p.state, p.data = stripe, nil
		case ' ':
			p.state = space
		case 0x1B:
		default:
			p.state = idle
		}
	case space:
		if b == 'B' {
			return done(item{cmd: " B"})
		}
		p.state = idle
	case number:
		if b < '0' || b > '9' {
			p.state = idle
			return nil
		}
		p.n = 10*p.n + int(b-'0')
		if p.left--; p.left == 0 {
			return done(item{cmd: p.cmd, n: p.n})
		}
	case stripe:
		if b == 0x1D {
			return done(item{cmd: "t", data: p.data})
		}
		if p.data = append(p.data, b); len(p.data) > maxStripe {
			p.state = idle
		}
	}
	return nil
}
