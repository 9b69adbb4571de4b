package engine

import (
	"fmt"
	"time"
)

// Wake says why Next returned.
type Wake int

// The reasons.
const (
	GotByte Wake = iota
	Poked        // an action changed something that the firmware may look at
	TimedOut
)

// IO is the firmware's view of the world. Each method is a place where a power cut ends
// the firmware.
type IO struct {
	d      *Device
	off    chan struct{}
	pushed []byte
}

// Forever is a time-out that never comes.
const Forever = time.Duration(-1)

func (io *IO) alive() {
	select {
	case <-io.off:
		panic(powerLost{})
	default:
	}
}

// Next waits for a byte, a poke or the time-out.
func (io *IO) Next(timeout time.Duration) (byte, Wake) {
	io.alive()
	if n := len(io.pushed); n > 0 {
		b := io.pushed[0]
		io.pushed = io.pushed[1:]
		return b, GotByte
	}
	var t <-chan time.Time
	if timeout >= 0 {
		select { // what is there already counts before the time-out starts
		case b := <-io.d.rx:
			return b, GotByte
		default:
		}
		t = io.d.opt.Clock.After(timeout)
	}
	select {
	case <-io.off:
		panic(powerLost{})
	case b := <-io.d.rx:
		return b, GotByte
	case <-io.d.poke:
		return 0, Poked
	case <-t:
		return 0, TimedOut
	}
}

// Byte waits for a byte inside a frame; false means it did not come in time.
func (io *IO) Byte(timeout time.Duration) (byte, bool) {
	for {
		b, w := io.Next(timeout)
		switch w {
		case GotByte:
			return b, true
		case TimedOut:
			return 0, false
		case Poked:
			io.d.Poke() // keep it for the main loop
			b, ok := io.byteOnly(timeout)
			return b, ok
		}
	}
}

func (io *IO) byteOnly(timeout time.Duration) (byte, bool) {
	var t <-chan time.Time
	if timeout >= 0 {
		t = io.d.opt.Clock.After(timeout)
	}
	select {
	case <-io.off:
		panic(powerLost{})
	case b := <-io.d.rx:
		return b, true
	case <-t:
		return 0, false
	}
}

// Unread gives bytes back, to be read again first.
func (io *IO) Unread(b ...byte) { io.pushed = append(append([]byte{}, b...), io.pushed...) }

// AwaitPoke waits for an action only: what arrives on the line stays queued.
func (io *IO) AwaitPoke() {
	select {
	case <-io.off:
		panic(powerLost{})
	case <-io.d.poke:
	}
}

// Drain forgets what has arrived: a device that does not listen while it works.
func (io *IO) Drain() {
	io.pushed = nil
	for {
		select {
		case <-io.d.rx:
		default:
			return
		}
	}
}

// Now is the device's clock.
func (io *IO) Now() time.Time { return io.d.opt.Clock.Now() }

// Sleep lets a motion take its time.
func (io *IO) Sleep(d time.Duration) {
	io.alive()
	if d <= 0 {
		return
	}
	select {
	case <-io.off:
		panic(powerLost{})
	case <-io.d.opt.Clock.After(d):
	}
}

// Do changes the model's state, locked, and tells everybody. If the power has gone it
// does not run at all.
func (io *IO) Do(f func()) {
	io.d.mu.Lock()
	defer io.d.mu.Unlock()
	io.alive()
	f()
	io.d.note()
}

// Look reads the model's state, locked, without telling anybody.
func (io *IO) Look(f func()) {
	io.d.mu.Lock()
	defer io.d.mu.Unlock()
	f()
}

// Heard puts a received frame into the trace; shown replaces its bytes when secret.
func (io *IO) Heard(b []byte, shown, decoded string) {
	io.alive()
	io.d.mu.Lock()
	defer io.d.mu.Unlock()
	io.d.addTrace("rx", b, shown, decoded)
}

// Write sends bytes that no line fault touches (keys, notices).
func (io *IO) Write(b []byte, decoded string) {
	io.alive()
	io.d.send(b, "", decoded)
	io.alive()
}

