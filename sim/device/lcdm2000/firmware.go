package lcdm2000

import (
	"strconv"
	"strings"
	"time"

	"zhigui/sim/device/engine"
)

const (
	errGood    = 0x30
	frameGap   = 200 * time.Millisecond // specification 2.3: a frame must be complete
	repeatGap  = 500 * time.Millisecond
	repeats    = 3
	maxNotes   = 60
	maxRejects = 10 // in one command; then 44, over reject
)

// Run implements engine.Model.
func (m *Model) Run(io *engine.IO) {
	for {
		b, w := io.Next(engine.Forever)
		if w != engine.GotByte {
			continue
		}
		if b == ack || b == nak {
			continue
		}
		if b != eot {
			io.Heard([]byte{b}, "", "noise")
			continue
		}
		r, ok := readRequest(func() (byte, bool) { return io.Byte(frameGap) })
		if !ok {
			io.Heard(r.raw, "", "incomplete frame, ignored")
			if n := len(r.raw); n > 1 && r.raw[n-1] == eot {
				io.Unread(eot)
			}
			continue
		}
		if r.bad {
			io.Heard(r.raw, "", "bad checksum")
			io.Write([]byte{nak}, "NAK")
			continue
		}
		io.Heard(r.raw, "", strings.TrimSpace(name(r.cmd)+" "+title(r.cmd)+" "+string(r.data)))
		if io.Accept(name(r.cmd), []byte{ack}, []byte{nak}) {
			m.execute(io, r)
		}
	}
}

func (m *Model) execute(io *engine.IO, r request) {
	cmd := name(r.cmd)
	var data []byte
	switch r.cmd {
	case cmdStatus:
		data = m.status(io, cmd)
	case cmdROM:
		rom := m.cfg.ROM
		if _, hit := io.Fire(cmd, engine.BeforeMotion); hit {
			rom = "T30T"
		}
		data = []byte(rom + romCheck[rom])
	case cmdPurge:
		data = []byte{m.purge(io, cmd)}
	case cmdUpper, cmdLower, cmdBoth, cmdTestUpper, cmdTestLower:
		j := m.dispense(io, r)
		data = j.reply()
	case cmdTrust, cmdNonce, cmdForget, cmdToken, cmdResponse:
		io.Do(func() { data = m.secure(r) })
	default:
		data = []byte{0x37}
	}
	m.answer(io, r.cmd, data)
}

// answer sends the response until it is acknowledged: repeated on NAK and, without a word,
// three times every half second (specification 2.3).
func (m *Model) answer(io *engine.IO, c byte, data []byte) {
	cmd := name(c)
	if io.ReplyLost(cmd) {
		return
	}
	frame := response(c, data)
	decoded := cmd + " reply " + printable(data)
	send := func() { io.Reply(frame, "", cmd, decoded) }
	send()
	for again := 0; ; {
		b, w := io.Next(repeatGap)
		switch {
		case w == engine.Poked:
			continue
		case w == engine.GotByte && b == ack:
			io.Heard([]byte{b}, "", "ACK")
			return
		case w == engine.GotByte && b == eot:
			io.Unread(b)
			return
		case w == engine.GotByte && b != nak:
			continue
		}
		if w == engine.GotByte {
			io.Heard([]byte{b}, "", "NAK")
		}
		if again++; again > repeats {
			return
		}
		decoded = cmd + " reply (again) " + printable(data)
		send()
	}
}

func printable(b []byte) string {
	var sb strings.Builder
	for _, c := range b {
		if c > 0x20 && c < 0x7F {
			sb.WriteByte(c)
		} else {
			sb.WriteString(`\x` + strconv.FormatUint(uint64(c), 16))
		}
	}
	return sb.String()
}

