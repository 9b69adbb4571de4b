package format

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// The readers of JSON and XML take and refuse what the standard library's do, read under the same
// rules, and find the same nodes in the same places.
func FuzzJSONIsReadAsTheLibraryReadsIt(f *testing.F) {
	for _, s := range []string{`{"a":"x","b":{"c":12.50,"d":[{"e":null},{"e":"\u00e9\ud83d\ude00\n"}]}}`, `{"a":1,"a":2}`, `{"a":01}`, `{"a":1e3}`, `{"a":"\ud800"}`, ` { "a" : [ ] , "b" : { } } `,
		`{"a":1}x`, `[1]`, `{"a":true}`, `{"a":-1}`, `{"a":1.}`, `{"a":"b\"}`, `{,}`, `{"a":1,}`, `{"a":[1,]}`, strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) { // character sets see to that
			return
		}
		want, werr := jsonByLibrary([]byte(s))
		got, err := jsonSyntax{}.read(s, &slab{})
		if errors.Is(err, errNoCharacter) && werr == nil { // in a name: the library puts U+FFFD there
			return
		}
		if (err == nil) != (werr == nil) {
			t.Fatalf("%q: ours %v, the library %v", s, err, werr)
		}
		if err == nil {
			same(t, s, got, want, false)
		}
	})
}

var wideName = regexp.MustCompile("[^\x00-\x7f]")

func FuzzXMLIsReadAsTheLibraryReadsIt(f *testing.F) {
	for _, s := range []string{`<?xml version="1.0" encoding="UTF-8"?><R a="1" b='&lt;&#65;&#x42;'><C>x &amp; y</C><D/><E><![CDATA[<&>]]> z</E><!-- no --></R>`, "<R>\r\n<A>a\rb</A></R>",
		`<R>]]></R>`, `<R><a:b:c/></R>`, `<R a=1/>`, `<R a="<"/>`, `<R><!-- -- --></R>`, `<R>&x;</R>`, `<R>&#0;</R>`, `<R></r>`, `</R>`, `<R/><R/>`, `x<R/>`, `<R a="1" a="2"/>`, `<R`, `<?xml version="1.1"?><R/>`, `<R ><A >b</A ></R >`,
		`<R a="1"b="2"/>`, `<!DOCTYPE R><R/>`, `<?php x?><R/>`, `<R><A>a<!---->b</A></R>`, `<R>x<A/></R>`, `<R><A/>x</R>`, `<:a/>`, `<R &#65;/>`} {
		f.Add(s)
	}
	x := xmlSyntax{charset: "utf-8"}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		want, werr := xmlByLibrary(x, []byte(s))
		got, err := x.read(s, &slab{})
		if (err == nil) != (werr == nil) {
			if wideName.MatchString(s) { // letters of names: Unicode's own classes against XML's tables
				return
			}
			if werr == nil && (strings.Contains(s, "<?") || strings.Contains(s, "<!")) { // ours is stricter there
				return
			}
			t.Fatalf("%q: ours %v, the library %v", s, err, werr)
		}
		if err == nil {
			same(t, s, got, want, true)
		}
	})
}

// same compares two trees; places of elements and brackets only, as nothing else is covered by a MAC.
func same(t *testing.T, s string, got, want *node, isXML bool) {
	t.Helper()
	var text func(b *strings.Builder, n *node, depth int)
	text = func(b *strings.Builder, n *node, depth int) {
		fmt.Fprintf(b, "%*s%q %q %v %v %v", depth, "", n.name, n.text, n.leaf, n.number, n.rows)
		if depth > 0 && (isXML && n.name[0] != '@' || !isXML && !n.leaf) {
			fmt.Fprintf(b, " %d-%d", n.from, n.to)
		}
		b.WriteByte('\n')
		for k := n.first; k != nil; k = k.next {
			text(b, k, depth+1)
		}
	}
	var g, w strings.Builder
	text(&g, got, 0)
	text(&w, want, 0)
	if g.String() != w.String() {
		t.Fatalf("%q:\n%s\nthe library:\n%s", s, g.String(), w.String())
	}
}

