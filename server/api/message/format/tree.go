package format

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Limits of XML and JSON messages; a dialect's frame limits their length.
const (
	maxDepth = 16
	maxNodes = 20000
)

type fileTree struct {
	Declaration bool   `yaml:"declaration"` // XML: begin with <?xml … encoding=…?>
	Unknown     string `yaml:"unknown"`     // nodes no field names: ignore (default) or refuse
}

// node is an element, an attribute (its name begins with @) or a member of an object.
type node struct {
	name     string
	text     string
	first    *node // its children, one behind another by next
	last     *node
	next     *node
	leaf     bool // it has text; a JSON null is a leaf without
	number   bool // JSON: without quotes
	rows     bool // JSON: an array of kids
	used     bool
	from, to int // in the message in UTF-8
	textAt   int
}

func (n *node) add(k *node) *node {
	if n.first == nil {
		n.first = k
	} else {
		n.last.next = k
	}
	n.last = k
	return k
}

// slab makes the nodes of one message, many at a time. After release its nodes belong to another
// message.
type slab struct {
	first [48]node
	used  int
	more  []node
}

var slabs = sync.Pool{New: func() any { return &slab{} }}

func newSlab() *slab { return slabs.Get().(*slab) }

func (s *slab) release() {
	clear(s.first[:s.used])
	s.used, s.more = 0, nil
	slabs.Put(s)
}

func (s *slab) node(name string) (n *node) {
	switch {
	case s.used < len(s.first):
		n = &s.first[s.used]
		s.used++
	default:
		if len(s.more) == 0 {
			s.more = make([]node, len(s.first))
		}
		n, s.more = &s.more[0], s.more[1:]
	}
	n.name = name
	return n
}

// syntax writes and reads nodes in UTF-8. Writing sets from, to and textAt.
type syntax interface {
	write(root *node) []byte
	read(text string, mem *slab) (*node, error)
}

// tree is XML or JSON: fields are named by paths from the root.
type tree struct {
	syntax
	refuse bool
}

func newTree(s syntax, f *fileTree, d *Dialect) (*tree, error) {
	if f.Unknown != "" && f.Unknown != "ignore" && f.Unknown != "refuse" {
		return nil, errors.New("unknown must be ignore or refuse")
	}
	_, isXML := s.(xmlSyntax)
	if err := checkPaths(d.fields, isXML, "table"); err != nil {
		return nil, err
	}
	covered := d.mac == nil
	for i, x := range d.fields {
		if isXML && (len(x.path) < 2 || x.path[0] != d.fields[0].path[0]) {
			return nil, pathError("table", i, "all paths begin with the root element and go on: "+strings.Join(x.path, "/"))
		}
		if x.Rows != nil {
			if err := checkPaths(x.Rows, isXML, fmt.Sprintf("table[%d].rows", i)); err != nil {
				return nil, err
			}
		}
		if !covered && len(x.path) >= len(d.mac.path) && slices.Equal(x.path[:len(d.mac.path)], d.mac.path) {
			covered = len(x.path) > len(d.mac.path) && x.path[len(d.mac.path)] != "."
		}
	}
	if !covered {
		return nil, &placed{"mac.cover", "the MAC covers a node with fields in it"}
	}
	return &tree{s, f.Unknown == "refuse"}, nil
}

// placed is an error at a place of the file.
type placed struct{ path, text string }

func (p *placed) Error() string { return p.text }

func pathError(where string, field int, text string) error {
	return &placed{fmt.Sprintf("%s[%d].path", where, field), text}
}

