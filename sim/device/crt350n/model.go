package crt350n

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"zhigui/sim/device/engine"
	"zhigui/sim/device/iccard"
)

// Position is where the card is.
type Position string

// The positions. Outside also means that there is no card.
const (
	Outside  Position = "outside"
	Mouth    Position = "mouth" // at the gate, the customer can take it
	Inside   Position = "inside"
	Retained Position = "retained"
)

// CardData is a named card of the card list (VD-30). Tracks are without sentinels.
type CardData struct {
	Name   string `yaml:"name" json:"name"`
	Note   string `yaml:"note" json:"note,omitempty"`
	Track1 string `yaml:"track1" json:"track1"`
	Track2 string `yaml:"track2" json:"track2"`
	Track3 string `yaml:"track3" json:"track3"`
	IC     bool   `yaml:"ic" json:"ic"`
	// Chip is how the chip of a card with IC is; left out, a good one.
	Chip iccard.Chip `yaml:"chip" json:"chip,omitzero"`
}

// Check refuses tracks that a stripe cannot hold.
func (c CardData) Check() error {
	if strings.TrimSpace(c.Name) == "" {
		return engine.BadArg("a card needs a name")
	}
	if err := c.Chip.Check(); err != nil {
		return engine.BadArg("card %s: %v", c.Name, err)
	}
	for i, t := range []string{c.Track1, c.Track2, c.Track3} {
		if _, ok := EncodeTrack(i+1, t); !ok {
			return engine.BadArg("card %s: track %d has a character that the track cannot hold", c.Name, i+1)
		}
		if limit := []int{76, 37, 104}[i]; len(t) > limit {
			return engine.BadArg("card %s: track %d is longer than %d characters", c.Name, i+1, limit)
		}
	}
	return nil
}

// Config is the specimen.
type Config struct {
	Cards []CardData `yaml:"cards" json:"cards"`
	// Restore is what happens to a card inside when the power comes back: keep or eject.
	Restore string `yaml:"restore" json:"restore"`
	// MotionMs is how long a card's movement takes; 0 is no time at all.
	MotionMs int    `yaml:"motionMs" json:"motionMs"`
	Firmware string `yaml:"firmware" json:"firmware"`
}

// Validate names what is wrong.
func (c Config) Validate() error {
	names := map[string]bool{}
	for _, k := range c.Cards {
		if err := k.Check(); err != nil {
			return err
		}
		if names[k.Name] {
			return fmt.Errorf("cards: %q is there twice", k.Name)
		}
		names[k.Name] = true
	}
	if c.Restore != "" && c.Restore != "keep" && c.Restore != "eject" {
		return fmt.Errorf("restore: %q is neither keep nor eject", c.Restore)
	}
	if c.MotionMs < 0 {
		return fmt.Errorf("motionMs: must not be negative")
	}
	return nil
}

// stripe is the card in the machine.
type stripe struct {
	Name    string    `json:"name"`
	Mag     bool      `json:"mag"`
	IC      bool      `json:"ic"`
	Invalid bool      `json:"invalid"`
	Tracks  [3][]byte `json:"tracks"`
	Chip    *chip     `json:"chip,omitempty"`
}

// chip is what the chip of the card in the machine is made from.
type chip struct {
	Kind   iccard.Chip `json:"kind"`
	Track2 string      `json:"track2"`
	Holder string      `json:"holder"`
}

// physical is what survives a power cut and the process: it is saved on each change.
type physical struct {
	Position Position   `json:"position"`
	Card     *stripe    `json:"card,omitempty"`
	Bin      []string   `json:"bin"`     // cards in the retain bin, oldest first
	Counter  int        `json:"counter"` // the device's retain counter
	Cards    []CardData `json:"cards"`
}

// Model is the reader.
type Model struct {
	cfg  Config
	file string
	phy  physical
	dev  *engine.Device

	// firmware memory
	ready    bool // initialised
	counting bool
	entry    string // "", all, mag, ic, both
	intake   bool   // a timed intake waits for a card
	contacts bool
	slot     iccard.Slot
	moving   bool
	eject    bool // power came back with restore: eject
	stuck    map[string]string
}

// New loads the reader's state from dir; the card list begins as configured.
func New(dir string, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Restore == "" {
		cfg.Restore = "keep"
	}
	if cfg.Firmware == "" {
		cfg.Firmware = "CRT-350N-SIM1"
	}
	m := &Model{cfg: cfg, file: filepath.Join(dir, "reader.json"), phy: physical{Position: Outside, Cards: slices.Clone(cfg.Cards)},
		stuck: map[string]string{"shutter": "ok", "motor": "ok", "sensor": "auto", "bin": "ok"}}
	found, err := engine.LoadJSON(m.file, &m.phy)
	if err != nil {
		return nil, err
	}
	if !found {
		return m, m.save()
	}
	return m, nil
}

