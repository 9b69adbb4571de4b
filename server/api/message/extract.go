package message

import (
	"slices"
	"strconv"
	"strings"
)

// extract is what a MAC over chosen fields covers: a text of their values, as UnionPay's members have it
// (MAB, Q/CUP 006) and as ANSI X9.9 has it for extracted elements, edited (option 5) or not (option 3).
type extract struct {
	lists     []extractList // the first that fits a message; the last fits all
	separator string
	lengths   bool      // a value of variable length stands behind the digits of its length
	edit      [256]byte // a character as it stands in the text, 0 for one that is left out
	edited    bool      // and no space before, behind or beside another
}

type extractList struct {
	mti    string // how the type begins
	fields []int  // 0 is the MTI
	first  map[int]int
}

func (x *extract) list(m *Message) *extractList {
	return &x.lists[slices.IndexFunc(x.lists, func(l extractList) bool { return strings.HasPrefix(string(m.mti[:]), l.mti) })]
}

// has are the chosen fields that m has.
func (x *extract) has(m *Message) (out []int) {
	for _, n := range x.list(m).fields {
		if n == 0 || m.Has(n) {
			out = append(out, n)
		}
	}
	return out
}

// append appends the text of m to dst. Fields that m does not have are left out.
func (x *extract) append(dst []byte, m *Message) []byte {
	list, from := x.list(m), len(dst)
	for _, n := range list.fields {
		v, width := m.mti[:], 0
		if n != 0 {
			if !m.Has(n) {
				continue
			}
			v, width = m.Get(n), m.d.table[n].Var
		}
		if most, ok := list.first[n]; ok {
			v = v[:min(most, len(v))]
		}
		before := len(dst)
		if before > from {
			dst = append(dst, x.separator...)
		}
		element := len(dst)
		if x.lengths && width > 0 {
			for unit := pow10(width - 1); unit > 0; unit /= 10 {
				dst = append(dst, byte('0'+len(v)/unit%10))
			}
		}
		if dst = x.value(dst, v); len(dst) == element {
			dst = dst[:before]
		}
	}
	return dst
}

// value appends v as the text has it.
func (x *extract) value(dst, v []byte) []byte {
	if !x.edited {
		return append(dst, v...)
	}
	at := len(dst)
	for _, c := range v {
		c = x.edit[c]
		if c == 0 || c == ' ' && (len(dst) == at || dst[len(dst)-1] == ' ') {
			continue
		}
		dst = append(dst, c)
	}
	if len(dst) > at && dst[len(dst)-1] == ' ' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

func pow10(n int) int {
	v := 1
	for range n {
		v *= 10
	}
	return v
}

type fileExtract struct {
	MTI    string      `yaml:"mti"`
	Fields []int       `yaml:"fields"`
	First  map[int]int `yaml:"first"`
}

// fillExtract reads what a MAC over chosen fields covers.
func (d *Dialect) fillExtract(f *fileMAC, at errAt) error {
	if len(f.Select) == 0 {
		return at("$.mac", "cover: fields wants select: lists of fields, each for the message types that begin with its mti")
	}
	x := &extract{separator: " ", lengths: f.Lengths, edited: f.Edit}
	if f.Separator != nil {
		x.separator = *f.Separator
	}
	if f.Keep != "" && !f.Edit {
		return at("$.mac.keep", "keep is for an edited text: say edit: true")
	}
	for c := range byte(128) {
		switch {
		case c >= 'a' && c <= 'z':
			x.edit[c] = c - 'a' + 'A'
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == ' ', strings.IndexByte(f.Keep, c) >= 0:
			x.edit[c] = c
		}
	}
	for i, s := range f.Select {
		here := "$.mac.select[" + strconv.Itoa(i) + "]"
		switch last := i == len(f.Select)-1; {
		case last != (s.MTI == ""):
			return at(here, "the last list has no mti, as it is for all other messages, and only the last")
		case len(s.MTI) > 4 || !digits([]byte(s.MTI)):
			return at(here+".mti", "mti is how the message type begins: one to four digits")
		case len(s.Fields) == 0:
			return at(here, "fields is missing")
		}
		for j, n := range s.Fields {
			field := d.Field(n)
			switch here := here + ".fields[" + strconv.Itoa(j) + "]"; {
			case slices.Contains(s.Fields[:j], n):
				return at(here, "field %d is there twice", n)
			case n == 0:
			case field == nil || n == d.MAC:
				return at(here, "there is no field %d that a MAC could cover", n)
			case field.Type == TypeB:
				return at(here, "field %d is bytes: only text can be chosen", n)
			}
		}
		if c := d.unprotected(s); c != "" {
			return at(here+".fields", "%s has to be there: without it under the MAC anybody could change it on its way", c)
		}
		for n, most := range s.First {
			if !slices.Contains(s.Fields, n) || most < 1 {
				return at(here+".first", "first is how many characters of a field of the list are taken: 1 and more")
			}
		}
		x.lists = append(x.lists, extractList{mti: s.MTI, fields: s.Fields, first: s.First})
	}
	d.extract = x
	return nil
}

// unprotected names what a list leaves out although money or its way hangs on it; network management has less of that.
func (d *Dialect) unprotected(s fileExtract) string {
	must := []Canon{STAN, Response, Terminal, Amount}
	if strings.HasPrefix(s.MTI, "08") {
		must = must[:2]
	}
	if !slices.Contains(s.Fields, 0) {
		return "field 0, the message type,"
	}
	for _, c := range must {
		if n := d.Number(c); n != 0 && !slices.Contains(s.Fields, n) {
			return "field " + strconv.Itoa(n) + ", " + c.String() + ","
		}
	}
	return ""
}

// ChoosesFields tells whether the MAC covers the text of some fields only, not the whole message.
func (d *Dialect) ChoosesFields() bool { return d.extract != nil }
