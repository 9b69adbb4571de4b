package samv

import (
	"fmt"

	"zhigui/sim/device/engine"
)

// Config is the specimen.
type Config struct {
	Cards  []Person `yaml:"cards" json:"cards"`   // none: People()
	ReadMs int      `yaml:"readMs" json:"readMs"` // the card's own time for a read
}

// Validate names what is wrong.
func (c Config) Validate() error {
	for _, p := range c.Cards {
		if err := p.check(); err != nil {
			return err
		}
	}
	if c.ReadMs < 0 {
		return fmt.Errorf("readMs must not be negative")
	}
	return nil
}

type body struct {
	Card  string `json:"card"` // name of the person whose card lies on the reader
	Reads int    `json:"reads"`
}

// Model is the reader.
type Model struct {
	engine.Specimen
	cfg  Config
	body body

	buf      []byte
	found    bool
	selected bool
	spent    bool // read, and not lifted since
	wanted   bool // the host looks for a card
}

func opt(v, n, zh string) engine.Option { return engine.Option{Value: v, Name: n, Zh: zh} }

// New loads the reader's state from dir.
func New(dir string, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if len(cfg.Cards) == 0 {
		cfg.Cards = People()
	}
	m := &Model{cfg: cfg}
	return m, m.Load(dir, "idreader.json", &m.body, []engine.Setting{
		{Name: "module", NameZh: "安全模块", Value: "ok", Options: []engine.Option{opt("ok", "ok", "正常"), opt("selftest", "self-test failed (60)", "自检失败 60"), opt("unauthorised", "not authorised (66)", "未授权 66")}},
		{Name: "genuine", NameZh: "卡片真伪", Value: "yes", Options: []engine.Option{opt("yes", "genuine", "真"), opt("no", "authentication fails (31)", "认证失败 31")}},
	}, []engine.Setting{
		{Name: "again", NameZh: "重复读卡", Value: "lift", Options: []engine.Option{opt("lift", "after lifting the card", "须移开再放"), opt("any", "at once", "可直接再读")}},
	})
}

var faultTable = []struct {
	sw       byte
	name, zh string
	cmd      string
}{
	{0x31, "card authentication failed", "证/卡认证 SAM 失败", "2002"},
	{0x32, "module authentication failed", "SAM 认证证/卡失败", "2002"},
	{0x33, "information check failed", "信息验证错误", "3001,3010"},
	{0x41, "read failed", "读卡操作失败", "3001,3010"},
	{0x47, "random number failed", "取随机数失败", "2002"},
	{0x60, "self-test failed", "自检失败", "11FF"},
	{0x66, "not authorised", "未经授权", "11FF,2001"},
	{0x80, "no card", "寻找证/卡失败", "2001"},
	{0x81, "select failed", "选取证/卡失败", "2002"},
	{0x91, "no data in this item", "此项无内容", "3010"},
}

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := engine.Info{Model: "samv", Class: "X-idCard", Maker: "SDT", Title: "Identity card reader SAM_V", TitleZh: "身份证阅读器 SAM_V", Actions: []string{"placeCard", "removeCard"},
		Commands: []engine.Option{opt("11FF", "status", "状态"), opt("12FF", "module id", "模块编号"), opt("10FF", "reset", "复位"), opt("2001", "find", "寻卡"), opt("2002", "select", "选卡"), opt("3001", "read", "读基本信息"), opt("3010", "read with fingerprints", "读含指纹")}}
	for _, f := range faultTable {
		i.Faults = append(i.Faults, engine.FaultDef{Code: fmt.Sprintf("%02X", f.sw), Name: f.name, NameZh: f.zh, Command: f.cmd})
	}
	return i
}

// PowerOff implements engine.Model.
func (m *Model) PowerOff() {
	m.buf, m.found, m.selected, m.spent, m.wanted = nil, false, false, false, false
}

// View is the physical state, for panels and tests.
type View struct {
	Card   string   `json:"card"` // on the reader, "" if none
	Cards  []string `json:"cards"`
	Reads  int      `json:"reads"`
	Wanted bool     `json:"wanted"`
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any {
	v := View{Card: m.body.Card, Cards: []string{}, Reads: m.body.Reads, Wanted: m.wanted}
	for _, p := range m.cfg.Cards {
		v.Cards = append(v.Cards, p.Name)
	}
	return v
}

// Prompt implements engine.Model.
func (m *Model) Prompt() string {
	if m.wanted && m.body.Card == "" {
		return "placeCard"
	}
	if m.spent {
		return "removeCard"
	}
	return ""
}

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int { return map[string]int{"reads": m.body.Reads} }

func (m *Model) person() (Person, bool) {
	for _, p := range m.cfg.Cards {
		if p.Name == m.body.Card {
			return p, true
		}
	}
	return Person{}, false
}

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	switch action {
	case "placeCard":
		name, err := a.String("card", m.cfg.Cards[0].Name)
		if err != nil {
			return err
		}
		if m.body.Card != "" {
			return engine.Conflictf("a card lies on the reader")
		}
		was := m.body.Card
		m.body.Card = name
		if _, ok := m.person(); !ok {
			m.body.Card = was
			return engine.BadArg("card: there is no %q", name)
		}
	case "removeCard":
		if m.body.Card == "" {
			return engine.Conflictf("no card lies on the reader")
		}
		m.body.Card = ""
		m.found, m.selected, m.spent = false, false, false
	default:
		return engine.BadArg("unknown action %q", action)
	}
	m.Dev.Poke()
	return m.Save()
}
