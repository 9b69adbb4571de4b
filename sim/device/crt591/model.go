package crt591

import (
	"fmt"
	"path/filepath"

	"zhigui/sim/device/engine"
	"zhigui/sim/device/iccard"
)

// Config is the specimen and its first filling.
type Config struct {
	Cards int `yaml:"cards" json:"cards"` // in the stacker when the device is new
	// First is the number of the first of these cards; the others follow it. Empty: the cards
	// have no number yet.
	First    string `yaml:"first" json:"first"`
	Few      int    `yaml:"few" json:"few"`           // "few" at this number and below; 0 means 20
	BinSize  int    `yaml:"binSize" json:"binSize"`   // 0 means 50
	Address  int    `yaml:"address" json:"address"`   // DIP switch
	MotionMs int    `yaml:"motionMs" json:"motionMs"` // of one movement; 0 is no time at all
	// R02 is the hardware whose entry command means permit 32, prohibit 30.
	R02      bool   `yaml:"r02" json:"r02"`
	Firmware string `yaml:"firmware" json:"firmware"`
}

// Validate names what is wrong.
func (c Config) Validate() error {
	switch {
	case c.Cards < 0 || c.Cards > 500:
		return fmt.Errorf("cards: must be 0 to 500")
	case c.First != "" && !numbered(c.First):
		return fmt.Errorf("first: %q is no card number of 13 to 18 digits", c.First)
	case c.Few < 0 || c.BinSize < 0 || c.MotionMs < 0:
		return fmt.Errorf("few, binSize and motionMs must not be negative")
	case c.Address < 0 || c.Address > 15:
		return fmt.Errorf("address: must be 0 to 15")
	}
	return nil
}

// physical is what survives a power cut: saved on each change.
type physical struct {
	cards
	Counter int `json:"counter"` // of the error bin, kept by the device
}

// Model is the dispenser.
type Model struct {
	cfg  Config
	file string
	phy  physical
	dev  *engine.Device

	// firmware memory
	ready    bool
	counting bool
	entry    bool
	moving   bool
	slot     iccard.Slot // of the IC position
	seated   int         // number of the card under its contacts
	air      field       // what the antenna talks to
	stuck    map[string]string
}

// New loads the device's state from dir; a new one has the configured cards.
func New(dir string, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Few == 0 {
		cfg.Few = 20
	}
	if cfg.BinSize == 0 {
		cfg.BinSize = 50
	}
	if cfg.Firmware == "" {
		cfg.Firmware = "CRT-591-M001"
	}
	m := &Model{cfg: cfg, file: filepath.Join(dir, "dispenser.json"),
		stuck: map[string]string{"stackerSensor": "auto", "binSensor": "auto", "motor": "ok"}}
	found, err := engine.LoadJSON(m.file, &m.phy)
	if err == nil {
		err = m.phy.check()
	}
	if err != nil {
		return nil, err
	}
	if !found {
		m.phy.stack(cfg.Cards, cfg.First, false)
		return m, m.save()
	}
	return m, nil
}

// save makes the state durable; a state that no machine can be in stops the firmware.
func (m *Model) save() error {
	if err := m.phy.check(); err != nil {
		return err
	}
	return engine.SaveJSON(m.file, m.phy)
}

// Attach tells the model its device, for waking the firmware.
func (m *Model) Attach(d *engine.Device) { m.dev = d }

// Close has nothing to close: the state is saved on each change.
func (m *Model) Close() error { return nil }

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := engine.Info{Model: "crt591", Class: "cardReader", Maker: "Creator", Title: "Card dispenser CRT-591-M001", TitleZh: "发卡机 CRT-591-M001",
		Faults: faultDefs(), Actions: []string{"takeCard", "notTakeCard", "insertCard", "loadCards", "emptyBin", "clearPath", "tapCard", "removeCard"}}
	for _, c := range commandTable {
		i.Commands = append(i.Commands, engine.Option{Value: c.code, Name: c.name, Zh: c.zh})
	}
	return i
}

// PowerOff implements engine.Model.
func (m *Model) PowerOff() {
	m.ready, m.entry, m.moving = false, false, false
	m.air = field{}
	m.lift()
}

