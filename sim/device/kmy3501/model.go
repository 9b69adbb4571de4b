package kmy3501

import (
	"encoding/hex"
	"fmt"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"zhigui/sim/device/engine"
	"zhigui/sim/epp"
)

// Config is the specimen.
type Config struct {
	Version string `yaml:"version" json:"version"` // at most 16 characters
	Serial  string `yaml:"serial" json:"serial"`   // eight characters

	epp.Origin `yaml:",inline"` // with a maker it has keys over the line (command 4B)
}

// Validate names what is wrong.
func (c Config) Validate() error {
	if len(c.Version) > 16 || c.Serial != "" && len(c.Serial) != 8 {
		return fmt.Errorf("version has at most 16 characters, serial eight")
	}
	return nil
}

const warning = "NON-PRODUCTION: memory of a virtual PIN pad; test keys in the clear"

// memory is what the battery keeps, saved on each change. Working keys are named "MM/WW".
type memory struct {
	Warning string            `json:"warning"`
	Masters map[int]string    `json:"masters"`
	Work    map[string]string `json:"work"`
	// Of keys over the line: the bank's public key that was pinned, and the last master key that came so.
	Host  []byte `json:"host,omitempty"`
	Slot  int    `json:"slot,omitempty"`
	Came  string `json:"came,omitempty"`
	Nonce []byte `json:"nonce,omitempty"`
}

// Model is the PIN pad.
type Model struct {
	cfg  Config
	file string
	mem  memory
	dev  *engine.Device

	// firmware memory
	mode    string // "", pin, plain
	pin     string // typed so far, or the entered PIN
	entered bool
	typed   int
	longest int
	limit   time.Duration
	touched time.Time
	account string
	active  string // MM/WW
	mac     byte
	pending []byte
	stuck   map[string]string
	count   map[string]int
	items   *epp.Items // nil: no keys over the line
}

// New loads the pad's memory from dir.
func New(dir string, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Version == "" {
		cfg.Version = "KMY3501 SIM"
	}
	if cfg.Serial == "" {
		cfg.Serial = "SIM00001"
	}
	m := &Model{cfg: cfg, file: filepath.Join(dir, "pinpad.json"), mem: memory{Warning: warning, Masters: map[int]string{}, Work: map[string]string{}},
		stuck: map[string]string{"battery": "ok"}, count: map[string]int{}}
	m.PowerOff()
	if _, err := engine.LoadJSON(m.file, &m.mem); err != nil {
		return nil, err
	}
	var err error
	if m.items, err = cfg.Open(filepath.Join(dir, "identity.json"), cfg.Serial); err != nil {
		return nil, err
	}
	if m.items != nil && len(m.mem.Host) > 0 && m.items.RSA.Host() == nil {
		if err := m.items.RSA.PinHost(m.mem.Host); err != nil {
			return nil, err
		}
	}
	return m, m.save()
}

func (m *Model) save() error { return engine.SaveJSON(m.file, m.mem) }

// Attach tells the model its device, for waking the firmware.
func (m *Model) Attach(d *engine.Device) { m.dev = d }

// Close has nothing to close.
func (m *Model) Close() error { return nil }

var errorTable = []struct{ code, name, zh string }{
	{"15", "command parameter wrong", "命令参数错"}, {"80", "time-out", "超时错误"}, {"B5", "not done, master key invalid", "命令无效，且主密钥无效"},
	{"D5", "not done, battery may be damaged", "命令无效，且电池可能损坏"}, {"E1", "item or token of another form", "令牌格式错误"}, {"E2", "token signed by another host", "令牌签名错误"},
	{"E3", "token of another pad or random value", "令牌随机数不符"}, {"E4", "token holds no key for this pad", "令牌内容错误"}, {"E5", "no host key, or one already", "无主机公钥或已存在"}, {"E0", "unknown command", "无效命令"}, {"F0", "self-test: CPU", "自检错误：CPU"},
	{"F1", "self-test: SRAM", "自检错误：SRAM"}, {"F2", "self-test: stuck key", "自检错误：键盘短路"}, {"F5", "self-test: battery", "自检错误：电池"}, {"F6", "self-test: master key lost", "自检错误：主密钥失效"},
}

var commandTable = []struct {
	code     byte
	name, zh string
}{
	{0x30, "version", "版本"}, {0x31, "reset", "复位自检"}, {0x32, "load master key", "下载主密钥"}, {0x33, "load working key", "下载工作密钥"}, {0x34, "account", "下载卡号"}, {0x35, "start PIN", "启动密码输入"},
	{0x36, "encrypt", "加密"}, {0x37, "decrypt", "解密"}, {0x38, "serial number", "序列号"}, {0x41, "MAC", "计算 MAC"}, {0x42, "PIN block", "取密码密文"}, {0x43, "activate key", "激活工作密钥"}, {0x45, "keypad", "开关键盘"}, {0x46, "parameter", "设置参数"}, {0x4B, "keys over the line", "远程密钥"},
}

