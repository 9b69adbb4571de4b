package record

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"zhigui/sim/device/engine"
)

// ErrVanished is returned when the device's port went away.
var ErrVanished = errors.New("the device's port has gone")

// Options say what is recorded.
type Options struct {
	Port   string // the device's port, real or virtual
	Link   string // where the driver finds the recorder
	Baud   int
	Parity string // N, E or O
	Out    *Writer
	Ready  func() // called when the link is there
}

// pause is how long the device may be silent inside of an entry. The driver writes its
// frames at once: what was read at once is an entry.
const pause = 4 * time.Millisecond

// Record stands between driver and device and writes what goes through, until ctx ends or
// the device's port goes.
func Record(ctx context.Context, o Options) error {
	port, err := openPort(o.Port, o.Baud, o.Parity)
	if err != nil {
		return fmt.Errorf("record %s: %w", o.Port, err)
	}
	defer port.Close()
	line := engine.Line{Path: o.Link}
	driver, err := line.Open()
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	defer line.Close()

	j := &joiner{begin: time.Now(), out: o.Out}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	var ended sync.WaitGroup
	carry := func(from *os.File, host bool, to func([]byte) error, gone error) {
		b := make([]byte, 4096)
		for {
			n, err := from.Read(b)
			if n > 0 {
				j.add(host, b[:n])
				if werr := to(b[:n]); werr != nil {
					end(fmt.Errorf("%w: %w", gone, werr))
					return
				}
			}
			if err != nil {
				end(fmt.Errorf("%w: %w", gone, err))
				return
			}
		}
	}
	ended.Go(func() {
		carry(driver, true, func(b []byte) error { _, err := port.Write(b); return err }, ErrVanished)
	})
	ended.Go(func() {
		carry(port, false, func(b []byte) error { line.Write(b); return nil }, ErrVanished)
	})
	if o.Ready != nil {
		o.Ready()
	}
	<-ctx.Done()
	cause := context.Cause(ctx)
	_ = port.Close()
	line.Close()
	ended.Wait()
	if err := j.flush(); err != nil {
		return err
	}
	if errors.Is(cause, ErrVanished) {
		return cause
	}
	return nil
}

// joiner makes one entry of pieces that follow each other closely.
type joiner struct {
	begin time.Time
	out   *Writer

	mu   sync.Mutex
	open Entry
	last time.Time
	err  error
}

func (j *joiner) add(host bool, b []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	if len(j.open.Data) > 0 && (host || j.open.Host || now.Sub(j.last) > pause) {
		j.write()
	}
	if len(j.open.Data) == 0 {
		j.open = Entry{At: now.Sub(j.begin), Host: host}
	}
	j.open.Data = append(j.open.Data, b...)
	j.last = now
}

func (j *joiner) write() {
	if err := j.out.Add(j.open); err != nil && j.err == nil {
		j.err = err
	}
	j.open = Entry{}
}

func (j *joiner) flush() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.open.Data) > 0 {
		j.write()
	}
	return j.err
}
