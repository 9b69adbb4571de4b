package format

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

var errJSON = errors.New("not well-formed JSON")

// jsonReader reads RFC 8259, without what jsonSyntax refuses. It is ours because a message is
// read on every hop, the places of its nodes are needed for the MAC, and members that are there
// twice must be seen; it is compared with encoding/json by a fuzz test.
type jsonReader struct {
	s     string
	at    int
	count int
	mem   *slab
}

func (jsonSyntax) read(text string, mem *slab) (*node, error) {
	r := &jsonReader{s: text, mem: mem}
	top := r.mem.node("")
	if err := r.value(top, 0); err != nil {
		return nil, err
	}
	if r.peek() != 0 || r.at < len(r.s) {
		return nil, errors.New("something behind the message")
	}
	if top.leaf || top.rows {
		return nil, errors.New("the message is not an object")
	}
	return top, nil
}

// peek is the next byte behind white space; 0 at the end.
func (r *jsonReader) peek() byte {
	for ; r.at < len(r.s); r.at++ {
		switch c := r.s[r.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (r *jsonReader) value(n *node, depth int) (err error) {
	c := r.peek()
	if r.count++; r.count > maxNodes || depth > maxDepth {
		return errors.New("too deep, or too many nodes")
	}
	n.from = r.at
	switch {
	case c == '{' || c == '[':
		r.at++
		n.rows = c == '['
		err = r.inside(n, depth)
	case c == '"':
		n.leaf = true
		n.text, err = r.text()
	case c == '-':
		err = errSign
	case c >= '0' && c <= '9':
		n.leaf, n.number = true, true
		n.text, err = r.digits()
	case strings.HasPrefix(r.s[r.at:], "null"):
		n.leaf = true
		r.at += 4
	case strings.HasPrefix(r.s[r.at:], "true"), strings.HasPrefix(r.s[r.at:], "false"):
		err = errors.New("true and false are refused")
	default:
		err = errJSON
	}
	n.to = r.at
	return err
}

// inside reads what an object or an array holds.
func (r *jsonReader) inside(n *node, depth int) error {
	end := byte('}')
	if n.rows {
		end = ']'
	}
	var names map[string]bool // of a large object
	for kids := 0; ; kids++ {
		c := r.peek()
		switch {
		case c == end:
			r.at++
			return nil
		case kids > 0 && c != ',':
			return errJSON
		case kids > 0:
			r.at++
		}
		k := r.mem.node("")
		if !n.rows {
			if r.peek() != '"' {
				return errJSON
			}
			var err error
			if k.name, err = r.text(); err != nil {
				return err
			}
			if r.peek() != ':' {
				return errJSON
			}
			r.at++
			if names, err = distinct(n, k.name, kids, names); err != nil {
				return err
			}
		}
		if err := r.value(k, depth+1); err != nil {
			return err
		}
		n.add(k)
	}
}

// distinct refuses a name that n has already.
func distinct(n *node, name string, kids int, names map[string]bool) (map[string]bool, error) {
	twice := names[name]
	for k := n.first; k != nil && names == nil; k = k.next {
		twice = twice || k.name == name
	}
	if kids == 32 {
		names = make(map[string]bool, 64)
		for k := n.first; k != nil; k = k.next {
			names[k.name] = true
		}
	}
	if names != nil {
		names[name] = true
	}
	if twice {
		return names, errors.New("a member twice")
	}
	return names, nil
}

var errSign = errors.New("a number with sign or exponent")

func (r *jsonReader) digits() (string, error) {
	from := r.at
	run := func() bool {
		at := r.at
		for r.at < len(r.s) && r.s[r.at] >= '0' && r.s[r.at] <= '9' {
			r.at++
		}
		return r.at > at
	}
	if run(); r.s[from] == '0' && r.at > from+1 {
		return "", errJSON
	}
	if r.at < len(r.s) && r.s[r.at] == '.' {
		if r.at++; !run() {
			return "", errJSON
		}
	}
	if r.at < len(r.s) && r.s[r.at]|0x20 == 'e' {
		return "", errSign
	}
	return r.s[from:r.at], nil
}

// text reads a string, which begins here.
func (r *jsonReader) text() (string, error) {
	r.at++
	from, wide := r.at, false
	for i := from; i < len(r.s); i++ {
		switch c := r.s[i]; {
		case c == '"':
			r.at = i + 1
			if v := r.s[from:i]; !wide || !strings.ContainsRune(v, utf8.RuneError) {
				return v, nil
			}
			return "", errNoCharacter
		case c == '\\':
			return r.escaped(from, i)
		case c < 0x20:
			return "", errJSON
		case c >= 0x80:
			wide = true
		}
	}
	return "", errJSON
}

var errNoCharacter = errors.New("characters that are none")

// escaped goes on with a string whose first escape is at i.
func (r *jsonReader) escaped(from, i int) (string, error) {
	b := append(make([]byte, 0, i-from+32), r.s[from:i]...)
	for i < len(r.s) {
		c := r.s[i]
		i++
		switch {
		case c == '"':
			r.at = i
			if strings.ContainsRune(string(b), utf8.RuneError) {
				return "", errNoCharacter
			}
			return string(b), nil
		case c < 0x20 || c == '\\' && i == len(r.s):
			return "", errJSON
		case c != '\\':
			b = append(b, c)
			continue
		}
		c = r.s[i]
		i++
		if at := strings.IndexByte(`"\/bfnrt`, c); at >= 0 {
			b = append(b, "\"\\/\b\f\n\r\t"[at])
			continue
		}
		if c != 'u' {
			return "", errJSON
		}
		u, ok := r.unit(i)
		if !ok {
			return "", errJSON
		}
		i += 4
		if utf16.IsSurrogate(u) {
			low, ok := rune(0), false
			if strings.HasPrefix(r.s[i:], `\u`) {
				low, ok = r.unit(i + 2)
			}
			if u = utf16.DecodeRune(u, low); !ok || u == utf8.RuneError {
				return "", errNoCharacter
			}
			i += 6
		}
		b = utf8.AppendRune(b, u)
	}
	return "", errJSON
}

// unit is the UTF-16 unit of four hexadecimal digits.
func (r *jsonReader) unit(i int) (rune, bool) {
	if i+4 > len(r.s) {
		return 0, false
	}
	for _, c := range []byte(r.s[i : i+4]) {
		if c < '0' || c > '9' && c|0x20 < 'a' || c|0x20 > 'f' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(r.s[i:i+4], 16, 16)
	return rune(n), err == nil //nolint:gosec // sixteen bits
}
