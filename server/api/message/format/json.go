package format

import "bytes"

// jsonSyntax writes and reads JSON. The message is one object; a member twice, true and
// false, numbers with exponents and messages that are too deep are refused.
type jsonSyntax struct{}

func (jsonSyntax) write(top *node) []byte {
	var b bytes.Buffer
	b.Grow(usual)
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
		for k := n.first; k != nil; k = k.next {
			if k != n.first {
				b.WriteByte(',')
			}
			writeJSON(b, k)
		}
		b.WriteByte(']')
	default:
		b.WriteByte('{')
		for k := n.first; k != nil; k = k.next {
			if k != n.first {
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
	from := 0
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b.WriteString(s[from:i])
			b.WriteByte('\\')
			from = i
		}
	}
	b.WriteString(s[from:])
	b.WriteByte('"')
}
