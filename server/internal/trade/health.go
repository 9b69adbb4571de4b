package trade

import (
	"sync/atomic"
	"time"
)

// Health is how a channel is doing, for people. Counters are since the start.
type Health struct {
	InFlight  int64
	MAC       uint64 // messages whose MAC, or whose encryption, was wrong
	Strangers uint64 // of terminals that are not registered for this channel
	Garbage   uint64 // that could not be read
	Broken    uint64 // that the server itself could not answer as it should: its security module, its packing
	Fault     string // the last of these (FaultMAC …), "" when there was none
	Terminal  string // whose it was, where its number was proven to be one of ours
	At        time.Time
}

// Faults of a channel's messages, as Health names them.
const (
	FaultMAC      = "mac"
	FaultCipher   = "cipher"   // what had to be encrypted was not, or wrongly
	FaultStranger = "stranger" // terminal or merchant is not registered for the channel
	FaultGarbage  = "garbage"
	FaultModule   = "module" // the security module did not answer
	FaultAnswer   = "answer" // ours could not be packed
)

// health counts for a channel: cheap on the way of a message that is right, no lock anywhere.
type health struct {
	flying                          atomic.Int64
	mac, strangers, garbage, broken atomic.Uint64
	last                            atomic.Pointer[fault]
}

type fault struct {
	name, terminal string
	at             time.Time
}

// refused counts a message that was refused, and keeps why.
func (h *health) refused(n *atomic.Uint64, name, terminal string) {
	n.Add(1)
	h.last.Store(&fault{name, terminal, time.Now()})
}

// Health tells how the channel is doing.
func (z *Channel) Health() Health {
	h := &z.health
	v := Health{InFlight: h.flying.Load(), MAC: h.mac.Load(), Strangers: h.strangers.Load(), Garbage: h.garbage.Load(), Broken: h.broken.Load()}
	if e := h.last.Load(); e != nil {
		v.Fault, v.Terminal, v.At = e.name, e.terminal, e.at
	}
	return v
}
