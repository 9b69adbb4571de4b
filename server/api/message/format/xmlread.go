package format

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	errXML    = errors.New("not well-formed XML")
	errBeside = errors.New("text beside elements")
)

// xmlReader reads XML 1.0, without what xmlSyntax refuses. It is ours because a message is read on
// every hop and the places of its nodes are needed for the MAC; it is compared with encoding/xml
// by a fuzz test.
type xmlReader struct {
	xmlSyntax
	s     string
	at    int
	count int
	mem   *slab
	open  []xmlOpen // the root above all and the elements around here
}

// xmlOpen is an element whose end was not read yet.
type xmlOpen struct {
	n    *node
	more []byte // text read so far, when it came in pieces
}

func (x xmlSyntax) read(text string, mem *slab) (*node, error) {
	r := &xmlReader{xmlSyntax: x, s: text, mem: mem, open: make([]xmlOpen, 1, 8)}
	top := r.mem.node("")
	r.open[0].n = top
	if !characters(text) {
		return nil, errXML
	}
	for r.at < len(r.s) {
		if r.count++; r.count > maxNodes {
			return nil, errors.New("too many nodes")
		}
		if err := r.piece(); err != nil {
			return nil, err
		}
	}
	if len(r.open) != 1 || top.first == nil || top.first.next != nil {
		return nil, errors.New("XML is cut short")
	}
	return top, nil
}

// characters tells whether s has only what XML 1.0 allows (2.2).
func characters(s string) bool {
	wide := false
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 0x80:
			wide = true
		case c < 0x20 && c != '\t' && c != '\n' && c != '\r':
			return false
		}
	}
	if wide {
		for _, c := range s {
			if !character(c) {
				return false
			}
		}
	}
	return true
}

func character(c rune) bool {
	return c == '\t' || c == '\n' || c == '\r' || c >= 0x20 && c < 0xD800 || c >= 0xE000 && c < 0xFFFE || c >= 0x10000 && c <= unicode.MaxRune
}

func (r *xmlReader) has(prefix string) bool { return strings.HasPrefix(r.s[r.at:], prefix) }

// until steps behind the next end and returns what is before it.
func (r *xmlReader) until(end string) (string, bool) {
	n := strings.Index(r.s[r.at:], end)
	if n < 0 {
		return "", false
	}
	v := r.s[r.at : r.at+n]
	r.at += n + len(end)
	return v, true
}

// piece reads text, a tag, or what stands beside them.
func (r *xmlReader) piece() error {
	from := r.at
	switch {
	case r.s[r.at] != '<':
		n := strings.IndexByte(r.s[r.at:], '<')
		if n < 0 {
			n = len(r.s) - r.at
		}
		r.at += n
		raw := r.s[from:r.at]
		if strings.Contains(raw, "]]>") {
			return errXML
		}
		v, err := unescapeXML(raw)
		if err != nil {
			return err
		}
		return r.text(v)
	case r.has("<!--"):
		r.at += 4
		if _, ok := r.until("--"); !ok || !r.has(">") {
			return errXML
		}
		r.at++
		return nil
	case r.has("<![CDATA["):
		r.at += 9
		v, ok := r.until("]]>")
		if !ok {
			return errXML
		}
		return r.text(lines(v))
	case r.has("<!"):
		return errors.New("document types are refused")
	case r.has("<?"):
		r.at += 2
		target, ok := r.name()
		v, end := r.until("?>")
		if !ok || !end {
			return errXML
		}
		return r.declaration(target, v, from)
	case r.has("</"):
		return r.end()
	}
	return r.start()
}

func (r *xmlReader) text(v string) error {
	o := &r.open[len(r.open)-1]
	switch {
	case len(r.open) == 1:
		if strings.TrimSpace(v) != "" {
			return errors.New("text outside the root")
		}
	case o.more != nil:
		o.more = append(o.more, v...)
	case o.n.text == "":
		o.n.text = v
	default:
		o.more = append([]byte(o.n.text), v...)
	}
	return nil
}

// words is the text of an element so far.
func (o *xmlOpen) words() string {
	if o.more != nil {
		return string(o.more)
	}
	return o.n.text
}

func (r *xmlReader) end() error {
	r.at += 2
	name, ok := r.name()
	if r.space(); !ok || !r.has(">") {
		return errXML
	}
	r.at++
	o := &r.open[len(r.open)-1]
	if len(r.open) == 1 || o.n.name != name {
		return errors.New("an end tag without its start")
	}
	v := o.words()
	if !o.n.leaf {
		if strings.TrimSpace(v) != "" {
			return errBeside
		}
		v = ""
	}
	o.n.text, o.n.to = v, r.at
	r.open = r.open[:len(r.open)-1]
	return nil
}

