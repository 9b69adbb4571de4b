package engine

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// Device is one virtual device at work.
type Device struct {
	opt   Options
	model Model
	line  Line
	rx    chan byte

	mu       sync.Mutex
	power    bool
	open     bool
	running  bool
	off      chan struct{} // closed when the power goes
	done     chan struct{} // closed when the firmware has ended
	poke     chan struct{}
	changed  chan struct{}
	prompted string
	faults   faults
	late     latencies
	trace    trace
	stopped  chan struct{}
	writing  sync.Mutex
}

// Open creates the port and switches the device on.
func Open(opt Options, m Model) (*Device, error) {
	if opt.Clock == nil {
		opt.Clock = RealClock{}
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Hub == nil {
		opt.Hub = NewHub()
	}
	if opt.LateBy == 0 {
		opt.LateBy = 800 * time.Millisecond
	}
	at, _ := m.(interface{ Attach(*Device) })
	d := &Device{opt: opt, model: m, line: Line{Path: opt.Link}, rx: make(chan byte, 1<<16),
		open: true, running: true, poke: make(chan struct{}, 1), changed: make(chan struct{}), stopped: make(chan struct{})}
	d.late = latencies{list: append([]Latency{}, opt.Latency...), rand: seeded(opt.Seed, opt.ID)}
	if at != nil {
		at.Attach(d)
	}
	if err := d.openLine(); err != nil {
		return nil, fmt.Errorf("device %s: %w", opt.ID, err)
	}
	d.mu.Lock()
	d.powerOn()
	d.mu.Unlock()
	return d, nil
}

func (d *Device) openLine() error {
	m, err := d.line.Open()
	if err != nil {
		return err
	}
	go d.listen(m)
	return nil
}

// listen always reads, so that the driver's writes never block, and hands bytes on as fast
// as the line would.
func (d *Device) listen(m *os.File) {
	buf := make([]byte, 4096)
	for {
		n, err := m.Read(buf)
		if err != nil {
			return
		}
		for rest := buf[:n]; len(rest) > 0; {
			k := min(len(rest), max(1, d.opt.Baud/5000)) // 2 ms of bytes: finer sleeps are not kept
			d.pace(k)
			for _, b := range rest[:k] {
				d.hear(b)
			}
			rest = rest[k:]
		}
	}
}

func (d *Device) hear(b byte) {
	d.mu.Lock()
	if !d.power || !d.open || !d.running {
		d.mu.Unlock()
		return
	}
	var reply []byte
	var decoded string
	if rt, ok := d.model.(RealTimer); ok {
		if reply, decoded = rt.Tap(b); len(reply) > 0 {
			reply = d.spoilNow(reply, decoded)
		}
	}
	d.mu.Unlock()
	if len(reply) > 0 {
		d.send(reply, "", decoded)
	}
	select {
	case d.rx <- b:
	default: // the device's buffer overflows: the byte is lost
	}
}

// spoilNow plays the line faults of an answer that Tap gives; locked.
func (d *Device) spoilNow(b []byte, cmd string) []byte {
	armed := func(k LineFault) bool {
		hit := d.faults.takeLine(d.opt.Clock.Now(), k, cmd)
		if hit {
			d.announceFault()
		}
		return hit
	}
	if armed(Silence) {
		return nil
	}
	return spoil(append([]byte(nil), b...), armed)
}

// pace sleeps as long as n bytes of ten bits take.
func (d *Device) pace(n int) {
	if d.opt.Pace <= 0 || d.opt.Baud <= 0 {
		return
	}
	dur := time.Duration(float64(n) * 10 / float64(d.opt.Baud) * d.opt.Pace * float64(time.Second))
	<-d.opt.Clock.After(dur)
}

// send writes to the driver unless the device is off or closed; shown replaces the trace's
// hex when the bytes are secret.
func (d *Device) send(b []byte, shown, decoded string) {
	d.mu.Lock()
	if !d.power || !d.open || !d.running {
		d.mu.Unlock()
		return
	}
	d.addTrace("tx", b, shown, decoded)
	d.mu.Unlock()
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.opt.Pace <= 0 {
		d.line.Write(b)
		return
	}
	for len(b) > 0 {
		n := min(len(b), 4)
		d.pace(n)
		d.line.Write(b[:n])
		b = b[n:]
	}
}

func (d *Device) addTrace(dir string, b []byte, shown, decoded string) {
	if shown == "" {
		shown = Hex(b)
	}
	f := d.trace.add(Frame{At: d.opt.Clock.Now(), Dir: dir, Hex: shown, Decoded: decoded})
	d.opt.Hub.publish(Event{At: f.At, Device: d.opt.ID, Kind: "wire", Data: f})
}

// Hex prints bytes as the trace shows them.
func Hex(b []byte) string {
	s := strings.ToUpper(hex.EncodeToString(b))
	var sb strings.Builder
	for i := 0; i < len(s); i += 2 {
		if i > 0 {
			sb.WriteByte(' ')
		}
		sb.WriteString(s[i : i+2])
	}
	return sb.String()
}

func (d *Device) powerOn() {
	if d.power || !d.running {
		return
	}
	d.power = true
	for drained := false; !drained; {
		select {
		case <-d.rx:
		default:
			drained = true
		}
	}
	d.off, d.done = make(chan struct{}), make(chan struct{})
	go d.firmware(&IO{d: d, off: d.off}, d.done)
	d.note()
}

type powerLost struct{}

// firmware runs the model until the power goes. A panic in the model is what a watchdog
// reset is in the hardware: it is reported and the firmware starts again.
func (d *Device) firmware(io *IO, done chan struct{}) {
	defer close(done)
	for {
		if again := d.firmwareOnce(io); !again {
			break
		}
	}
	d.mu.Lock()
	d.model.PowerOff()
	d.note()
	d.mu.Unlock()
}

func (d *Device) firmwareOnce(io *IO) (again bool) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case powerLost:
			again = false
		default:
			d.opt.Log.Error("virtual device firmware reset", "device", d.opt.ID, "cause", fmt.Sprint(r))
			d.mu.Lock()
			d.model.PowerOff()
			d.note()
			d.mu.Unlock()
			again = true
		}
	}()
	d.model.Run(io)
	return false
}

