package format

import (
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"zhigui/server/api/message"
	"zhigui/server/api/message/frame"
	"zhigui/server/api/message/internal/datafile"
)

//go:embed dialects/*.yaml
var builtin embed.FS

type file struct {
	Kind      string        `yaml:"kind"`
	Name      string        `yaml:"name"`
	Charset   string        `yaml:"charset"`
	Frame     frame.Spec    `yaml:"frame"`
	MAC       fileMAC       `yaml:"mac"`
	Delimited fileDelimited `yaml:"delimited"`
	XML       fileTree      `yaml:"xml"`
	JSON      fileTree      `yaml:"json"`
	SOP       fileSOP       `yaml:"sop"`
	Header    []fileField   `yaml:"header"`
	Table     []fileField   `yaml:"table"`
}

type fileMAC struct {
	Field string `yaml:"field"`
	Form  string `yaml:"form"`  // hex or binary
	Bytes int    `yaml:"bytes"` // of the MAC: 4 to 32
	Cover string `yaml:"cover"` // before or after: all bytes there; in XML and JSON the path of a node
}

type fileField struct {
	Name     string            `yaml:"name"`
	Canon    string            `yaml:"canon"` // a canonical field, or type
	Type     string            `yaml:"type"`
	Max      int               `yaml:"max"`
	Exact    bool              `yaml:"exact"`
	Required bool              `yaml:"required"`
	Mask     string            `yaml:"mask"`
	Const    *string           `yaml:"const"`
	Values   map[string]string `yaml:"values"`
	As       string            `yaml:"as"`
	Decimals int               `yaml:"decimals"`
	Charset  string            `yaml:"charset"`
	Total    bool              `yaml:"total"`

	Off   int    `yaml:"off"`
	Len   int    `yaml:"len"`
	Pad   string `yaml:"pad"`
	Align string `yaml:"align"`

	Path   string `yaml:"path"`
	Object string `yaml:"object"`

	Rows  []fileField `yaml:"rows"`
	Count int         `yaml:"count"` // digits of the number of rows, or of a text's bytes, before them
}

// The dialects that come with the platform and are not 8583.
var names = []string{"corefixed", "coredelimited", "corexml", "corejson", "coresop", "mainframe"}

// Builtins lists the dialects that come with the platform.
func Builtins() []string {
	return append([]string{"pos64", "pos64sm4", "pos64fold", "cups128", "cups128sm4", "cups128mab", "visa", "visabcd", "mastercard", "bank128"}, names...)
}

// Builtin loads one of the dialects that come with the platform.
func Builtin(name string) (*Dialect, error) {
	if slices.Contains(names, name) {
		return Load(builtin, "dialects/"+name+".yaml")
	}
	if !slices.Contains(Builtins(), name) {
		return nil, fmt.Errorf("dialect: none is called %s: serverctl describe lists those that come with the platform; a file's name ends in .yaml", name)
	}
	m, err := message.Builtin(name)
	if err != nil {
		return nil, err
	}
	return Of(m), nil
}

// Of is an 8583 dialect as a Dialect.
func Of(m *message.Dialect) *Dialect {
	d := &Dialect{Name: m.Name, Kind: "8583", Frame: m.Frame, codec: &iso{m}}
	d.fields = append(d.fields, &Field{Name: typeKey, key: typeKey})
	for n := 2; n <= m.Fields; n++ {
		if f := m.Field(n); f != nil && n != m.MAC {
			d.fields = append(d.fields, &Field{Name: f.Name, Canon: f.Canon, Type: f.Type, Mask: f.Mask, Max: f.Max, key: nameOf(f)})
		}
	}
	if m.MAC != 0 {
		d.mac = &macSpec{}
	}
	return d
}

