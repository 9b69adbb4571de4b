package format

import (
	"bytes"
	"errors"
	"strings"
)

// usual is how many bytes most messages have at most.
const usual = 1024

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
	b.Grow(usual)
	if x.declare {
		b.WriteString(`<?xml version="1.0" encoding="` + strings.ToUpper(x.charset) + `"?>`)
	}
	for k := top.first; k != nil; k = k.next {
		x.element(&b, k)
	}
	return b.Bytes()
}

func (x xmlSyntax) element(b *bytes.Buffer, n *node) {
	n.from = b.Len()
	b.WriteByte('<')
	b.WriteString(n.name)
	kids := 0
	for k := n.first; k != nil; k = k.next {
		if k.name[0] != '@' {
			kids++
			continue
		}
		b.WriteByte(' ')
		b.WriteString(k.name[1:])
		b.WriteString(`="`)
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
	for k := n.first; k != nil; k = k.next {
		if k.name[0] != '@' {
			x.element(b, k)
		}
	}
	b.WriteString("</")
	b.WriteString(n.name)
	b.WriteByte('>')
	n.to = b.Len()
}

var xmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;")

func escapeXML(b *bytes.Buffer, s string) {
	for i := range len(s) {
		switch s[i] {
		case '&', '<', '>', '"', '\'':
			b.WriteString(xmlEscapes.Replace(s))
			return
		}
	}
	b.WriteString(s)
}

// declaration takes the XML declaration at the very beginning, in the dialect's encoding.
func (x xmlSyntax) declaration(target, text string, from int) error {
	if target != "xml" || from != 0 {
		return errors.New("processing instructions are refused")
	}
	value := func(name string) (string, bool) {
		_, v, ok := strings.Cut(strings.ToLower(text), name+"=")
		if !ok || v == "" {
			return "", false
		}
		v, _, ok = strings.Cut(v[1:], v[:1])
		return v, ok
	}
	if v, ok := value("version"); !ok || v != "1.0" {
		return errors.New("not XML 1.0")
	}
	if v, ok := value("encoding"); ok && v != x.charset || !ok && strings.Contains(text, "encoding") {
		return errors.New("the message names another encoding than the dialect")
	}
	return nil
}
