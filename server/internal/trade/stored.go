package trade

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"zhigui/server/api/message"
	"zhigui/server/internal/store"
)

// sensitive are the fields that are never stored, not even sealed: tracks, PIN data, chip
// data; and F62 of a request, which may carry a PIN block.
var sensitive = []int{35, 36, 45, 52, 53, 55}

func aadOf(id int64, what string) []byte { return fmt.Appendf(nil, "%s %d", what, id) }

// stored packs the terminal's and the host's request for the journal, without what must not
// be kept.
func (z *Channel) stored(w *work) ([]byte, error) {
	in := w.tmp
	in.Reset(z.d)
	_ = in.SetMTI(w.in.MTI())
	for n := 2; n < 64; n++ {
		if w.in.Has(n) && n != 62 && !contains(sensitive, n) {
			_ = in.Set(n, w.in.Get(n))
		}
	}
	var err error
	w.blob = w.blob[:0]
	track2, has := w.out.Get(35), w.out.Has(35)
	for _, n := range sensitive {
		w.out.Unset(n)
	}
	w.blob, err = packPair(w.blob, in, w.out)
	if has {
		err = errors.Join(err, w.out.Set(35, track2))
	}
	for _, c := range []message.Canon{message.Track3, message.Chip} {
		if v := w.in.Value(c); v != nil {
			err = errors.Join(err, w.out.Put(c, v))
		}
	}
	return w.blob, err
}

func contains(a []int, n int) bool {
	for _, v := range a {
		if v == n {
			return true
		}
	}
	return false
}

// packPair writes two messages, each after its length of two bytes.
func packPair(dst []byte, a, b *message.Message) ([]byte, error) {
	for _, m := range [2]*message.Message{a, b} {
		at := len(dst)
		dst = append(dst, 0, 0)
		var err error
		if dst, _, err = m.Pack(dst); err != nil {
			return dst, err
		}
		binary.BigEndian.PutUint16(dst[at:], uint16(len(dst)-at-2))
	}
	return dst, nil
}

// unpackPair is the inverse of packPair.
func unpackPair(blob []byte, da, db *message.Dialect) (a, b *message.Message, err error) {
	if a, err = unpackFirst(blob, da); err != nil {
		return nil, nil, err
	}
	b, err = unpackSecond(blob, db)
	return a, b, err
}

// unpackSecond unpacks the second of two packed messages, whatever the dialect of the first is.
func unpackSecond(blob []byte, d *message.Dialect) (*message.Message, error) {
	if len(blob) < 2 || len(blob) < 2+int(binary.BigEndian.Uint16(blob)) {
		return nil, errCut
	}
	return unpackFirst(blob[2+int(binary.BigEndian.Uint16(blob)):], d)
}

var errCut = errors.New("trade: stored messages cut short")

// unpackFirst unpacks the first of two packed messages.
func unpackFirst(blob []byte, d *message.Dialect) (*message.Message, error) {
	if len(blob) < 2 || len(blob) < 2+int(binary.BigEndian.Uint16(blob)) {
		return nil, errCut
	}
	m := message.New(d)
	body, ok := d.Frame.Strip(blob[2 : 2+int(binary.BigEndian.Uint16(blob))])
	if !ok {
		return nil, errCut
	}
	return m, m.Unpack(d, body)
}

// replay answers a repeat from the journal: the stored answer for the same content, 94 for
// other content.
func (z *Channel) replay(ctx context.Context, w *work, key string, digest [32]byte) string {
	t, err := z.e.awaited(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return rcNotReached // the first one was refused before it was stored
	}
	if err != nil {
		return rcNoAnswer // there may be one that was approved: "nothing has happened" would be a guess
	}
	if string(t.Digest) != string(digest[:]) {
		return rcDuplicate
	}
	if t.Answer == nil {
		_ = w.reply.SetString(37, t.Reference)
		return rcNoAnswer
	}
	blob, err := z.e.hsm.Open(nil, t.Answer, aadOf(t.ID, "answer"))
	if err != nil {
		return rcNoAnswer
	}
	a, err := unpackFirst(blob, z.d)
	if err != nil {
		return rcNoAnswer
	}
	for n := 2; n < 64; n++ {
		if a.Has(n) {
			_ = w.reply.Set(n, a.Get(n))
		}
	}
	return ""
}

// Messages are the stored messages of a transaction, masked, for people.
type Messages struct{ FromTerminal, ToHost, FromHost, ToTerminal string }

// Describe opens the stored messages of t.
func (e *Engine) Describe(t *store.Txn, pos *message.Dialect) (m Messages) {
	one := func(sealed []byte, what string) (string, string) {
		blob, err := e.hsm.Open(nil, sealed, aadOf(t.ID, what))
		if err != nil {
			return "", ""
		}
		h := e.hosts[t.Host]
		if h == nil {
			return "", ""
		}
		a, b, err := unpackPair(blob, pos, h.Model())
		if err != nil {
			return "", ""
		}
		return a.Describe(), b.Describe()
	}
	if t.Request != nil {
		m.FromTerminal, m.ToHost = one(t.Request, "request")
	}
	if t.Answer != nil {
		m.ToTerminal, m.FromHost = one(t.Answer, "answer")
	}
	return m
}