// checkPaths refuses names that cannot be written, two fields in one place, and a field
// inside another.
func checkPaths(fields []*Field, isXML bool, where string) error {
	seen := map[string]bool{}
	for n, x := range fields {
		key := strings.TrimSuffix("/"+strings.Join(x.path, "/"), "/.")
		if seen[key] {
			return pathError(where, n, "two fields at "+key)
		}
		seen[key] = true
		for i, p := range x.path {
			attribute := isXML && p[0] == '@'
			if p != "." && !printable(p) || isXML && p != "." && !xmlName(strings.TrimPrefix(p, "@")) ||
				(attribute || p == ".") && (i < len(x.path)-1 || x.Rows != nil) {
				return pathError(where, n, "not a name, or an attribute in the middle: "+key)
			}
		}
	}
	for n, x := range fields {
		key := ""
		for _, p := range x.path {
			if seen[key] && p != "." && !(isXML && p[0] == '@') {
				return pathError(where, n, "a field inside another at "+strings.Join(x.path, "/"))
			}
			key += "/" + p
		}
	}
	return nil
}

// child finds or makes the child of that name, the last of several.
func (n *node) child(name string, mem *slab) *node {
	var got *node
	for k := n.first; k != nil && !n.rows; k = k.next {
		if k.name == name {
			got = k
		}
	}
	if got == nil {
		got = n.add(mem.node(name))
	}
	return got
}

func (n *node) descend(path []string, mem *slab) *node {
	for _, p := range path {
		if p == "." {
			break
		}
		n = n.child(p, mem)
	}
	return n
}

func (x *tree) pack(d *Dialect, t *Transaction, sign Sign) ([]byte, error) {
	mem := newSlab()
	defer mem.release()
	top := mem.node("")
	get := values(t)
	var mac *node
	for _, f := range d.fields {
		if f.Rows == nil {
			n, err := x.set(d, top, f, get, mem)
			if err != nil {
				return nil, err
			}
			if f.mac {
				mac = n
			}
			continue
		}
		rows := t.Lists[f.key]
		if len(rows) > f.maxRows {
			return nil, d.wrong(f, "too many rows")
		}
		if err := x.setRows(d, top, f, rows, mem); err != nil {
			return nil, err
		}
	}
	var cover *node
	if d.mac != nil {
		cover = top.descend(d.mac.path, mem)
	}
	text := x.write(top)
	if mac == nil {
		return d.seal(text, 0, 0, -1, sign)
	}
	return d.seal(text, cover.from, cover.to, mac.textAt, sign)
}

func (x *tree) set(d *Dialect, top *node, f *Field, get func(string) (string, bool), mem *slab) (*node, error) {
	v, err := d.valueOf(f, get)
	if err != nil || v == "" && !f.mac {
		return nil, err
	}
	s := ""
	if f.mac {
		s = string(d.mac.placeholder())
	} else if s, err = f.wire(v); err != nil {
		return nil, d.wrong(f, err.Error())
	}
	n := top.descend(f.path, mem)
	n.text, n.leaf, n.number = s, true, f.as == "number"
	return n, nil
}

func (x *tree) setRows(d *Dialect, top *node, f *Field, rows []map[string]string, mem *slab) error {
	_, isXML := x.syntax.(xmlSyntax)
	parent, last := top.descend(f.path[:len(f.path)-1], mem), f.path[len(f.path)-1]
	if !isXML {
		if len(rows) == 0 {
			return nil
		}
		parent = parent.child(last, mem)
		parent.rows, last = true, ""
	}
	for _, row := range rows {
		n := parent.add(mem.node(last))
		for _, c := range f.Rows {
			if _, err := x.set(d, n, c, func(k string) (string, bool) { v, ok := row[k]; return v, ok }, mem); err != nil {
				return err
			}
		}
	}
	return nil
}

// find returns the one node at path, nil without; two are refused.
func (n *node) find(path []string) (*node, error) {
	for _, p := range path {
		if p == "." {
			break
		}
		var got *node
		for k := n.first; k != nil && !n.rows; k = k.next {
			if k.name == p {
				if got != nil {
					return nil, errors.New("there twice")
				}
				got = k
			}
		}
		if got == nil {
			return nil, nil
		}
		n = got
	}
	return n, nil
}

