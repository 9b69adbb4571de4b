package lcdm4000

import (
	"fmt"
	"path/filepath"
	"time"

	"zhigui/sim/device/engine"
)

// BoxConfig is what a cassette holds when the device is new.
type BoxConfig struct {
	Count  int  `yaml:"count" json:"count"`
	Value  int  `yaml:"value" json:"value"`
	Near   int  `yaml:"near" json:"near"`
	Absent bool `yaml:"absent" json:"absent"`
}

// Config is the specimen and its first filling.
type Config struct {
	Boxes []BoxConfig `yaml:"boxes" json:"boxes"` // top first, at most four; those that are not given are empty
	// Exit is hold (notes stay at the exit until they are taken; purge draws them back) or
	// spray (they fall into an open tray).
	Exit   string `yaml:"exit" json:"exit"`
	NoteMs int    `yaml:"noteMs" json:"noteMs"` // from the cassette to the exit
	// Serial is the older ROM: the dispense frame ends with one counting byte.
	Serial bool `yaml:"serial" json:"serial"`
	// StrayFF sends an FF between the frames, which hosts have seen.
	StrayFF bool `yaml:"strayFF" json:"strayFF"`
}

// Validate names what is wrong.
func (c Config) Validate() error {
	if len(c.Boxes) > len(Names) {
		return fmt.Errorf("boxes: the device has %d", len(Names))
	}
	for i, b := range c.Boxes {
		if b.Count < 0 || b.Value < 0 || b.Near < 0 {
			return fmt.Errorf("boxes[%d]: count, value and near must not be negative", i)
		}
	}
	if c.Exit != "" && c.Exit != "hold" && c.Exit != "spray" {
		return fmt.Errorf("exit: %q is neither hold nor spray", c.Exit)
	}
	if c.NoteMs < 0 {
		return fmt.Errorf("noteMs: must not be negative")
	}
	return nil
}

// Model is the dispenser.
type Model struct {
	cfg  Config
	file string
	s    store
	now  func() time.Time

	// firmware memory
	err      byte
	moving   bool
	lastCmd  byte
	lastData []byte
	stuck    map[string]string
}

// New loads the device's state from dir; a new one is filled as configured.
func New(dir string, clock engine.Clock, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Exit == "" {
		cfg.Exit = "hold"
	}
	if clock == nil {
		clock = engine.RealClock{}
	}
	m := &Model{cfg: cfg, file: filepath.Join(dir, "dispenser.json"), now: clock.Now, s: store{Boxes: map[string]*Box{}, Tray: true},
		stuck: map[string]string{"exitSensor": "auto"}}
	m.PowerOff()
	found, err := engine.LoadJSON(m.file, &m.s)
	if err != nil {
		return nil, err
	}
	if !found {
		for i, n := range Names {
			b := &Box{At: map[Place]int{}}
			m.s.Boxes[n] = b
			if i < len(cfg.Boxes) {
				k := cfg.Boxes[i]
				b.Present, b.Value, b.Near = !k.Absent, k.Value, k.Near
				if k.Count > 0 {
					if err := m.s.move(n, k.Count, Outside, Cassette); err != nil {
						return nil, err
					}
				}
			}
		}
	}
	return m, m.save()
}

func (m *Model) save() error {
	if err := m.s.check(); err != nil {
		return err
	}
	return engine.SaveJSON(m.file, m.s)
}

// must stops the firmware when its state cannot be kept: nothing may move without it.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Attach has no use for the device.
func (m *Model) Attach(*engine.Device) {}

// Close has nothing to close: the state is saved on each change.
func (m *Model) Close() error { return nil }

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := engine.Info{Model: "lcdm4000", Class: "cashDispenser", Maker: "Puloon", Title: "Cash dispenser LCDM-4000", TitleZh: "出钞模块 LCDM-4000",
		Faults: faultDefs(), Actions: []string{"takeCash", "fillUnit", "removeUnit", "emptyRejectTray"}}
	for _, c := range []byte{cDispense, cPurge, cTest, cStatus, cLast, cSerial, cReset} {
		i.Commands = append(i.Commands, engine.Option{Value: hex(c), Name: titles[c][0], Zh: titles[c][1]})
	}
	return i
}

