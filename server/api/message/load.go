package message

import (
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"reflect"

	"zhigui/server/api/message/frame"
	"zhigui/server/api/message/internal/datafile"
)

//go:embed dialects/*.yaml
var builtin embed.FS

type fileDialect struct {
	Name    string      `yaml:"name"`
	Extends string      `yaml:"extends"`
	Kind    string      `yaml:"kind"`
	Fields  int         `yaml:"fields"`
	Digits  string      `yaml:"digits"`
	Lengths string      `yaml:"lengths"`
	Odd     string      `yaml:"odd"`
	Bitmap  string      `yaml:"bitmap"`
	Charset string      `yaml:"charset"`
	Frame   frame.Spec  `yaml:"frame"`
	Header  []filePart  `yaml:"header"`
	MAC     fileMAC     `yaml:"mac"`
	Left    filePlace   `yaml:"timeLeft"`
	Table   []fileField `yaml:"table"`
}

type filePart struct {
	Name  string `yaml:"name"`
	Len   int    `yaml:"len"`
	Hex   string `yaml:"hex"`
	Text  string `yaml:"text"`
	Total bool   `yaml:"total"`
	Fixed bool   `yaml:"fixed"`
}

type fileMAC struct {
	Field int    `yaml:"field"`
	Cover string `yaml:"cover"`
	Form  string `yaml:"form"`

	Select    []fileExtract `yaml:"select"`
	Separator *string       `yaml:"separator"`
	Lengths   bool          `yaml:"lengths"`
	Edit      bool          `yaml:"edit"`
	Keep      string        `yaml:"keep"`
}

type filePlace struct {
	Field int    `yaml:"field"`
	Tag   string `yaml:"tag"`
}

type fileField struct {
	N     int    `yaml:"n"`
	Name  string `yaml:"name"`
	Type  string `yaml:"type"`
	Max   int    `yaml:"max"`
	Var   int    `yaml:"var"`
	Canon string `yaml:"canon"`
	Mask  string `yaml:"mask"`

	Charset string `yaml:"charset"`
}

// Builtin loads one of the 8583 dialects that come with the platform: pos64, pos64sm4, pos64fold,
// cups128, cups128sm4, cups128mab, visa, visabcd, mastercard, bank128.
func Builtin(name string) (*Dialect, error) { return Load(builtin, "dialects/"+name+".yaml") }

// BuiltinFile opens the file of a built-in dialect, for instance pos64.yaml.
func BuiltinFile(name string) (fs.File, error) { return builtin.Open("dialects/" + name) }

// Load reads a dialect file. Errors name file, line and column. A file may extend another
// file of the same folder and override parts of it.
func Load(fsys fs.FS, path string) (*Dialect, error) { return load(fsys, path, 0) }

func load(fsys fs.FS, path string, depth int) (*Dialect, error) {
	var f fileDialect
	at, err := datafile.Read(fsys, path, &f)
	if err != nil {
		return nil, err
	}
	d := &Dialect{}
	if f.Extends != "" {
		if depth > 3 {
			return nil, at("$.extends", "too many levels of extends")
		}
		dir := path[:len(path)-len(base(path))]
		if d, err = load(fsys, dir+f.Extends+".yaml", depth+1); err != nil {
			return nil, err
		}
	}
	return d, d.fill(&f, at)
}

func base(p string) string {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] == '/' {
			return p[i+1:]
		}
	}
	return p
}

type errAt = datafile.At

func (d *Dialect) fill(f *fileDialect, at errAt) error {
	if f.Name == "" {
		return at("$", "name is missing")
	}
	d.Name = f.Name
	own := f.Extends == ""
	if f.Fields != 0 || own {
		if f.Fields != 64 && f.Fields != 128 {
			return at("$.fields", "fields must be 64 or 128")
		}
		d.Fields = f.Fields
	}
	if f.Kind != "" && f.Kind != "8583" {
		return at("$.kind", "kind %s is not 8583", f.Kind)
	}
	if err := d.fillCoding(f, own, at); err != nil {
		return err
	}
	if f.Frame.Prefix != "" || own {
		var err error
		if d.Frame, err = frame.New(f.Frame); err != nil {
			return at("$.frame", "%v", err)
		}
		d.MaxLen = d.Frame.Max
		d.Prefix = 0
		if f.Frame == (frame.Spec{Prefix: f.Frame.Prefix, Max: f.Frame.Max}) {
			d.Prefix = map[string]Prefix{"binary2": PrefixBinary2, "ascii4": PrefixASCII4}[f.Frame.Prefix]
		}
	}
	if err := d.fillHeader(f, at); err != nil {
		return err
	}
	for i := range f.Table {
		if err := d.fillField(&f.Table[i], fmt.Sprintf("$.table[%d]", i), at); err != nil {
			return err
		}
	}
	d.settle()
	if err := d.fillMAC(f, own, at); err != nil {
		return err
	}
	return d.fillLeft(&f.Left, at)
}

