package codeline

import (
	"context"
	"errors"
	"sync"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/barcode"
	"zhigui/drivers/internal/dialog"
	"zhigui/drivers/internal/serialport"
	"zhigui/drivers/sdk"
)

// Scanner is what is the same in scanners whose codes come without a frame: a model embeds it, sets it up,
// and opens Talk.
type Scanner struct {
	Env        sdk.Env
	Talk       *dialog.Dialog
	Tail       string        // the bytes, from Tails
	Again, Gap time.Duration // the trigger is repeated; a code that stops for so long is noise
	AimID      bool
	// Begin is done before a reading, End after it whatever came of it; nil: nothing to do.
	Begin, End func(*serialport.Port)
	// Trigger makes the scanner look; bytes of a code may come with the answer.
	Trigger func(*serialport.Port) (early []byte, err error)
	// Stop ends a reading that nobody waits for any more.
	Stop func(*serialport.Port) error

	mu      sync.Mutex
	reading bool
}

// slice is how long the line is looked at before the context is again.
const slice = 50 * time.Millisecond

// Close implements sdk.Driver.
func (s *Scanner) Close() error { return s.Talk.Close() }

// Status implements sdk.Driver.
func (s *Scanner) Status() map[string]any {
	dev, state := api.Offline, "unknown"
	if s.Talk.Online() {
		dev, state = api.Online, "off"
		s.mu.Lock()
		if s.reading {
			state = "on"
		}
		s.mu.Unlock()
	}
	return map[string]any{"common": map[string]any{"device": dev}, "barcodeReader": barcode.Status{Scanner: state}}
}

// Execute implements sdk.Driver.
func (s *Scanner) Execute(ctx context.Context, cmd api.Command, emit func(api.Event)) api.Completion {
	switch cmd.Name {
	case barcode.CmdRead:
		return sdk.Decoded(cmd, func(barcode.Read) api.Completion { return s.read(ctx, emit) })
	case barcode.CmdReset:
		if err := s.Talk.Hold(s.Talk.Busy(), s.Stop); err != nil {
			return broken(err)
		}
		return sdk.Ok(nil)
	}
	return api.Refuse(api.UnsupportedCommand, cmd.Name)
}

func broken(err error) api.Completion {
	return api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: "scanner: " + err.Error()}
}

func (s *Scanner) setReading(on bool) {
	s.mu.Lock()
	s.reading = on
	s.mu.Unlock()
	s.Env.StatusChanged()
}

// read lets the scanner look until a code comes or ctx ends.
func (s *Scanner) read(ctx context.Context, emit func(api.Event)) (c api.Completion) {
	s.setReading(true)
	defer s.setReading(false)
	_ = s.Talk.Hold(s.Talk.Busy(), func(port *serialport.Port) error {
		if s.Begin != nil {
			s.Begin(port)
		}
		if s.End != nil {
			defer s.End(port)
		}
		c = s.look(ctx, port, emit)
		return nil
	})
	return c
}

func (s *Scanner) look(ctx context.Context, port *serialport.Port, emit func(api.Event)) api.Completion {
	line := Line{Tail: s.Tail}
	var again, gap time.Time
	var early []byte // of a code that came while a trigger was answered
	for first := true; ; {
		s.Env.Heart.Expect(s.Talk.Busy())
		select {
		case <-ctx.Done():
			if err := s.Stop(port); err != nil {
				return broken(err)
			}
			return sdk.Ended(ctx)
		case <-s.Talk.Stopped():
			return api.Refuse(api.DeviceNotReady, "the driver ends")
		default:
		}
		now := time.Now()
		if !line.Pending() && !now.Before(again) {
			come, err := s.Trigger(port)
			if err != nil {
				return broken(err)
			}
			again, early = now.Add(s.Again), append(early, come...)
			if first { // codes from before it began are forgotten
				first, early = false, nil
				emit(api.Event{Name: barcode.EvPresent})
			}
		}
		b, err := byte(0), error(nil)
		if len(early) > 0 {
			b, early = early[0], early[1:]
		} else {
			b, err = port.Byte(now.Add(slice))
		}
		switch {
		case errors.Is(err, serialport.ErrTimeout):
			if line.Pending() && now.After(gap) { // noise, or a code that stopped: look again
				line.Drop()
				again = now
			}
			continue
		case err != nil:
			s.Talk.SetOnline(false)
			return broken(err)
		}
		gap = now.Add(s.Gap)
		if code, done := line.Add(b); done {
			return s.code(code)
		}
	}
}

// code makes the completion; what the code holds is in its payload only.
func (s *Scanner) code(code []byte) api.Completion {
	if err := Clean(code); err != nil {
		return api.Fail(api.Failed, barcode.ErrInvalid, err.Error())
	}
	out := barcode.Output{BarcodeData: code}
	if s.AimID {
		out.BarcodeData, out.SymbologyName, out.Symbology = AIM(code)
	}
	return sdk.Ok(barcode.ReadResult{ReadOutput: []barcode.Output{out}})
}
