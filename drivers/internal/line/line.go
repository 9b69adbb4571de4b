// Package line is the one line to a device: commands take it in turn, a poll uses it when
// nobody does, the watchdog is told how long it may take, and closing ends all of it in
// order. Only drivers/models and drivers/internal import it.
package line

import (
	"errors"
	"sync"
	"time"

	"zhigui/drivers/internal/serialport"
)

// How an exchange ended without an answer.
var (
	// ErrSilent: no answer, or none that can be read. For a command that moves something this
	// proves nothing.
	ErrSilent = errors.New("the device does not answer")
	// ErrRefused: the device said each time that it did not take the command.
	ErrRefused = errors.New("the device did not take the command")
)

// Heart is told how long the line may be busy; sdk.Heart is one.
type Heart interface {
	Expect(time.Duration)
	Rest()
}

// Line is an open line.
type Line struct {
	*serialport.Port
	heart Heart
	turn  sync.Mutex
	stop  chan struct{}
	once  sync.Once
	ended sync.WaitGroup
}

// Open opens the port and says nothing.
func Open(port string, m serialport.Mode, h Heart) (*Line, error) {
	p, err := serialport.Open(port, m)
	if err != nil {
		return nil, err
	}
	return &Line{Port: p, heart: h, stop: make(chan struct{})}, nil
}

// Close ends what Go and Poll began and closes the port. Closing a nil Line does nothing.
func (l *Line) Close() error {
	if l == nil {
		return nil
	}
	l.once.Do(func() { close(l.stop) })
	l.ended.Wait()
	return l.Port.Close()
}

// Stopped is closed when the line is being closed.
func (l *Line) Stopped() <-chan struct{} { return l.stop }

// Take takes the line; it is busy for that long at most, until the next promise.
func (l *Line) Take(limit time.Duration) (release func()) {
	l.turn.Lock()
	l.Promise(limit)
	return func() { l.heart.Rest(); l.turn.Unlock() }
}

// Promise renews the promise of who has taken the line.
func (l *Line) Promise(limit time.Duration) { l.heart.Expect(limit) }

// Present opens the port again if it has gone; the line is taken.
func (l *Line) Present() error {
	if !l.Gone() {
		return nil
	}
	return l.Reopen()
}

// Go runs f in what goroutine gives; Close waits for it, so f ends when the line is Stopped.
func (l *Line) Go(goroutine func(func()), f func()) {
	l.ended.Add(1)
	goroutine(func() { defer l.ended.Done(); f() })
}

// Poll runs look again and again with the line taken, unless it is in use.
func (l *Line) Poll(goroutine func(func()), every func() time.Duration, limit time.Duration, look func()) {
	l.Go(goroutine, func() {
		for {
			select {
			case <-l.stop:
				return
			case <-time.After(every()):
			}
			if l.turn.TryLock() {
				l.Promise(limit)
				look()
				l.heart.Rest()
				l.turn.Unlock()
			}
		}
	})
}

// Every is for a poll that always waits the same.
func Every(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

// Text is the printable beginning of an answer.
func Text(b []byte) string {
	for i, c := range b {
		if c < 0x20 || c > 0x7E {
			return string(b[:i])
		}
	}
	return string(b)
}

// Ended reports whether the line is being closed.
func (l *Line) Ended() bool {
	select {
	case <-l.stop:
		return true
	default:
		return false
	}
}

// Pause waits, not longer than the line is open.
func (l *Line) Pause(d time.Duration) {
	select {
	case <-l.stop:
	case <-time.After(d):
	}
}

// Listen is the only reader of a device that speaks by itself. take is given what has come and
// says how many bytes it made something of, 0: they are not whole yet. What silence broke off is
// given up where a message comes in one piece. A port that has gone is opened again.
func (l *Line) Listen(goroutine func(func()), onePiece bool, take func(come []byte) (n int)) {
	l.Go(goroutine, func() {
		var buf []byte
		for !l.Ended() {
			b, err := l.Byte(time.Now().Add(200 * time.Millisecond))
			switch {
			case errors.Is(err, serialport.ErrTimeout):
				if onePiece {
					buf = nil
				}
				continue
			case err != nil:
				buf = nil
				l.Pause(100 * time.Millisecond)
				_ = l.Reopen()
				continue
			}
			buf = append(buf, b)
			for n := take(buf); n > 0; n = take(buf) {
				buf = buf[n:]
			}
		}
	})
}
