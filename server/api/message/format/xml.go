package format

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// xmlSyntax writes and reads XML. Document types, entities other than the five of XML,
// processing instructions, another encoding than the dialect's, and messages that are too
// deep are refused. Names keep their prefix as written (soap:Body).
type xmlSyntax struct {
	declare bool
	charset string
}

func xmlName(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= 0x4E00 && r <= 0x9FA5
		if !letter && (i == 0 || r != '-' && r != '.' && r != ':' && (r < '0' || r > '9')) {
			return false
		}
	}
	return s != ""
}

func (x xmlSyntax) write(top *node) []byte {
	var b bytes.Buffer
	if x.declare {
		b.WriteString(`<?xml version="1.0" encoding="` + strings.ToUpper(x.charset) + `"?>`)
	}
	for _, k := range top.kids {
		x.element(&b, k)
	}
	return b.Bytes()
}

func (x xmlSyntax) element(b *bytes.Buffer, n *node) {
	n.from = b.Len()
	b.WriteString("<" + n.name)
	kids := 0
	for _, k := range n.kids {
		if k.name[0] != '@' {
			kids++
			continue
		}
		b.WriteString(" " + k.name[1:] + `="`)
		k.textAt = b.Len()
		escapeXML(b, k.text)
		b.WriteByte('"')
	}
	if kids == 0 && n.text == "" {
		b.WriteString("/>")
		n.to = b.Len()
		return
	}
	b.WriteByte('>')
	n.textAt = b.Len()
	escapeXML(b, n.text)
	for _, k := range n.kids {
		if k.name[0] != '@' {
			x.element(b, k)
		}
	}
	b.WriteString("</" + n.name + ">")
	n.to = b.Len()
}

var xmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;")

func escapeXML(b *bytes.Buffer, s string) { b.WriteString(xmlEscapes.Replace(s)) }

func (x xmlSyntax) read(text []byte) (*node, error) {
	p := xml.NewDecoder(bytes.NewReader(text))
	p.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // translated already
	top := &node{}
	stack := []*node{top}
	for count := 0; ; {
		from := int(p.InputOffset())
		tok, err := p.RawToken()
		if errors.Is(err, io.EOF) {
			if len(stack) != 1 || len(top.kids) != 1 {
				return nil, errors.New("XML is cut short")
			}
			return top, nil
		}
		if err != nil {
			return nil, errors.New("not well-formed XML") // the decoder's text may hold values
		}
		if count++; count > maxNodes {
			return nil, errors.New("too many nodes")
		}
		n := stack[len(stack)-1]
		switch tok := tok.(type) {
		case xml.ProcInst:
			if err := x.declaration(tok, from); err != nil {
				return nil, err
			}
		case xml.Directive:
			return nil, errors.New("document types are refused")
		case xml.StartElement:
			if len(stack) > maxDepth || n == top && len(top.kids) > 0 {
				return nil, errors.New("too deep, or two roots")
			}
			k, err := startNode(tok, from)
			if err != nil {
				return nil, err
			}
			if count += len(tok.Attr); len(bytes.TrimSpace(n.chunk)) > 0 {
				return nil, errors.New("text beside elements")
			}
			n.kids, n.leaf, n.chunk = append(n.kids, k), false, nil
			stack = append(stack, k)
		case xml.EndElement:
			if n == top || n.name != rawName(tok.Name) {
				return nil, errors.New("an end tag without its start")
			}
			n.to = int(p.InputOffset())
			if !n.leaf && len(bytes.TrimSpace(n.chunk)) > 0 {
				return nil, errors.New("text beside elements")
			}
			if n.leaf {
				n.text = string(n.chunk)
			}
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if n == top && len(bytes.TrimSpace(tok)) > 0 {
				return nil, errors.New("text outside the root")
			}
			n.chunk = append(n.chunk, tok...)
		}
	}
}

func startNode(tok xml.StartElement, from int) (*node, error) {
	if len(tok.Attr) > 64 {
		return nil, errors.New("too many attributes")
	}
	k := &node{name: rawName(tok.Name), leaf: true, from: from}
	for i, a := range tok.Attr {
		for _, b := range tok.Attr[:i] {
			if a.Name == b.Name {
				return nil, errors.New("an attribute twice")
			}
		}
		k.kids = append(k.kids, &node{name: "@" + rawName(a.Name), text: a.Value, leaf: true})
	}
	return k, nil
}

func rawName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

// declaration takes the XML declaration at the very beginning, in the dialect's encoding.
func (x xmlSyntax) declaration(tok xml.ProcInst, from int) error {
	if tok.Target != "xml" || from != 0 {
		return errors.New("processing instructions are refused")
	}
	s := strings.ToLower(string(tok.Inst))
	_, enc, ok := strings.Cut(s, "encoding=")
	if ok && len(enc) > 1 {
		if name, _, ok := strings.Cut(enc[1:], enc[:1]); !ok || name != x.charset {
			return errors.New("the message names another encoding than the dialect")
		}
	}
	return nil
}
