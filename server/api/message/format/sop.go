package format

import (
	"bytes"
	"errors"
	"strconv"
)

// SOP, the format between Chinese banks' fronts and core systems of the 1990s and 2000s. Public
// text (a core vendor's rules for it) says: fixed headers (system, common, transaction), then
// data units, each one length byte and its characters; a longer value goes in segments of 250
// behind FF each, the last with its own length; bytes from FB to FE in place of a length begin a
// control command, of which only FE (printing) is used: FE, a length byte, the command.
//
// Assumed, because no full document is public: an object is a unit with its name and then its
// units in the order of the file; a table is a unit with its name, a unit with the decimal
// number of rows, and the rows' units; a value that is absent is a unit of length zero;
// commands are skipped by the receiver; in the named form each unit has a unit with its field's
// name before it, absent ones are left out, and they come in the order of the file.
type fileSOP struct {
	Units   string `yaml:"units"`   // positional (default) or named
	Segment int    `yaml:"segment"` // 250
}

const sopLong, sopCommand = 0xFF, 0xFE

type sop struct {
	named      bool
	segment    int
	head, body []*Field
}

func newSOP(f *fileSOP, head, body []*Field) (*sop, error) {
	s := &sop{named: f.Units == "named", segment: f.Segment, head: head, body: body}
	if s.segment == 0 {
		s.segment = 250
	}
	if f.Units != "" && f.Units != "named" && f.Units != "positional" || s.segment < 16 || s.segment > 250 {
		return nil, errors.New("units are positional or named, a segment is from 16 to 250 bytes")
	}
	for _, x := range body {
		if x.mac {
			return nil, errors.New("the MAC is a field of the header")
		}
		if !printable(x.object+x.Name) || len(x.object) > s.segment || len(x.Name) > s.segment {
			return nil, errors.New("a name that is not printable or longer than a segment")
		}
	}
	return s, nil
}

type sopWriter struct {
	*fixedWriter
	s *sop
}

func (w *sopWriter) unit(b []byte) {
	for len(b) > w.s.segment {
		w.b = append(append(w.b, sopLong), b[:w.s.segment]...)
		b = b[w.s.segment:]
	}
	w.b = append(append(w.b, byte(len(b))), b...)
}

func (w *sopWriter) put(f *Field, v string) error {
	if f.object != "" {
		w.unit([]byte(f.object))
	}
	var b []byte
	if v != "" {
		s, err := f.wire(v)
		if err != nil {
			return err
		}
		if b, err = f.charset.encode(s); err != nil {
			return err
		}
	}
	if w.s.named {
		if v == "" {
			return nil
		}
		w.unit([]byte(f.Name))
	}
	w.unit(b)
	return nil
}

func (w *sopWriter) count(f *Field, n int) error {
	w.unit([]byte(f.sopName()))
	w.unit(strconv.AppendInt(nil, int64(n), 10))
	return nil
}

func (f *Field) sopName() string {
	if f.object != "" {
		return f.object
	}
	return f.Name
}

func (s *sop) pack(d *Dialect, t *Transaction, sign Sign) ([]byte, error) {
	w := &sopWriter{&fixedWriter{d: d, mac: -1}, s}
	if err := d.write(w.fixedWriter, s.head, values(t), t); err != nil {
		return nil, err
	}
	if err := d.write(w, s.body, values(t), t); err != nil {
		return nil, err
	}
	return w.finish(sign)
}

type sopReader struct {
	*fixedReader
	s *sop
}

// unit reads one unit, after any commands.
func (r *sopReader) unit() ([]byte, error) {
	var long []byte
	for {
		h, err := r.take(1)
		if err != nil {
			return nil, err
		}
		switch n := int(h[0]); {
		case n == sopCommand && long == nil:
			if h, err = r.take(1); err == nil && int(h[0]) <= r.s.segment {
				_, err = r.take(int(h[0]))
			} else if err == nil {
				err = errForm
			}
			if err != nil {
				return nil, err
			}
		case n == sopLong:
			b, err := r.take(r.s.segment)
			if err != nil {
				return nil, err
			}
			long = append(long, b...)
		case n <= r.s.segment && (n > 0 || long == nil):
			b, err := r.take(n)
			if long == nil {
				return b, err
			}
			return append(long, b...), err
		default:
			return nil, errForm
		}
	}
}

// expect reads a unit that must be name; without it the place is unchanged.
func (r *sopReader) expect(name string) (bool, error) {
	at := r.at
	if at == len(r.body) {
		return false, nil
	}
	b, err := r.unit()
	if err != nil {
		return false, err
	}
	if !bytes.Equal(b, []byte(name)) {
		r.at = at
		return false, nil
	}
	return true, nil
}

func (r *sopReader) get(f *Field) (string, error) {
	if f.object != "" {
		if ok, err := r.expect(f.object); err != nil || !ok {
			return "", errors.Join(err, errors.New("its object is missing"))
		}
	}
	if r.s.named {
		if ok, err := r.expect(f.Name); err != nil || !ok {
			return "", err
		}
	}
	b, err := r.unit()
	if err != nil || len(b) == 0 {
		return "", err
	}
	u, err := f.charset.decode(b)
	if err != nil {
		return "", err
	}
	return f.value(string(u))
}

func (r *sopReader) count(f *Field) (int, error) {
	if ok, err := r.expect(f.sopName()); err != nil || !ok {
		return 0, errors.Join(err, errors.New("its table is missing"))
	}
	b, err := r.unit()
	if err != nil {
		return 0, err
	}
	return number(string(b))
}

func (s *sop) unpack(d *Dialect, body []byte) (*Transaction, Seal, error) {
	t := d.transaction()
	r := &sopReader{&fixedReader{d: d, body: body}, s}
	if err := d.read(r.fixedReader, s.head, t.store, t); err != nil {
		return nil, Seal{}, err
	}
	if err := d.read(r, s.body, t.store, t); err != nil {
		return nil, Seal{}, err
	}
	if r.at != len(body) {
		return nil, Seal{}, d.wrong(nil, "bytes after the last field")
	}
	return t, r.seal, nil
}