// View is the physical state, for panels and tests.
type View struct {
	Stacker   int    `json:"stacker"`
	Level     string `json:"level"` // empty, few, enough: what the sensors say
	Position  Place  `json:"position"`
	Card      *Card  `json:"card,omitempty"`
	Bin       int    `json:"bin"`
	BinFull   bool   `json:"binFull"`
	Counter   int    `json:"counter"`
	Taken     []Card `json:"taken"` // what customers have
	Total     int    `json:"total"` // all cards that ever were in the machine
	Ready     bool   `json:"ready"`
	Moving    bool   `json:"moving"`
	CanInsert bool   `json:"canInsert"`
	Field     []Card `json:"field"` // held to the antenna
	CanTap    bool   `json:"canTap"`
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any {
	v := View{Stacker: m.phy.count(Stacker), Level: map[byte]string{'0': "empty", '1': "few", '2': "enough"}[m.level()], Position: "", Bin: m.phy.count(Bin), BinFull: m.binFull(),
		Counter: m.phy.Counter, Taken: []Card{}, Field: []Card{}, CanTap: m.phy.count(Field) < maxField, Total: len(m.phy.List), Ready: m.ready, Moving: m.moving, CanInsert: m.canInsert()}
	if k := m.phy.inside(); k != nil {
		c := *k
		c.Track2 = ""
		v.Card, v.Position = &c, c.At
	}
	for _, k := range m.phy.List {
		switch k.Track2 = ""; k.At {
		case Customer:
			v.Taken = append(v.Taken, k)
		case Field:
			v.Field = append(v.Field, k)
		}
	}
	return v
}

func (m *Model) canInsert() bool { return m.entry && !m.moving && m.phy.inside() == nil }

// level is st1.
func (m *Model) level() byte {
	switch m.stuck["stackerSensor"] {
	case "empty":
		return '0'
	case "enough":
		return '2'
	}
	switch n := m.phy.count(Stacker); {
	case n == 0:
		return '0'
	case n <= m.cfg.Few:
		return '1'
	}
	return '2'
}

func (m *Model) binFull() bool {
	return m.stuck["binSensor"] == "full" || m.phy.count(Bin) >= m.cfg.BinSize
}

// Prompt implements engine.Model.
func (m *Model) Prompt() string {
	switch k := m.phy.inside(); {
	case m.canInsert():
		return "insertCard"
	case k != nil && k.At == Gate && !m.moving:
		return "takeCard"
	}
	return ""
}

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int {
	return map[string]int{"stacker": m.phy.count(Stacker), "bin": m.phy.count(Bin), "counter": m.phy.Counter, "taken": m.phy.count(Customer)}
}

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	k := m.phy.inside()
	switch action {
	case "takeCard", "notTakeCard":
		if k == nil || k.At != Gate || m.moving {
			return engine.Conflictf("no card lies at the gate")
		}
		if action == "takeCard" {
			k.At = Customer
			m.dev.Poke()
		}
		return m.save()
	case "insertCard":
		if !m.canInsert() {
			return engine.Conflictf("the gate is closed, or a card is there already")
		}
		c, err := newCard(a)
		if err != nil {
			return err
		}
		c.At = IC
		m.phy.add(c)
		m.dev.Poke()
		return m.save()
	case "tapCard":
		return m.tap(a)
	case "removeCard":
		if m.phy.all(Field, Holder) == 0 {
			return engine.Conflictf("no card is held to the antenna")
		}
		m.air = field{}
		m.dev.Poke()
		return m.save()
	case "loadCards":
		n, err := a.Int("count", 100)
		if err != nil {
			return err
		}
		blank, err := a.Bool("blank", false)
		if err != nil {
			return err
		}
		first, err := a.String("first", "")
		if err != nil {
			return err
		}
		if n < 1 || n > 500-m.phy.count(Stacker) {
			return engine.BadArg("count: the stacker holds at most 500 cards")
		}
		if first != "" && !numbered(first) {
			return engine.BadArg("first: %q is no card number of 13 to 18 digits", first)
		}
		m.phy.stack(n, first, blank)
		return m.save()
	case "emptyBin":
		m.phy.all(Bin, Operator)
		return m.save()
	case "clearPath":
		if k == nil || m.moving {
			return engine.Conflictf("no card lies in the path")
		}
		k.At = Operator
		m.lift()
		m.dev.Poke()
		return m.save()
	}
	return engine.BadArg("unknown action %q", action)
}

// newCard is a person's card out of the arguments of an action.
func newCard(a engine.Args) (c Card, err error) {
	for _, x := range []struct {
		arg string
		to  *string
	}{{"card", &c.Name}, {"track2", &c.Track2}, {"protocol", &c.Chip.Protocol}, {"chip", &c.Chip.State}, {"air", &c.Chip.Air}, {"expiry", &c.Chip.Expiry}} {
		if *x.to, err = a.String(x.arg, ""); err != nil {
			return c, err
		}
	}
	if c.Blank, err = a.Bool("blank", false); err != nil {
		return c, err
	}
	if err := c.Chip.Check(); err != nil {
		return c, engine.BadArg("%v", err)
	}
	return c, nil
}

func opt(v, n, zh string) engine.Option { return engine.Option{Value: v, Name: n, Zh: zh} }

// Statuses implements engine.Model.
func (m *Model) Statuses() []engine.Setting {
	return []engine.Setting{
		{Name: "stackerSensor", NameZh: "卡箱传感器", Value: m.stuck["stackerSensor"], Options: []engine.Option{opt("auto", "follows the cards", "随卡片"), opt("empty", "always: empty", "恒为空"), opt("enough", "always: enough", "恒为充足")}},
		{Name: "binSensor", NameZh: "废卡箱传感器", Value: m.stuck["binSensor"], Options: []engine.Option{opt("auto", "follows the cards", "随卡片"), opt("full", "always: full", "恒为满")}},
		{Name: "motor", NameZh: "电机", Value: m.stuck["motor"], Options: []engine.Option{opt("ok", "ok", "正常"), opt("error", "error", "故障")}},
	}
}

// SetStatus implements engine.Model.
func (m *Model) SetStatus(name, value string) error { m.stuck[name] = value; return nil }

// Profile implements engine.Model.
func (m *Model) Profile() []engine.Setting {
	v := "m001"
	if m.cfg.R02 {
		v = "r02"
	}
	return []engine.Setting{{Name: "hardware", NameZh: "硬件版本", Value: v, Options: []engine.Option{opt("m001", "M001: entry 30/31", "M001：进卡 30/31"), opt("r02", "R02: entry 32/30", "R02：进卡 32/30")}}}
}

// SetProfile implements engine.Model.
func (m *Model) SetProfile(_, value string) error { m.cfg.R02 = value == "r02"; return nil }
