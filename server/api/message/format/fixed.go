package format

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var errShort = errors.New("cut short")

// fixed is a fixed structure (结构体): fields of fixed length one behind another, as a C
// program lays them out; groups have the number of their rows before them.
type fixed struct{}

type fixedWriter struct {
	d      *Dialect
	b      []byte
	total  *Field
	totals int // where the total length goes
	mac    int // where the MAC goes, -1 without
}

func (w *fixedWriter) put(f *Field, v string) error {
	switch {
	case f.as == "filler":
		w.b = append(w.b, bytes.Repeat(f.pad, f.len)...)
	case f.mac:
		w.mac = len(w.b)
		w.b = append(w.b, w.d.mac.placeholder()...)
	case f.total:
		w.total, w.totals = f, len(w.b)
		w.b = append(w.b, make([]byte, f.len)...)
	case f.countLen > 0:
		return w.counted(f, v)
	default:
		if f.straight(v) || v == "" && f.as == "text" {
			w.b = f.appendStraight(w.b, v)
			return nil
		}
		b, err := f.bytes(v)
		if err != nil {
			return err
		}
		w.b = append(w.b, b...)
	}
	return nil
}

// counted writes a text behind the number of its bytes.
func (w *fixedWriter) counted(f *Field, v string) error {
	b, err := f.counted(v)
	if err == nil {
		err = w.count(f, len(b))
	}
	w.b = append(w.b, b...)
	return err
}

func (w *fixedWriter) count(f *Field, n int) error {
	s := fmt.Sprintf("%0*d", f.countLen, n)
	b, err := w.d.charset.encode(s)
	if err != nil || len(s) > f.countLen {
		return errors.New("the count does not fit")
	}
	w.b = append(w.b, b...)
	return nil
}

// finish fills in the total length and the MAC, which covers all bytes before or after it.
func (w *fixedWriter) finish(sign Sign) ([]byte, error) {
	if f := w.total; f != nil {
		b, err := f.bytes(f.lengthText(len(w.b)))
		if err != nil {
			return nil, w.d.wrong(f, "the total length does not fit")
		}
		copy(w.b[w.totals:], b)
	}
	if w.mac < 0 {
		return w.b, nil
	}
	cover := w.b[:w.mac]
	if w.d.mac.after {
		cover = w.b[w.mac+w.d.mac.width():]
	}
	mac, err := sign(cover)
	if err != nil {
		return nil, err
	}
	wire, ok := w.d.mac.wire(mac)
	if !ok {
		return nil, w.d.wrong(w.d.mac.field, "the MAC is too short")
	}
	copy(w.b[w.mac:], wire)
	return w.b, nil
}

func (f *Field) lengthText(n int) string {
	s := strconv.Itoa(n)
	if f.Exact {
		s = strings.Repeat("0", max(0, f.Max-len(s))) + s
	}
	return s
}

func (fixed) pack(d *Dialect, t *Transaction, sign Sign) ([]byte, error) {
	w := &fixedWriter{d: d, mac: -1, b: make([]byte, 0, 512)}
	if err := d.write(w, d.fields, values(t), t); err != nil {
		return nil, err
	}
	return w.finish(sign)
}

type fixedReader struct {
	d    *Dialect
	body []byte
	at   int
	seal Seal
}

func (r *fixedReader) take(n int) ([]byte, error) {
	if len(r.body)-r.at < n {
		return nil, errShort
	}
	r.at += n
	return r.body[r.at-n : r.at], nil
}

func (r *fixedReader) get(f *Field) (string, error) {
	if f.countLen > 0 {
		return r.counted(f)
	}
	at := r.at
	n := f.len
	if f.mac {
		n = r.d.mac.width()
	}
	b, err := r.take(n)
	if err != nil || f.as == "filler" {
		return "", err
	}
	if f.mac {
		mac, ok := r.d.mac.parse(b)
		if !ok {
			return "", errForm
		}
		if r.seal = (Seal{Cover: r.body[:at], MAC: mac}); r.d.mac.after {
			r.seal.Cover = r.body[r.at:]
		}
		return "", nil
	}
	if f.as == "text" && !f.total {
		if allAre(b, f.blank()) {
			return "", nil
		}
		if v := f.trimmed(b); f.straight(v) {
			return v, nil
		}
	}
	v, err := f.unbytes(b)
	if err == nil && f.total && v != f.lengthText(len(r.body)) {
		return "", errors.New("not the length of the message")
	}
	if err != nil {
		return "", err
	}
	if raw, err := f.rawBytes(v); err != nil || !bytes.Equal(raw, b) { // what could not be sent is not taken
		if _, err := f.bytes(v); err != nil {
			return "", err
		}
	}
	return v, nil
}

// counted reads a text behind the number of its bytes. What could not be sent is not taken.
func (r *fixedReader) counted(f *Field) (string, error) {
	n, err := r.count(f)
	if err != nil || n == 0 {
		return "", err
	}
	if n > f.len {
		return "", errClass
	}
	b, err := r.take(n)
	if err != nil {
		return "", err
	}
	u, err := f.charset.decode(b)
	if err != nil {
		return "", err
	}
	v, err := f.value(string(u))
	if err != nil {
		return "", err
	}
	if again, err := f.counted(v); err != nil || !bytes.Equal(again, b) {
		return "", errForm
	}
	return v, nil
}

func (r *fixedReader) count(f *Field) (int, error) {
	b, err := r.take(f.countLen)
	if err != nil {
		return 0, err
	}
	s, err := r.d.charset.decode(b)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, errForm
		}
		n = n*10 + int(c-'0')
	}
	return n, nil
}

func (fixed) unpack(d *Dialect, body []byte) (*Transaction, Seal, error) {
	t := d.transaction()
	r := &fixedReader{d: d, body: body}
	if err := d.read(r, d.fields, t.store, t); err != nil {
		return nil, Seal{}, err
	}
	if r.at != len(body) {
		return nil, Seal{}, d.wrong(nil, "bytes after the last field")
	}
	return t, r.seal, nil
}
