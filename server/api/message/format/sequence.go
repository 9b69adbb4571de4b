package format

import "strconv"

// A sequence is a format whose fields come one behind another: a fixed structure, delimited
// text, SOP.
type writer interface {
	put(f *Field, v string) error // "" is no value
	count(f *Field, n int) error  // before the rows of a group
}

type reader interface {
	get(f *Field) (string, error)
	count(f *Field) (int, error)
}

func (d *Dialect) write(w writer, fields []*Field, get func(string) (string, bool), t *Transaction) error {
	for _, f := range fields {
		if f.Rows != nil {
			rows := t.Lists[f.key]
			if len(rows) > f.maxRows {
				return d.wrong(f, "too many rows")
			}
			if err := w.count(f, len(rows)); err != nil {
				return d.wrong(f, err.Error())
			}
			for _, row := range rows {
				if err := d.write(w, f.Rows, func(k string) (string, bool) { v, ok := row[k]; return v, ok }, nil); err != nil {
					return err
				}
			}
			continue
		}
		v, err := d.valueOf(f, get)
		if err != nil {
			return err
		}
		if err := w.put(f, v); err != nil {
			return d.wrong(f, err.Error())
		}
	}
	return nil
}

func (d *Dialect) valueOf(f *Field, get func(string) (string, bool)) (string, error) {
	if f.isFixed || f.mac || f.total {
		return f.fixed, nil
	}
	v, _ := get(f.key)
	if v == "" && f.required {
		return "", d.wrong(f, "missing")
	}
	return v, nil
}

func (d *Dialect) read(r reader, fields []*Field, store func(key, v string), t *Transaction) error {
	for _, f := range fields {
		if f.Rows != nil {
			n, err := r.count(f)
			if err != nil {
				return d.wrong(f, err.Error())
			}
			if n < 0 || n > f.maxRows {
				return d.wrong(f, "too many rows")
			}
			for range n {
				row := map[string]string{}
				if err := d.read(r, f.Rows, func(k, v string) { row[k] = v }, nil); err != nil {
					return err
				}
				t.Lists[f.key] = append(t.Lists[f.key], row)
			}
			continue
		}
		v, err := r.get(f)
		if err != nil {
			return d.wrong(f, err.Error())
		}
		if err := d.take(f, v, store); err != nil {
			return err
		}
	}
	return nil
}

// take stores an unpacked value unless it is one that the file fixes.
func (d *Dialect) take(f *Field, v string, store func(key, v string)) error {
	switch {
	case f.as == "filler" || f.mac || f.total:
	case f.isFixed:
		if v != f.fixed {
			return d.wrong(f, "not the value it always has")
		}
	case v != "":
		store(f.key, v)
	case f.required:
		return d.wrong(f, "missing")
	}
	return nil
}

// number reads the decimal digits of a count.
func number(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || strconv.Itoa(n) != s {
		return 0, errForm
	}
	return n, nil
}