func name(cmd byte) string { return fmt.Sprintf("%02X", cmd) }

func title(cmd byte) string {
	for _, c := range commandTable {
		if c.code == cmd {
			return c.name
		}
	}
	return "unknown"
}

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := engine.Info{Model: "kmy3501", Class: "pinPad", Maker: "KMY", Title: "PIN pad KMY3501", TitleZh: "密码键盘 KMY3501", Actions: []string{"pressKeys", "loseKeys"}}
	for _, e := range errorTable {
		i.Faults = append(i.Faults, engine.FaultDef{Code: e.code, Name: e.name, NameZh: e.zh})
	}
	for _, c := range commandTable {
		i.Commands = append(i.Commands, engine.Option{Value: name(c.code), Name: c.name, Zh: c.zh})
	}
	return i
}

// PowerOff implements engine.Model: keys survive, nothing else does.
func (m *Model) PowerOff() {
	m.drop()
	m.account, m.active, m.mac = "", "", 1
	if m.items != nil {
		m.items.PowerOff()
	}
}

// drop ends an entry and forgets what was typed.
func (m *Model) drop() { m.mode, m.pin, m.entered, m.typed, m.pending = "", "", false, 0, nil }

func (m *Model) wipe() {
	m.mem.Masters, m.mem.Work = map[int]string{}, map[string]string{}
	m.PowerOff()
}

// KeyView is a loaded key without its value.
type KeyView struct {
	Store string `json:"store"` // master, work
	Slot  string `json:"slot"`
	Use   string `json:"use"` // the pad keeps none
	KCV   string `json:"kcv"` // first three bytes
}

// View is the physical state; it never holds digits of a PIN.
type View struct {
	Entry   string    `json:"entry"`
	Digits  int       `json:"digits"`
	Entered bool      `json:"entered"`
	Active  string    `json:"active"`
	Keys    []KeyView `json:"keys"`
	Warning string    `json:"warning"`
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any {
	v := View{Entry: m.mode, Digits: m.typed, Entered: m.entered, Active: m.active, Keys: []KeyView{}, Warning: warning}
	for n, k := range m.mem.Masters {
		v.Keys = append(v.Keys, KeyView{"master", fmt.Sprintf("%02d", n), "", check(k)})
	}
	for n, k := range m.mem.Work {
		v.Keys = append(v.Keys, KeyView{"work", n, "", check(k)})
	}
	sort.Slice(v.Keys, func(i, j int) bool { return v.Keys[i].Store+v.Keys[i].Slot < v.Keys[j].Store+v.Keys[j].Slot })
	return v
}

func check(key string) string {
	b, _ := hex.DecodeString(key)
	c, err := two(b)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%X", blocks(c.Encrypt, make([]byte, 8))[:3])
}

// Prompt implements engine.Model.
func (m *Model) Prompt() string {
	if m.mode != "" {
		return "pressKeys"
	}
	return ""
}

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int {
	return map[string]int{"entries": m.count["entries"], "pinBlocks": m.count["blocks"], "keys": len(m.mem.Masters) + len(m.mem.Work)}
}

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	switch action {
	case "pressKeys":
		keys, err := a.String("keys", "")
		if err != nil {
			return err
		}
		if m.mode == "" {
			return engine.Conflictf("the keyboard is not active: no entry has been started")
		}
		var out []byte
		for _, c := range strings.ToUpper(keys) {
			b, ok := map[rune]byte{'E': keyEnter, 'C': keyCancel, 'B': keyBack, '.': '.'}[c]
			if c >= '0' && c <= '9' {
				b, ok = byte(c), true
			}
			if !ok {
				return engine.BadArg("keys: a character is none of 0-9 E C B and the point")
			}
			out = append(out, b)
		}
		m.pending = append(m.pending, out...)
		m.dev.Poke()
		return nil
	case "loseKeys":
		m.wipe()
		return m.save()
	}
	return engine.BadArg("unknown action %q", action)
}

// Statuses implements engine.Model.
func (m *Model) Statuses() []engine.Setting {
	return []engine.Setting{{Name: "battery", NameZh: "电池", Value: m.stuck["battery"],
		Options: []engine.Option{{Value: "ok", Name: "ok", Zh: "正常"}, {Value: "low", Name: "may be damaged", Zh: "可能损坏"}}}}
}

// SetStatus implements engine.Model.
func (m *Model) SetStatus(name, value string) error { m.stuck[name] = value; return nil }

// Profile implements engine.Model: the pad has none.
func (m *Model) Profile() []engine.Setting { return []engine.Setting{} }

// SetProfile implements engine.Model.
func (m *Model) SetProfile(name, _ string) error { return engine.BadArg("no profile item %q", name) }
