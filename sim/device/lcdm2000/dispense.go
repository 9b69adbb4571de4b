package lcdm2000

import (
	"fmt"
	"strings"

	"zhigui/sim/device/engine"
)

// job is one dispense command at work. Its counts are what the device's sensors saw and
// what it will report; the truth is in the ledger.
type job struct {
	m              *Model
	io             *engine.IO
	cmd            string
	code           byte
	no             int
	test           bool
	units          []string
	asked          map[string]int
	chk            map[string]int
	exit           map[string]int
	reject         map[string]int
	near           map[string]bool
	err            byte
	moved          int
	total          int
	spray, notices bool
	reserved       int64 // of the token, in major units
}

func (m *Model) dispense(io *engine.IO, r request) *job {
	j := &job{m: m, io: io, cmd: name(r.cmd), code: r.cmd, asked: map[string]int{}, chk: map[string]int{}, exit: map[string]int{},
		reject: map[string]int{}, near: map[string]bool{}, err: errGood}
	if !j.read(r) {
		j.err = 0x3B
	}
	for _, n := range j.asked {
		j.total += n
	}
	io.Do(func() {
		if j.err == errGood {
			j.err = j.obstacle()
		}
		if j.err == errGood && !j.test {
			j.err = j.reserve()
		}
		j.spray, j.notices = m.cfg.Exit == "spray", m.cfg.Notices
		m.cmd++
		j.no = m.cmd
		must(m.record(Entry{Kind: "command", Cmd: j.no, Name: j.cmd, Upper: j.asked["upper"], Lower: j.asked["lower"], Value: m.trust.ID()}))
	})
	j.fault(engine.BeforeMotion)
	kind := refused
	if j.err == errGood {
		kind = ""
		io.Do(func() { m.moving = true })
		for _, u := range j.units {
			j.run(u)
		}
		j.fault(engine.AfterMotion)
	}
	io.Drain() // while it works the device listens to nobody
	io.Do(func() {
		m.moving, m.lastErr = false, j.err
		for _, u := range Units {
			j.near[u] = m.notes.nearEnd(u)
		}
		must(m.record(Entry{Kind: "result", Cmd: j.no, Err: name(j.err), Upper: j.exit["upper"], Lower: j.exit["lower"], Value: kind}))
		j.release()
	})
	return j
}

// read takes the counts out of the command's data.
func (j *job) read(r request) bool {
	switch r.cmd {
	case cmdTestUpper, cmdTestLower:
		j.test = true
		j.units = []string{"upper"}
		if r.cmd == cmdTestLower {
			j.units = []string{"lower"}
		}
		j.asked[j.units[0]] = 1
		return len(r.data) == 0
	case cmdBoth:
		if len(r.data) != 4 {
			return false
		}
		j.units = Units
		for i, u := range Units {
			n, ok := digits(r.data[2*i : 2*i+2])
			if !ok || n > maxNotes {
				return false
			}
			j.asked[u] = n
		}
		return j.asked["upper"]+j.asked["lower"] > 0
	default:
		j.units = []string{"upper"}
		if r.cmd == cmdLower {
			j.units = []string{"lower"}
		}
		n, ok := digits(r.data)
		j.asked[j.units[0]] = n
		return ok && n > 0 && n <= maxNotes
	}
}

// obstacle is why the device refuses before anything moves.
func (j *job) obstacle() byte {
	n := j.m.notes
	switch {
	case !n.rejectTray:
		return 0x3F
	case n.total(Chk) > 0:
		return 0x33
	case n.total(Div) > 0:
		return 0x36
	case n.total(Ejt) > 0, n.total(Exit) > 0:
		return 0x35
	case j.asked["upper"] > 0 && !n.present["upper"]:
		return 0x45
	case j.asked["lower"] > 0 && !n.present["lower"]:
		return 0x46
	}
	return errGood
}

