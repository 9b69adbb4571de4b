package r30x

import (
	"fmt"

	"zhigui/sim/device/engine"
)

// Config is the specimen; there is nothing to set.
type Config struct{}

// Validate finds nothing wrong.
func (Config) Validate() error { return nil }

type body struct {
	Finger string         `json:"finger"` // on the window
	Poor   int            `json:"poor"`   // so many images of it are poor
	Pages  map[int][]byte `json:"pages"`
}

// Model is the module.
type Model struct {
	engine.Specimen
	body body

	buf      []byte
	image    string // finger of the last image
	poor     bool
	feature  [3][]byte // buffers 1 and 2
	incoming int       // buffer of a download under way
	download []byte
	open     bool // the password was given
	wanted   bool
}

func opt(v, n, zh string) engine.Option { return engine.Option{Value: v, Name: n, Zh: zh} }

// New loads the module's state from dir.
func New(dir string, _ Config) (*Model, error) {
	m := &Model{body: body{Pages: map[int][]byte{}}}
	return m, m.Load(dir, "finger.json", &m.body, []engine.Setting{
		{Name: "window", NameZh: "采集窗", Value: "clean", Options: []engine.Option{opt("clean", "clean", "清洁"), opt("dirty", "dirty: images fail (03)", "脏污 03")}},
		{Name: "password", NameZh: "口令", Value: "default", Options: []engine.Option{opt("default", "00000000", "默认"), opt("other", "another one (13)", "其他 13")}},
	}, nil)
}

var faultTable = []struct {
	code     byte
	name, zh string
	cmd      string
}{
	{0x03, "image failed", "录入失败", "01"}, {0x06, "image disorderly", "图像太乱", "02"}, {0x07, "too few points", "特征点太少", "02"}, {0x08, "no match", "不匹配", "03"},
	{0x09, "not found", "没搜索到", "04"}, {0x0A, "captures differ", "合并失败", "05"}, {0x0B, "page out of range", "地址超范围", "06"}, {0x0D, "upload failed", "上传失败", "08"},
	{0x0E, "cannot receive", "不能接收", "09"}, {0x11, "clear failed", "清空失败", "0D"}, {0x18, "flash error", "读写 FLASH 出错", "06,0D"},
}

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := engine.Info{Model: "r30x", Class: "biometric", Maker: "Grow", Title: "Fingerprint module R30x", TitleZh: "指纹模块 R30x", Actions: []string{"touchFinger", "liftFinger"}}
	for _, c := range [][3]string{{"01", "take an image", "采集图像"}, {"02", "make features", "生成特征"}, {"03", "match", "比对"}, {"04", "search", "搜索"}, {"05", "join", "合并"}, {"06", "store", "存储"}, {"07", "load", "读出"},
		{"08", "upload", "上传特征"}, {"09", "download", "下载特征"}, {"0C", "delete", "删除"}, {"0D", "empty", "清空"}, {"0F", "parameters", "读参数"}, {"13", "password", "验证口令"}, {"1D", "count", "模板数"}, {"1F", "index", "索引表"}} {
		i.Commands = append(i.Commands, opt(c[0], c[1], c[2]))
	}
	for _, f := range faultTable {
		i.Faults = append(i.Faults, engine.FaultDef{Code: fmt.Sprintf("%02X", f.code), Name: f.name, NameZh: f.zh, Command: f.cmd})
	}
	return i
}

// PowerOff implements engine.Model: the library stays.
func (m *Model) PowerOff() {
	m.buf, m.image, m.feature, m.incoming, m.download, m.open, m.wanted = nil, "", [3][]byte{}, 0, nil, false, false
}

// View is the physical state, for panels and tests.
type View struct {
	Finger    string `json:"finger"`
	Templates int    `json:"templates"`
	Wanted    bool   `json:"wanted"`
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any { return View{m.body.Finger, len(m.body.Pages), m.wanted} }

// Prompt implements engine.Model.
func (m *Model) Prompt() string {
	if m.wanted && m.body.Finger == "" {
		return "touchFinger"
	}
	return ""
}

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int { return map[string]int{"templates": len(m.body.Pages)} }

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	switch action {
	case "touchFinger":
		finger, err := a.String("finger", "right-index")
		if err != nil {
			return err
		}
		poor, err := a.Int("poor", 0)
		if err != nil {
			return err
		}
		if m.body.Finger != "" {
			return engine.Conflictf("a finger lies on the window")
		}
		if finger == "" || poor < 0 {
			return engine.BadArg("finger: a name is wanted; poor: 0 or more")
		}
		m.body.Finger, m.body.Poor = finger, poor
	case "liftFinger":
		if m.body.Finger == "" {
			return engine.Conflictf("no finger lies on the window")
		}
		m.body.Finger, m.wanted = "", false
	default:
		return engine.BadArg("unknown action %q", action)
	}
	m.Dev.Poke()
	return m.Save()
}
