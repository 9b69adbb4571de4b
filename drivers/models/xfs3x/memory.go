package xfs3x

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// memory is the address space in which a service provider leaves its answers.
type memory interface {
	read(addr uint64, n int) ([]byte, error)
}

// layout is the size of a pointer, 4 or 8. The structures of XFS are packed to one byte, so
// nothing else differs between 32 and 64 bits.
type layout int

var (
	errNull = errors.New("a pointer that must not be is NULL")
	errLong = errors.New("a text or list in a service provider's answer has no end")
)

const (
	longestText = 4096
	longestList = 256
	longestData = 1 << 20
)

// cursor walks through one structure. Its first error stays, so that it is looked at once, at
// the end.
type cursor struct {
	m   memory
	l   layout
	at  uint64
	err *error
}

// walk begins at an address.
func walk(m memory, l layout, addr uint64) *cursor {
	c := &cursor{m: m, l: l, at: addr, err: new(error)}
	if addr == 0 {
		*c.err = errNull
	}
	return c
}

// there is a cursor at another place; errors are shared.
func (c *cursor) there(addr uint64) *cursor {
	if addr == 0 && *c.err == nil {
		*c.err = errNull
	}
	return &cursor{m: c.m, l: c.l, at: addr, err: c.err}
}

// bytes answers n bytes, zeros after an error.
func (c *cursor) bytes(n int) []byte {
	if *c.err == nil {
		b, err := c.m.read(c.at, n)
		if err == nil {
			c.at += uint64(n)
			return b
		}
		*c.err = err
	}
	return make([]byte, n)
}

func (c *cursor) skip(n int)  { c.at += uint64(n) }
func (c *cursor) u16() uint16 { return binary.LittleEndian.Uint16(c.bytes(2)) }
func (c *cursor) u32() uint32 { return binary.LittleEndian.Uint32(c.bytes(4)) }

func (c *cursor) ptr() uint64 {
	if c.l == 4 {
		return uint64(c.u32())
	}
	return binary.LittleEndian.Uint64(c.bytes(8))
}

// text follows an LPSTR; NULL is the empty text.
func (c *cursor) text() string {
	p := c.ptr()
	if p == 0 || *c.err != nil {
		return ""
	}
	var out []byte
	for t := c.there(p); len(out) < longestText; {
		// Pieces end at multiples of 64, so that none reaches into a page that is not there.
		b := t.bytes(int(64 - t.at%64))
		if *c.err != nil {
			return ""
		}
		if i := bytes.IndexByte(b, 0); i >= 0 {
			return string(append(out, b[:i]...))
		}
		out = append(out, b...)
	}
	*c.err = errLong
	return ""
}

// data is a block of n bytes behind a pointer.
func (c *cursor) data(n uint32, p uint64) []byte {
	switch {
	case n == 0 || *c.err != nil:
		return nil
	case n > longestData:
		*c.err = errLong
		return nil
	}
	return c.there(p).bytes(int(n))
}

// list follows an array of pointers that NULL ends.
func (c *cursor) list(p uint64) (out []uint64) {
	if p == 0 {
		return nil
	}
	t := c.there(p)
	for len(out) < longestList {
		e := t.ptr()
		if e == 0 || *c.err != nil {
			return out
		}
		out = append(out, e)
	}
	*c.err = errLong
	return nil
}

// block is the image of a request: one piece of memory with pointers into itself.
type block struct {
	l   layout
	b   []byte
	fix []int // where pointers are; they count from the block's begin until locate
}

func (k *block) u8(v byte)    { k.b = append(k.b, v) }
func (k *block) u16(v uint16) { k.b = binary.LittleEndian.AppendUint16(k.b, v) }
func (k *block) u32(v uint32) { k.b = binary.LittleEndian.AppendUint32(k.b, v) }

func (k *block) flag(v bool) {
	if v {
		k.u32(1)
		return
	}
	k.u32(0)
}

// ptr leaves room for a pointer, NULL until point is called.
func (k *block) ptr() (slot int) {
	slot = len(k.b)
	k.b = append(k.b, make([]byte, k.l)...)
	return slot
}

// point lets a pointer lead to what is written next.
func (k *block) point(slot int) {
	k.set(slot, uint64(len(k.b)))
	k.fix = append(k.fix, slot)
}

func (k *block) set(slot int, v uint64) {
	if k.l == 4 {
		binary.LittleEndian.PutUint32(k.b[slot:], uint32(v))
		return
	}
	binary.LittleEndian.PutUint64(k.b[slot:], v)
}

// text writes a text behind a pointer; an empty one stays NULL.
func (k *block) text(slot int, s string) {
	if s != "" {
		k.point(slot)
		k.b = append(append(k.b, s...), 0)
	}
}

// data writes bytes behind a pointer; none stay NULL.
func (k *block) data(slot int, b []byte) {
	if len(b) > 0 {
		k.point(slot)
		k.b = append(k.b, b...)
	}
}

// xdata writes a WFSXDATA (length and bytes) behind a pointer; no bytes stay NULL.
func (k *block) xdata(slot int, b []byte) {
	if len(b) == 0 {
		return
	}
	k.point(slot)
	k.u16(uint16(len(b)))
	k.data(k.ptr(), b)
}

// locate makes the pointers those of a block that begins at base.
func (k *block) locate(base uint64) {
	for _, slot := range k.fix {
		var at uint64
		if k.l == 4 {
			at = uint64(binary.LittleEndian.Uint32(k.b[slot:]))
		} else {
			at = binary.LittleEndian.Uint64(k.b[slot:])
		}
		k.set(slot, base+at)
	}
	k.fix = nil
}