// status: 30 err S0 S1. S0: CHK1 CHK2 DIV1 DIV2 EJT EXIT near-end 1; S1: SOL, cassettes
// (1 = absent), CHK3 CHK4, lower near end, reject tray (0 = present), 1.
func (m *Model) status(io *engine.IO, cmd string) []byte {
	a, hit := io.Fire(cmd, engine.BeforeMotion)
	var out []byte
	io.Do(func() {
		err := m.lastErr
		if hit {
			err = errByte(a.Code)
		}
		at := m.notes.at
		bit := func(b bool, n int) byte {
			if b {
				return 1 << n
			}
			return 0
		}
		exit := m.notes.total(Exit) > 0
		switch m.stuck["exitSensor"] {
		case "blocked":
			exit = true
		case "clear":
			exit = false
		}
		s0 := byte(0x80) | bit(at["upper"][Chk] > 0, 0) | bit(m.notes.total(Div) > 0, 2) | bit(m.notes.total(Ejt) > 0, 4) |
			bit(exit, 5) | bit(m.notes.nearEnd("upper"), 6)
		s1 := byte(0x80) | bit(m.stuck["solSensor"] == "active", 0) | bit(!m.notes.present["upper"], 1) | bit(!m.notes.present["lower"], 2) |
			bit(at["lower"][Chk] > 0, 3) | bit(m.notes.nearEnd("lower"), 5) | bit(!m.notes.rejectTray, 6)
		out = []byte{0x30, err, s0, s1}
	})
	return out
}

func errByte(code string) byte {
	n, err := strconv.ParseUint(code, 16, 8)
	if err != nil {
		return errGood
	}
	return byte(n)
}

// must stops the firmware when the ledger cannot be written: nothing may move without it.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// purge clears the path into the reject tray; with exit hold it draws held notes back too.
func (m *Model) purge(io *engine.IO, cmd string) byte {
	var todo []Bundle
	result := byte(errGood)
	no, drew := 0, ""
	io.Do(func() {
		todo = append(m.notes.bundles(Chk, Div, Ejt), m.notes.bundles(Exit)...)
		m.cmd++
		no = m.cmd
		must(m.record(Entry{Kind: "command", Cmd: no, Name: cmd}))
		if !m.notes.rejectTray {
			result = 0x3F
		}
		m.moving = result == errGood
		if result == errGood && m.notes.total(Exit) > 0 {
			drew = drewIn
		}
	})
	total := 0
	for _, b := range todo {
		total += b.N
	}
	if a, hit := io.Fire(cmd, engine.BeforeMotion); hit && a.Code != engine.FaultNone {
		result = errByte(a.Code)
	}
	moved := 0
motion:
	for _, b := range todo {
		for range b.N {
			if result != errGood {
				break motion
			}
			if a, hit := io.FireIf(cmd, engine.MidMotion, reached(moved, total)); hit && a.Code != engine.FaultNone {
				result = errByte(a.Code)
				break motion
			}
			io.Sleep(m.noteTime())
			io.Do(func() {
				// The customer may have taken notes in the meantime: only what is there moves.
				if hasBundle(m.notes.path, b) {
					must(m.record(Entry{Kind: "move", Cmd: b.Cmd, Unit: b.Unit, N: 1, From: b.At, To: Reject, Why: "purge"}))
				}
			})
			moved++
		}
	}
	if a, hit := io.Fire(cmd, engine.AfterMotion); hit && a.Code != engine.FaultNone {
		result = errByte(a.Code)
	}
	io.Drain() // while it works the device listens to nobody
	io.Do(func() {
		m.moving, m.lastErr = false, result
		must(m.record(Entry{Kind: "result", Cmd: no, Err: name(result), Value: drew}))
	})
	return result
}

func hasBundle(path []Bundle, b Bundle) bool {
	for _, p := range path {
		if p.Unit == b.Unit && p.Cmd == b.Cmd && p.At == b.At {
			return true
		}
	}
	return false
}

func (m *Model) noteTime() time.Duration { return time.Duration(m.cfg.NoteMs) * time.Millisecond }

// reached accepts a mid-motion fault when as many notes have moved as it asks for; -1 asks
// for half of them.
func reached(moved, total int) func(engine.Armed) bool {
	return func(a engine.Armed) bool {
		if a.After >= 0 {
			return moved == a.After
		}
		return moved == total/2
	}
}