func (x *tree) unpack(d *Dialect, body []byte) (*Transaction, Seal, error) {
	wire, err := d.charset.decode(body)
	if err != nil {
		return nil, Seal{}, d.wrong(nil, err.Error())
	}
	text := string(wire)
	mem := newSlab()
	defer mem.release()
	top, err := x.read(text, mem)
	if err != nil {
		return nil, Seal{}, d.wrong(nil, err.Error())
	}
	t, seal := d.transaction(), Seal{}
	for _, f := range d.fields {
		switch {
		case f.Rows != nil:
			err = x.takeRows(d, top, f, t)
		case f.mac:
			seal, err = x.sealOf(d, top, f, text)
		default:
			err = x.take(d, top, f, t.store)
		}
		if err != nil {
			return nil, Seal{}, err
		}
	}
	if x.refuse {
		if n := top.unused(); n != nil {
			return nil, Seal{}, d.wrong(nil, "a node that no field names")
		}
	}
	return t, seal, nil
}

func (n *node) unused() *node {
	if n.leaf && !n.used && n.first == nil {
		return n
	}
	for k := n.first; k != nil; k = k.next {
		if u := k.unused(); u != nil {
			return u
		}
	}
	return nil
}

func (x *tree) take(d *Dialect, top *node, f *Field, store func(k, v string)) error {
	n, err := top.find(f.path)
	if err != nil {
		return d.wrong(f, err.Error())
	}
	v := ""
	if n != nil {
		_, isXML := x.syntax.(xmlSyntax)
		switch {
		case !n.leaf:
			return d.wrong(f, "not a single value")
		case !isXML && n.text != "" && n.number != (f.as == "number"):
			return d.wrong(f, "a number for a string, or a string for a number")
		}
		n.used = true
		if n.text != "" {
			if v, err = f.value(n.text); err != nil {
				return d.wrong(f, err.Error())
			}
		}
	}
	return d.take(f, v, store)
}

func (x *tree) takeRows(d *Dialect, top *node, f *Field, t *Transaction) error {
	_, isXML := x.syntax.(xmlSyntax)
	path, last := f.path, ""
	if isXML {
		path, last = f.path[:len(f.path)-1], f.path[len(f.path)-1]
	}
	parent, err := top.find(path)
	if err != nil {
		return d.wrong(f, err.Error())
	}
	if parent == nil || !isXML && parent.leaf && parent.text == "" {
		return nil
	}
	if !isXML && !parent.rows {
		return d.wrong(f, "not an array")
	}
	for k := parent.first; k != nil; k = k.next {
		if k.name != last {
			continue
		}
		if len(t.Lists[f.key]) >= f.maxRows {
			return d.wrong(f, "too many rows")
		}
		k.used = true // a row may be empty
		row := map[string]string{}
		for _, c := range f.Rows {
			if err := x.take(d, k, c, func(key, v string) { row[key] = v }); err != nil {
				return err
			}
		}
		t.Lists[f.key] = append(t.Lists[f.key], row)
	}
	return nil
}

func (x *tree) sealOf(d *Dialect, top *node, f *Field, text string) (Seal, error) {
	n, err := top.find(f.path)
	if err != nil || n == nil || !n.leaf {
		return Seal{}, d.wrong(f, "missing")
	}
	n.used = true
	cover, err := top.find(d.mac.path)
	if _, isXML := x.syntax.(xmlSyntax); err != nil || cover == nil || cover.leaf && !isXML {
		return Seal{}, d.wrong(f, "what it covers is missing")
	}
	mac, ok := d.mac.parse([]byte(n.text))
	if !ok {
		return Seal{}, d.wrong(f, errForm.Error())
	}
	wire, err := d.charset.encode(text[cover.from:cover.to])
	if err != nil {
		return Seal{}, d.wrong(f, err.Error())
	}
	return Seal{Cover: slices.Clip(wire), MAC: mac}, nil
}