// Load reads a dialect file of any kind. Errors name file, line and column.
func Load(fsys fs.FS, name string) (*Dialect, error) {
	kind, err := datafile.Kind(fsys, name)
	if err != nil {
		return nil, err
	}
	if kind == "" || kind == "8583" {
		m, err := message.Load(fsys, name)
		if err != nil {
			return nil, err
		}
		return Of(m), nil
	}
	var f file
	at, err := datafile.Read(fsys, name, &f)
	if err != nil {
		return nil, err
	}
	if f.Name == "" {
		return nil, at("$", "name is missing")
	}
	d := &Dialect{Name: f.Name, Kind: f.Kind}
	if d.Frame, err = frame.New(f.Frame); err != nil {
		return nil, at("$.frame", "%v", err)
	}
	var ok bool
	if d.charset, ok = charsets[f.Charset]; !ok {
		return nil, at("$.charset", charsetNames)
	}
	l := &loader{d: d, at: at, kind: f.Kind, seen: map[string]bool{}, mac: f.MAC.Field}
	switch f.Kind {
	case "fixed", "delimited", "xml", "json", "sop":
	default:
		return nil, at("$.kind", "kind must be 8583, fixed, delimited, xml, json or sop")
	}
	if f.Kind != "sop" && f.Header != nil {
		return nil, at("$.header", "only SOP has a header of its own")
	}
	for kind, foreign := range map[string]bool{"delimited": f.Delimited != fileDelimited{}, "xml": f.XML != fileTree{}, "json": f.JSON != fileTree{}, "sop": f.SOP != fileSOP{}} {
		if foreign && kind != f.Kind {
			return nil, at("$."+kind, "%s is not for kind %s", kind, f.Kind)
		}
	}
	head, err := l.table(f.Header, "$.header", "fixed")
	if err != nil {
		return nil, err
	}
	body, err := l.table(f.Table, "$.table", f.Kind)
	if err != nil {
		return nil, err
	}
	d.fields = append(slices.Clone(head), body...)
	if err := l.fillMAC(&f); err != nil {
		return nil, err
	}
	switch f.Kind {
	case "fixed":
		d.codec = &fixed{}
	case "delimited":
		d.codec, err = newDelimited(&f.Delimited)
	case "xml":
		d.codec, err = newTree(xmlSyntax{declare: f.XML.Declaration, charset: f.Charset}, &f.XML, d)
	case "json":
		d.codec, err = newTree(jsonSyntax{}, &f.JSON, d)
	case "sop":
		d.codec, err = newSOP(&f.SOP, head, body)
	}
	if p := (*placed)(nil); errors.As(err, &p) {
		return nil, at("$."+p.path, "%v", err)
	}
	if err != nil {
		return nil, at("$."+f.Kind, "%v", err)
	}
	return d, nil
}

type loader struct {
	d    *Dialect
	at   datafile.At
	kind string
	seen map[string]bool // keys
	mac  string
}

var types = map[string]message.Type{"": message.TypeANS, "n": message.TypeN, "z": message.TypeZ, "an": message.TypeAN,
	"ans": message.TypeANS, "b": message.TypeB, "xn": message.TypeXN}

var masks = map[string]message.Mask{"": message.MaskNone, "pan": message.MaskPAN, "track": message.MaskTrack, "secret": message.MaskSecret}

func (l *loader) table(in []fileField, where, kind string) ([]*Field, error) {
	if len(in) > 512 {
		return nil, l.at(where, "more than 512 fields")
	}
	var out []*Field
	off, varies := 0, false // varies: the place of what follows is not the same in each message
	for i := range in {
		p := &in[i]
		path := fmt.Sprintf("%s[%d]", where, i)
		f, err := l.field(p, path, kind)
		if err != nil {
			return nil, err
		}
		varies = varies || f.countLen > 0
		if varies && p.Off != 0 {
			return nil, l.at(path+".off", "what is before it has no certain length")
		}
		if kind == "fixed" && !varies {
			if p.Off != 0 && p.Off < off {
				return nil, l.at(path+".off", "overlaps the field before it, which ends at %d", off)
			}
			if p.Off > off {
				out = append(out, filler(p.Off-off, l.d.charset))
				off = p.Off
			}
			off += f.len
		}
		out = append(out, f)
	}
	return out, nil
}

// filler is a gap in a structure: written as spaces, not looked at.
func filler(n int, c charsetOf) *Field {
	f := &Field{Name: "filler", as: "filler", len: n, charset: c, isFixed: true}
	f.pad = []byte{f.blank()}
	return f
}

