package pr2

import (
	"fmt"
	"path/filepath"

	"zhigui/sim/device/engine"
	"zhigui/sim/device/escpos"
)

// Place is where the book is.
type Place string

// The places.
const (
	Outside Place = "outside"
	Mouth   Place = "mouth"
	Inside  Place = "inside"
)

// BookConfig is a book that exists when the printer is new.
type BookConfig struct {
	Name   string `yaml:"name" json:"name"`
	Stripe string `yaml:"stripe" json:"stripe"`
	Pages  int    `yaml:"pages" json:"pages"` // 0 means 10
}

// Config is the specimen.
type Config struct {
	Books   []BookConfig `yaml:"books" json:"books"` // none: one with the name demo
	Lines   int          `yaml:"lines" json:"lines"` // of a page; 0 means 24
	Columns int          `yaml:"columns" json:"columns"`
	LineMs  int          `yaml:"lineMs" json:"lineMs"` // to print a line, and a tenth of a movement
}

// Validate names what is wrong.
func (c Config) Validate() error {
	names := map[string]bool{}
	for _, b := range c.Books {
		if b.Name == "" || names[b.Name] || b.Pages < 0 || b.Pages > 40 {
			return fmt.Errorf("books: %q needs a name of its own and at most 40 pages", b.Name)
		}
		names[b.Name] = true
	}
	if c.Lines < 0 || c.Columns < 0 || c.Columns > 45 || c.LineMs < 0 {
		return fmt.Errorf("lines, columns (at most 45) and lineMs must not be negative")
	}
	return nil
}

// physical survives a power cut: saved on each change.
type physical struct {
	Books map[string]*Book `json:"books"`
	At    Place            `json:"at"`
	Name  string           `json:"name,omitempty"` // of the book in the slot
	Page  int              `json:"page,omitempty"` // at which it lies open, 1 is the first
}

// Model is the printer.
type Model struct {
	cfg  Config
	file string
	phy  physical
	dev  *engine.Device

	// firmware memory
	line, column int
	status       byte // what ESC j tells until ESC l or a reset; 0: as the mechanics are
	written      string
	stuck        map[string]string
	printed      int
}

// New loads the printer's state from dir.
func New(dir string, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Lines == 0 {
		cfg.Lines = 24
	}
	if cfg.Columns == 0 {
		cfg.Columns = 45
	}
	if len(cfg.Books) == 0 {
		cfg.Books = []BookConfig{{Name: "demo", Stripe: "6225880000000001=001"}}
	}
	m := &Model{cfg: cfg, file: filepath.Join(dir, "passbook.json"), phy: physical{Books: map[string]*Book{}, At: Outside}, stuck: map[string]string{"cover": "closed", "panel": "online", "path": "clear"}}
	found, err := engine.LoadJSON(m.file, &m.phy)
	if err != nil || found {
		return m, err
	}
	for _, b := range cfg.Books {
		if b.Pages == 0 {
			b.Pages = 10
		}
		m.phy.Books[b.Name] = &Book{Name: b.Name, Stripe: b.Stripe, Pages: make([]Page, b.Pages)}
	}
	return m, m.save()
}

func (m *Model) save() error { return engine.SaveJSON(m.file, m.phy) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// book is the one in the slot.
func (m *Model) book() *Book { return m.phy.Books[m.phy.Name] }

// Attach tells the model its device, for waking the firmware.
func (m *Model) Attach(d *engine.Device) { m.dev = d }

// Close has nothing to close: the state is saved on each change.
func (m *Model) Close() error { return nil }

// faultTable: no maker's numbers are public; the codes are those of the virtual status table
// or words.
var faultTable = []engine.FaultDef{
	{Code: "2", Name: "document jam", NameZh: "存折堵塞", Command: "TEXT,O"},
	{Code: "q", Name: "magnetic write or check error", NameZh: "写磁校验错误", Command: "\\"},
	{Code: "STRIPE", Name: "a character of the stripe cannot be read", NameZh: "磁条字符无法读出", Command: "]"},
	{Code: "3", Name: "cover opens", NameZh: "机盖打开", Command: "TEXT"},
}

var commandTable = []engine.Option{{Value: "TEXT", Name: "print", Zh: "打印"}, {Value: "O", Name: "eject", Zh: "退折"}, {Value: "]", Name: "read the stripe", Zh: "读磁"}, {Value: "t", Name: "stripe data", Zh: "写磁数据"},
	{Value: "\\", Name: "write and check the stripe", Zh: "写磁并校验"}, {Value: "j", Name: "status", Zh: "状态"}, {Value: " B", Name: "document status", Zh: "存折状态"}, {Value: "0", Name: "reset", Zh: "复位"}}

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	return engine.Info{Model: "pr2", Class: "printer", Maker: "Olivetti", Title: "Passbook printer PR2", TitleZh: "存折打印机 PR2",
		Faults: faultTable, Commands: commandTable, Actions: []string{"insertPassbook", "takePassbook", "clearPath", "newPassbook"}}
}