func (m *Model) save() error { return engine.SaveJSON(m.file, m.phy) }

// Attach tells the model its device, for waking the firmware.
func (m *Model) Attach(d *engine.Device) { m.dev = d }

// Close has nothing to close: the state is saved on each change.
func (m *Model) Close() error { return nil }

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := engine.Info{Model: "crt350n", Class: "cardReader", Maker: "Creator", Title: "Card reader CRT-350N", TitleZh: "读卡器 CRT-350N",
		Faults: faultDefs(), Actions: []string{"insertCard", "takeCard", "notTakeCard", "saveCard", "deleteCard", "emptyRetainBin"}}
	for _, c := range commandTable {
		i.Commands = append(i.Commands, engine.Option{Value: c.code, Name: c.name, Zh: c.zh})
	}
	return i
}

// PowerOff implements engine.Model.
func (m *Model) PowerOff() {
	m.ready, m.entry, m.intake, m.moving = false, "", false, false
	m.release()
	m.eject = m.cfg.Restore == "eject"
}

// View is the physical state, for panels and tests. CanInsert is the rule of VD-26: an
// insert-card command has been received and still holds.
type View struct {
	Position  Position   `json:"position"`
	Card      string     `json:"card"`
	IC        bool       `json:"ic"`
	Mag       bool       `json:"mag"`
	Invalid   bool       `json:"invalid"`
	Bin       []string   `json:"bin"`
	Counter   int        `json:"counter"`
	Ready     bool       `json:"ready"`
	Entry     string     `json:"entry"`
	CanInsert bool       `json:"canInsert"`
	CanTake   bool       `json:"canTake"`
	Cards     []CardData `json:"cards"`
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any {
	v := View{Position: m.phy.Position, Bin: append([]string{}, m.phy.Bin...), Counter: m.phy.Counter, Ready: m.ready, Entry: m.entry,
		CanInsert: m.canInsert(), CanTake: m.phy.Position == Mouth, Cards: append([]CardData{}, m.phy.Cards...)}
	if c := m.phy.Card; c != nil {
		v.Card, v.IC, v.Mag, v.Invalid = c.Name, c.IC, c.Mag, c.Invalid
	}
	return v
}

func (m *Model) canInsert() bool {
	return (m.entry != "" || m.intake) && m.phy.Position == Outside && !m.moving
}

// Prompt implements engine.Model.
func (m *Model) Prompt() string {
	switch {
	case m.canInsert():
		return "insertCard"
	case m.phy.Position == Mouth && !m.moving:
		return "takeCard"
	}
	return ""
}

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int {
	return map[string]int{"retained": m.phy.Counter, "inBin": len(m.phy.Bin)}
}

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	switch action {
	case "insertCard":
		return m.insert(a)
	case "takeCard":
		if m.phy.Position != Mouth {
			return engine.Conflictf("no card lies at the mouth")
		}
		m.release()
		m.phy.Position, m.phy.Card = Outside, nil
		m.dev.Poke()
		return m.save()
	case "notTakeCard":
		if m.phy.Position != Mouth {
			return engine.Conflictf("no card lies at the mouth")
		}
		return nil // the card stays where it is (VD-16)
	case "saveCard":
		return m.saveCard(a)
	case "deleteCard":
		name, err := a.String("name", "")
		if err != nil {
			return err
		}
		i := slices.IndexFunc(m.phy.Cards, func(c CardData) bool { return c.Name == name })
		if i < 0 {
			return engine.BadArg("no card is named %q", name)
		}
		m.phy.Cards = slices.Delete(slices.Clone(m.phy.Cards), i, i+1)
		return m.save()
	case "emptyRetainBin":
		m.phy.Bin = nil
		return m.save()
	}
	return engine.BadArg("unknown action %q", action)
}

func cardArgs(a engine.Args, c CardData) (CardData, error) {
	var err error
	for key, to := range map[string]*string{"name": &c.Name, "note": &c.Note, "track1": &c.Track1, "track2": &c.Track2, "track3": &c.Track3} {
		if *to, err = a.String(key, *to); err != nil {
			return c, err
		}
	}
	if c.IC, err = a.Bool("ic", c.IC); err != nil {
		return c, err
	}
	if c.Chip.State, err = a.String("chip", c.Chip.State); err != nil {
		return c, err
	}
	c.Chip.Protocol, err = a.String("protocol", c.Chip.Protocol)
	return c, err
}

func (m *Model) saveCard(a engine.Args) error {
	name, err := a.String("name", "")
	if err != nil {
		return err
	}
	i := slices.IndexFunc(m.phy.Cards, func(c CardData) bool { return c.Name == name })
	var c CardData
	if i >= 0 {
		c = m.phy.Cards[i]
	}
	if c, err = cardArgs(a, c); err != nil {
		return err
	}
	if err := c.Check(); err != nil {
		return err
	}
	list := slices.Clone(m.phy.Cards)
	if i >= 0 {
		list[i] = c
	} else {
		list = append(list, c)
	}
	m.phy.Cards = list
	return m.save()
}

