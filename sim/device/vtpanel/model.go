package vtpanel

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"zhigui/sim/device/engine"
)

// Config is the specimen.
type Config struct {
	Rows int `yaml:"rows" json:"rows"` // 0: 24
	Cols int `yaml:"cols" json:"cols"` // 0: 80
}

// Validate names what is wrong.
func (c Config) Validate() error {
	if c.Rows < 0 || c.Rows > 132 || c.Cols < 0 || c.Cols > 132 {
		return errors.New("rows, cols: 1 to 132, or 0 for the usual number")
	}
	return nil
}

// caps are the command keys with what they send: CR, BS, DEL, the PF keys and the arrows in
// cursor key mode reset.
var caps = map[string]string{
	"enter": "\r", "backspace": "\b", "delete": "\x7f", "PF1": "\x1bOP", "PF2": "\x1bOQ", "PF3": "\x1bOR", "PF4": "\x1bOS",
	"up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
}

const characters = "0123456789.-*#"

type body struct {
	Keys int `json:"keys"` // pressed in its life
}

// Model is the panel.
type Model struct {
	engine.Specimen
	cfg  Config
	body body

	screen  *screen
	heard   []byte // for the trace
	pressed []string
}

func opt(v, n, zh string) engine.Option { return engine.Option{Value: v, Name: n, Zh: zh} }

// New loads the panel's state from dir.
func New(dir string, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Rows == 0 {
		cfg.Rows = 24
	}
	if cfg.Cols == 0 {
		cfg.Cols = 80
	}
	m := &Model{cfg: cfg}
	err := m.Load(dir, "panel.json", &m.body, []engine.Setting{
		{Name: "selfTest", NameZh: "自检", Value: "ok", Options: []engine.Option{opt("ok", "ok", "正常"), opt("malfunction", "malfunction", "故障")}},
		{Name: "keypad", NameZh: "键盘", Value: "connected", Options: []engine.Option{opt("connected", "connected", "已连接"), opt("unplugged", "unplugged", "未连接")}},
	}, nil)
	if err != nil {
		return nil, err
	}
	m.PowerOff()
	return m, nil
}

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	return engine.Info{Model: "vtpanel", Class: "textTerminal", Maker: "any", Title: "Operator's panel (VT100)", TitleZh: "操作员终端 (VT100)",
		Actions:  []string{"pressKey", "typeText"},
		Commands: []engine.Option{opt("5n", "status report", "状态报告"), opt("6n", "cursor report", "光标报告"), opt("c", "identity", "识别"), opt("key", "a key is sent", "按键")},
		Faults:   []engine.FaultDef{{Code: "3", Name: "malfunction", NameZh: "故障", Command: "5n"}}}
}

// PowerOff implements engine.Model: the screen is dark and forgotten.
func (m *Model) PowerOff() {
	m.screen, m.heard, m.pressed = newScreen(m.cfg.Rows, m.cfg.Cols), nil, nil
}

// View is the physical state, for panels and tests.
type View struct {
	Lines  []string `json:"lines"`
	Row    int      `json:"row"`
	Col    int      `json:"col"`
	Hidden bool     `json:"hidden"` // the cursor
	Bells  int      `json:"bells"`
	Marked []string `json:"marked"` // texts that are underlined, blinking or reversed
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any {
	s := m.screen
	v := View{Lines: s.lines(), Row: s.row, Col: s.col, Hidden: s.hidden, Bells: s.bells, Marked: []string{}}
	for _, row := range s.cells {
		var text strings.Builder
		for _, c := range append(slices.Clone(row), cell{c: ' '}) {
			switch {
			case c.look != look{}:
				text.WriteByte(c.c)
			case text.Len() > 0:
				v.Marked = append(v.Marked, text.String())
				text.Reset()
			}
		}
	}
	return v
}

// Prompt implements engine.Model; a terminal does not know that it is read.
func (m *Model) Prompt() string { return "" }

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int {
	return map[string]int{"keys": m.body.Keys, "bells": m.screen.bells}
}

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	if m.Status("keypad") == "unplugged" {
		return engine.Conflictf("the keypad is unplugged")
	}
	var seqs []string
	switch action {
	case "pressKey":
		key, err := a.String("key", "enter")
		if err != nil {
			return err
		}
		seq := caps[key]
		if seq == "" && len(key) == 1 && strings.Contains(characters, key) {
			seq = key
		}
		if seq == "" {
			return engine.BadArg("key: %q is none of %s and %s", key, characters, strings.Join(slices.Sorted(maps.Keys(caps)), ", "))
		}
		seqs = []string{seq}
	case "typeText":
		text, err := a.String("text", "")
		if err != nil {
			return err
		}
		if text == "" || len(text) > 132 || strings.Trim(text, characters) != "" {
			return engine.BadArg("text: 1 to 132 of %s", characters)
		}
		seqs = strings.Split(text, "")
	default:
		return engine.BadArg("unknown action %q", action)
	}
	m.pressed = append(m.pressed, seqs...)
	m.Dev.Poke()
	return nil
}