func (l *loader) field(p *fileField, path, kind string) (*Field, error) {
	f := &Field{Name: p.Name, Type: types[p.Type], Max: p.Max, Exact: p.Exact, required: p.Required, as: p.As,
		decimals: p.Decimals, len: p.Len, total: p.Total, object: p.Object, maxRows: p.Max, countLen: p.Count}
	var okMask, okCharset bool
	f.Mask, okMask = masks[p.Mask]
	f.charset, okCharset = charsets[p.Charset]
	if p.Charset == "" {
		f.charset, okCharset = l.d.charset, true
	}
	f.Canon = message.CanonByName(p.Canon)
	f.key = p.Name
	if p.Canon != "" {
		f.key = p.Canon
	}
	f.mac = p.Name == l.mac && p.Name != ""
	if p.Path != "" {
		f.path = strings.Split(p.Path, "/")
	}
	switch {
	case p.Name == "":
		return nil, l.at(path, "name is missing")
	case p.Canon != "" && p.Canon != typeKey && f.Canon == message.CanonNone:
		return nil, l.at(path+".canon", "%s is not a canonical field", p.Canon)
	case p.Canon == "" && (message.CanonByName(p.Name) != message.CanonNone && !f.mac || p.Name == typeKey):
		return nil, l.at(path+".name", "%s is the name of a canonical field: say canon: %s, or choose another name", p.Name, p.Name)
	case l.seen[f.key]:
		return nil, l.at(path, "%s is there already", f.key)
	case f.Type == 0:
		return nil, l.at(path+".type", "type must be n, z, an, ans, b or xn")
	case !okMask:
		return nil, l.at(path+".mask", "mask must be pan, track or secret")
	case !okCharset:
		return nil, l.at(path+".charset", charsetNames)
	case p.Charset != "" && kind != "fixed" && kind != "sop":
		return nil, l.at(path+".charset", "%s has one character set for the whole message", kind)
	case f.Canon.MaskOf() != message.MaskNone && f.Mask != f.Canon.MaskOf():
		return nil, l.at(path, "%s must be masked", p.Canon)
	case f.mac && f.Canon != message.CanonNone:
		return nil, l.at(path+".canon", "the MAC is no part of the transaction")
	}
	l.seen[f.key] = true
	if p.Rows != nil {
		return f, l.rows(f, p, path, kind)
	}
	if f.mac {
		return f, l.place(f, p, path, kind)
	}
	if p.Max < 1 || p.Max > 65535 {
		if kind != "fixed" || p.Max != 0 || p.Len < 1 {
			return nil, l.at(path+".max", "max must be from 1 to 65535")
		}
		if f.Max = p.Len; p.As == "bcd" || p.As == "hex" && f.Type != message.TypeB {
			f.Max = 2 * p.Len
		}
	}
	if f.Exact && f.Type != message.TypeN || f.decimals != 0 && (!f.Exact || f.decimals < 0 || f.decimals >= f.Max) ||
		p.As == "number" && !f.Exact {
		return nil, l.at(path, "exact is for numbers; decimals and as: number need exact")
	}
	if err := l.place(f, p, path, kind); err != nil {
		return nil, err
	}
	return f, l.constants(f, p, path)
}

// constants takes const and values, which must be what the field can carry.
func (l *loader) constants(f *Field, p *fileField, path string) error {
	if p.Values != nil {
		f.toWire, f.fromWire = p.Values, map[string]string{}
		for v, w := range p.Values {
			if _, twice := f.fromWire[w]; twice || f.check(v) != nil || w == "" || !printable(w) {
				return l.at(path+".values", "two values for %s, or one that the field cannot carry", w)
			}
			if f.len > 0 && utf8.RuneCountInString(w) > f.len {
				return l.at(path+".values", "%s is longer than the field, len: %d", w, f.len)
			}
			f.fromWire[w] = v
		}
		if f.as != "text" || f.decimals != 0 {
			return l.at(path+".values", "a table of values is for text")
		}
	}
	if p.Const != nil {
		f.fixed, f.isFixed = *p.Const, true
		if err := f.check(f.fixed); err != nil || f.fixed == "" && f.len == 0 {
			return l.at(path+".const", "the field cannot carry it")
		}
	}
	if p.Canon == typeKey {
		f.required = true
	}
	return nil
}

func (l *loader) rows(f *Field, p *fileField, path, kind string) error {
	if p.Max < 1 || p.Max > 1000 {
		return l.at(path+".max", "a group has from 1 to 1000 rows at most")
	}
	if strings.Contains(strings.TrimPrefix(path, "$"), "rows") {
		return l.at(path, "a group within a group is not supported")
	}
	if (kind == "fixed") != (p.Count > 0) || p.Count > 4 {
		return l.at(path+".count", "a fixed structure needs count, the digits of the number of rows; others have none")
	}
	inner := &loader{d: l.d, at: l.at, kind: kind, seen: map[string]bool{}}
	rows, err := inner.table(p.Rows, path+".rows", kind)
	if err != nil || len(rows) == 0 {
		if err == nil {
			err = l.at(path+".rows", "a group needs fields")
		}
		return err
	}
	f.Rows = rows
	if (kind == "xml" || kind == "json") && len(f.path) == 0 {
		return l.at(path, "path is missing")
	}
	return nil
}