func (d *Device) cut() (done chan struct{}) {
	if d.power {
		d.power = false
		close(d.off)
		d.note()
	}
	return d.done
}

// PowerCut takes the power away, wherever the firmware is, and returns when it has ended.
func (d *Device) PowerCut() {
	d.mu.Lock()
	done := d.cut()
	d.mu.Unlock()
	<-done
}

// PowerRestore switches on again.
func (d *Device) PowerRestore() {
	d.mu.Lock()
	done := d.done
	on := d.power
	d.mu.Unlock()
	if on {
		return
	}
	<-done
	d.mu.Lock()
	defer d.mu.Unlock()
	d.powerOn()
}

// Close ends the device and removes its port; the physical state stays on the disk.
func (d *Device) Close() {
	d.mu.Lock()
	was := d.running
	d.running = false
	done := d.cut()
	d.mu.Unlock()
	<-done
	d.line.Close()
	if was {
		close(d.stopped)
	}
	d.mu.Lock()
	d.note()
	d.mu.Unlock()
}

// Stopped is closed when the device was closed (VD-14: ExitProgram).
func (d *Device) Stopped() <-chan struct{} { return d.stopped }

// ID is the device's id in its scene.
func (d *Device) ID() string { return d.opt.ID }

// Port is the path a driver opens.
func (d *Device) Port() string { return d.opt.Link }

// Hub is where the device's events go.
func (d *Device) Hub() *Hub { return d.opt.Hub }

// Model gives a test the model itself.
func (d *Device) Model() Model { return d.model }

// note tells everybody that something changed; call it locked.
func (d *Device) note() {
	close(d.changed)
	d.changed = make(chan struct{})
	d.opt.Hub.publish(Event{At: d.opt.Clock.Now(), Device: d.opt.ID, Kind: "state"})
	if p := d.model.Prompt(); p != d.prompted {
		d.prompted = p
		d.opt.Hub.publish(Event{At: d.opt.Clock.Now(), Device: d.opt.ID, Kind: "prompt", Data: p})
	}
}

// State is the state now.
func (d *Device) State() State {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state()
}

func (d *Device) state() State {
	s := State{ID: d.opt.ID, Info: d.model.Info(), Power: d.power, Open: d.open, Running: d.running, Link: d.opt.Link,
		Port: d.line.Present(), Prompt: d.model.Prompt(), Physical: d.model.View(), Statuses: d.model.Statuses(),
		Profile: d.model.Profile(), Counters: d.model.Counters(), Armed: []Armed{}, Line: []ArmedLine{},
		Fired: append([]Fired{}, d.faults.fired...), Latency: append([]Latency{}, d.late.list...)}
	s.Info.Faults = append(append([]FaultDef{}, s.Info.Faults...), commonFaults...)
	s.Info.Actions = append(append([]string{}, s.Info.Actions...), commonActions...)
	for _, a := range d.faults.armed {
		s.Armed = append(s.Armed, *a)
	}
	for _, a := range d.faults.line {
		s.Line = append(s.Line, *a)
	}
	return s
}

// Physical is the model's own view of its mechanics.
func (d *Device) Physical() any {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.model.View()
}

// Look runs f while nothing changes; f must only read.
func (d *Device) Look(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// Trace is the last wire frames, oldest first.
func (d *Device) Trace() []Frame {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Frame{}, d.trace.ring...)
}

// Wait returns when the state satisfies ok, or with the context's error.
func (d *Device) Wait(ctx context.Context, ok func(State) bool) error {
	for {
		d.mu.Lock()
		s, ch := d.state(), d.changed
		d.mu.Unlock()
		if ok(s) {
			return nil
		}
		select {
		case <-ch:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