// insert is a card put in at the mouth. Without card= the tracks come from the arguments; a
// card of the list brings its own, which the arguments override (VD-24, VD-25). An invalid
// card has neither stripe nor chip (VD-23).
func (m *Model) insert(a engine.Args) error {
	if !m.canInsert() {
		return engine.Conflictf("no insert-card command has been received, or a card is there already")
	}
	name, err := a.String("card", "")
	if err != nil {
		return err
	}
	i := slices.IndexFunc(m.phy.Cards, func(c CardData) bool { return c.Name == name })
	if name != "" && i < 0 && !a.Has("track2") && !a.Has("track1") && !a.Has("track3") && !a.Has("invalid") {
		return engine.BadArg("no card is named %q", name)
	}
	c := CardData{Name: name}
	if i >= 0 {
		c = m.phy.Cards[i]
	}
	if c, err = cardArgs(a, c); err != nil {
		return err
	}
	if c.Name == "" {
		c.Name = "unnamed"
	}
	s := &stripe{Name: c.Name, IC: c.IC}
	if s.Mag, err = a.Bool("mag", true); err != nil {
		return err
	}
	if s.Invalid, err = a.Bool("invalid", false); err != nil {
		return err
	}
	if s.Invalid {
		s.Mag, s.IC = false, false
	}
	if s.Mag {
		if err := c.Check(); err != nil {
			return err
		}
		for i, t := range []string{c.Track1, c.Track2, c.Track3} {
			raw, _ := EncodeTrack(i+1, t)
			if raw == nil {
				raw = []byte{}
			}
			how, err := a.String(fmt.Sprintf("damage%d", i+1), "")
			if err != nil {
				return err
			}
			s.Tracks[i] = Damage(i+1, raw, how)
		}
	}
	if s.IC {
		if err := c.Chip.Check(); err != nil {
			return engine.BadArg("%v", err)
		}
		s.Chip = &chip{c.Chip, c.Track2, holder(c.Track1)}
	}
	switch {
	case m.entry == "mag" && !s.Mag && !m.intake:
		return engine.Conflictf("the reader takes only cards with a magnetic stripe and refuses this one")
	case m.entry == "ic" && !s.IC && !m.intake:
		return engine.Conflictf("the reader takes only cards with a chip and refuses this one")
	}
	m.phy.Card, m.phy.Position = s, Inside
	m.dev.Poke()
	return m.save()
}

func opt(v, n, zh string) engine.Option { return engine.Option{Value: v, Name: n, Zh: zh} }

// Statuses implements engine.Model (VD-29).
func (m *Model) Statuses() []engine.Setting {
	fault := []engine.Option{opt("ok", "ok", "正常"), opt("error", "error", "故障")}
	return []engine.Setting{
		{Name: "position", NameZh: "卡位置", Value: string(m.phy.Position), Options: []engine.Option{opt("outside", "no card", "无卡"), opt("mouth", "at the mouth", "卡在卡口"), opt("inside", "inside", "卡在机内")}},
		{Name: "shutter", NameZh: "闸门", Value: m.stuck["shutter"], Options: fault},
		{Name: "motor", NameZh: "电机", Value: m.stuck["motor"], Options: fault},
		{Name: "sensor", NameZh: "位置传感器", Value: m.stuck["sensor"], Options: []engine.Option{opt("auto", "follows the card", "随卡片"), opt("none", "always: no card", "恒为无卡"), opt("gate", "always: at the gate", "恒为卡口"), opt("inside", "always: inside", "恒为机内")}},
		{Name: "bin", NameZh: "吞卡箱", Value: m.stuck["bin"], Options: []engine.Option{opt("ok", "ok", "正常"), opt("full", "full", "已满")}},
	}
}

// SetStatus implements engine.Model.
func (m *Model) SetStatus(name, value string) error {
	if name != "position" {
		m.stuck[name] = value
		return nil
	}
	m.phy.Position = Position(value)
	m.release()
	if m.phy.Position == Outside {
		m.phy.Card = nil
	} else if m.phy.Card == nil {
		m.phy.Card = &stripe{Name: "unknown", Tracks: [3][]byte{{}, {}, {}}, Mag: true}
	}
	m.dev.Poke()
	return m.save()
}

// Profile implements engine.Model.
func (m *Model) Profile() []engine.Setting {
	return []engine.Setting{{Name: "restore", NameZh: "来电时", Value: m.cfg.Restore,
		Options: []engine.Option{opt("keep", "keeps the card", "保留卡片"), opt("eject", "ejects the card", "退出卡片")}}}
}

// SetProfile implements engine.Model.
func (m *Model) SetProfile(_, value string) error { m.cfg.Restore = value; return nil }
