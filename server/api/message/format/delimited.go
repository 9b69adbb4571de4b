package format

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

type fileDelimited struct {
	Separator string `yaml:"separator"`
	Quote     string `yaml:"quote"`  // around a value that holds a separator, doubled inside
	Escape    string `yaml:"escape"` // or: before a separator inside a value
	Header    string `yaml:"header"` // before the first field
	Trailer   string `yaml:"trailer"`
	Closed    bool   `yaml:"closed"` // a separator after the last field too
}

// delimited is text with separators. The whole message is translated to UTF-8 before it is
// cut: in GBK the second byte of a character may be a '|' or a '\'.
type delimited struct{ fileDelimited }

func newDelimited(f *fileDelimited) (*delimited, error) {
	switch {
	case f.Separator == "" || len(f.Separator) > 8:
		return nil, errors.New("separator is missing or longer than 8 bytes")
	case !utf8.ValidString(f.Separator + f.Header + f.Trailer):
		return nil, errors.New("separator, header and trailer are text")
	case f.Escape != "" && len(f.Separator) > 1:
		return nil, errors.New("escape needs a separator of one byte")
	case f.Quote != "" && f.Escape != "":
		return nil, errors.New("quote or escape, not both")
	case len(f.Quote) > 1 || len(f.Escape) > 1 || f.Quote >= "\x7f" || f.Escape >= "\x7f":
		return nil, errors.New("quote and escape are one ASCII character")
	case f.Quote != "" && strings.Contains(f.Separator, f.Quote) || f.Escape != "" && strings.Contains(f.Separator, f.Escape):
		return nil, errors.New("quote and escape cannot be in the separator")
	}
	return &delimited{*f}, nil
}

type delimitedWriter struct {
	x     *delimited
	d     *Dialect
	b     strings.Builder
	first bool
	mac   int
}

func (w *delimitedWriter) put(f *Field, v string) error {
	if !w.first {
		w.b.WriteString(w.x.Separator)
	}
	w.first = false
	if f.mac {
		w.mac = w.b.Len()
		w.b.Write(w.d.mac.placeholder())
		return nil
	}
	if v == "" {
		return nil
	}
	s, err := f.wire(v)
	if err != nil {
		return err
	}
	q, e, sep := w.x.Quote, w.x.Escape, w.x.Separator
	switch {
	case q != "" && (strings.Index(s+sep, sep) != len(s) || strings.Contains(s, q)):
		s = q + strings.ReplaceAll(s, q, q+q) + q
	case e != "" && strings.ContainsAny(s, e+sep):
		s = strings.ReplaceAll(strings.ReplaceAll(s, e, e+e), sep, e+sep)
	}
	if q == "" && e == "" && strings.Index(s+sep, sep) != len(s) {
		return errors.New("the value holds the separator")
	}
	w.b.WriteString(s)
	return nil
}

func (w *delimitedWriter) count(_ *Field, n int) error {
	if !w.first {
		w.b.WriteString(w.x.Separator)
	}
	w.first = false
	w.b.WriteString(strconv.Itoa(n))
	return nil
}

func (x *delimited) pack(d *Dialect, t *Transaction, sign Sign) ([]byte, error) {
	w := &delimitedWriter{x: x, d: d, first: true, mac: -1}
	w.b.WriteString(x.Header)
	if err := d.write(w, d.fields, values(t), t); err != nil {
		return nil, err
	}
	if x.Closed {
		w.b.WriteString(x.Separator)
	}
	w.b.WriteString(x.Trailer)
	text := []byte(w.b.String())
	if w.mac >= 0 && d.mac.after {
		return d.seal(text, w.mac+d.mac.width(), len(text), w.mac, sign)
	}
	return d.seal(text, 0, w.mac, w.mac, sign)
}

// seal computes the MAC over the covered part of a message in UTF-8, as it will be on the
// wire, puts it at mac and translates the whole.
func (d *Dialect) seal(text []byte, from, to, mac int, sign Sign) ([]byte, error) {
	if mac >= 0 {
		cover, err := d.charset.onWire(text[from:to:to])
		if err != nil {
			return nil, d.wrong(nil, err.Error())
		}
		m, err := sign(cover)
		if err != nil {
			return nil, err
		}
		wire, ok := d.mac.wire(m)
		if !ok {
			return nil, d.wrong(d.mac.field, "the MAC is too short")
		}
		copy(text[mac:], wire)
	}
	out, err := d.charset.onWire(text)
	if err != nil {
		return nil, d.wrong(nil, err.Error())
	}
	return out, nil
}

