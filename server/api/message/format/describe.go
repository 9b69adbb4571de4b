package format

import (
	"fmt"
	"strings"

	"zhigui/server/api/message"
)

// Print unpacks a message, with or without its frame, and prints it for people, masked.
func (d *Dialect) Print(raw []byte) (string, error) {
	body, framed := d.Frame.Strip(raw)
	if framed {
		if s, err := d.print(body); err == nil {
			return s, nil
		}
	}
	s, err := d.print(raw)
	if err != nil && framed { // the error of the message, not of its frame read as a message
		return d.print(body)
	}
	return s, err
}

func (d *Dialect) print(body []byte) (string, error) {
	if e, ok := d.codec.(*iso); ok { // by its numbers, and whatever its text is encoded in
		m := message.New(e.d)
		if err := m.Unpack(e.d, body); err != nil {
			return "", err
		}
		return m.Describe(), nil
	}
	t, seal, err := d.Unpack(body)
	if err != nil {
		return "", err
	}
	s := d.Describe(t)
	if seal.MAC != nil {
		s += fmt.Sprintf("%-14s %d bytes, over %d bytes\n", d.mac.field.Name, len(seal.MAC), len(seal.Cover))
	}
	return s, nil
}

// Describe prints t for people as dialect d names and orders it, everything secret masked.
// There is no unmasked form.
func (d *Dialect) Describe(t *Transaction) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", d.Name, t.Type)
	d.describe(&b, "", d.fields, t.Values, t.Lists)
	return b.String()
}

func (d *Dialect) describe(b *strings.Builder, indent string, fields []*Field, vals map[string]string, lists map[string][]map[string]string) {
	for _, f := range fields {
		if f.Rows != nil {
			for i, row := range lists[f.key] {
				fmt.Fprintf(b, "%s%s %d\n", indent, f.key, i+1)
				d.describe(b, indent+"  ", f.Rows, row, nil)
			}
			continue
		}
		if v, ok := vals[f.key]; ok && f.key != typeKey {
			fmt.Fprintf(b, "%s%-14s %s\n", indent, f.key, f.Mask.Show(f.Type, []byte(v)))
		}
	}
}
