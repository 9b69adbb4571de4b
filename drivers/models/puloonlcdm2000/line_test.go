package puloonlcdm2000_test

import (
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/conformance"
	"zhigui/drivers/models/puloonlcdm2000"
)

// scripted is a dispenser that pays two notes at its first acceptance of 45 and does to the
// line what the case says.
type scripted struct {
	p    *conformance.Peer
	paid atomic.Int32 // how often notes moved
	seen atomic.Int32 // how often a frame 45 arrived
}

func frameOf(first, cmd byte, data string) []byte {
	b := append([]byte{first, 0x50, 0x02, cmd}, data...)
	b = append(b, 0x03)
	var x byte
	for _, c := range b {
		x ^= c
	}
	return append(b, x)
}

func (s *scripted) run(onDispense func(s *scripted, nth int32)) {
	for {
		b, ok := s.p.Read(0)
		if !ok {
			return
		}
		if b != 0x04 {
			continue
		}
		var frame []byte
		for len(frame) < 4 || frame[len(frame)-2] != 0x03 {
			c, ok := s.p.Read(0)
			if !ok {
				return
			}
			frame = append(frame, c)
		}
		switch frame[2] {
		case 0x46:
			s.p.Send(0x06)
			s.p.Send(frameOf(0x01, 0x46, "\x30\x30\x80\x80")...)
		case 0x45:
			onDispense(s, s.seen.Add(1))
		default:
			s.p.Send(0x06)
		}
	}
}

func (s *scripted) pay() { s.paid.Add(1) }

var result = frameOf(0x01, 0x45, "0202\x30\x3000")

func damaged() []byte {
	b := append([]byte(nil), result...)
	b[len(b)-1] ^= 0xFF
	return b
}

// again answers NAKs with the result.
func (s *scripted) again() {
	for {
		b, ok := s.p.Read(2 * time.Second)
		switch {
		case ok && b == 0x15:
			s.p.Send(result...)
		default:
			return
		}
	}
}

// Whatever happens on the line, notes move at most once, and the outcome says what is known.
func TestLineFaultsNeverMakeADispenseMoveTwice(t *testing.T) {
	for _, tc := range []struct {
		name         string
		device       func(s *scripted, nth int32)
		want         api.Outcome
		frames, paid int32
	}{
		{"a NAK lets the same frame be sent again", func(s *scripted, nth int32) {
			if nth < 3 {
				s.p.Send(0x15)
				return
			}
			s.pay()
			s.p.Send(append([]byte{0x06}, result...)...)
		}, api.Done, 3, 1},
		{"a device that refuses each time has not started", func(s *scripted, _ int32) { s.p.Send(0x15) }, api.NotStarted, 4, 0},
		{"a lost ACK is waited out", func(s *scripted, _ int32) { s.pay(); s.p.Send(result...) }, api.Done, 1, 1},
		{"a late ACK and a late result are waited out", func(s *scripted, _ int32) {
			s.pay()
			s.p.Read(700 * time.Millisecond)
			s.p.Send(0x06)
			s.p.Send(result...)
		}, api.Done, 1, 1},
		{"a damaged result is asked for again", func(s *scripted, _ int32) {
			s.pay()
			s.p.Send(append([]byte{0x06}, damaged()...)...)
			s.again()
		}, api.Done, 1, 1},
		{"a result that stays damaged is indeterminate", func(s *scripted, _ int32) {
			s.pay()
			s.p.Send(append([]byte{0x06}, damaged()...)...)
			for range 5 {
				s.p.Read(500 * time.Millisecond)
				s.p.Send(damaged()...)
			}
		}, api.Indeterminate, 1, 1},
		{"noise and interim notices before the result are skipped", func(s *scripted, _ int32) {
			s.pay()
			s.p.Send(0x06, 0xFF, 0x00, 0x5A, 0x01, 0x8D, 0x01, 0x01, 0x9C, 0x3C)
			s.p.Send(result...)
		}, api.Done, 1, 1},
		{"a result that comes twice counts once", func(s *scripted, _ int32) {
			s.pay()
			s.p.Send(append(append([]byte{0x06}, result...), result...)...)
		}, api.Done, 1, 1},
		{"a command that was not heard is not sent again", func(*scripted, int32) {}, api.Indeterminate, 1, 0},
		{"an accepted command without a result is not sent again", func(s *scripted, _ int32) { s.pay(); s.p.Send(0x06) }, api.Indeterminate, 1, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &scripted{}
			start := make(chan struct{})
			s.p = conformance.NewPeer(t, func(p *conformance.Peer) { <-start; s.run(tc.device) })
			close(start)
			profile := maps.Clone(quick)
			maps.Copy(profile, map[string]any{"pollMs": 600000, "heldPollMs": 600000, "statusMs": 300})
			r := conformance.Start(t, puloonlcdm2000.Model, s.p.Port(), profile)
			c, _ := r.Do(cash.CmdDispense, counts(2, 0))
			if c.Outcome != tc.want || s.paid.Load() != tc.paid || s.seen.Load() != tc.frames {
				t.Fatalf("%+v; the device saw the frame %d times and paid %d times", c, s.seen.Load(), s.paid.Load())
			}
			if tc.want == api.Done && moved(t, c).Units["unit1"].Presented != 2 {
				t.Errorf("%+v", moved(t, c))
			}
		})
	}
}