// The short way of a fixed field and the long one write and read the same.
func FuzzAFixedFieldIsTheSameByTheShortWay(f *testing.F) {
	d := must(f, `kind: fixed
name: x
charset: gbk
frame: {prefix: none, max: 10000}
table:
  - {name: a, canon: type, type: n, len: 4, exact: true}
  - {name: b, type: n, len: 12, exact: true, align: right, pad: "0"}
  - {name: c, type: n, len: 12, align: right, pad: "0"}
  - {name: d, type: ans, len: 8}
  - {name: e, type: ans, len: 8, align: right, pad: "*"}
  - {name: g, type: n, len: 8, max: 6, exact: true}
  - {name: h, type: ans, len: 8, align: right, pad: "0"}
  - {name: i, type: n, len: 6, pad: "0x39"}
  - {name: j, type: an, len: 6, pad: "0x00"}
`)
	for _, s := range []string{"0200", "000000000100", "100", " a", "a ", "*", "**1", "中", ".5", "0", "9", "199", "00000000", "        "} {
		for i := range d.fields {
			f.Add(uint8(i), s)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, v string) {
		x := d.fields[int(which)%len(d.fields)]
		if x.straight(v) {
			want, err := x.bytes(v)
			if got := x.appendStraight(nil, v); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: %q is %q, and %q (%v) the long way", x.Name, v, got, want, err)
			}
		}
		if len(v) != x.len {
			return
		}
		if got := x.trimmed([]byte(v)); x.straight(got) && !allAre([]byte(v), ' ') {
			want, err := x.unbytes([]byte(v))
			if err != nil || got != want {
				t.Fatalf("%s: %q is read as %q, and as %q (%v) the long way", x.Name, v, got, want, err)
			}
		}
	})
}

func jsonByLibrary(text []byte) (*node, error) {
	p := &libraryParser{json.NewDecoder(bytes.NewReader(text)), text, 0}
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

type libraryParser struct {
	*json.Decoder
	text  []byte
	nodes int
}

func (p *libraryParser) value(n *node, depth int) error {
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

func (p *libraryParser) inside(n *node, depth int, rows bool) error {
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
		n.add(k)
	}
	if _, err := p.Token(); err != nil {
		return errors.New("not well-formed JSON")
	}
	return nil
}

func xmlByLibrary(x xmlSyntax, text []byte) (*node, error) {
	p := xml.NewDecoder(bytes.NewReader(text))
	p.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // translated already
	top := &node{}
	chunks := map[*node][]byte{}
	stack := []*node{top}
	for count := 0; ; {
		from := int(p.InputOffset())
		tok, err := p.RawToken()
		if errors.Is(err, io.EOF) {
			if len(stack) != 1 || top.first == nil || top.first.next != nil {
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
			if err := x.declaration(tok.Target, string(tok.Inst), from); err != nil {
				return nil, err
			}
		case xml.Directive:
			return nil, errors.New("document types are refused")
		case xml.StartElement:
			if len(stack) > maxDepth || n == top && top.first != nil {
				return nil, errors.New("too deep, or two roots")
			}
			k, err := startByLibrary(tok, from)
			if err != nil {
				return nil, err
			}
			if count += len(tok.Attr); len(bytes.TrimSpace(chunks[n])) > 0 {
				return nil, errors.New("text beside elements")
			}
			n.add(k)
			n.leaf = false
			delete(chunks, n)
			stack = append(stack, k)
		case xml.EndElement:
			if n == top || n.name != rawName(tok.Name) {
				return nil, errors.New("an end tag without its start")
			}
			n.to = int(p.InputOffset())
			if !n.leaf && len(bytes.TrimSpace(chunks[n])) > 0 {
				return nil, errors.New("text beside elements")
			}
			if n.leaf {
				n.text = string(chunks[n])
			}
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if n == top && len(bytes.TrimSpace(tok)) > 0 {
				return nil, errors.New("text outside the root")
			}
			chunks[n] = append(chunks[n], tok...)
		}
	}
}

func startByLibrary(tok xml.StartElement, from int) (*node, error) {
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
		k.add(&node{name: "@" + rawName(a.Name), text: a.Value, leaf: true})
	}
	return k, nil
}

func rawName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}
