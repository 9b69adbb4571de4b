package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"zhigui/sim/device/engine"
)

// Departure is where the driver did something else than in the trace.
type Departure struct {
	Line int    // of the trace; 0: behind its end
	Want string // what the driver sent then; "" behind the end
	Got  string
}

func (d *Departure) Error() string {
	if d.Want == "" {
		return fmt.Sprintf("the driver goes on behind the end of the trace:\n  got  > %s", d.Got)
	}
	return fmt.Sprintf("the driver departs at line %d of the trace:\n  want > %s\n  got  > %s", d.Line, d.Want, d.Got)
}

// ReplayOptions say how strict a replay is.
type ReplayOptions struct {
	Link string
	// Strict: each byte of the driver as in the trace. Else polls (frames that the trace has
	// again and again) may come more or less often.
	Strict bool
	Polls  [][]byte // frames that are polls although a short trace has them once only
	Pace   float64  // of the recorded pauses before the device's bytes: 1 as they were, 0 none
}

// Replay stands in for the device of a trace. After a departure it is silent.
type Replay struct {
	o    ReplayOptions
	line engine.Line
	es   []Entry
	poll map[string]bool

	mu      sync.Mutex
	at      int            // the next entry
	answers map[string]int // the first entry behind each frame of the driver that was answered
	left    *Departure
	changed chan struct{}
	ended   sync.WaitGroup
	stop    chan struct{}
}

// NewReplay opens the port and begins.
func NewReplay(es []Entry, o ReplayOptions) (*Replay, error) {
	r := &Replay{o: o, line: engine.Line{Path: o.Link}, es: split(es), answers: map[string]int{}, changed: make(chan struct{}), stop: make(chan struct{})}
	r.poll = polls(r.es)
	for _, p := range o.Polls {
		r.poll[string(p)] = true
	}
	m, err := r.line.Open()
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	in := make(chan []byte, 64)
	r.ended.Go(func() { listen(m, in) })
	r.ended.Go(func() { r.play(in) })
	return r, nil
}

func listen(m *os.File, in chan<- []byte) {
	defer close(in)
	for {
		b := make([]byte, 4096)
		n, err := m.Read(b)
		if n > 0 {
			in <- b[:n]
		}
		if err != nil {
			return
		}
	}
}

func (r *Replay) play(in <-chan []byte) {
	var buf []byte
	r.device() // what the device said first
	for {
		b, ok := <-in
		if !ok {
			return
		}
		buf = append(buf, b...)
		for len(buf) > 0 && r.gone() == nil {
			n, wait := r.take(buf)
			if wait {
				break
			}
			if n == 0 {
				r.depart(buf)
				break
			}
			buf = buf[n:]
		}
		if r.gone() != nil {
			buf = nil
		}
	}
}

// take answers the frame at the beginning of buf: n bytes were used up; wait: more are
// needed to know.
func (r *Replay) take(buf []byte) (n int, wait bool) {
	for i := r.at; i < len(r.es); i++ {
		e := r.es[i]
		if !e.Host {
			continue
		}
		if bytes.HasPrefix(buf, e.Data) {
			r.answer(i)
			return len(e.Data), false
		}
		wait = wait || bytes.HasPrefix(e.Data, buf)
		if r.o.Strict || !r.poll[string(e.Data)] {
			break
		}
	}
	if r.o.Strict {
		return 0, wait
	}
	for k, i := range r.answers { // once more the same poll: the answer that came last
		if r.poll[k] && bytes.HasPrefix(buf, []byte(k)) {
			r.send(i)
			return len(k), false
		}
		wait = wait || r.poll[k] && bytes.HasPrefix([]byte(k), buf)
	}
	return 0, wait
}

// answer plays the device's part behind the driver's frame i.
func (r *Replay) answer(i int) {
	r.mu.Lock()
	r.at = i + 1
	r.answers[string(r.es[i].Data)] = i + 1
	r.mu.Unlock()
	r.device()
}

// device sends what the device says next in the trace.
func (r *Replay) device() {
	r.mu.Lock()
	i := r.at
	for r.at < len(r.es) && !r.es[r.at].Host {
		r.at++
	}
	r.mu.Unlock()
	r.send(i)
	r.mu.Lock()
	close(r.changed)
	r.changed = make(chan struct{})
	r.mu.Unlock()
}

func (r *Replay) send(i int) {
	for ; i < len(r.es) && !r.es[i].Host; i++ {
		if r.o.Pace > 0 && i > 0 {
			select {
			case <-time.After(time.Duration(float64(r.es[i].At-r.es[i-1].At) * r.o.Pace)):
			case <-r.stop:
				return
			}
		}
		r.line.Write(r.es[i].Data)
	}
}

func (r *Replay) depart(buf []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := &Departure{Got: Entry{Data: buf}.Hex()}
	for _, e := range r.es[r.at:] {
		if !e.Host {
			continue
		}
		d.Line, d.Want = e.Line, e.Hex()
		if r.o.Strict || !r.poll[string(e.Data)] { // a poll is not what it stumbled over
			break
		}
	}
	r.left = d
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *Replay) gone() *Departure {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.left
}

// Rest is how many of the driver's frames have not come yet, polls not counted unless the
// replay is strict.
func (r *Replay) Rest() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.es[r.at:] {
		if e.Host && (r.o.Strict || !r.poll[string(e.Data)]) {
			n++
		}
	}
	return n
}

// Wait returns nil when the whole trace was played, the Departure at which it ended, or the
// context's error.
func (r *Replay) Wait(ctx context.Context) error {
	for {
		r.mu.Lock()
		left, ch := r.left, r.changed
		r.mu.Unlock()
		switch {
		case left != nil:
			return left
		case r.Rest() == 0:
			return nil
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Departed is the departure, or nil.
func (r *Replay) Departed() error {
	if d := r.gone(); d != nil {
		return d
	}
	return nil
}

// Close takes the port away.
func (r *Replay) Close() error {
	select {
	case <-r.stop:
		return errors.New("closed already")
	default:
	}
	close(r.stop)
	r.line.Close()
	r.ended.Wait()
	return nil
}

// Link is the path of the port.
func (r *Replay) Link() string { return r.o.Link }