type delimitedReader struct {
	x    *delimited
	d    *Dialect
	text string // header and trailer taken off
	skip int    // bytes of the header
	at   int
	open bool // another value follows
	seal Seal
	full string
}

// next cuts off one value.
func (r *delimitedReader) next() (string, error) {
	if !r.open {
		return "", errShort
	}
	q, e, sep := r.x.Quote, r.x.Escape, r.x.Separator
	rest := r.text[r.at:]
	if q != "" && strings.HasPrefix(rest, q) {
		var b strings.Builder
		for i := 1; i < len(rest); i++ {
			if rest[i] != q[0] {
				b.WriteByte(rest[i])
				continue
			}
			if i+1 < len(rest) && rest[i+1] == q[0] {
				b.WriteByte(q[0])
				i++
				continue
			}
			return b.String(), r.close(r.at + i + 1)
		}
		return "", errors.New("a quote that does not end")
	}
	if e == "" {
		n := strings.Index(rest, sep)
		if n < 0 {
			n = len(rest)
		}
		if q != "" && strings.Contains(rest[:n], q) {
			return "", errForm
		}
		return rest[:n], r.close(r.at + n)
	}
	if n := strings.Index(rest, sep); n >= 0 && strings.IndexByte(rest[:n], e[0]) < 0 { // as nearly all are
		return rest[:n], r.close(r.at + n)
	}
	var b strings.Builder
	for i := 0; i < len(rest); {
		switch {
		case strings.HasPrefix(rest[i:], sep):
			return b.String(), r.close(r.at + i)
		case rest[i] != e[0]:
			b.WriteByte(rest[i])
			i++
		case strings.HasPrefix(rest[i+1:], e):
			b.WriteByte(e[0])
			i += 2
		case strings.HasPrefix(rest[i+1:], sep):
			b.WriteString(sep)
			i += 1 + len(sep)
		default:
			return "", errForm
		}
	}
	return b.String(), r.close(len(r.text))
}

// close steps over the separator behind a value that ends at.
func (r *delimitedReader) close(at int) error {
	if r.open = at < len(r.text); !r.open {
		r.at = at
		return nil
	}
	if !strings.HasPrefix(r.text[at:], r.x.Separator) {
		return errForm
	}
	r.at = at + len(r.x.Separator)
	return nil
}

func (r *delimitedReader) get(f *Field) (string, error) {
	at := r.skip + r.at
	s, err := r.next()
	if err != nil {
		return "", err
	}
	if f.mac {
		mac, ok := r.d.mac.parse([]byte(s))
		if !ok {
			return "", errForm
		}
		covered := r.full[:at]
		if r.d.mac.after {
			covered = r.full[at+len(s):]
		}
		cover, err := r.d.charset.encode(covered)
		r.seal = Seal{Cover: cover, MAC: mac}
		return "", err
	}
	if s == "" {
		return "", nil
	}
	return f.value(s)
}

func (r *delimitedReader) count(*Field) (int, error) {
	s, err := r.next()
	if err != nil {
		return 0, err
	}
	return number(s)
}

func (x *delimited) unpack(d *Dialect, body []byte) (*Transaction, Seal, error) {
	u, err := d.charset.decode(body)
	if err != nil {
		return nil, Seal{}, d.wrong(nil, err.Error())
	}
	if !utf8.Valid(u) || !bytes.HasPrefix(u, []byte(x.Header)) {
		return nil, Seal{}, d.wrong(nil, "its header is missing")
	}
	text, ok := strings.CutSuffix(string(u[len(x.Header):]), x.Trailer)
	if x.Closed && ok {
		text, ok = strings.CutSuffix(text, x.Separator)
	}
	if !ok {
		return nil, Seal{}, d.wrong(nil, "its trailer is missing")
	}
	t := d.transaction()
	r := &delimitedReader{x: x, d: d, text: text, skip: len(x.Header), open: true, full: string(u)}
	if err := d.read(r, d.fields, t.store, t); err != nil {
		return nil, Seal{}, err
	}
	if r.open {
		return nil, Seal{}, d.wrong(nil, "more fields than it has")
	}
	return t, r.seal, nil
}
