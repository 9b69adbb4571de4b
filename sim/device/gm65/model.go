package gm65

import (
	"fmt"

	"zhigui/sim/device/engine"
)

// Config is the specimen.
type Config struct {
	// Language: grow (default) has command frames; plain sends codes and knows two triggers.
	Language string `yaml:"language" json:"language"`
	Tail     string `yaml:"tail" json:"tail"`         // CR (default), LF, CRLF, TAB
	AimID    bool   `yaml:"aimId" json:"aimId"`       // codes begin with ]Q1 and the like
	DecodeMs int    `yaml:"decodeMs" json:"decodeMs"` // time to read a symbol
}

var tails = map[string]string{"CR": "\r", "LF": "\n", "CRLF": "\r\n", "TAB": "\t"}

// Validate names what is wrong.
func (c Config) Validate() error {
	switch {
	case c.Language != "" && c.Language != "grow" && c.Language != "plain":
		return fmt.Errorf("language: %q is neither grow nor plain", c.Language)
	case c.Tail != "" && tails[c.Tail] == "":
		return fmt.Errorf("tail: %q is none of CR, LF, CRLF, TAB", c.Tail)
	case c.DecodeMs < 0:
		return fmt.Errorf("decodeMs must not be negative")
	}
	return nil
}

// code is a symbol before the window.
type code struct {
	Text string `json:"text"`
	Aim  string `json:"aim"`
	Hold bool   `json:"hold"` // stays after it was read
}

type body struct {
	Code  *code        `json:"code"`
	Flash map[int]byte `json:"flash"`
	Reads int          `json:"reads"`
}

// Model is the scanner.
type Model struct {
	engine.Specimen
	cfg  Config
	body body

	zones    map[int]byte
	buf      []byte
	scanning bool
	missed   bool // the code before the window was looked at in vain, or was read and is held
}

func opt(v, n, zh string) engine.Option { return engine.Option{Value: v, Name: n, Zh: zh} }

// New loads the scanner's state from dir.
func New(dir string, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Language == "" {
		cfg.Language = "grow"
	}
	if cfg.Tail == "" {
		cfg.Tail = "CR"
	}
	aim := "off"
	if cfg.AimID {
		aim = "on"
	}
	m := &Model{cfg: cfg, body: body{Flash: map[int]byte{0x0000: 0xD6, 0x0006: 50, 0x002A: 0x39, 0x002B: 0x01}}}
	err := m.Load(dir, "scanner.json", &m.body, []engine.Setting{
		{Name: "window", NameZh: "窗口", Value: "clean", Options: []engine.Option{opt("clean", "clean", "清洁"), opt("dirty", "dirty: nothing is read", "脏污，无法识读")}},
	}, []engine.Setting{
		{Name: "language", NameZh: "协议", Value: cfg.Language, Options: []engine.Option{opt("grow", "command frames", "指令帧"), opt("plain", "plain serial", "纯串口")}},
		{Name: "tail", NameZh: "结束符", Value: cfg.Tail, Options: []engine.Option{opt("CR", "CR", "CR"), opt("LF", "LF", "LF"), opt("CRLF", "CR LF", "CRLF"), opt("TAB", "TAB", "TAB")}},
		{Name: "aimId", NameZh: "AIM 标识", Value: aim, Options: []engine.Option{opt("off", "off", "关"), opt("on", "on", "开")}},
	})
	if err != nil {
		return nil, err
	}
	m.PowerOff()
	return m, nil
}

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	return engine.Info{Model: "gm65", Class: "barcodeReader", Maker: "Grow", Title: "Bar code scanner GM65", TitleZh: "扫码器 GM65",
		Actions:  []string{"presentCode", "removeCode"},
		Commands: []engine.Option{opt("scan", "read a symbol", "识读"), opt("07", "read zone", "读标志位"), opt("08", "write zone", "写标志位"), opt("09", "save to flash", "保存"), opt("0A", "heartbeat", "心跳")},
		Faults: []engine.FaultDef{
			{Code: "NR", Name: "symbol not readable", NameZh: "条码无法识读", Command: "scan"},
			{Code: "CUT", Name: "output breaks off (mid-motion) or has no tail (after-motion)", NameZh: "输出中断", Command: "scan"},
		}}
}

// PowerOff implements engine.Model.
func (m *Model) PowerOff() {
	m.zones = map[int]byte{}
	for k, v := range m.body.Flash {
		m.zones[k] = v
	}
	m.buf, m.scanning, m.missed = nil, false, false
}

// View is the physical state, for panels and tests.
type View struct {
	Code     string `json:"code"` // before the window
	Aim      string `json:"aim"`
	Scanning bool   `json:"scanning"`
	Mode     string `json:"mode"`
	Reads    int    `json:"reads"`
}

var modes = []string{"manual", "command", "continuous", "sensing"}

func (m *Model) mode() string {
	if m.Trait("language") == "plain" {
		return "command"
	}
	return modes[m.zones[0]&3]
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any {
	v := View{Scanning: m.scanning, Mode: m.mode(), Reads: m.body.Reads}
	if c := m.body.Code; c != nil {
		v.Code, v.Aim = c.Text, c.Aim
	}
	return v
}

// Prompt implements engine.Model.
func (m *Model) Prompt() string {
	if m.scanning {
		return "presentCode"
	}
	return ""
}

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int { return map[string]int{"reads": m.body.Reads} }

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	switch action {
	case "presentCode":
		text, err := a.String("code", "6901234567892")
		if err != nil {
			return err
		}
		aim, err := a.String("aim", "]Q1")
		if err != nil {
			return err
		}
		hold, err := a.Bool("hold", false)
		if err != nil {
			return err
		}
		if text == "" || len(text) > 2953 {
			return engine.BadArg("code: 1 to 2953 bytes")
		}
		m.body.Code, m.missed = &code{text, aim, hold}, false
	case "removeCode":
		if m.body.Code == nil {
			return engine.Conflictf("no code is before the window")
		}
		m.body.Code = nil
	default:
		return engine.BadArg("unknown action %q", action)
	}
	m.Dev.Poke()
	return m.Save()
}
