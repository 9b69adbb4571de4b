package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"zhigui/server/api/message"
)

// Outcomes of Send. ErrNotSent means that not one byte of the message left this process;
// after ErrNoAnswer the peer may have acted on it.
var (
	ErrNotSent  = errors.New("link: not sent")
	ErrNoAnswer = errors.New("link: no answer")
)

// Key pairs an answer with its request: MTI class, F7, F11 and F41, as far as the dialect has them.
type Key [25]byte

// Client is a way to one peer, whatever carries it. It is safe for concurrent use.
type Client interface {
	// Start connects, where the carrier keeps connections, and keeps connecting until Close.
	Start()
	Close()
	// Up tells whether a message could be sent now.
	Up() bool
	// Send sends one whole frame and waits for the answer with the same key until ctx ends. frame must
	// not change before Send returns and is not used afterwards.
	Send(ctx context.Context, key Key, frame []byte) (*Answer, error)
	Stats() Stats
}

// Handler answers one message. It appends the whole answer frame to dst. keep asks to leave
// the connection open (a long connection); an empty answer closes it.
type Handler interface {
	Handle(ctx context.Context, body, dst []byte) (answer []byte, keep bool)
}

// handle runs h, whose panic costs one message and not the program.
func handle(ctx context.Context, h Handler, body []byte, log *slog.Logger) (answer []byte) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("link: request: panic", "panic", fmt.Sprint(p))
			answer = nil
		}
	}()
	answer, _ = h.Handle(ctx, body, nil)
	return answer
}

// Answer is a received message. Release returns it; Msg and Seal must not be used after.
type Answer struct {
	Msg  *message.Message
	Seal Seal
	buf  []byte
}

var answers = sync.Pool{New: func() any { return &Answer{} }}

// Release gives the answer back for reuse.
func (a *Answer) Release() { answers.Put(a) }

// Body is the received message without its frame, valid until Release.
func (a *Answer) Body() []byte { return a.buf }

// unpackAnswer makes an answer of a body that is in a.buf already.
func (c *Codec) unpackAnswer(a *Answer) (err error) {
	if a.Msg == nil {
		a.Msg = message.New(c.model)
	}
	a.Seal, err = c.Unpack(a.Msg, a.buf)
	return err
}

// Stats are counters of a client since its start.
type Stats struct {
	Up                             int // connections, or 1 for a carrier without connections
	Want                           int // connections when all is well
	InFlight, Queued               int
	Sent, Answered                 uint64
	Late, Orphan, Garbage, Refused uint64
	Timeouts, Lost, Reconnects     uint64
	Served                         uint64 // requests of the peer
	LastError                      string // of the carrier, without any content of messages
	LastErrorAt                    time.Time
}
