package engine

import (
	"log/slog"
	"time"
)

// Model is the firmware and the mechanics of one device. Every method but Run is called
// with the device locked; Run takes the lock through IO.Do for each change.
type Model interface {
	// Info is constant.
	Info() Info
	// Run is the firmware. It returns only by losing power (the IO methods unwind it).
	Run(io *IO)
	// PowerOff forgets what is only in the firmware's memory; mechanics stay.
	PowerOff()
	// Act is a human action (insert a card, take the notes …).
	Act(action string, a Args) error
	// View is a copy of the physical state, for JSON and for tests.
	View() any
	// Prompt is what the device waits for a person to do, or "".
	Prompt() string
	// Statuses are the states that a person may set by named values (VD-29).
	Statuses() []Setting
	SetStatus(name, value string) error
	// Profile are the ways in which specimens of the model differ.
	Profile() []Setting
	SetProfile(name, value string) error
	Counters() map[string]int
}

// RealTimer is a model that answers some bytes the moment they arrive, ahead of everything
// that is queued (ESC/POS real-time commands). Tap is called locked, for each byte.
type RealTimer interface {
	Tap(b byte) (reply []byte, decoded string)
}

// Info names a model.
type Info struct {
	Model   string     `json:"model"`
	Class   string     `json:"class"` // drivers/api class
	Maker   string     `json:"maker"`
	Title   string     `json:"title"`
	TitleZh string     `json:"titleZh"`
	Faults  []FaultDef `json:"faults"`
	Actions []string   `json:"actions"`
	// Commands are the commands that faults can be bound to: code on the wire and name.
	Commands []Option `json:"commands"`
}

// Setting is one state or profile item and its named values.
type Setting struct {
	Name    string   `json:"name"`
	NameZh  string   `json:"nameZh"`
	Value   string   `json:"value"`
	Options []Option `json:"options"`
}

// Option is a named value.
type Option struct {
	Value string `json:"value"`
	Name  string `json:"name"`
	Zh    string `json:"zh"`
}

// Check refuses a value that is none of the options.
func (s Setting) Check(value string) error {
	for _, o := range s.Options {
		if o.Value == value {
			return nil
		}
	}
	return BadArg("%s: %q is none of its named values", s.Name, value)
}

// Options is what every device needs, whatever the model.
type Options struct {
	ID       string
	Link     string
	StateDir string
	// Baud and Pace make the line as slow as the real one; Pace 0 is no pacing, 1 is real.
	Baud  int
	Pace  float64
	Clock Clock
	Log   *slog.Logger
	Hub   *Hub
	// ReturnAfter is how long a vanished port stays away; 0 means until portReturn.
	ReturnAfter time.Duration
	// LateBy is how late a late ACK is.
	LateBy time.Duration
	// Latency delays answers; Seed makes their times the same in each run.
	Latency []Latency
	Seed    int
}

// State is everything a panel shows and a test compares.
type State struct {
	ID       string         `json:"id"`
	Info     Info           `json:"info"`
	Power    bool           `json:"power"`
	Open     bool           `json:"open"`
	Running  bool           `json:"running"` // false after exitProgram
	Link     string         `json:"link"`
	Port     bool           `json:"port"` // false while the port has vanished
	Prompt   string         `json:"prompt"`
	Physical any            `json:"physical"`
	Statuses []Setting      `json:"statuses"`
	Profile  []Setting      `json:"profile"`
	Armed    []Armed        `json:"armed"`
	Line     []ArmedLine    `json:"armedLine"`
	Fired    []Fired        `json:"fired"`
	Latency  []Latency      `json:"latency"`
	Counters map[string]int `json:"counters"`
}