// fault plays armed faults of the stages around the motion.
func (j *job) fault(s engine.Stage) {
	if a, hit := j.io.Fire(j.cmd, s); hit && a.Code != engine.FaultNone {
		j.err = errByte(a.Code)
	}
}

// run moves the notes of one cassette, one at a time.
func (j *job) run(u string) {
	done := 0
	for done < j.asked[u] && j.err == errGood {
		empty := false
		j.io.Do(func() { empty = j.m.notes.at[u][Cassette] == 0 })
		if empty {
			j.err = 0x38
			if u == "lower" {
				j.err = 0x40
			}
			return
		}
		a, hit := j.io.FireIf(j.cmd, engine.MidMotion, reached(j.moved, j.total))
		switch {
		case hit && strings.HasPrefix(a.Code, "REJ-"):
			j.rejectNote(u, errByte(strings.TrimPrefix(a.Code, "REJ-")))
		case hit && a.Code != engine.FaultNone:
			j.strike(u, a.Code)
		case j.test:
			j.rejectNote(u, 0)
			done++
		default:
			j.payNote(u)
			done++
		}
	}
}

func (j *job) step(u string, from, to Place, why string) {
	j.io.Do(func() {
		must(j.m.record(Entry{Kind: "move", Cmd: j.no, Unit: u, N: 1, From: from, To: to, Why: why}))
	})
}

// payNote moves a note from its cassette through the exit.
func (j *job) payNote(u string) {
	j.step(u, Cassette, Chk, "")
	j.chk[u]++
	j.io.Sleep(j.m.noteTime())
	to := Exit
	if j.spray {
		to = Customer
	}
	j.step(u, Chk, to, "")
	j.exit[u]++
	j.moved++
	if j.notices {
		j.io.Write([]byte{soh, 0x8D, byte(j.moved)}, fmt.Sprintf("notice: dispensing %d", j.moved))
	}
}

// rejectNote diverts a note into the reject tray.
func (j *job) rejectNote(u string, reason byte) {
	j.step(u, Cassette, Chk, "")
	j.chk[u]++
	j.io.Sleep(j.m.noteTime())
	j.step(u, Chk, Reject, "")
	j.reject[u]++
	if j.notices && reason != 0 {
		j.io.Write([]byte{soh, 0x9C, reason}, fmt.Sprintf("notice: note rejected, reason %02X", reason))
	}
	if j.reject["upper"]+j.reject["lower"] >= maxRejects && j.err == errGood && !j.test {
		j.err = 0x44
	}
}

// strike plays an error in mid-motion: the note on its way stops where the error says.
func (j *job) strike(u, code string) {
	switch code {
	case "34", "44": // an extra note, or one too many rejected: it goes to the reject tray
		j.rejectNote(u, 0)
	case "3D": // the exit sensor misses a note that went out: the report is one short
		j.payNote(u)
		j.exit[u]--
	default:
		if at := stuckAt(code); at != "" {
			j.step(u, Cassette, Chk, "")
			if at != Chk {
				j.io.Sleep(j.m.noteTime() / 2)
				j.chk[u]++
				j.step(u, Chk, at, "jam")
			}
		}
	}
	j.err = errByte(code)
}

// reply is the data of the response: 45, 55, 76, 77: CHK EXIT err cassette rejects; 56: both.
func (j *job) reply() []byte {
	cassette := func(u string) string {
		if j.near[u] {
			return "\x31"
		}
		return "\x30"
	}
	if j.code == cmdBoth {
		return []byte(two(j.chk["upper"]) + two(j.exit["upper"]) + two(j.chk["lower"]) + two(j.exit["lower"]) + string([]byte{j.err}) +
			cassette("upper") + cassette("lower") + two(j.reject["upper"]) + two(j.reject["lower"]))
	}
	u := "upper"
	if j.code == cmdLower || j.code == cmdTestLower {
		u = "lower"
	}
	return []byte(two(j.chk[u]) + two(j.exit[u]) + string([]byte{j.err}) + cassette(u) + two(j.reject[u]))
}
