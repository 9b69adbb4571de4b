package engine

import (
	"fmt"
	"strings"
	"time"
)

// Stage says when an armed fault strikes.
type Stage string

// The stages.
const (
	BeforeMotion Stage = "before-motion" // nothing has moved
	MidMotion    Stage = "mid-motion"    // part has moved
	AfterMotion  Stage = "after-motion"  // all has moved, the answer is an error
	ReplyLost    Stage = "reply-lost"    // all has moved, no answer comes
)

// Stages lists them in order.
var Stages = []Stage{BeforeMotion, MidMotion, AfterMotion, ReplyLost}

// FaultPower is the fault that every model has: the power goes at the stage.
const FaultPower = "POWER"

// FaultNone is the code of a fault that only loses the reply.
const FaultNone = "NONE"

// FaultDef is one fault that a model can show, by number and name (VD-27, UX-37).
type FaultDef struct {
	Code    string `json:"code"`
	Name    string `json:"name"`
	NameZh  string `json:"nameZh"`
	Command string `json:"command,omitempty"` // command it belongs to unless armed otherwise
}

// Armed is a fault that waits for its command. Left 0 with Times 0 means until cleared.
type Armed struct {
	ID      int    `json:"id"`
	Code    string `json:"code"`
	Name    string `json:"name"`
	NameZh  string `json:"nameZh"`
	Command string `json:"command,omitempty"`
	Stage   Stage  `json:"stage"`
	Times   int    `json:"times"`
	Left    int    `json:"left"`
	// After is, for mid-motion faults of devices that move things one by one, how many have
	// moved when it strikes; -1 is half of them.
	After int `json:"after"`
}

// Fired is a fault that struck.
type Fired struct {
	At      time.Time `json:"at"`
	Code    string    `json:"code"`
	Name    string    `json:"name"`
	NameZh  string    `json:"nameZh"`
	Command string    `json:"command"`
	Stage   Stage     `json:"stage"`
}

// LineFault is a fault below the commands.
type LineFault string

// The line faults.
const (
	DropByte      LineFault = "drop-byte"       // one byte of the reply is missing
	BadChecksum   LineFault = "bad-checksum"    // a bit of the reply's last byte is flipped
	Silence       LineFault = "silence"         // the device does not hear the command
	Garbage       LineFault = "garbage"         // noise before the reply
	PortVanishes  LineFault = "port-vanishes"   // the port is gone instead of the reply
	Nak           LineFault = "nak"             // a good command is answered by NAK
	LateAck       LineFault = "late-ack"        // the ACK comes late
	LostAck       LineFault = "lost-ack"        // the ACK is lost, the command runs
	DuplicateRply LineFault = "duplicate-reply" // the reply comes twice
)

// LineFaults lists them.
var LineFaults = []LineFault{DropByte, BadChecksum, Silence, Garbage, PortVanishes, Nak, LateAck, LostAck, DuplicateRply}

// ArmedLine is a line fault that waits.
type ArmedLine struct {
	ID    int       `json:"id"`
	Kind  LineFault `json:"kind"`
	Times int       `json:"times"`
	Left  int       `json:"left"`
}

const maxFired = 100

type faults struct {
	next  int
	armed []*Armed
	line  []*ArmedLine
	fired []Fired
}

func (f *faults) arm(defs []FaultDef, a Armed) error {
	if a.Times < 0 {
		return fmt.Errorf("times must be 0 (until cleared) or more")
	}
	if a.Code == "" {
		a.Code = FaultNone
	}
	known := false
	for _, s := range Stages {
		known = known || s == a.Stage
	}
	if !known {
		return fmt.Errorf("stage %q is none of %v", a.Stage, Stages)
	}
	for _, d := range defs {
		if strings.EqualFold(d.Code, a.Code) {
			a.Code, a.Name, a.NameZh = d.Code, d.Name, d.NameZh
			if a.Command == "" {
				a.Command = d.Command
			}
			f.next++
			a.ID, a.Left = f.next, a.Times
			f.armed = append(f.armed, &a)
			return nil
		}
	}
	return fmt.Errorf("unknown fault code %q", a.Code)
}

// fire finds the first armed fault for the command and stage and uses it up once. A
// command pattern is a prefix of the command's name; empty matches every command.
func (f *faults) fire(now time.Time, cmd string, stage Stage, ok func(Armed) bool) (Armed, bool) {
	for i, a := range f.armed {
		if a.Stage != stage || !matchCommand(a.Command, cmd) || ok != nil && !ok(*a) {
			continue
		}
		got := *a
		if a.Times > 0 {
			if a.Left--; a.Left == 0 {
				f.armed = append(f.armed[:i:i], f.armed[i+1:]...)
			}
		}
		f.fired = append(f.fired, Fired{now, a.Code, a.Name, a.NameZh, cmd, stage})
		f.trim()
		return got, true
	}
	return Armed{}, false
}

func matchCommand(pattern, cmd string) bool {
	if pattern == "" {
		return true
	}
	for _, p := range strings.Split(pattern, ",") {
		if p = strings.TrimSpace(p); p != "" && strings.HasPrefix(cmd, p) {
			return true
		}
	}
	return false
}

func (f *faults) armLine(kind LineFault, times int) error {
	if times < 0 {
		return fmt.Errorf("times must be 0 (until cleared) or more")
	}
	for _, k := range LineFaults {
		if k == kind {
			f.next++
			f.line = append(f.line, &ArmedLine{f.next, kind, times, times})
			return nil
		}
	}
	return fmt.Errorf("line fault %q is none of %v", kind, LineFaults)
}

func (f *faults) takeLine(now time.Time, kind LineFault, cmd string) bool {
	for i, a := range f.line {
		if a.Kind != kind {
			continue
		}
		if a.Times > 0 {
			if a.Left--; a.Left == 0 {
				f.line = append(f.line[:i:i], f.line[i+1:]...)
			}
		}
		f.fired = append(f.fired, Fired{At: now, Code: string(kind), Name: "line: " + string(kind), NameZh: "线路：" + string(kind), Command: cmd})
		f.trim()
		return true
	}
	return false
}

func (f *faults) trim() {
	if n := len(f.fired); n > maxFired {
		f.fired = append([]Fired(nil), f.fired[n-maxFired:]...)
	}
}

// clear removes one armed fault, or all with id 0.
func (f *faults) clear(id int) {
	if id == 0 {
		f.armed, f.line = nil, nil
		return
	}
	for i, a := range f.armed {
		if a.ID == id {
			f.armed = append(f.armed[:i:i], f.armed[i+1:]...)
			return
		}
	}
	for i, a := range f.line {
		if a.ID == id {
			f.line = append(f.line[:i:i], f.line[i+1:]...)
			return
		}
	}
}
