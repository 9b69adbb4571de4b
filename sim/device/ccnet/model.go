package ccnet

import (
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"zhigui/sim/device/engine"
)

// Place is where a note is.
type Place string

// The places.
const (
	Path     Place = "path"   // drawn in, being read
	Escrow   Place = "escrow" // read and held
	Stacker  Place = "stacker"
	Mouth    Place = "mouth" // given back, sticks out
	Cassette Place = "cassette"
	Customer Place = "customer"
	Operator Place = "operator"
)

// Places lists them.
var Places = []Place{Path, Escrow, Stacker, Mouth, Cassette, Customer, Operator}

// Note is one piece of paper; Type is its place in the bill table, -1: none.
type Note struct {
	ID        int    `json:"id"`
	Value     int    `json:"value"`
	Type      int    `json:"type"`
	Condition string `json:"condition"`
	Place     Place  `json:"place"`
}

// Config is the specimen.
type Config struct {
	Currency string `yaml:"currency" json:"currency"` // CNY
	Values   []int  `yaml:"values" json:"values"`     // bill table, major units: a digit and zeros
	Capacity int    `yaml:"capacity" json:"capacity"`
	ReadMs   int    `yaml:"readMs" json:"readMs"`
	StackMs  int    `yaml:"stackMs" json:"stackMs"`
	EscrowMs int    `yaml:"escrowMs" json:"escrowMs"` // 0: 10000
}

// Validate names what is wrong.
func (c Config) Validate() error {
	if c.Currency != "" && len(c.Currency) != 3 {
		return fmt.Errorf("currency: %q is no ISO code", c.Currency)
	}
	if len(c.Values) > 24 {
		return fmt.Errorf("values: the bill table has 24 places")
	}
	for _, v := range c.Values {
		if d, _ := split(v); v < 1 || d > 255 {
			return fmt.Errorf("values: %d cannot be written as a number up to 255 and zeros", v)
		}
	}
	if c.Capacity < 0 || c.ReadMs < 0 || c.StackMs < 0 || c.EscrowMs < 0 {
		return fmt.Errorf("capacity and times must not be negative")
	}
	return nil
}

// split writes a value as a number and zeros.
func split(v int) (digits, zeros int) {
	for v > 9 && v%10 == 0 {
		v, zeros = v/10, zeros+1
	}
	return v, zeros
}

type state struct {
	Notes       []Note `json:"notes"`
	Jam         byte   `json:"jam"` // 43, 44 or 0
	CassetteOut bool   `json:"cassetteOut"`
	Stacked     int    `json:"stacked"`
}

// StateFile is the name of the state in the device's folder.
const StateFile = "notes.json"

// Model is the validator.
type Model struct {
	cfg   Config
	dir   string
	clock engine.Clock
	dev   *engine.Device
	st    state

	// volatile
	mode    mode
	due     time.Time
	enabled [3]byte
	escrow  [3]byte
	latched []byte // reported by each poll until the host acknowledges it
	sent    bool   // the last reply was the latched one
	reason  byte
	failed  []byte
}

// New loads the state in dir.
func New(dir string, clock engine.Clock, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Currency == "" {
		cfg.Currency = "CNY"
	}
	if len(cfg.Values) == 0 {
		cfg.Values = []int{1, 5, 10, 20, 50, 100}
	}
	if cfg.Capacity == 0 {
		cfg.Capacity = 600
	}
	if cfg.EscrowMs == 0 {
		cfg.EscrowMs = 10000
	}
	if clock == nil {
		clock = engine.RealClock{}
	}
	m := &Model{cfg: cfg, dir: dir, clock: clock}
	if _, err := engine.LoadJSON(filepath.Join(dir, StateFile), &m.st); err != nil {
		return nil, err
	}
	m.PowerOff()
	return m, m.conserved()
}

func (m *Model) conserved() error {
	moving := 0
	for i, n := range m.st.Notes {
		if n.ID != i || !slices.Contains(Places, n.Place) {
			return fmt.Errorf("conservation of notes: note %d is at %q", n.ID, n.Place)
		}
		if n.Place == Path || n.Place == Escrow || n.Place == Stacker {
			moving++
		}
	}
	if moving > 1 {
		return fmt.Errorf("conservation of notes: %d notes between mouth and cassette", moving)
	}
	return nil
}

func (m *Model) save() {
	err := m.conserved()
	if err == nil {
		err = engine.SaveJSON(filepath.Join(m.dir, StateFile), m.st)
	}
	if err != nil {
		panic(err) // nothing may move without it
	}
}

func (m *Model) at(places ...Place) *Note {
	for i := range m.st.Notes {
		if slices.Contains(places, m.st.Notes[i].Place) {
			return &m.st.Notes[i]
		}
	}
	return nil
}

func (m *Model) count(p Place) (n int) {
	for _, k := range m.st.Notes {
		if k.Place == p {
			n++
		}
	}
	return n
}

// Attach tells the model its device.
func (m *Model) Attach(d *engine.Device) { m.dev = d }

// Close has nothing to close.
func (m *Model) Close() error { return nil }

// PowerOff implements engine.Model.
func (m *Model) PowerOff() {
	m.mode, m.due, m.latched, m.sent, m.failed = poweredUp, time.Time{}, nil, false, nil
	m.enabled, m.escrow = [3]byte{}, [3]byte{}
}

// View is the physical state.
type View struct {
	Notes    []Note        `json:"notes"`
	Places   map[Place]int `json:"places"`
	Mode     string        `json:"mode"`
	Jam      byte          `json:"jam"`
	Cassette bool          `json:"cassette"`
	Stacked  int           `json:"stacked"`
}

