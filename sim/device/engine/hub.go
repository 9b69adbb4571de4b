package engine

import (
	"sync"
	"time"
)

// Event is something that happened at a device, for panels, tools and tests.
type Event struct {
	Seq    uint64    `json:"seq"`
	At     time.Time `json:"at"`
	Device string    `json:"device"`
	// Kind is state, wire, fault, action or prompt (the device asks the person for something:
	// Data is "insertCard", "takeCard", "takeCash", "pressKeys", "takePaper").
	Kind string `json:"kind"`
	Data any    `json:"data,omitempty"`
}

// Hub hands events to whoever listens. A listener that is too slow loses events and sees
// the gap in Seq.
type Hub struct {
	mu   sync.Mutex
	seq  uint64
	subs map[chan Event]struct{}
}

// NewHub makes an empty hub.
func NewHub() *Hub { return &Hub{subs: map[chan Event]struct{}{}} }

// Subscribe listens until cancel is called.
func (h *Hub) Subscribe(buffer int) (events <-chan Event, cancel func()) {
	ch := make(chan Event, buffer)
	h.mu.Lock()
	h.subs[ch] = struct{}{}
	h.mu.Unlock()
	return ch, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if _, ok := h.subs[ch]; ok {
			delete(h.subs, ch)
			close(ch)
		}
	}
}

func (h *Hub) publish(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	e.Seq = h.seq
	for ch := range h.subs {
		select {
		case ch <- e:
		default:
		}
	}
}

// Frame is one entry of the wire trace. Bytes that are secret (key loads, tracks) are shown
// as "··".
type Frame struct {
	Seq     uint64    `json:"seq"`
	At      time.Time `json:"at"`
	Dir     string    `json:"dir"` // rx: from the driver, tx: to the driver
	Hex     string    `json:"hex"`
	Decoded string    `json:"decoded"`
}

const traceSize = 400

type trace struct {
	seq  uint64
	ring []Frame
}

func (t *trace) add(f Frame) Frame {
	t.seq++
	f.Seq = t.seq
	t.ring = append(t.ring, f)
	if n := len(t.ring); n > traceSize {
		t.ring = append([]Frame(nil), t.ring[n-traceSize:]...)
	}
	return f
}
