package megatec

import (
	"fmt"
	"time"

	"zhigui/sim/device/engine"
)

// Config is the specimen.
type Config struct {
	MinuteMs int `yaml:"minuteMs" json:"minuteMs"` // how long a minute of the device takes; 0 means 60000
}

// Validate names what is wrong.
func (c Config) Validate() error {
	if c.MinuteMs < 0 {
		return fmt.Errorf("minuteMs must not be negative")
	}
	return nil
}

type body struct {
	Battery  int       `json:"battery"` // percent
	Load     int       `json:"load"`    // percent
	FaultIn  float64   `json:"faultIn"`
	Silent   bool      `json:"silent"`   // the beeper was switched off
	Output   bool      `json:"output"`   // on
	OffAt    time.Time `json:"offAt"`    // a shutdown that was ordered
	OnAfter  int       `json:"onAfter"`  // minutes after it; -1: not by itself
	OnAt     time.Time `json:"onAt"`     // when the output comes back
	Outages  int       `json:"outages"`  // of the mains
	Shutdown int       `json:"shutdown"` // how often the output went off
}

// Model is the UPS.
type Model struct {
	engine.Specimen
	cfg   Config
	body  body
	line  []byte
	until time.Time // end of a test
}

func opt(v, n, zh string) engine.Option { return engine.Option{Value: v, Name: n, Zh: zh} }

// New loads the UPS's state from dir.
func New(dir string, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.MinuteMs == 0 {
		cfg.MinuteMs = 60000
	}
	ok := opt("ok", "ok", "正常")
	m := &Model{cfg: cfg, body: body{Battery: 100, Load: 34, FaultIn: 220, Output: true, OnAfter: -1}}
	return m, m.Load(dir, "ups.json", &m.body, []engine.Setting{
		{Name: "mains", NameZh: "市电", Value: "ok", Options: []engine.Option{ok, opt("fail", "no mains", "断电"), opt("low", "brown-out", "欠压")}},
		{Name: "unit", NameZh: "整机", Value: "ok", Options: []engine.Option{ok, opt("failed", "UPS failed", "故障")}},
		{Name: "bypass", NameZh: "旁路", Value: "off", Options: []engine.Option{opt("off", "off", "关"), opt("on", "on", "开")}},
		{Name: "temperature", NameZh: "温度", Value: "normal", Options: []engine.Option{opt("normal", "25 degrees", "25 度"), opt("hot", "58 degrees", "58 度"), opt("none", "no sensor", "无传感器")}},
	}, []engine.Setting{
		{Name: "identity", NameZh: "识别命令", Value: "yes", Options: []engine.Option{opt("yes", "knows I and F", "支持 I 和 F"), opt("no", "echoes them", "不支持，回显")}},
	})
}

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	return engine.Info{Model: "megatec", Class: "powerManagement", Maker: "Megatec", Title: "UPS (Megatec Q1)", TitleZh: "不间断电源（Megatec Q1）",
		Actions: []string{"cutMains", "restoreMains", "setBattery", "setLoad"},
		Commands: []engine.Option{opt("Q1", "status", "状态"), opt("I", "identity", "识别"), opt("F", "ratings", "额定值"), opt("T", "test", "电池测试"), opt("S", "shutdown", "关断"),
			opt("C", "cancel shutdown", "取消关断"), opt("CT", "cancel test", "取消测试"), opt("BEEP", "beeper", "蜂鸣器")},
		Faults: []engine.FaultDef{
			{Code: "ECHO", Name: "command is not known and echoed", NameZh: "命令不支持，回显", Command: "T,S,C,BEEP,I,F"},
			{Code: "DEAF", Name: "command is not obeyed", NameZh: "命令未执行", Command: "T,S,C,BEEP"},
			{Code: "UPSFAIL", Name: "UPS failed", NameZh: "整机故障", Command: "T"},
		}}
}

// PowerOff implements engine.Model: this is the UPS's own electronics; the output is off
// with it, and on again when it comes back.
func (m *Model) PowerOff() {
	m.line, m.until = nil, time.Time{}
	m.body.OffAt, m.body.OnAt = time.Time{}, time.Time{}
	m.body.Output = true
	m.Keep()
}

// View is the physical state, for panels and tests.
type View struct {
	Mains   string `json:"mains"`
	Battery int    `json:"battery"`
	Load    int    `json:"load"`
	Output  bool   `json:"output"`
	Testing bool   `json:"testing"`
	Dying   bool   `json:"dying"` // a shutdown runs
	Beeper  bool   `json:"beeper"`
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any {
	return View{Mains: m.Status("mains"), Battery: m.body.Battery, Load: m.body.Load, Output: m.body.Output, Testing: !m.until.IsZero(), Dying: !m.body.OffAt.IsZero(), Beeper: !m.body.Silent}
}

// Prompt implements engine.Model.
func (m *Model) Prompt() string { return "" }

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int {
	return map[string]int{"outages": m.body.Outages, "shutdowns": m.body.Shutdown}
}

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	percent := func(to *int, high int) error {
		n, err := a.Int("percent", 100)
		if err != nil {
			return err
		}
		if n < 0 || n > high {
			return engine.BadArg("percent: 0 to %d", high)
		}
		*to = n
		m.Dev.Poke()
		return m.Save()
	}
	switch action {
	case "cutMains":
		if m.Status("mains") == "fail" {
			return engine.Conflictf("there is no mains already")
		}
		m.body.Outages++
		m.body.FaultIn = 140
		return m.SetStatus("mains", "fail")
	case "restoreMains":
		return m.SetStatus("mains", "ok")
	case "setBattery":
		return percent(&m.body.Battery, 100)
	case "setLoad":
		return percent(&m.body.Load, 150)
	}
	return engine.BadArg("unknown action %q", action)
}