// View implements engine.Model.
func (m *Model) View() any {
	v := View{Notes: slices.Clone(m.st.Notes), Places: map[Place]int{}, Mode: string(m.mode), Jam: m.st.Jam, Cassette: !m.st.CassetteOut, Stacked: m.st.Stacked}
	for _, n := range m.st.Notes {
		v.Places[n.Place]++
	}
	return v
}

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := engine.Info{Model: "ccnet", Class: "cashAcceptor", Maker: "CashCode", Title: "Note validator (CCNET)", TitleZh: "纸币接收模块 (CCNET)",
		Actions: []string{"insertNote", "takeNotes", "removeCassette", "insertCassette", "clearJam"},
		Faults: []engine.FaultDef{
			{Code: "43", Name: "jam in the validator", NameZh: "识别器卡钞", Command: mvRead},
			{Code: "44", Name: "jam in the stacker", NameZh: "钞箱通道卡钞", Command: mvStack},
			{Code: "45", Name: "cheated", NameZh: "欺诈企图", Command: mvStack},
			{Code: "47-50", Name: "stack motor failure", NameZh: "压钞电机故障", Command: mvStack},
			{Code: "1C-61", Name: "rejected: magnetic", NameZh: "拒收：磁性", Command: mvRead},
			{Code: "1C-65", Name: "rejected: conveying", NameZh: "拒收：传送", Command: mvRead},
			{Code: "30", Name: "illegal command", NameZh: "非法命令", Command: "34"},
		}}
	for _, mv := range [][3]string{{mvRead, "draw in and read", "吸入并识别"}, {mvStack, "stack", "压入钞箱"}, {mvReturn, "give back", "退回"}, {mvInit, "initialise", "初始化"}} {
		i.Commands = append(i.Commands, engine.Option{Value: mv[0], Name: mv[1], Zh: mv[2]})
	}
	for _, c := range commandList {
		i.Commands = append(i.Commands, engine.Option{Value: fmt.Sprintf("%02X", c.code), Name: c.name, Zh: c.zh})
	}
	return i
}

// Prompt implements engine.Model.
func (m *Model) Prompt() string {
	switch {
	case m.at(Mouth) != nil:
		return "take the note"
	case m.mode == idling:
		return "insert a note"
	}
	return ""
}

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int { return map[string]int{"stacked": m.st.Stacked} }

var conditions = map[string]byte{"genuine": 0, "unfit": 0, "counterfeit": 0x61, "foreign": 0x69, "double": 0x65, "twisted": 0x60}

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	defer m.dev.Poke()
	switch action {
	case "insertNote":
		value, err := a.Int("value", m.cfg.Values[len(m.cfg.Values)-1])
		if err != nil {
			return err
		}
		condition, err := a.String("condition", "genuine")
		if err != nil {
			return err
		}
		if _, ok := conditions[condition]; !ok || value < 1 {
			return engine.BadArg("condition: %q is none of genuine, unfit, counterfeit, foreign, double, twisted, or the value is not positive", condition)
		}
		if m.mode != idling || m.at(Mouth) != nil {
			return engine.Conflictf("the validator takes no note now")
		}
		m.st.Notes = append(m.st.Notes, Note{ID: len(m.st.Notes), Value: value, Type: slices.Index(m.cfg.Values, value), Condition: condition, Place: Path})
		m.save()
		m.mode, m.due = accepting, m.after(m.cfg.ReadMs)
		return nil
	case "takeNotes":
		n := m.at(Mouth)
		if n == nil {
			return engine.Conflictf("no note sticks out")
		}
		for ; n != nil; n = m.at(Mouth) {
			n.Place = Customer
		}
	case "removeCassette":
		if m.st.CassetteOut || m.at(Stacker) != nil {
			return engine.Conflictf("the cassette is out already or a note is moving")
		}
		m.st.CassetteOut = true
		for i := range m.st.Notes {
			if m.st.Notes[i].Place == Cassette {
				m.st.Notes[i].Place = Operator
			}
		}
		if m.mode == escrowed {
			m.mode, m.due = returning, m.clock.Now()
		}
	case "insertCassette":
		if !m.st.CassetteOut {
			return engine.Conflictf("the cassette is in")
		}
		m.st.CassetteOut = false
	case "clearJam":
		if m.st.Jam == 0 {
			return engine.Conflictf("there is no jam")
		}
		if n := m.at(Path, Escrow, Stacker); n != nil {
			n.Place = Operator
		}
		m.st.Jam, m.mode = 0, poweredUp
	default:
		return engine.BadArg("unknown action %q", action)
	}
	m.save()
	return nil
}

func (m *Model) after(ms int) time.Time {
	return m.clock.Now().Add(time.Duration(ms) * time.Millisecond)
}

// Statuses implements engine.Model.
func (m *Model) Statuses() []engine.Setting {
	v := "present"
	if m.st.CassetteOut {
		v = "absent"
	}
	return []engine.Setting{{Name: "cassette", NameZh: "钞箱", Value: v, Options: []engine.Option{{Value: "present", Name: "present", Zh: "就位"}, {Value: "absent", Name: "absent", Zh: "缺失"}}}}
}

// SetStatus implements engine.Model.
func (m *Model) SetStatus(_, value string) error {
	if (value == "absent") == m.st.CassetteOut {
		return nil
	}
	return m.Act(map[string]string{"absent": "removeCassette", "present": "insertCassette"}[value], nil)
}

// Profile implements engine.Model.
func (m *Model) Profile() []engine.Setting { return nil }

// SetProfile implements engine.Model.
func (m *Model) SetProfile(name, _ string) error { return engine.BadArg("no item %q", name) }
