package escpos

import (
	"fmt"
	"path/filepath"

	"zhigui/sim/device/engine"
)

// Config is the specimen.
type Config struct {
	PaperMm int `yaml:"paperMm" json:"paperMm"` // on the roll at first; 0 means 80000 (80 m)
	NearMm  int `yaml:"nearMm" json:"nearMm"`   // near end at this much and below; 0 means 5000
	// Presenter: a cut ticket lies at the exit until taken. off: it falls into the hand.
	Presenter string `yaml:"presenter" json:"presenter"` // on (default) or off
	LineMs    int    `yaml:"lineMs" json:"lineMs"`       // time to print a line; 0 is none
}

// Validate names what is wrong.
func (c Config) Validate() error {
	if c.PaperMm < 0 || c.NearMm < 0 || c.LineMs < 0 {
		return fmt.Errorf("paperMm, nearMm and lineMs must not be negative")
	}
	if c.Presenter != "" && c.Presenter != "on" && c.Presenter != "off" {
		return fmt.Errorf("presenter: %q is neither on nor off", c.Presenter)
	}
	return nil
}

// physical is saved on each change.
type physical struct {
	PaperTenths int               `json:"paperTenths"` // tenths of a millimetre on the roll
	Status      map[string]string `json:"status"`
	Next        int               `json:"next"` // number of the next ticket
	Tickets     []Ticket          `json:"tickets"`
	Current     []Line            `json:"current"` // printed, not yet cut
}

const keepTickets = 50

// Model is the printer.
type Model struct {
	cfg  Config
	file string
	phy  physical
	dev  *engine.Device

	buf     []byte // bytes of an incomplete command
	dropped bool   // the host dropped the buffer: stop waiting for paper
	rt      []byte // real-time sequence on its way
	asbMask byte
	lastASB [4]byte
	qrData  string
	qrDots  int
	kept    Line // a picture of GS ( L
	style   Span
	align   string
	line    Line
	text    []byte
	single  bool // FS .: no Chinese characters
	halted  bool
	tell    func(*engine.IO) // reports a changed state to the host
}

// New loads the printer's state from dir.
func New(dir string, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.PaperMm == 0 {
		cfg.PaperMm = 80000
	}
	if cfg.NearMm == 0 {
		cfg.NearMm = 5000
	}
	if cfg.Presenter == "" {
		cfg.Presenter = "on"
	}
	m := &Model{cfg: cfg, file: filepath.Join(dir, "printer.json"), phy: physical{PaperTenths: cfg.PaperMm * 10, Next: 1,
		Status: map[string]string{"cover": "closed", "jam": "no", "cutter": "ok", "head": "ok", "voltage": "ok", "unit": "ok"}}}
	if _, err := engine.LoadJSON(m.file, &m.phy); err != nil {
		return nil, err
	}
	m.tell = m.report
	m.PowerOff()
	return m, m.save()
}

func (m *Model) save() error { return engine.SaveJSON(m.file, m.phy) }

// Attach tells the model its device, for waking the firmware.
func (m *Model) Attach(d *engine.Device) { m.dev = d }

// Close has nothing to close.
func (m *Model) Close() error { return nil }

var faultTable = []struct{ code, name, zh, cmd, status, value string }{
	{"PE", "paper end", "缺纸", "print", "", ""},
	{"JAM", "paper jam", "卡纸", "print,cut,eject", "jam", "yes"},
	{"CUT", "cutter error", "切刀错误", "cut", "cutter", "error"},
	{"CVR", "cover opened", "打开机盖", "print,cut", "cover", "open"},
	{"HEAD", "head too hot", "打印头过热", "print", "head", "hot"},
	{"VOLT", "supply voltage", "电源电压异常", "print", "voltage", "bad"},
	{"UNREC", "unrecoverable error", "不可恢复错误", "print,cut,eject", "unit", "error"},
}

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := engine.Info{Model: "escpos", Class: "printer", Maker: "generic", Title: "Receipt printer ESC/POS", TitleZh: "凭条打印机 ESC/POS",
		Actions: []string{"takePaper", "loadPaper", "setCover"},
		Commands: []engine.Option{{Value: "print", Name: "print a line", Zh: "打印一行"}, {Value: "cut", Name: "cut", Zh: "切纸"}, {Value: "eject", Name: "present or retract", Zh: "出纸/回收"},
			{Value: "GS r", Name: "transmit status", Zh: "回送状态"}}}
	for _, f := range faultTable {
		i.Faults = append(i.Faults, engine.FaultDef{Code: f.code, Name: f.name, NameZh: f.zh, Command: f.cmd})
	}
	return i
}

// PowerOff implements engine.Model.
func (m *Model) PowerOff() {
	m.buf, m.rt, m.asbMask, m.dropped, m.halted = nil, nil, 0, false, false
	m.reset()
}

// reset is ESC @.
func (m *Model) reset() {
	m.style, m.align, m.line, m.text, m.qrDots = Span{W: 1, H: 1}, "left", Line{}, nil, 3
	m.single = false
}

