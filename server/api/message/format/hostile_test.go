package format

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/text/encoding/simplifiedchinese"
)

func parse(t testing.TB, text string) (*Dialect, error) {
	t.Helper()
	return Load(fstest.MapFS{"x.yaml": {Data: []byte(text)}}, "x.yaml")
}

func must(t testing.TB, text string) *Dialect {
	t.Helper()
	d, err := parse(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const smallXML = `kind: xml
name: x
charset: utf-8
frame: {prefix: none, max: 1000000}
xml: {unknown: %s}
table:
  - {name: code, canon: type, type: n, max: 4, path: R/Code}
  - {name: note, type: ans, max: 100, path: R/Note}
  - {name: lines, path: R/L, max: 3, rows: [{name: v, type: n, max: 6, path: "@v"}]}
`

func TestHostileXMLIsRefused(t *testing.T) {
	d := must(t, fmt.Sprintf(smallXML, "ignore"))
	for name, text := range map[string]string{
		"an entity bomb":                `<!DOCTYPE R [<!ENTITY a "xxxx"><!ENTITY b "&a;&a;&a;">]><R><Code>0200</Code><Note>&b;</Note></R>`,
		"an external entity":            `<!DOCTYPE R SYSTEM "file:///etc/passwd"><R><Code>0200</Code></R>`,
		"an unknown entity":             `<R><Code>0200</Code><Note>&x;</Note></R>`,
		"a deep nest":                   strings.Repeat("<R>", 2000) + strings.Repeat("</R>", 2000),
		"too many nodes":                "<R>" + strings.Repeat("<a/>", 30000) + "</R>",
		"too many rows":                 `<R><Code>0200</Code><L v="1"/><L v="1"/><L v="1"/><L v="1"/></R>`,
		"an element twice":              `<R><Code>0200</Code><Code>0400</Code></R>`,
		"an attribute twice":            `<R><Code>0200</Code><L v="1" v="2"/></R>`,
		"a hundred thousand attributes": `<R` + manyAttributes() + `><Code>0200</Code></R>`,
		"tags that cross":               `<R><Code>0200<Note></Code></Note></R>`,
		"two roots":                     `<R><Code>0200</Code></R><R/>`,
		"text outside":                  `<R><Code>0200</Code></R>x`,
		"text beside elements":          `<R>x<Code>0200</Code></R>`,
		"an instruction":                `<R><?php x?><Code>0200</Code></R>`,
		"another encoding":              `<?xml version="1.0" encoding="GBK"?><R><Code>0200</Code></R>`,
		"elements for a value":          `<R><Code>0200</Code><Note><b/></Note></R>`,
		"a control character":           "<R><Code>0200</Code><Note>a&#8;</Note></R>",
		"no type":                       `<R><Note>a</Note></R>`,
		"nothing":                       ``,
		"a byte that is no UTF-8":       "<R><Code>0200</Code><Note>\xff</Note></R>",
	} {
		if tx, _, err := d.Unpack([]byte(text)); err == nil {
			t.Errorf("%s was taken: %v", name, tx.Values)
		}
	}
	if _, _, err := d.Unpack([]byte(`<R a="1"><!-- c --><Code>0200</Code><Other/><Note>&lt;<![CDATA[&]]>&#65;</Note></R>`)); err != nil {
		t.Error(err)
	}
	if _, _, err := must(t, fmt.Sprintf(smallXML, "refuse")).Unpack([]byte(`<R><Code>0200</Code><Other>1</Other></R>`)); err == nil {
		t.Error("an unknown node was taken")
	}
}

func manyAttributes() string {
	var b strings.Builder
	for i := range 100000 {
		fmt.Fprintf(&b, ` a%d=""`, i)
	}
	return b.String()
}

const smallJSON = `kind: json
name: x
charset: utf-8
frame: {prefix: none, max: 1000000}
table:
  - {name: code, canon: type, type: n, max: 4, path: code}
  - {name: amount, canon: amount, type: n, max: 12, exact: true, decimals: 2, as: number, path: a/amount}
  - {name: note, type: ans, max: 100, path: note}
  - {name: lines, path: l, max: 3, rows: [{name: v, type: n, max: 6, path: v}]}
`

func TestHostileJSONIsRefused(t *testing.T) {
	d := must(t, smallJSON)
	for name, text := range map[string]string{
		"a deep nest":              `{"code":"0200","x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`,
		"too many nodes":           `{"code":"0200","x":[` + strings.Repeat("1,", 30000) + `1]}`,
		"too many rows":            `{"code":"0200","l":[{},{},{},{}]}`,
		"a member twice":           `{"code":"0200","code":"0400"}`,
		"something behind":         `{"code":"0200"} {}`,
		"an array for the message": `["code"]`,
		"a string for a number":    `{"code":"0200","a":{"amount":"1.00"}}`,
		"a number for a string":    `{"code":200}`,
		"an exponent":              `{"code":"0200","a":{"amount":1e9}}`,
		"a negative amount":        `{"code":"0200","a":{"amount":-1.00}}`,
		"three decimals":           `{"code":"0200","a":{"amount":1.001}}`,
		"an amount too large":      `{"code":"0200","a":{"amount":99999999999.00}}`,
		"true":                     `{"code":"0200","note":true}`,
		"half a surrogate":         `{"code":"0200","note":"\ud800"}`,
		"an object for an array":   `{"code":"0200","l":{"v":"1"}}`,
		"an object for a value":    `{"code":"0200","note":{}}`,
		"no type":                  `{"note":"a"}`,
		"null":                     `null`,
	} {
		if tx, _, err := d.Unpack([]byte(text)); err == nil {
			t.Errorf("%s was taken: %v", name, tx.Values)
		}
	}
	tx, _, err := d.Unpack([]byte(` {"code":"0200", "a":{"amount":12.5, "more":[1,{"x":null}]}, "note":null, "l":[{"v":"1"}]} `))
	if err != nil || tx.Values["amount"] != "000000001250" || tx.Lists["lines"][0]["v"] != "1" {
		t.Error(err, tx)
	}
}

// The second byte of many characters in GBK is the separator or the escape.
//
// req: TX-14
func TestAGBKCharacterWhoseSecondByteIsTheSeparatorDoesNotCutTheMessage(t *testing.T) {
	d := load(t, "coredelimited")
	var name string
	for _, b := range [][]byte{{0x81, '|'}, {0x81, '\\'}} {
		u, err := simplifiedchinese.GBK.NewDecoder().Bytes(b)
		if err != nil {
			t.Fatal(err)
		}
		name += string(u)
	}
	tx := d.only(cases["withdrawal"])
	tx.Values["merchantName"] = name + `a|b\`
	frame, err := d.Pack(nil, tx, testSign)
	if err != nil || !bytes.Contains(frame, []byte("|\x81|\x81\\a\\|b\\\\|")) {
		t.Fatalf("%v %q", err, frame)
	}
	got, _, err := d.Unpack(body(t, d, frame))
	if err != nil || got.Values["merchantName"] != tx.Values["merchantName"] {
		t.Fatal(err, got)
	}
}

func TestAQuotedValueMayHoldSeparatorAndQuote(t *testing.T) {
	d := must(t, `kind: delimited
name: x
charset: utf-8
frame: {prefix: none, max: 100}
delimited: {separator: ",", quote: '"'}
table:
  - {name: code, canon: type, type: n, max: 4}
  - {name: note, type: ans, max: 20}
  - {name: end, type: ans, max: 20}
`)
	tx := NewTransaction("0200")
	tx.Values["note"], tx.Values["end"] = `a,"b"`, "c"
	frame, err := d.Pack(nil, tx, nil)
	if err != nil || string(frame) != `0200,"a,""b""",c` {
		t.Fatalf("%v %s", err, frame)
	}
	got, _, err := d.Unpack(frame)
	if err != nil || got.Values["note"] != `a,"b"` {
		t.Fatal(err, got)
	}
	for _, bad := range []string{`0200,"a`, `0200,"a"b,c`, `0200,a"b,c`, `0200,a`, `0200,a,b,c`} {
		if _, _, err := d.Unpack([]byte(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

// req: TX-13
func TestALongSOPValueGoesInSegmentsOf250(t *testing.T) {
	d := load(t, "coresop")
	for n, want := range map[int]string{250: "\xfa", 251: "\xff", 768: "\xff"} {
		tx := d.only(cases["sparse"])
		tx.Values["remark"] = strings.Repeat("x", n)
		frame, err := d.Pack(nil, tx, testSign)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(frame, []byte(want+"xxxx"))
		if at < 0 {
			t.Fatalf("%d: no %X", n, want)
		}
		if n == 768 && (frame[at+251] != 0xff || frame[at+502] != 0xff || frame[at+753] != 18) {
			t.Errorf("768 bytes are not 250, 250, 250 and 18")
		}
		got, _, err := d.Unpack(frame)
		if err != nil || got.Values["remark"] != tx.Values["remark"] {
			t.Errorf("%d: %v", n, err)
		}
		cut := append(bytes.Clone(frame[:at]), "\xfe\x03cmd"...)
		cut = append(cut, frame[at:]...)
		cut[0], cut[1] = byte(len(cut)>>8), byte(len(cut))
		if got, _, err = d.Unpack(cut); err != nil || got.Values["remark"] != tx.Values["remark"] {
			t.Errorf("a control command was not skipped: %v", err)
		}
		cut[at] = 0xfc
		if _, _, err = d.Unpack(cut); err == nil {
			t.Error("a reserved length byte was taken")
		}
	}
}

func TestNamedSOPUnitsLeaveOutWhatIsAbsent(t *testing.T) {
	d := must(t, `kind: sop
name: x
charset: gbk
frame: {prefix: none, max: 1000}
sop: {units: named}
table:
  - {name: TRNCOD, object: HEAD, canon: type, type: n, max: 4}
  - {name: NOTE, type: ans, max: 20}
  - {name: AMT, canon: amount, type: n, max: 12, exact: true, decimals: 2}
`)
	tx := NewTransaction("0200")
	tx.Values["amount"] = "000000000100"
	frame, err := d.Pack(nil, tx, nil)
	if err != nil || string(frame) != "\x04HEAD\x06TRNCOD\x040200\x03AMT\x041.00" {
		t.Fatalf("%v %q", err, frame)
	}
	got, _, err := d.Unpack(frame)
	if err != nil || got.Values["amount"] != "000000000100" || len(got.Values) != 1 {
		t.Fatal(err, got)
	}
}

// The bytes were written by hand.
//
// req: TX-11
func TestAStructureHasItsNumbersPackedAndInItsByteOrder(t *testing.T) {
	d := must(t, `kind: fixed
name: x
charset: ebcdic
frame: {prefix: none, max: 1000}
table:
  - {name: code, canon: type, type: n, len: 4}
  - {name: a, type: n, len: 3, as: bcd}
  - {name: b, type: n, len: 4, max: 9, as: binary}
  - {name: c, type: n, len: 4, max: 9, as: little}
  - {name: d, type: an, len: 4, align: right, pad: "*"}
  - {name: e, type: ans, len: 6, charset: gb18030, off: 20}
`)
	tx := NewTransaction("0200")
	tx.Values = map[string]string{"a": "12345", "b": "258", "c": "258", "d": "AB", "e": "中文"}
	want := "\xf0\xf2\xf0\xf0" + "\x01\x23\x45" + "\x00\x00\x01\x02" + "\x02\x01\x00\x00" + "\x5c\x5c\xc1\xc2" + "\x40" + "\xd6\xd0\xce\xc4\x20\x20"
	frame, err := d.Pack(nil, tx, nil)
	if err != nil || string(frame) != want {
		t.Fatalf("%v\n% X\n% X", err, frame, want)
	}
}

func TestAValueThatWouldNotComeBackIsNotPacked(t *testing.T) {
	d := must(t, `kind: fixed
name: x
charset: gbk
frame: {prefix: none, max: 1000}
table:
  - {name: code, canon: type, type: n, len: 4}
  - {name: a, type: n, len: 6, align: right, pad: "0"}
  - {name: b, type: ans, len: 6}
`)
	for name, v := range map[string]map[string]string{
		"leading zeros of a number of any length": {"a": "0012"},
		"spaces at the end":                       {"b": "a "},
		"a character that GBK does not have":      {"b": "😀"},
		"Chinese that is too wide":                {"b": "中文中文"},
	} {
		tx := NewTransaction("0200")
		tx.Values = v
		if _, err := d.Pack(nil, tx, nil); err == nil {
			t.Errorf("%s was packed", name)
		}
	}
}

func TestATextOfAStructureThatHasItsLengthBeforeItIsNotFilledUp(t *testing.T) {
	d := must(t, `kind: fixed
name: x
charset: gb18030
frame: {prefix: none, max: 100}
table:
  - {name: a, type: ans, len: 12, count: 2}
  - {name: b, type: n, len: 6, count: 1, exact: true, max: 6, decimals: 2}
  - {name: end, type: an, len: 1}
`)
	for wire, v := range map[string]map[string]string{
		"000E":             {"end": "E"},
		"03a \xb10E":       nil, // half a character
		"02\xd6\xd00E":     {"a": "中", "end": "E"},
		"12 a  bcdefgh 0E": {"a": " a  bcdefgh ", "end": "E"},
		"0041.23E":         {"b": "000123", "end": "E"},
	} {
		tx, _, err := d.Unpack([]byte(wire))
		if v == nil {
			if err == nil {
				t.Errorf("%q was taken: %v", wire, tx.Values)
			}
			continue
		}
		if err != nil || !maps.Equal(tx.Values, v) {
			t.Errorf("%q is %v, %v", wire, tx, err)
			continue
		}
		if b, err := d.Pack(nil, tx, nil); err != nil || string(b) != wire {
			t.Errorf("%v is packed as %q, %v", v, b, err)
		}
	}
	for _, wire := range []string{"13aaaaaaaaaaaaa0E", "05aaaa", "-1a0E", " 0 0E", "0070001.23E", "0041.2"} {
		if tx, _, err := d.Unpack([]byte(wire)); err == nil {
			t.Errorf("%q was taken: %v", wire, tx.Values)
		}
	}
	tx := NewTransaction("0200")
	tx.Values = map[string]string{"a": "中中中中中中中"}
	if b, err := d.Pack(nil, tx, nil); err == nil {
		t.Errorf("a text that is too long was packed: %q", b)
	}
}

func TestDialectFilesThatCannotBeAreRefusedWithTheirPlace(t *testing.T) {
	head := "kind: %s\nname: x\ncharset: gbk\nframe: {prefix: none, max: 100}\n"
	for name, c := range map[string]struct{ kind, text, want string }{
		"an unknown kind":              {"yaml", "table: []\n", "x.yaml:1:7: kind"},
		"an unknown key":               {"fixed", "colour: red\n", "x.yaml:5:1: "},
		"an unmasked PAN":              {"json", "table:\n  - {name: a, canon: pan, type: n, max: 19, path: a}\n", "pan must be masked"},
		"a canonical name unsaid":      {"json", "table:\n  - {name: pan, type: n, max: 19, path: a}\n", "say canon: pan"},
		"an overlap":                   {"fixed", "table:\n  - {name: a, len: 4}\n  - {name: b, len: 4, off: 2}\n", "x.yaml:7:28: overlaps"},
		"no path":                      {"xml", "table:\n  - {name: a, max: 4}\n", "path is missing"},
		"two roots":                    {"xml", "table:\n  - {name: a, max: 4, path: A/B}\n  - {name: b, max: 4, path: B/B}\n", "root"},
		"a field within a field":       {"json", "table:\n  - {name: a, max: 4, path: a}\n  - {name: b, max: 4, path: a/b}\n", "inside another"},
		"a MAC over nothing":           {"json", "mac: {field: m, form: hex, bytes: 8, cover: b}\ntable:\n  - {name: m, path: a/m}\n", "the MAC covers"},
		"text beside elements in rows": {"xml", "table:\n  - {name: a, max: 4, path: A/B, rows: [{name: b, max: 4, path: .}, {name: c, max: 4, path: C}]}\n", "inside another"},
		"a MAC that covers itself":     {"json", "mac: {field: m, form: hex, bytes: 8, cover: a}\ntable:\n  - {name: m, path: a/m}\n", "cover itself"},
		"two values for one":           {"json", "table:\n  - {name: a, max: 4, path: a, values: {x: \"1\", y: \"1\"}}\n", "two values"},
		"a wire text that is too long": {"fixed", "table:\n  - {name: a, len: 4, values: {x: \"10122\"}}\n", "10122 is longer than the field, len: 4"},
		"a MAC field not there":        {"fixed", "mac: {field: m, form: hex, bytes: 8, cover: before}\ntable:\n  - {name: a, len: 4}\n", "no such field"},
		"a character set for one":      {"json", "table:\n  - {name: a, max: 4, path: a, charset: gbk}\n", "one character set"},
		"a group within a group":       {"fixed", "table:\n  - {name: a, max: 4, count: 1, rows: [{name: b, max: 4, count: 1, rows: [{name: c, len: 1}]}]}\n", "within a group"},
		"a count of a number":          {"fixed", "table:\n  - {name: a, type: n, len: 4, count: 1, as: bcd}\n", "x.yaml:6:"},
		"a count that does not hold":   {"fixed", "table:\n  - {name: a, len: 100, count: 2}\n", "must hold len"},
		"a count of what is filled up": {"fixed", "table:\n  - {name: a, len: 9, count: 1, pad: \"*\"}\n", "not filled up"},
		"a count in JSON":              {"json", "table:\n  - {name: a, max: 9, path: a, count: 1}\n", "fixed structure"},
		"a place behind a count":       {"fixed", "table:\n  - {name: a, len: 9, count: 1}\n  - {name: b, len: 4, off: 20}\n", "no certain length"},
		"a name that is an element":    {"xml", "table:\n  - {name: a, max: 4, path: \"A/<b>\"}\n", "not a name"},
		"a field without its length":   {"fixed", "table:\n  - {name: a, len: 4}\n  - {name: b}\n", "x.yaml:7:5: max must be"},
		"a section of another kind":    {"xml", "json: {unknown: refuse}\ntable:\n  - {name: a, max: 4, path: A/B}\n", "x.yaml:5:7: json is not for kind xml"},
		"a path twice":                 {"xml", "table:\n  - {name: a, max: 4, path: A/B}\n  - {name: b, max: 4, path: A/B}\n", "x.yaml:7:29: two fields at"},
		"a path of another root":       {"xml", "table:\n  - {name: a, max: 4, path: A/B}\n  - {name: b, max: 4, path: C/B}\n", "x.yaml:7:29: all paths"},
		"a path in rows twice":         {"json", "table:\n  - {name: a, max: 4, path: A, rows: [{name: b, max: 4, path: x}, {name: c, max: 4, path: x}]}\n", "x.yaml:6:"},
		"a MAC over no field":          {"json", "mac: {field: m, form: hex, bytes: 8, cover: b}\ntable:\n  - {name: m, path: a/m}\n", "x.yaml:5:45: the MAC covers"},
		"no separator":                 {"delimited", "table: []\n", "separator is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(t, fmt.Sprintf(head, c.kind)+c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
		})
	}
}

// A file comes from a person or an editor page: whatever is in it, it is refused or what it
// packs can be read again.
func TestADamagedDialectFileIsRefusedOrWorks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	worked := 0
	for range 800 {
		b, err := builtin.ReadFile("dialects/" + names[r.IntN(len(names))] + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + r.IntN(3) {
			i := r.IntN(len(b))
			switch r.IntN(3) {
			case 0:
				b[i] = byte(r.IntN(256))
			case 1:
				b = slices.Delete(b, i, i+r.IntN(min(20, len(b)-i)))
			case 2:
				b = slices.Insert(b, i, byte(r.IntN(128)))
			}
		}
		d, err := Load(fstest.MapFS{"x.yaml": {Data: b}}, "x.yaml")
		if err != nil {
			continue
		}
		for _, tx := range cases {
			frame, err := d.Pack(nil, tx, testSign)
			if err != nil {
				continue
			}
			worked++
			got, _, err := d.Unpack(body(t, d, frame))
			if err != nil {
				t.Fatalf("%v of %q packed as\n%s", err, frame, b)
			}
			_ = d.Describe(got)
		}
	}
	if worked == 0 {
		t.Error("no file worked")
	}
}

func BenchmarkPackAndUnpack(b *testing.B) {
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			d := load(b, name)
			tx := d.only(cases["withdrawal"])
			none := func([]byte) ([]byte, error) { return make([]byte, 8), nil }
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = d.Pack(buf[:0], tx, none)
				in, _ := d.Frame.Strip(buf)
				if _, _, err := d.Unpack(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
