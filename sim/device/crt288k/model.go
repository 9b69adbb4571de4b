package crt288k

import (
	"fmt"
	"path/filepath"

	"zhigui/sim/device/engine"
	"zhigui/sim/device/iccard"
)

// Place is where the card is.
type Place string

// The places.
const (
	Outside Place = "outside"
	Halfway Place = "halfway" // at the mouth, not read
	Inside  Place = "inside"
)

// Card is the one in the reader.
type Card struct {
	Name    string      `json:"name"`
	Track1  string      `json:"track1,omitempty"`
	Track2  string      `json:"track2,omitempty"`
	Track3  string      `json:"track3,omitempty"`
	IC      bool        `json:"ic"`
	Invalid bool        `json:"invalid,omitempty"` // neither stripe nor chip
	Chip    iccard.Chip `json:"chip,omitzero"`
}

// Config is the specimen.
type Config struct {
	// Plain is a reader without a latch.
	Plain  bool   `yaml:"plain" json:"plain"`
	Serial string `yaml:"serial" json:"serial"`
}

// Validate names what is wrong.
func (c Config) Validate() error {
	if len(c.Serial) > 18 {
		return fmt.Errorf("serial: %q has more than 18 characters", c.Serial)
	}
	return nil
}

// physical survives a power cut.
type physical struct {
	At    Place `json:"at"`
	Card  *Card `json:"card,omitempty"`
	Taken int   `json:"taken"` // times that a card was pulled out
}

func (p physical) check() error {
	switch p.At {
	case Outside, Halfway, Inside:
	default:
		return fmt.Errorf("the card is at %q", p.At)
	}
	if (p.Card == nil) != (p.At == Outside) {
		return fmt.Errorf("a card that is %s", p.At)
	}
	return nil
}

// Model is the reader.
type Model struct {
	cfg  Config
	file string
	phy  physical
	dev  *engine.Device

	// firmware memory
	ready   bool
	latched bool // the magnet needs power
	slot    iccard.Slot
	stuck   map[string]string
}

// New loads the state from dir.
func New(dir string, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Serial == "" {
		cfg.Serial = "SIM0000288"
	}
	m := &Model{cfg: cfg, file: filepath.Join(dir, "reader.json"), phy: physical{At: Outside}, stuck: map[string]string{"latch": "ok"}}
	_, err := engine.LoadJSON(m.file, &m.phy)
	if err == nil {
		err = m.phy.check()
	}
	if err != nil {
		return nil, err
	}
	return m, m.save()
}

func (m *Model) save() error {
	if err := m.phy.check(); err != nil {
		return err
	}
	return engine.SaveJSON(m.file, m.phy)
}

// Attach tells the model its device.
func (m *Model) Attach(d *engine.Device) { m.dev = d }

// Close has nothing to close.
func (m *Model) Close() error { return nil }

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := engine.Info{Model: "crt288k", Class: "cardReader", Maker: "Creator", Title: "Card reader by hand CRT-288-K001", TitleZh: "手插读卡器 CRT-288-K001",
		Faults: faultDefs(), Actions: []string{"insertCard", "pushCard", "takeCard"}}
	for _, c := range commandTable {
		i.Commands = append(i.Commands, engine.Option{Value: c.code, Name: c.name, Zh: c.zh})
	}
	return i
}

// PowerOff implements engine.Model: the latch lets go.
func (m *Model) PowerOff() {
	m.ready, m.latched = false, false
	m.slot.Off()
}

// View is the physical state.
type View struct {
	Position Place  `json:"position"`
	Card     string `json:"card"`
	Latched  bool   `json:"latched"`
	Ready    bool   `json:"ready"`
	Taken    int    `json:"taken"`
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any {
	v := View{Position: m.phy.At, Latched: m.latched, Ready: m.ready, Taken: m.phy.Taken}
	if m.phy.Card != nil {
		v.Card = m.phy.Card.Name
	}
	return v
}

// Prompt implements engine.Model: nobody can see whether the reader waits for a card.
func (m *Model) Prompt() string {
	switch {
	case m.phy.At == Outside && m.ready:
		return "insertCard"
	case m.phy.At != Outside && !m.latched && m.ready:
		return "takeCard"
	}
	return ""
}

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int { return map[string]int{"taken": m.phy.Taken} }

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	switch action {
	case "insertCard":
		return m.insert(a)
	case "pushCard": // one that was left at the mouth
		if m.phy.At != Halfway {
			return engine.Conflictf("no card lies at the mouth")
		}
		m.phy.At = Inside
		return m.settle()
	case "takeCard":
		switch {
		case m.phy.At == Outside:
			return engine.Conflictf("no card is in the reader")
		case m.latched:
			return engine.Conflictf("the latch holds the card")
		}
		m.phy.At, m.phy.Card = Outside, nil
		m.phy.Taken++
		return m.settle()
	}
	return engine.BadArg("unknown action %q", action)
}

func (m *Model) insert(a engine.Args) error {
	if m.phy.At != Outside {
		return engine.Conflictf("a card is in the reader already")
	}
	k := Card{}
	var err error
	for _, x := range []struct {
		arg string
		to  *string
	}{{"card", &k.Name}, {"track1", &k.Track1}, {"track2", &k.Track2}, {"track3", &k.Track3}, {"protocol", &k.Chip.Protocol}, {"chip", &k.Chip.State}, {"expiry", &k.Chip.Expiry}} {
		if *x.to, err = a.String(x.arg, ""); err != nil {
			return err
		}
	}
	half := false
	for _, x := range []struct {
		arg string
		to  *bool
		def bool
	}{{"ic", &k.IC, true}, {"invalid", &k.Invalid, false}, {"halfway", &half, false}} {
		if *x.to, err = a.Bool(x.arg, x.def); err != nil {
			return err
		}
	}
	if err := k.Chip.Check(); err != nil {
		return engine.BadArg("%v", err)
	}
	m.phy.At, m.phy.Card = Inside, &k
	if half {
		m.phy.At = Halfway
	}
	return m.settle()
}

// settle keeps the state and lays the contacts on the card, or lifts them.
func (m *Model) settle() error {
	m.slot.Put(nil)
	if k := m.phy.Card; m.phy.At == Inside && k.IC && !k.Invalid {
		c, err := iccard.New(filepath.Dir(m.file), k.Chip, k.Track2, "")
		if err != nil {
			return engine.BadArg("%v", err)
		}
		m.slot.Put(c)
	}
	m.dev.Poke()
	return m.save()
}

// Statuses implements engine.Model.
func (m *Model) Statuses() []engine.Setting {
	return []engine.Setting{{Name: "latch", NameZh: "卡锁", Value: m.stuck["latch"], Options: []engine.Option{{Value: "ok", Name: "ok", Zh: "正常"}, {Value: "broken", Name: "broken", Zh: "故障"}}}}
}

// SetStatus implements engine.Model.
func (m *Model) SetStatus(name, value string) error { m.stuck[name] = value; return nil }

// Profile implements engine.Model.
func (m *Model) Profile() []engine.Setting {
	return []engine.Setting{{Name: "latchFitted", NameZh: "是否有卡锁", Value: map[bool]string{true: "no", false: "yes"}[m.cfg.Plain],
		Options: []engine.Option{{Value: "yes", Name: "latch", Zh: "有卡锁"}, {Value: "no", Name: "no latch", Zh: "无卡锁"}}}}
}

// SetProfile implements engine.Model.
func (m *Model) SetProfile(_, value string) error {
	if m.latched {
		return engine.Conflictf("the latch holds a card")
	}
	m.cfg.Plain = value == "no"
	return nil
}