// Accept is asked for each good command frame: it plays the line faults of the way in.
// False means that the device did not hear the command or refused it by NAK.
func (io *IO) Accept(cmd string, ack, nak []byte) bool {
	io.alive()
	switch {
	case io.lineFault(Silence, cmd):
		return false
	case len(nak) > 0 && io.lineFault(Nak, cmd):
		io.Write(nak, "NAK (armed)")
		return false
	case len(ack) == 0:
		return true
	case io.lineFault(LostAck, cmd):
		return true
	case io.lineFault(LateAck, cmd):
		io.Sleep(io.d.opt.LateBy)
	}
	io.Write(ack, "ACK")
	return true
}

// Reply sends a response, as late as the command's latency says, and plays the line faults
// of the way out.
func (io *IO) Reply(b []byte, shown, cmd, decoded string) {
	io.alive()
	d := io.d
	d.mu.Lock()
	late := d.late.next(cmd)
	d.mu.Unlock()
	io.Sleep(late)
	out := append([]byte(nil), b...)
	switch {
	case io.lineFault(PortVanishes, cmd):
		d.vanish()
		return
	case io.lineFault(DuplicateRply, cmd):
		d.send(out, shown, decoded)
	default:
		out = spoil(out, func(k LineFault) bool { return io.lineFault(k, cmd) })
	}
	d.send(out, shown, decoded)
	io.alive()
}

// spoil plays the line faults that change the bytes of an answer.
func spoil(b []byte, armed func(LineFault) bool) []byte {
	switch {
	case armed(DropByte):
		i := len(b) / 2
		return append(b[:i], b[i+1:]...)
	case armed(BadChecksum):
		b[len(b)-1] ^= 0x01
	case armed(Garbage):
		return append([]byte{0xFF, 0x00, 0x5A, 0x7F}, b...)
	}
	return b
}

func (io *IO) lineFault(kind LineFault, cmd string) bool {
	io.d.mu.Lock()
	defer io.d.mu.Unlock()
	ok := io.d.faults.takeLine(io.d.opt.Clock.Now(), kind, cmd)
	if ok {
		io.d.announceFault()
	}
	return ok
}

// Fire asks whether an armed fault strikes this command at this stage. A power fault takes
// the power here and does not return.
func (io *IO) Fire(cmd string, stage Stage) (Armed, bool) { return io.FireIf(cmd, stage, nil) }

// FireIf is Fire for the armed faults that ok accepts.
func (io *IO) FireIf(cmd string, stage Stage, ok func(Armed) bool) (Armed, bool) {
	io.alive()
	io.d.mu.Lock()
	a, hit := io.d.faults.fire(io.d.opt.Clock.Now(), cmd, stage, ok)
	if hit {
		io.d.announceFault()
	}
	if hit && a.Code == FaultPower {
		io.d.cut()
	}
	io.d.mu.Unlock()
	io.alive()
	return a, hit
}

// ReplyLost plays the faults armed for the reply of the command: true means say nothing.
func (io *IO) ReplyLost(cmd string) bool {
	_, hit := io.Fire(cmd, ReplyLost)
	return hit
}

// Log is for the firmware's rare words; no PAN, PIN or key.
func (io *IO) Log(format string, a ...any) {
	io.d.opt.Log.Debug(fmt.Sprintf(format, a...), "device", io.d.opt.ID)
}

func (d *Device) announceFault() {
	if n := len(d.faults.fired); n > 0 {
		d.opt.Hub.publish(Event{At: d.opt.Clock.Now(), Device: d.opt.ID, Kind: "fault", Data: d.faults.fired[n-1]})
	}
	d.note()
}

// Discard forgets what has arrived and not been read. Models call it from Tap.
func (d *Device) Discard() {
	for {
		select {
		case <-d.rx:
		default:
			return
		}
	}
}

// Poke wakes the firmware's Next. Models call it from Act.
func (d *Device) Poke() {
	select {
	case d.poke <- struct{}{}:
	default:
	}
}

// vanish pulls the port out and, if so configured, plugs it in again later.
func (d *Device) vanish() {
	d.line.Close()
	d.mu.Lock()
	d.note()
	d.mu.Unlock()
	if d.opt.ReturnAfter > 0 {
		go func() {
			select {
			case <-d.opt.Clock.After(d.opt.ReturnAfter):
				_ = d.portReturn()
			case <-d.stopped:
			}
		}()
	}
}

func (d *Device) portReturn() error {
	d.mu.Lock()
	running := d.running
	d.mu.Unlock()
	if !running || d.line.Present() {
		return nil
	}
	err := d.openLine()
	d.mu.Lock()
	d.note()
	d.mu.Unlock()
	return err
}
