package link

import (
	"context"
	"net/http"
	"time"

	"zhigui/server/api/message"
)

// Carriers that have room beside a message say there how long its sender still waits: http and soap in a
// header, queues in a header of the record, whose own time tells how long it lay there.
//
// TimeLeftHeader is the header of http and soap: milliseconds, digits. That of a record is the bus's.
const TimeLeftHeader = "X-Time-Left"

// Receipt is what a carrier knows of a message that it hands to a Handler, beside its bytes.
type Receipt struct {
	context.Context
	At   time.Time     // when it came, or was given to the queue that it came by
	Left time.Duration // how long its sender waited from then on, if Said
	Said bool
	Bad  bool // it said something that cannot be
}

type receiptKey struct{}

// Value implements context.Context.
func (r *Receipt) Value(key any) any {
	if key == (receiptKey{}) {
		return r
	}
	return r.Context.Value(key)
}

// ReceiptOf is the receipt of the message that ctx belongs to, nil for a carrier that knows nothing.
func ReceiptOf(ctx context.Context) *Receipt {
	r, _ := ctx.Value(receiptKey{}).(*Receipt)
	return r
}

// received makes the context of a message that came at a time and said left, where said.
func received(ctx context.Context, at time.Time, left string, said bool) context.Context {
	r := &Receipt{Context: ctx, At: at, Said: said}
	if now := time.Now(); at.IsZero() || at.After(now) { // another machine's clock
		r.At = now
	}
	if said {
		var err error
		r.Left, err = message.ParseTimeLeft(left)
		r.Bad = err != nil
	}
	return r
}

// receivedHTTP is received for a post that began at a time. More than one header is none that can be believed.
func receivedHTTP(ctx context.Context, at time.Time, h http.Header) context.Context {
	v := h.Values(TimeLeftHeader)
	switch len(v) {
	case 0:
		return received(ctx, at, "", false)
	case 1:
		return received(ctx, at, v[0], true)
	}
	return received(ctx, at, "", true)
}

type tellKey struct{}

// Telling marks a request of which the peer is told how long we wait: until the deadline of ctx. Reversals
// and what else must be carried out however late are not marked.
func Telling(ctx context.Context) context.Context { return context.WithValue(ctx, tellKey{}, true) }

// Teller is a Client that can say how long a request's sender waits.
type Teller interface{ TellsTimeLeft() }

// TellsTimeLeft implements Teller.
func (h *HTTP) TellsTimeLeft() {}

// TellsTimeLeft implements Teller.
func (m *MQ) TellsTimeLeft() {}

// telling is what to tell the peer, "" for nothing; over tells that no time is left.
func telling(ctx context.Context) (left string, over bool) {
	if ctx.Value(tellKey{}) == nil {
		return "", false
	}
	at, ok := ctx.Deadline()
	if !ok {
		return "", false
	}
	d := time.Until(at)
	return message.FormatTimeLeft(d), d < time.Millisecond
}
