package xfscdm

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
	// Listen is the address of the service, 127.0.0.1:0 by default; View has where it is.
	Listen string      `yaml:"listen" json:"listen"`
	Boxes  []BoxConfig `yaml:"boxes" json:"boxes"` // CU1 first, one to eight; none: six of 100, 50, 20, 10, 5 and 1
	NoteMs int         `yaml:"noteMs" json:"noteMs"`
	// Currency is CNY by default.
	Currency string `yaml:"currency" json:"currency"`
}

// usual are the boxes of a specimen without a configuration.
func usual() (out []BoxConfig) {
	for _, v := range []int{100, 50, 20, 10, 5, 1} {
		out = append(out, BoxConfig{Count: 500, Value: v, Near: 30})
	}
	return out
}

// Validate names what is wrong.
func (c Config) Validate() error {
	if len(c.Boxes) > 8 {
		return fmt.Errorf("boxes: the device has at most 8")
	}
	for i, b := range c.Boxes {
		if b.Count < 0 || b.Value < 0 || b.Near < 0 {
			return fmt.Errorf("boxes[%d]: count, value and near must not be negative", i)
		}
	}
	if c.NoteMs < 0 {
		return fmt.Errorf("noteMs: must not be negative")
	}
	return nil
}

// Model is the dispenser with its service provider.
type Model struct {
	cfg  Config
	file string
	s    store
	now  func() time.Time
	dev  *engine.Device
	srv  *service

	// firmware memory
	moving bool
	stuck  map[string]string
}

// New loads the state from dir and opens the service.
func New(dir string, clock engine.Clock, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.Currency == "" {
		cfg.Currency = "CNY"
	}
	if len(cfg.Boxes) == 0 {
		cfg.Boxes = usual()
	}
	if clock == nil {
		clock = engine.RealClock{}
	}
	m := &Model{cfg: cfg, file: filepath.Join(dir, "dispenser.json"), now: clock.Now, s: store{Boxes: map[string]*Box{}, Shown: "notPresented"},
		stuck: map[string]string{"safeDoor": "closed"}}
	found, err := engine.LoadJSON(m.file, &m.s)
	if err != nil {
		return nil, err
	}
	if !found {
		for i, k := range cfg.Boxes {
			n := fmt.Sprintf("CU%d", i+1)
			m.s.Boxes[n] = &Box{Present: !k.Absent, Value: k.Value, Near: k.Near, At: map[Place]int{}}
			if k.Count > 0 {
				if err := m.s.move(n, k.Count, Outside, InBox); err != nil {
					return nil, err
				}
			}
		}
	}
	if err := m.save(); err != nil {
		return nil, err
	}
	m.srv, err = listen(cfg.Listen)
	return m, err
}

func (m *Model) save() error {
	if err := m.s.check(); err != nil {
		return err
	}
	return engine.SaveJSON(m.file, m.s)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Attach tells the model its device, for waking the firmware.
func (m *Model) Attach(d *engine.Device) {
	m.dev = d
	m.srv.wake = d.Poke
}

// Close ends the service.
func (m *Model) Close() error { return m.srv.close() }

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := engine.Info{Model: "xfscdm", Class: "cashDispenser", Maker: "any", Title: "Cash dispenser behind XFS4IoT", TitleZh: "XFS4IoT 出钞模块",
		Faults: faultDefs, Actions: []string{"takeCash", "fillUnit", "removeUnit", "emptyRejectTray"}}
	for _, c := range commands {
		i.Commands = append(i.Commands, engine.Option{Value: c.name, Name: c.title, Zh: c.zh})
	}
	return i
}

// PowerOff implements engine.Model: the service is gone until the power is back.
func (m *Model) PowerOff() {
	m.moving = false
	m.srv.hang()
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any {
	v := m.s.view()
	v.URL, v.Clients, v.Moving = m.srv.url(), m.srv.clients(), m.moving
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
		if m.moving || m.s.total(Exit) == 0 {
			return engine.Conflictf("no notes lie at the exit, or notes are still moving")
		}
		if _, err := m.s.sweep(Exit, Customer); err != nil {
			return err
		}
		m.tell("CashManagement.ItemsTakenEvent", obj{"position": position})
		m.changed()
		return m.save()
	case "fillUnit", "removeUnit":
		u, err := a.String("unit", "")
		if err != nil {
			return err
		}
		b := m.s.Boxes[u]
		if b == nil {
			return engine.BadArg("unit: %q is none of the boxes", u)
		}
		if action == "removeUnit" {
			b.Present = false
		} else if err := m.fill(u, b, a); err != nil {
			return err
		}
		m.tell("Storage.StorageChangedEvent", m.storage())
		return m.save()
	case "emptyRejectTray":
		if _, err := m.s.sweep(Reject, Operator); err != nil {
			return err
		}
		return m.save()
	}
	return engine.BadArg("unknown action %q", action)
}

func (m *Model) fill(u string, b *Box, a engine.Args) error {
	count, err := a.Int("count", b.At[InBox])
	if err != nil {
		return err
	}
	if b.Value, err = a.Int("value", b.Value); err != nil {
		return err
	}
	if b.Near, err = a.Int("near", b.Near); err != nil {
		return err
	}
	if count < 0 || count > 3000 || b.Value < 0 || b.Near < 0 {
		return engine.BadArg("count must be 0 to 3000, value and near not negative")
	}
	b.Present = true
	switch n := count - b.At[InBox]; {
	case n > 0:
		return m.s.move(u, n, Outside, InBox)
	case n < 0:
		return m.s.move(u, -n, InBox, Operator)
	}
	return nil
}

func opt(v, n, zh string) engine.Option { return engine.Option{Value: v, Name: n, Zh: zh} }

// Statuses implements engine.Model.
func (m *Model) Statuses() []engine.Setting {
	list := []engine.Setting{{Name: "safeDoor", NameZh: "保险柜门", Value: m.stuck["safeDoor"], Options: []engine.Option{opt("closed", "closed", "关"), opt("open", "open", "开")}}}
	for _, n := range m.s.names() {
		list = append(list, engine.Setting{Name: n, NameZh: "钞箱 " + n, Value: map[bool]string{true: "present", false: "absent"}[m.s.Boxes[n].Present],
			Options: []engine.Option{opt("present", "present", "就位"), opt("absent", "absent", "缺失")}})
	}
	return list
}

// SetStatus implements engine.Model.
func (m *Model) SetStatus(name, value string) error {
	if b := m.s.Boxes[name]; b != nil {
		b.Present = value == "present"
		m.tell("Storage.StorageChangedEvent", m.storage())
		return m.save()
	}
	m.stuck[name] = value
	m.changed()
	return nil
}

// Profile implements engine.Model.
func (m *Model) Profile() []engine.Setting { return nil }

// SetProfile implements engine.Model.
func (m *Model) SetProfile(name, _ string) error { return engine.BadArg("unknown profile %q", name) }
