package format

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// jsonSyntax writes and reads JSON. The message is one object; a member twice, true and
// false, numbers with exponents and messages that are too deep are refused.
type jsonSyntax struct{}

func (jsonSyntax) write(top *node) []byte {
	var b bytes.Buffer
	writeJSON(&b, top)
	return b.Bytes()
}

func writeJSON(b *bytes.Buffer, n *node) {
	n.from = b.Len()
	switch {
	case n.leaf && n.number:
		n.textAt = b.Len()
		b.WriteString(n.text)
	case n.leaf:
		n.textAt = b.Len() + 1
		quoteJSON(b, n.text)
	case n.rows:
		b.WriteByte('[')
		for i, k := range n.kids {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, k)
		}
		b.WriteByte(']')
	default:
		b.WriteByte('{')
		for i, k := range n.kids {
			if i > 0 {
				b.WriteByte(',')
			}
			quoteJSON(b, k.name)
			b.WriteByte(':')
			writeJSON(b, k)
		}
		b.WriteByte('}')
	}
	n.to = b.Len()
}

func quoteJSON(b *bytes.Buffer, s string) {
	b.WriteByte('"')
	for _, r := range s {
		if r == '"' || r == '\\' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
}

func (jsonSyntax) read(text []byte) (*node, error) {
	p := &jsonParser{json.NewDecoder(bytes.NewReader(text)), text, 0}
	p.UseNumber()
	top := &node{}
	if err := p.value(top, 0); err != nil {
		return nil, err
	}
	if _, err := p.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something behind the message")
	}
	if top.leaf || top.rows {
		return nil, errors.New("the message is not an object")
	}
	return top, nil
}

type jsonParser struct {
	*json.Decoder
	text  []byte
	nodes int
}

func (p *jsonParser) value(n *node, depth int) error {
	tok, err := p.Token()
	if err != nil {
		return errors.New("not well-formed JSON") // the decoder's text may hold values
	}
	if p.nodes++; p.nodes > maxNodes || depth > maxDepth {
		return errors.New("too deep, or too many nodes")
	}
	n.to = int(p.InputOffset())
	n.from = n.to - 1 // of a bracket; leaves are found below
	switch tok := tok.(type) {
	case json.Delim:
		if err := p.inside(n, depth, tok == '['); err != nil {
			return err
		}
		n.to = int(p.InputOffset())
	case string:
		if n.leaf, n.text = true, tok; strings.ContainsRune(tok, utf8.RuneError) {
			return errors.New("characters that are none")
		}
	case json.Number:
		n.leaf, n.number, n.text = true, true, tok.String()
		if strings.ContainsAny(n.text, "eE-") {
			return errors.New("a number with sign or exponent")
		}
	case nil:
		n.leaf = true
	default:
		return errors.New("true and false are refused")
	}
	return nil
}

func (p *jsonParser) inside(n *node, depth int, rows bool) error {
	n.rows = rows
	names := map[string]bool{}
	for p.More() {
		k := &node{}
		if !rows {
			tok, err := p.Token()
			name, ok := tok.(string)
			if err != nil || !ok {
				return errors.New("not well-formed JSON")
			}
			if names[name] {
				return errors.New("a member twice")
			}
			names[name], k.name = true, name
		}
		if err := p.value(k, depth+1); err != nil {
			return err
		}
		n.kids = append(n.kids, k)
	}
	if _, err := p.Token(); err != nil {
		return errors.New("not well-formed JSON")
	}
	return nil
}