// PowerOff implements engine.Model: the book and what is printed stay.
func (m *Model) PowerOff() { m.line, m.column, m.status, m.written = 0, 0, 0, "" }

// View is the physical state, for panels and tests. Stripe data are not in it.
type View struct {
	Position Place    `json:"position"`
	Book     string   `json:"book"`
	Page     int      `json:"page"`
	Pages    []string `json:"pages"` // of the book in the slot or used last, as text
	Books    []string `json:"books"`
	Printed  int      `json:"printed"` // pieces of text since the power came
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any {
	v := View{Position: m.phy.At, Book: m.phy.Name, Page: m.phy.Page, Pages: []string{}, Books: sorted(m.phy.Books), Printed: m.printed}
	if b := m.book(); b != nil {
		for _, p := range b.Pages {
			v.Pages = append(v.Pages, p.Text(m.cfg.Lines, m.cfg.Columns))
		}
	}
	return v
}

// Ticket is a page of the book in the slot or used last, as a picture.
func (m *Model) Ticket(n int) (escpos.Ticket, bool) {
	b := m.book()
	if b == nil || n < 1 || n > len(b.Pages) {
		return escpos.Ticket{}, false
	}
	return b.picture(n, m.cfg.Lines, m.cfg.Columns), true
}

// Stripe is the content of a book's stripe, for tests.
func (m *Model) Stripe(name string) string {
	if b := m.phy.Books[name]; b != nil {
		return b.Stripe
	}
	return ""
}

// Prompt implements engine.Model.
func (m *Model) Prompt() string {
	return map[Place]string{Outside: "insertPassbook", Mouth: "takePassbook"}[m.phy.At]
}

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int {
	return map[string]int{"printed": m.printed, "books": len(m.phy.Books)}
}

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	name, err := a.String("book", "")
	if err != nil {
		return err
	}
	switch action {
	case "insertPassbook":
		if m.phy.At == Inside {
			return engine.Conflictf("a passbook is inside already")
		}
		if m.phy.At == Mouth && name != "" && name != m.phy.Name {
			return engine.Conflictf("another passbook lies at the mouth")
		}
		if name == "" {
			if name = m.phy.Name; name == "" {
				name = sorted(m.phy.Books)[0]
			}
		}
		b := m.phy.Books[name]
		if b == nil {
			return engine.BadArg("no passbook is named %q", name)
		}
		page, err := a.Int("page", max(1, m.phy.Page))
		if err != nil {
			return err
		}
		if page < 1 || page > len(b.Pages) {
			return engine.BadArg("page: the passbook has %d", len(b.Pages))
		}
		m.phy.At, m.phy.Name, m.phy.Page = Inside, name, page
		m.line, m.column = 0, 0
	case "takePassbook":
		if m.phy.At != Mouth {
			return engine.Conflictf("no passbook lies at the mouth")
		}
		m.phy.At = Outside // name and page stay: the customer holds it open
	case "clearPath":
		if m.phy.At != Inside {
			return engine.Conflictf("no passbook is inside")
		}
		m.phy.At, m.stuck["path"] = Mouth, "clear"
	case "newPassbook":
		if name == "" || m.phy.Books[name] != nil {
			return engine.BadArg("book: a new passbook needs a name of its own")
		}
		stripe, err := a.String("stripe", "")
		if err != nil {
			return err
		}
		m.phy.Books[name] = &Book{Name: name, Stripe: stripe, Pages: make([]Page, 10)}
	default:
		return engine.BadArg("unknown action %q", action)
	}
	m.dev.Poke()
	return m.save()
}

func opt(v, n, zh string) engine.Option { return engine.Option{Value: v, Name: n, Zh: zh} }

// Statuses implements engine.Model.
func (m *Model) Statuses() []engine.Setting {
	return []engine.Setting{
		{Name: "cover", NameZh: "机盖", Value: m.stuck["cover"], Options: []engine.Option{opt("closed", "closed", "合上"), opt("open", "open", "打开")}},
		{Name: "panel", NameZh: "面板", Value: m.stuck["panel"], Options: []engine.Option{opt("online", "on line", "联机"), opt("local", "local", "脱机")}},
		{Name: "path", NameZh: "走纸道", Value: m.stuck["path"], Options: []engine.Option{opt("clear", "clear", "畅通"), opt("jammed", "jammed", "堵塞")}},
	}
}

// SetStatus implements engine.Model.
func (m *Model) SetStatus(name, value string) error { m.stuck[name] = value; return nil }

// Profile implements engine.Model: the printer has none.
func (m *Model) Profile() []engine.Setting { return []engine.Setting{} }

// SetProfile implements engine.Model.
func (m *Model) SetProfile(name, _ string) error { return engine.BadArg("no profile item %q", name) }