// Ways to write a value, by kind; the first is the default.
var forms = map[string][]string{
	"fixed":     {"text", "hex", "bcd", "binary", "little", "raw"},
	"sop":       {"text", "hex", "base64"},
	"delimited": {"text", "hex", "base64", "number"},
	"xml":       {"text", "hex", "base64", "number"},
	"json":      {"text", "hex", "base64", "number"},
}

// place takes where and how the field stands on the wire.
func (l *loader) place(f *Field, p *fileField, path, kind string) error {
	if f.as == "" {
		if f.as = "text"; f.Type == message.TypeB && !f.mac {
			if f.as = "hex"; kind == "fixed" {
				f.as = "raw"
			}
		}
	}
	number := f.as == "bcd" || f.as == "binary" || f.as == "little"
	switch {
	case !slices.Contains(forms[kind], f.as):
		return l.at(path+".as", "as must be one of %s", strings.Join(forms[kind], ", "))
	case number && f.Type != message.TypeN || f.as == "raw" && f.Type != message.TypeB || f.as == "text" && f.Type == message.TypeB && !f.mac:
		return l.at(path+".as", "%s does not fit the type", f.as)
	case f.decimals != 0 && f.as != "text" && f.as != "number":
		return l.at(path+".decimals", "decimals are for text and numbers")
	case f.total && (kind != "fixed" || f.Type != message.TypeN):
		return l.at(path+".total", "a total length is a number of a fixed structure or header")
	}
	if kind == "xml" || kind == "json" {
		if len(f.path) == 0 || len(f.path) > maxDepth || slices.Contains(f.path, "") {
			return l.at(path+".path", "path is missing, empty in one place, or too deep")
		}
	}
	if f.countLen != 0 && (l.kind != "fixed" || f.as != "text" || f.mac || f.total || p.Const != nil || p.Align+p.Pad != "" || f.countLen < 1 || f.countLen > 4 || len(strconv.Itoa(f.len)) > f.countLen) {
		return l.at(path+".count", "count, 1 to 4 digits of the number of bytes before them, is for text in a fixed structure that is not filled up, and must hold len")
	}
	if kind != "fixed" {
		return nil
	}
	if f.len < 1 || f.len > 65535 || (f.as == "binary" || f.as == "little") && f.len > 8 || f.as == "raw" && f.Max != f.len {
		return l.at(path+".len", "len must be from 1 to 65535, for binary numbers to 8")
	}
	f.right = p.Align == "right"
	f.pad = []byte{f.blank()}
	if p.Pad != "" {
		var err error
		if f.pad, err = f.charset.encode(p.Pad); strings.HasPrefix(p.Pad, "0x") {
			f.pad, err = hex.DecodeString(p.Pad[2:])
		}
		if err != nil || len(f.pad) != 1 {
			return l.at(path+".pad", "pad is one character, or one byte as 0x00")
		}
	}
	f.isPadZero = p.Pad == "0"
	if p.Align != "" && p.Align != "left" && p.Align != "right" || f.isPadZero && !f.right {
		return l.at(path+".align", "align is left or right; zeros are filled up on the left: align: right")
	}
	return nil
}

func (l *loader) fillMAC(f *file) error {
	if f.MAC == (fileMAC{}) {
		return nil
	}
	s := &macSpec{hex: f.MAC.Form == "hex", size: f.MAC.Bytes, after: f.MAC.Cover == "after"}
	beside := s.after || f.MAC.Cover == "before"
	for _, x := range l.d.fields {
		if x.mac {
			s.field = x
		}
	}
	tree := f.Kind == "xml" || f.Kind == "json"
	switch {
	case s.field == nil || s.field.Rows != nil:
		return l.at("$.mac.field", "there is no such field")
	case s.size < 4 || s.size > 32 || f.MAC.Form != "hex" && f.MAC.Form != "binary":
		return l.at("$.mac", "bytes must be from 4 to 32, form hex or binary")
	case !s.hex && f.Kind != "fixed" && f.Kind != "sop":
		return l.at("$.mac.form", "only a fixed structure carries a binary MAC")
	case (f.Kind == "fixed" || s.field.len > 0) && s.field.len != s.width():
		return l.at("$.mac.field", "the field must be %d long", s.width())
	case tree == beside:
		return l.at("$.mac.cover", "cover must be before or after, in XML and JSON the path of a node")
	}
	if tree {
		s.path = strings.Split(f.MAC.Cover, "/")
		if len(s.field.path) >= len(s.path) && slices.Equal(s.field.path[:len(s.path)], s.path) {
			return l.at("$.mac.cover", "the MAC cannot cover itself")
		}
	}
	l.d.mac = s
	return nil
}
