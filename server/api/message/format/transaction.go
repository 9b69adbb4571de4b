package format

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"zhigui/server/api/message"
)

// Transaction is one canonical transaction, whichever dialect carries it. Values are keyed
// by canonical name (message.Canon) or, where the canonical transaction has no such field,
// by the name the dialect file gives. Text is UTF-8, numbers are digits, bytes are bytes.
type Transaction struct {
	Type   string                         `json:"type"`   // message type, four digits as in 8583: 0200, 0210, …
	Values map[string]string              `json:"values"` // never the MAC, which belongs to the bytes of one message
	Lists  map[string][]map[string]string `json:"lists"`  // repeating groups, for instance statement lines
}

// NewTransaction returns an empty transaction of a type.
func NewTransaction(mti string) *Transaction {
	return &Transaction{Type: mti, Values: map[string]string{}, Lists: map[string][]map[string]string{}}
}

// FromMessage makes the canonical transaction of an 8583 message.
func FromMessage(m *message.Message) (*Transaction, error) {
	d := m.Dialect()
	t := &Transaction{Type: m.MTI(), Values: make(map[string]string, m.Len()), Lists: map[string][]map[string]string{}}
	for n := 2; n <= d.Fields; n++ {
		f := d.Field(n)
		if !m.Has(n) || n == d.MAC || m.CarriesTimeLeft(n) {
			continue
		}
		v := m.Get(n)
		if f.Type == message.TypeAN || f.Type == message.TypeANS {
			if f.Var == 0 {
				v = bytes.TrimRight(v, " ")
			}
			var err error
			if v, err = wide(f.Charset).decode(v); err != nil {
				return nil, &message.FieldError{Dialect: d.Name, Field: n, Reason: err.Error()}
			}
		}
		t.Values[nameOf(f)] = string(v)
	}
	if left, ok, err := m.TimeLeft(); err != nil {
		t.Values[message.TimeLeft.String()] = "?" // whoever asks for it learns that it was none
	} else if ok {
		t.Values[message.TimeLeft.String()] = fmt.Sprintf("%06d", left.Milliseconds()) // as many digits as fixed structures want
	}
	return t, nil
}

// ToMessage puts those fields of t into m that m's dialect has, and its type.
func ToMessage(t *Transaction, m *message.Message) error {
	d := m.Dialect()
	m.Reset(d)
	if err := m.SetMTI(t.Type); err != nil {
		return err
	}
	for n := 2; n <= d.Fields; n++ {
		f := d.Field(n)
		if f == nil || n == d.MAC {
			continue
		}
		v, ok := t.Values[nameOf(f)]
		if !ok {
			continue
		}
		if (f.Type == message.TypeAN || f.Type == message.TypeANS) && !plain(v) {
			b, err := wide(f.Charset).encode(v)
			if err != nil {
				return &message.FieldError{Dialect: d.Name, Field: n, Reason: err.Error()}
			}
			v = string(b)
		}
		if err := m.SetString(n, v); err != nil {
			return err
		}
	}
	if v := t.Values[message.TimeLeft.String()]; v != "" {
		m.PutTimeLeft(v)
	}
	return nil
}

// wide is the character set of an 8583 text: what is not several bytes a character was
// translated by the codec already. A dialect that names none has GB18030, as UnionPay does.
func wide(charset string) charsetOf {
	switch charset {
	case "gbk", "utf-8":
		return charsets[charset]
	case "":
		return charsets["gb18030"]
	case "gb18030":
		return charsets[charset]
	}
	return charsets["ascii"]
}

func nameOf(f *message.Field) string {
	if f.Canon != message.CanonNone {
		return f.Canon.String()
	}
	return f.Name
}

// names returns the sorted names of t's values, for errors and tests.
func (t *Transaction) names() []string { return slices.Sorted(maps.Keys(t.Values)) }

// printable tells whether v is text that any character set and any printer can take.
func printable(v string) bool {
	at := 0
	for at < len(v) && v[at] >= 0x20 && v[at] < 0x7f {
		at++
	}
	if v = v[at:]; v == "" {
		return true
	}
	if !utf8.ValidString(v) {
		return false
	}
	for _, r := range v {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == utf8.RuneError || r >= 0xD800 && r < 0xE000 || r&0xFFFE == 0xFFFE {
			return false
		}
	}
	return true
}