func (d *Dialect) fillHeader(f *fileDialect, at errAt) error {
	if f.Header == nil {
		return nil
	}
	d.Header, d.HdrLen = nil, 0
	for i, p := range f.Header {
		path := fmt.Sprintf("$.header[%d]", i)
		q := Part{Name: p.Name, Off: d.HdrLen, Len: p.Len, Total: p.Total, Fixed: p.Fixed}
		b, err := hex.DecodeString(p.Hex)
		if p.Text != "" {
			b = []byte(fmt.Sprintf("%-*s", p.Len, p.Text))
		}
		if p.Total {
			b, err = []byte("0000"[:min(p.Len, 4)]), nil
			if p.Len == 2 {
				b = []byte{0, 0}
			}
		}
		if err != nil || p.Name == "" || p.Len < 1 || len(b) != p.Len {
			return at(path, "header part needs a name, a length and a value of that length")
		}
		if p.Fixed && p.Total {
			return at(path+".fixed", "the total length changes with each message")
		}
		q.Default = b
		d.HdrLen += p.Len
		if d.HdrLen > 64 {
			return at(path, "header longer than 64 bytes")
		}
		d.Header = append(d.Header, q)
	}
	return nil
}

func (d *Dialect) fillField(p *fileField, path string, at errAt) error {
	t := map[string]Type{"n": TypeN, "z": TypeZ, "an": TypeAN, "ans": TypeANS, "b": TypeB, "xn": TypeXN}[p.Type]
	mask, okMask := map[string]Mask{"": MaskNone, "pan": MaskPAN, "track": MaskTrack, "secret": MaskSecret}[p.Mask]
	c, okCanon := canonNames[p.Canon]
	switch {
	case p.N < 2 || p.N > d.Fields:
		return at(path+".n", "field number must be from 2 to %d", d.Fields)
	case t == 0:
		return at(path+".type", "type must be n, z, an, ans, b or xn")
	case p.Name == "":
		return at(path, "name is missing")
	case p.Max < 1 || p.Max > 999:
		return at(path+".max", "max must be from 1 to 999")
	case p.Var != 0 && p.Var != 2 && p.Var != 3:
		return at(path+".var", "var must be 2 or 3")
	case p.Var == 2 && p.Max > 99:
		return at(path+".max", "max does not fit a two-digit length")
	case !okMask:
		return at(path+".mask", "mask must be pan, track or secret")
	case c == TimeLeft:
		return at(path+".canon", "say it beside the table: timeLeft: {field: %d}", p.N)
	case p.Canon != "" && !okCanon:
		return at(path+".canon", "%s is not a canonical field", p.Canon)
	case c != 0 && d.canon[c] != 0 && int(d.canon[c]) != p.N:
		return at(path+".canon", "%s is carried by field %d already", p.Canon, d.canon[c])
	}
	if want := c.MaskOf(); want != MaskNone && mask != want {
		return at(path, "%s must be masked", p.Canon)
	}
	if old := d.table[p.N]; old != nil && old.Canon != 0 {
		d.canon[old.Canon] = 0
	}
	code, err := codePageOf(or(p.Charset, d.Charset))
	if err != nil {
		return at(path+".charset", "%v", err)
	}
	d.table[p.N] = &Field{N: p.N, Name: p.Name, Type: t, Max: p.Max, Var: p.Var, Canon: c, Mask: mask,
		Charset: or(p.Charset, d.Charset), code: code}
	if c != 0 {
		d.canon[c] = uint8(p.N)
	}
	return nil
}

func (d *Dialect) fillMAC(f *fileDialect, own bool, at errAt) error {
	if f.MAC.Field == 0 && !own || reflect.ValueOf(f.MAC).IsZero() {
		return nil
	}
	d.MAC, d.extract = f.MAC.Field, nil
	d.Form = map[string]MACForm{"binary": MACBinary, "hex": MACHex}[f.MAC.Form]
	mf := d.Field(d.MAC)
	switch {
	case d.MAC != d.Fields || mf == nil || mf.Max != 8 || mf.Var != 0:
		return at("$.mac.field", "the MAC must be the last field, fixed, 8 long")
	case f.MAC.Cover != "mti" && f.MAC.Cover != "fields":
		return at("$.mac.cover", "cover must be mti, all bytes from the MTI up to the MAC field, or fields: the text of those that select names")
	case d.Form == 0:
		return at("$.mac.form", "form must be binary or hex")
	case d.Form == MACHex && mf.page != nil:
		return at("$.mac.form", "a hexadecimal MAC is ASCII: give its field charset: ascii")
	case f.MAC.Cover == "fields":
		return d.fillExtract(&f.MAC, at)
	case !reflect.DeepEqual(f.MAC, fileMAC{Field: f.MAC.Field, Cover: "mti", Form: f.MAC.Form}):
		return at("$.mac.cover", "select, separator, lengths, edit and keep are for cover: fields")
	}
	return nil
}
