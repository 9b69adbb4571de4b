package zt598

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
	Firmware string `yaml:"firmware" json:"firmware"` // three characters
	Serial   string `yaml:"serial" json:"serial"`     // eight characters

	epp.Origin `yaml:",inline"` // with a maker it has keys over the line (extension x)
}

// Validate names what is wrong.
func (c Config) Validate() error {
	if c.Firmware != "" && len(c.Firmware) != 3 {
		return fmt.Errorf("firmware: want three characters")
	}
	if c.Serial != "" && len(c.Serial) != 8 {
		return fmt.Errorf("serial: want eight characters")
	}
	return nil
}

// Uses of keys, as in command 2; types of command 1 are mapped to them.
const (
	useKEK  = "kek"
	usePIN  = "pin"
	useMAC  = "mac"
	useData = "data"
	useAny  = "any" // SM4 working keys: the load command has no use digit
)

type key struct {
	Use string `json:"use"`
	Hex string `json:"hex"`
}

func (k key) bytes() []byte { b, _ := hex.DecodeString(k.Hex); return b }

// physical is the battery-kept memory, saved on each change.
type physical struct {
	Warning  string      `json:"warning"`
	TDES     map[int]key `json:"tdes"`
	SM4      map[int]key `json:"sm4"`       // working keys
	SM4KEK   map[int]key `json:"sm4Master"` // master keys
	ScanCode string      `json:"scanCode"`
	Serial   string      `json:"serial,omitempty"` // of a pad that took the first one's place

	Hosts map[int][]byte `json:"hosts,omitempty"` // public keys that were pinned over the line, by zone
	Last  map[int]origin `json:"last,omitempty"`  // by zone: the last key that came with a token
}

const warning = "NON-PRODUCTION: memory of a virtual PIN pad; test keys in the clear"

// Model is the PIN pad.
type Model struct {
	cfg  Config
	file string
	phy  physical
	dev  *engine.Device

	entry    string // "", pin, plain
	pin      string // digits typed so far, or the entered PIN
	entered  bool
	digits   int // typed in the present entry
	min, max int
	timeout  time.Duration
	lastKey  time.Time
	pending  []byte
	stuck    map[string]string
	items    *epp.Items // nil: no keys over the line
	entries  int
	blocks   int
}

// New loads the pad's memory from dir.
func New(dir string, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Firmware == "" {
		cfg.Firmware = "S01"
	}
	if cfg.Serial == "" {
		cfg.Serial = "SIM00001"
	}
	m := &Model{cfg: cfg, file: filepath.Join(dir, "pinpad.json"), phy: physical{Warning: warning, TDES: map[int]key{}, SM4: map[int]key{}, SM4KEK: map[int]key{}},
		stuck: map[string]string{"battery": "ok", "tamper": "ok"}}
	if _, err := engine.LoadJSON(m.file, &m.phy); err != nil {
		return nil, err
	}
	if m.phy.Serial != "" {
		m.cfg.Serial = m.phy.Serial
	}
	if err := m.openItems(); err != nil {
		return nil, err
	}
	m.PowerOff()
	return m, m.save()
}

func (m *Model) save() error { return engine.SaveJSON(m.file, m.phy) }

// Attach tells the model its device, for waking the firmware.
func (m *Model) Attach(d *engine.Device) { m.dev = d }

// Close has nothing to close.
func (m *Model) Close() error { return nil }

var errorTable = []struct{ code, name, zh string }{
	{"E0", "battery low", "电池电量低"}, {"E1", "no initial master key", "无初始主密钥"}, {"E2", "no master key", "无主密钥"}, {"E3", "key length wrong", "密钥长度错误"},
	{"E4", "key slot empty", "密钥索引为空"}, {"E5", "key index or use wrong", "密钥索引或用途错误"}, {"E6", "key parity error", "密钥奇偶校验错误"}, {"E7", "key invalid", "密钥无效"},
	{"E8", "command length wrong", "命令长度错误"}, {"E9", "command data wrong", "命令数据错误"}, {"EB", "parameter wrong", "参数错误"}, {"EC", "not authorised, or no PIN", "未授权或无密码"},
	{"F1", "item or token of another form", "令牌格式错误"}, {"F2", "token signed by another host", "令牌签名错误"}, {"F3", "token of another pad or random value", "令牌随机数不符"},
	{"F4", "token holds no key for this zone", "令牌内容错误"}, {"F5", "no host key, or one already", "无主机公钥或已存在"},
	{"ED", "device locked", "设备已锁定"}, {"EE", "input timed out", "输入超时"}, {"EF", "other error", "其他错误"}, {"D0", "tamper or SM module error", "防拆或国密模块错误"},
}

