package escp

import (
	"fmt"
	"path/filepath"
	"time"

	"zhigui/sim/device/engine"
)

// Config is the specimen.
type Config struct {
	Sheets   int `yaml:"sheets" json:"sheets"`     // in the tray at first; 0 means 100
	LineMs   int `yaml:"lineMs" json:"lineMs"`     // time to print a piece or to feed a sheet; 0 is none
	StatusMs int `yaml:"statusMs" json:"statusMs"` // how often the state is told; 0 means 2000
}

// Validate names what is wrong.
func (c Config) Validate() error {
	if c.Sheets < 0 || c.LineMs < 0 || c.StatusMs < 0 {
		return fmt.Errorf("sheets, lineMs and statusMs must not be negative")
	}
	return nil
}

// physical is saved on each change.
type physical struct {
	Sheets int               `json:"sheets"`
	Status map[string]string `json:"status"`
	Next   int               `json:"next"` // number of the next page
	Pages  []Page            `json:"pages"`
	Sheet  *Page             `json:"sheet,omitempty"` // in the path
}

const keepPages = 30

// Model is the printer.
type Model struct {
	cfg  Config
	file string
	phy  physical
	dev  *engine.Device

	// firmware memory
	buf     []byte // taken and not yet worked on
	remote  bool
	telling bool
	told    string
	due     time.Time
	busy    bool
	text    []byte
	s       style
	x, y    int
}

// style is what commands set for the text to come; units of 1/360 inch.
type style struct {
	unit                   int // of ESC ( V and ESC $; 0: not set
	length                 int // of the page
	spacing                int // of lines
	half                   int // width of a half-width character
	before, after          int // dots beside a Chinese character
	chinese, bold          bool
	double, high, quadrant bool
}

// New loads the printer's state from dir.
func New(dir string, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Sheets == 0 {
		cfg.Sheets = 100
	}
	if cfg.StatusMs == 0 {
		cfg.StatusMs = 2000
	}
	m := &Model{cfg: cfg, file: filepath.Join(dir, "printer.json"), phy: physical{Sheets: cfg.Sheets, Next: 1,
		Status: map[string]string{"cover": "closed", "path": "clear", "lever": "right", "panel": "online", "unit": "ok"}}}
	if _, err := engine.LoadJSON(m.file, &m.phy); err != nil {
		return nil, err
	}
	m.PowerOff()
	return m, m.save()
}

func (m *Model) save() error { return engine.SaveJSON(m.file, m.phy) }

func (m *Model) must() {
	if err := m.save(); err != nil {
		panic(err)
	}
}

// Attach tells the model its device, for waking the firmware.
func (m *Model) Attach(d *engine.Device) { m.dev = d }

// Close has nothing to close.
func (m *Model) Close() error { return nil }

// faultTable has Epson's error numbers.
var faultTable = []struct{ code, name, zh, cmd, status, value string }{
	{"06", "paper out", "缺纸", "print,feed", "", ""},
	{"04", "paper jam", "卡纸", "print,feed,eject", "path", "jammed"},
	{"02", "cover opens", "打开机盖", "print,feed", "cover", "open"},
	{"03", "release lever moved", "释放杆位置错误", "print,feed", "lever", "wrong"},
	{"00", "fatal error", "严重错误", "print,feed,eject", "unit", "error"},
}

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := engine.Info{Model: "escp", Class: "printer", Maker: "Epson", Title: "Page printer ESC/P", TitleZh: "A4 报表打印机 ESC/P",
		Actions: []string{"takePages", "loadPaper", "setCover", "clearPath"},
		Commands: []engine.Option{{Value: "print", Name: "print", Zh: "打印"}, {Value: "feed", Name: "feed a sheet", Zh: "进纸"}, {Value: "eject", Name: "eject the sheet", Zh: "出纸"},
			{Value: "REMOTE ??", Name: "echo", Zh: "回显"}, {Value: "REMOTE ST", Name: "tell the state", Zh: "状态"}}}
	for _, f := range faultTable {
		i.Faults = append(i.Faults, engine.FaultDef{Code: f.code, Name: f.name, NameZh: f.zh, Command: f.cmd})
	}
	return i
}

// PowerOff implements engine.Model: the sheet in the path stays.
func (m *Model) PowerOff() {
	m.buf, m.remote, m.telling, m.told, m.busy = nil, false, false, "", false
	m.reset()
}

// reset is ESC @.
func (m *Model) reset() {
	m.s = style{length: 3960, spacing: 60, half: 36, after: 3}
	m.x, m.text = 0, nil
}