// PowerOff implements engine.Model: the record of the last movement is lost with the power.
func (m *Model) PowerOff() {
	m.err, m.moving, m.lastCmd, m.lastData = fine, false, 0x20, nil
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any {
	v := m.s.view()
	v.LastError, v.Moving = hex(m.err), m.moving
	return v
}

// Prompt implements engine.Model.
func (m *Model) Prompt() string {
	if m.s.total(Exit) > 0 && !m.moving {
		return "takeCash"
	}
	return ""
}

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int {
	return map[string]int{"commands": m.s.Last, "rejected": m.s.total(Reject), "taken": m.s.total(Customer)}
}

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	switch action {
	case "takeCash":
		return m.takeCash()
	case "fillUnit", "removeUnit":
		u, err := a.String("unit", "")
		if err != nil {
			return err
		}
		b := m.s.Boxes[u]
		if b == nil {
			return engine.BadArg("unit: %q is none of 1, 2, 3, 4", u)
		}
		if action == "removeUnit" {
			b.Present = false
			return m.save()
		}
		return m.fill(u, b, a)
	case "emptyRejectTray":
		for u, b := range m.s.Boxes {
			if n := b.At[Reject]; n > 0 {
				if err := m.s.move(u, n, Reject, Operator); err != nil {
					return err
				}
			}
		}
		m.s.Tray = true
		return m.save()
	}
	return engine.BadArg("unknown action %q", action)
}

func (m *Model) takeCash() error {
	if m.moving || m.s.total(Exit) == 0 {
		return engine.Conflictf("no notes lie at the exit, or notes are still moving")
	}
	for u, b := range m.s.Boxes {
		if n := b.At[Exit]; n > 0 {
			if err := m.s.move(u, n, Exit, Customer); err != nil {
				return err
			}
		}
	}
	return m.save()
}

func (m *Model) fill(u string, b *Box, a engine.Args) error {
	count, err := a.Int("count", b.At[Cassette])
	if err != nil {
		return err
	}
	value, err := a.Int("value", b.Value)
	if err != nil {
		return err
	}
	near, err := a.Int("near", b.Near)
	if err != nil {
		return err
	}
	if count < 0 || count > 3000 || value < 0 || near < 0 {
		return engine.BadArg("count must be 0 to 3000, value and near not negative")
	}
	b.Present, b.Value, b.Near = true, value, near
	if n := count - b.At[Cassette]; n > 0 {
		err = m.s.move(u, n, Outside, Cassette)
	} else if n < 0 {
		err = m.s.move(u, -n, Cassette, Operator)
	}
	if err != nil {
		return err
	}
	return m.save()
}

func opt(v, n, zh string) engine.Option { return engine.Option{Value: v, Name: n, Zh: zh} }

// Statuses implements engine.Model.
func (m *Model) Statuses() []engine.Setting {
	present := []engine.Option{opt("present", "present", "就位"), opt("absent", "absent", "缺失")}
	is := map[bool]string{true: "present", false: "absent"}
	list := []engine.Setting{{Name: "rejectTray", NameZh: "废钞箱", Value: is[m.s.Tray], Options: present},
		{Name: "exitSensor", NameZh: "出口传感器", Value: m.stuck["exitSensor"], Options: []engine.Option{opt("auto", "follows the notes", "随钞票"), opt("blocked", "stuck: blocked", "卡死：遮挡"), opt("clear", "stuck: clear", "卡死：无遮挡")}}}
	for _, n := range Names {
		list = append(list, engine.Setting{Name: "cassette" + n, NameZh: "钞箱" + n, Value: is[m.s.Boxes[n].Present], Options: present})
	}
	return list
}

// SetStatus implements engine.Model.
func (m *Model) SetStatus(name, value string) error {
	switch {
	case name == "rejectTray":
		m.s.Tray = value == "present"
	case name == "exitSensor":
		m.stuck[name] = value
	default:
		m.s.Boxes[name[len("cassette"):]].Present = value == "present"
	}
	return m.save()
}

// Profile implements engine.Model.
func (m *Model) Profile() []engine.Setting {
	rom := map[bool]string{true: "serial", false: "reserved"}[m.cfg.Serial]
	return []engine.Setting{
		{Name: "exit", NameZh: "出口形式", Value: m.cfg.Exit, Options: []engine.Option{opt("hold", "holds the notes", "夹持待取"), opt("spray", "throws them out", "直接吐出")}},
		{Name: "tail", NameZh: "命令尾部", Value: rom, Options: []engine.Option{opt("reserved", "nine reserved bytes", "九个保留字节"), opt("serial", "serial number", "流水号")}},
	}
}

// SetProfile implements engine.Model.
func (m *Model) SetProfile(name, value string) error {
	if m.s.total(Exit) > 0 || m.moving {
		return engine.Conflictf("notes are at the exit or moving")
	}
	if name == "exit" {
		m.cfg.Exit = value
	} else {
		m.cfg.Serial = value == "serial"
	}
	return nil
}