var commandTable = []struct{ code, name, zh string }{
	{"1", "load clear master key", "装载明文主密钥"}, {"2", "load working key", "装载工作密钥"}, {"3", "information", "查询信息"}, {"50", "control", "控制"}, {"6", "start PIN entry", "启动密码输入"},
	{"7", "PIN block", "取密码密文"}, {"8", "MAC", "计算 MAC"}, {"9", "cipher", "加解密"}, {"b", "load SM4 master key", "装载 SM4 主密钥"}, {"c", "load SM4 working key", "装载 SM4 工作密钥"},
	{"d", "SM4 cipher", "SM4 加解密"}, {"e", "SM4 MAC", "SM4 MAC"}, {"o", "SM4 PIN block", "SM4 密码密文"}, {"n", "delete SM4 key", "删除 SM4 密钥"},
	{"x1", "offer", "申请随机数"}, {"x2", "proof", "密钥证明"}, {"x8", "take a key token", "导入密钥令牌"}, {"x9", "pin the host's key", "装载主机公钥"}, {"x", "keys over the line", "远程密钥"},
}

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := engine.Info{Model: "zt598", Class: "pinPad", Maker: "SZZT", Title: "PIN pad ZT598", TitleZh: "密码键盘 ZT598", Actions: []string{"pressKeys", "loseKeys", "exchangePad"}}
	for _, e := range errorTable {
		i.Faults = append(i.Faults, engine.FaultDef{Code: e.code, Name: e.name, NameZh: e.zh})
	}
	for _, c := range commandTable {
		i.Commands = append(i.Commands, engine.Option{Value: c.code, Name: c.name, Zh: c.zh})
	}
	return i
}

// PowerOff implements engine.Model: a PIN does not survive, keys do.
func (m *Model) PowerOff() {
	m.entry, m.pin, m.entered, m.digits, m.pending = "", "", false, 0, nil
	m.min, m.max, m.timeout = 4, 12, 60*time.Second
	if m.items != nil {
		m.items.PowerOff()
	}
}

// KeyView is a loaded key without its value.
type KeyView struct {
	Store string `json:"store"` // 3des, sm4, sm4-master
	Slot  string `json:"slot"`
	Use   string `json:"use"`
	KCV   string `json:"kcv"` // first three bytes
}

// View is the physical state; it never holds digits of a PIN.
type View struct {
	Entry   string    `json:"entry"` // "", pin, plain
	Digits  int       `json:"digits"`
	Entered bool      `json:"entered"` // a PIN is there for PIN blocks
	Min     int       `json:"min"`
	Max     int       `json:"max"`
	Timeout int       `json:"timeoutSeconds"`
	Keys    []KeyView `json:"keys"`
	Warning string    `json:"warning"`
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any {
	v := View{Entry: m.entry, Digits: m.digits, Entered: m.entered, Min: m.min, Max: m.max, Timeout: int(m.timeout / time.Second), Keys: []KeyView{}, Warning: warning}
	add := func(store string, keys map[int]key, kcv func([]byte) ([]byte, error)) {
		var slots []int
		for s := range keys {
			slots = append(slots, s)
		}
		sort.Ints(slots)
		for _, s := range slots {
			c, err := kcv(keys[s].bytes())
			if err != nil {
				continue
			}
			v.Keys = append(v.Keys, KeyView{store, fmt.Sprintf("%02X", s), keys[s].Use, upperHex(c[:3])})
		}
	}
	add("3des", m.phy.TDES, kcv3)
	add("sm4-master", m.phy.SM4KEK, kcv4)
	add("sm4", m.phy.SM4, kcv4)
	return v
}

// Prompt implements engine.Model.
func (m *Model) Prompt() string {
	if m.entry != "" {
		return "pressKeys"
	}
	return ""
}

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int {
	return map[string]int{"entries": m.entries, "pinBlocks": m.blocks, "keys": len(m.phy.TDES) + len(m.phy.SM4) + len(m.phy.SM4KEK)}
}

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	switch action {
	case "pressKeys":
		keys, err := a.String("keys", "")
		if err != nil {
			return err
		}
		if m.entry == "" {
			return engine.Conflictf("the keyboard is not active: no entry has been started")
		}
		var out []byte
		for _, c := range strings.ToUpper(keys) {
			b, ok := map[rune]byte{'E': keyEnter, 'C': keyCancel, 'B': keyClear, '.': '.', 'D': key00}[c]
			if c >= '0' && c <= '9' {
				b, ok = byte(c), true
			}
			if !ok {
				return engine.BadArg("keys: a character is none of 0-9 E C B D and the point")
			}
			out = append(out, b)
		}
		m.pending = append(m.pending, out...)
		m.dev.Poke()
		return nil
	case "loseKeys":
		m.wipe()
		return m.save()
	case "exchangePad":
		return m.exchange()
	}
	return engine.BadArg("unknown action %q", action)
}

func (m *Model) wipe() {
	m.phy.TDES, m.phy.SM4, m.phy.SM4KEK, m.phy.Last = map[int]key{}, map[int]key{}, map[int]key{}, nil
	m.drop()
}

func (m *Model) drop() { m.entry, m.pin, m.entered, m.digits, m.pending = "", "", false, 0, nil }

func opt(v, n, zh string) engine.Option { return engine.Option{Value: v, Name: n, Zh: zh} }

// Statuses implements engine.Model.
func (m *Model) Statuses() []engine.Setting {
	return []engine.Setting{
		{Name: "battery", NameZh: "电池", Value: m.stuck["battery"], Options: []engine.Option{opt("ok", "ok", "正常"), opt("low", "low", "电量低")}},
		{Name: "tamper", NameZh: "防拆", Value: m.stuck["tamper"], Options: []engine.Option{opt("ok", "ok", "正常"), opt("locked", "locked", "已锁定")}},
	}
}

// SetStatus implements engine.Model.
func (m *Model) SetStatus(name, value string) error { m.stuck[name] = value; return nil }

// Profile implements engine.Model: the pad has none.
func (m *Model) Profile() []engine.Setting { return []engine.Setting{} }

// SetProfile implements engine.Model.
func (m *Model) SetProfile(name, _ string) error { return engine.BadArg("no profile item %q", name) }