// PageView is one page of the list.
type PageView struct {
	N     int    `json:"n"`
	At    string `json:"at"`
	Taken bool   `json:"taken"`
	Text  string `json:"text"`
}

// View is the physical state, for panels and tests.
type View struct {
	Sheets  int               `json:"sheets"`
	Loaded  bool              `json:"loaded"` // a sheet lies in the path
	Current string            `json:"current"`
	Status  map[string]string `json:"status"`
	Tray    int               `json:"tray"` // pages that nobody has taken
	Printed int               `json:"printed"`
	Pages   []PageView        `json:"pages"` // newest first
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any {
	v := View{Sheets: m.phy.Sheets, Loaded: m.phy.Sheet != nil, Status: map[string]string{}, Printed: m.phy.Next - 1, Pages: []PageView{}}
	for k, s := range m.phy.Status {
		v.Status[k] = s
	}
	if m.phy.Sheet != nil {
		v.Current = m.phy.Sheet.Text()
	}
	for i := len(m.phy.Pages) - 1; i >= 0; i-- {
		p := m.phy.Pages[i]
		if !p.Taken {
			v.Tray++
		}
		if len(v.Pages) < 10 {
			v.Pages = append(v.Pages, PageView{p.N, p.At.Format("2006-01-02 15:04:05"), p.Taken, p.Text()})
		}
	}
	return v
}

// state is what the printer tells: state and error.
func (m *Model) state() (state, errs string) {
	s := m.phy.Status
	switch {
	case s["unit"] != "ok":
		return "00", "00"
	case s["path"] != "clear":
		return "00", "04"
	case s["cover"] == "open":
		return "00", "02"
	case s["lever"] != "right":
		return "00", "03"
	case m.phy.Sheets == 0 && m.phy.Sheet == nil:
		return "00", "06"
	case s["panel"] != "online":
		return "05", ""
	case m.busy:
		return "02", ""
	}
	return "04", ""
}

func (m *Model) stands() bool { s, _ := m.state(); return s == "00" || s == "05" }

// Prompt implements engine.Model.
func (m *Model) Prompt() string {
	for _, p := range m.phy.Pages {
		if !p.Taken {
			return "takePages"
		}
	}
	return ""
}

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int {
	return map[string]int{"pages": m.phy.Next - 1, "sheets": m.phy.Sheets}
}

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	switch action {
	case "takePages":
		if m.Prompt() == "" {
			return engine.Conflictf("no page lies in the tray")
		}
		for i := range m.phy.Pages {
			m.phy.Pages[i].Taken = true
		}
	case "loadPaper":
		n, err := a.Int("sheets", 100)
		if err != nil {
			return err
		}
		if n < 0 || n > 1000 {
			return engine.BadArg("sheets must be 0 to 1000")
		}
		m.phy.Sheets = n
	case "setCover":
		open, err := a.Bool("open", true)
		if err != nil {
			return err
		}
		m.phy.Status["cover"] = map[bool]string{true: "open", false: "closed"}[open]
	case "clearPath":
		m.phy.Status["path"], m.phy.Sheet = "clear", nil
		m.x, m.y = 0, 0
	default:
		return engine.BadArg("unknown action %q", action)
	}
	m.dev.Poke()
	return m.save()
}

func opt(v, n, zh string) engine.Option { return engine.Option{Value: v, Name: n, Zh: zh} }

// Statuses implements engine.Model.
func (m *Model) Statuses() []engine.Setting {
	s := func(name, zh string, o ...engine.Option) engine.Setting {
		return engine.Setting{Name: name, NameZh: zh, Value: m.phy.Status[name], Options: o}
	}
	return []engine.Setting{
		s("cover", "机盖", opt("closed", "closed", "合上"), opt("open", "open", "打开")),
		s("path", "走纸道", opt("clear", "clear", "畅通"), opt("jammed", "jammed", "卡纸")),
		s("lever", "释放杆", opt("right", "right", "正确"), opt("wrong", "wrong position", "位置错误")),
		s("panel", "面板", opt("online", "on line", "联机"), opt("paused", "paused", "暂停")),
		s("unit", "整机", opt("ok", "ok", "正常"), opt("error", "fatal error", "严重错误")),
	}
}

// SetStatus implements engine.Model.
func (m *Model) SetStatus(name, value string) error {
	m.phy.Status[name] = value
	m.dev.Poke()
	return m.save()
}

// Profile implements engine.Model: the printer has none.
func (m *Model) Profile() []engine.Setting { return []engine.Setting{} }

// SetProfile implements engine.Model.
func (m *Model) SetProfile(name, _ string) error { return engine.BadArg("no profile item %q", name) }