// TicketView is one ticket of the list.
type TicketView struct {
	N    int    `json:"n"`
	At   string `json:"at"`
	Gone string `json:"gone"`
	Text string `json:"text"`
}

// View is the physical state, for panels and tests.
type View struct {
	PaperMm  int               `json:"paperMm"`
	NearEnd  bool              `json:"nearEnd"`
	PaperEnd bool              `json:"paperEnd"`
	Status   map[string]string `json:"status"`
	Exit     int               `json:"exit"` // number of the ticket at the exit, 0 none
	Halted   bool              `json:"halted"`
	Printed  int               `json:"printed"`
	Tickets  []TicketView      `json:"tickets"` // newest first
	Current  string            `json:"current"`
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any {
	v := View{PaperMm: m.phy.PaperTenths / 10, NearEnd: m.near(), PaperEnd: m.end(), Status: map[string]string{}, Exit: m.exit(), Halted: m.halted,
		Printed: m.phy.Next - 1, Tickets: []TicketView{}, Current: Ticket{Lines: m.phy.Current}.Text()}
	for k, s := range m.phy.Status {
		v.Status[k] = s
	}
	for i := len(m.phy.Tickets) - 1; i >= 0 && len(v.Tickets) < 10; i-- {
		t := m.phy.Tickets[i]
		v.Tickets = append(v.Tickets, TicketView{t.N, t.At.Format("2006-01-02 15:04:05"), t.Gone, t.Text()})
	}
	return v
}

// Ticket is a printed ticket by its number.
func (m *Model) Ticket(n int) (Ticket, bool) {
	for _, t := range m.phy.Tickets {
		if t.N == n {
			return t, true
		}
	}
	return Ticket{}, false
}

func (m *Model) near() bool { return m.phy.PaperTenths <= m.cfg.NearMm*10 }
func (m *Model) end() bool  { return m.phy.PaperTenths < 40 }

func (m *Model) exit() int {
	if n := len(m.phy.Tickets); n > 0 && m.phy.Tickets[n-1].Gone == "" {
		return m.phy.Tickets[n-1].N
	}
	return 0
}

func (m *Model) leave(how string) {
	if m.exit() > 0 {
		m.phy.Tickets[len(m.phy.Tickets)-1].Gone = how
	}
}

// trouble is why the printer cannot print, or "".
func (m *Model) trouble() string {
	s := m.phy.Status
	switch {
	case m.end():
		return "paper end"
	case s["cover"] == "open":
		return "cover open"
	case s["jam"] == "yes":
		return "paper jam"
	case s["cutter"] != "ok", s["unit"] != "ok":
		return "error"
	case s["head"] != "ok", s["voltage"] != "ok":
		return "recoverable error"
	}
	return ""
}

// Prompt implements engine.Model.
func (m *Model) Prompt() string {
	if m.exit() > 0 {
		return "takePaper"
	}
	return ""
}

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int {
	return map[string]int{"tickets": m.phy.Next - 1, "paperMm": m.phy.PaperTenths / 10}
}

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	switch action {
	case "takePaper":
		if m.exit() == 0 {
			return engine.Conflictf("no ticket lies at the exit")
		}
		m.leave("taken")
	case "loadPaper":
		mm, err := a.Int("mm", 80000)
		if err != nil {
			return err
		}
		if mm < 0 || mm > 1000000 {
			return engine.BadArg("mm must be 0 to 1000000")
		}
		m.phy.PaperTenths = mm * 10
	case "setCover":
		open, err := a.Bool("open", true)
		if err != nil {
			return err
		}
		m.phy.Status["cover"] = "closed"
		if open {
			m.phy.Status["cover"] = "open"
		}
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
	ok := opt("ok", "ok", "正常")
	return []engine.Setting{
		s("cover", "机盖", opt("closed", "closed", "关闭"), opt("open", "open", "打开")),
		s("jam", "卡纸", opt("no", "no", "无"), opt("yes", "jammed", "卡纸")),
		s("cutter", "切刀", ok, opt("error", "error", "故障")),
		s("head", "打印头", ok, opt("hot", "too hot", "过热")),
		s("voltage", "电源电压", ok, opt("bad", "out of range", "异常")),
		s("unit", "整机", ok, opt("error", "unrecoverable error", "不可恢复错误")),
	}
}

// SetStatus implements engine.Model.
func (m *Model) SetStatus(name, value string) error {
	m.phy.Status[name] = value
	m.dev.Poke()
	return m.save()
}

// Profile implements engine.Model.
func (m *Model) Profile() []engine.Setting {
	return []engine.Setting{{Name: "presenter", NameZh: "出纸口", Value: m.cfg.Presenter, Options: []engine.Option{opt("on", "holds the ticket", "夹持待取"), opt("off", "open exit", "直接出纸")}}}
}

// SetProfile implements engine.Model.
func (m *Model) SetProfile(_, value string) error { m.cfg.Presenter = value; return nil }