func (r *xmlReader) start() error {
	from := r.at
	r.at++
	name, ok := r.name()
	if !ok {
		return errXML
	}
	o := &r.open[len(r.open)-1]
	if len(r.open) > maxDepth || len(r.open) == 1 && o.n.first != nil {
		return errors.New("too deep, or two roots")
	}
	if strings.TrimSpace(o.words()) != "" {
		return errBeside
	}
	k := r.mem.node(name)
	k.leaf, k.from = true, from
	o.n.leaf, o.n.text, o.more = false, "", nil
	o.n.add(k)
	for n := 0; ; n++ {
		switch r.space(); {
		case r.has(">"):
			r.at++
			r.open = append(r.open, xmlOpen{n: k})
			return nil
		case r.has("/>"):
			r.at += 2
			k.to = r.at
			return nil
		case n == 64:
			return errors.New("too many attributes")
		}
		if err := r.attribute(k); err != nil {
			return err
		}
	}
}

func (r *xmlReader) attribute(k *node) error {
	r.count++
	name, ok := r.name()
	if r.space(); !ok || !r.has("=") {
		return errXML
	}
	r.at++
	if r.space(); !r.has(`"`) && !r.has("'") {
		return errXML
	}
	r.at++
	raw, ok := r.until(r.s[r.at-1 : r.at])
	if !ok || strings.Contains(raw, "<") {
		return errXML
	}
	v, err := unescapeXML(raw)
	if err != nil {
		return err
	}
	for a := k.first; a != nil; a = a.next {
		if a.name[1:] == name {
			return errors.New("an attribute twice")
		}
	}
	a := k.add(r.mem.node("@" + name))
	a.text, a.leaf = v, true
	return nil
}

func (r *xmlReader) space() {
	for r.at < len(r.s) && (r.s[r.at] == ' ' || r.s[r.at] == '\n' || r.s[r.at] == '\t' || r.s[r.at] == '\r') {
		r.at++
	}
}

// name reads a name with one prefix at most.
func (r *xmlReader) name() (string, bool) {
	from, colons := r.at, 0
	for r.at < len(r.s) {
		c := r.s[r.at]
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_':
		case c == ':':
			colons++
		case (c == '-' || c == '.' || c >= '0' && c <= '9') && r.at > from:
		case c >= 0x80:
			u, size := utf8.DecodeRuneInString(r.s[r.at:])
			if !unicode.IsLetter(u) && (r.at == from || !unicode.IsDigit(u) && !unicode.IsMark(u)) {
				return "", false
			}
			r.at += size - 1
		default:
			return r.s[from:r.at], r.at > from && colons < 2
		}
		r.at++
	}
	return r.s[from:r.at], r.at > from && colons < 2
}

// lines makes ends of lines what XML says they are (2.11).
func lines(v string) string {
	if strings.IndexByte(v, '\r') < 0 {
		return v
	}
	return strings.ReplaceAll(strings.ReplaceAll(v, "\r\n", "\n"), "\r", "\n")
}

var xmlEntities = map[string]string{"amp": "&", "lt": "<", "gt": ">", "quot": `"`, "apos": "'"}

// unescapeXML replaces the five entities of XML and references to characters.
func unescapeXML(v string) (string, error) {
	v = lines(v)
	if strings.IndexByte(v, '&') < 0 {
		return v, nil
	}
	b := make([]byte, 0, len(v))
	for {
		text, rest, ok := strings.Cut(v, "&")
		if b = append(b, text...); !ok {
			return string(b), nil
		}
		name, after, ok := strings.Cut(rest, ";")
		if !ok {
			return "", errXML
		}
		v = after
		if digits, ok := strings.CutPrefix(name, "#"); ok {
			base := 10
			if hex, ok := strings.CutPrefix(digits, "x"); ok {
				digits, base = hex, 16
			}
			n, err := strconv.ParseUint(digits, base, 21)
			if err != nil || !character(rune(n)) { //nolint:gosec // 21 bits
				return "", errXML
			}
			b = utf8.AppendRune(b, rune(n)) //nolint:gosec // 21 bits
			continue
		}
		e, ok := xmlEntities[name]
		if !ok {
			return "", errXML
		}
		b = append(b, e...)
	}
}
