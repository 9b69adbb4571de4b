package modbussiu

import (
	"fmt"

	"zhigui/sim/device/engine"
)

// Config is the specimen.
type Config struct {
	Unit int `yaml:"unit" json:"unit"` // address of the board; 0 means 1
}

// Validate names what is wrong.
func (c Config) Validate() error {
	if c.Unit < 0 || c.Unit > 247 {
		return fmt.Errorf("unit: must be 1 to 247")
	}
	return nil
}

// Sizes of the board's tables.
const (
	coils, inputs, registers = 16, 8, 24
)

type body struct {
	Coils   [coils]bool       `json:"coils"`
	Holding [registers]uint16 `json:"holding"`
	Tenths  int               `json:"tenths"` // temperature
}

// Model is the board.
type Model struct {
	engine.Specimen
	cfg  Config
	body body
	buf  []byte
}

func opt(v, n, zh string) engine.Option { return engine.Option{Value: v, Name: n, Zh: zh} }

// switchTable are the discrete inputs in their order: name and the two values.
var switchTable = []struct{ name, zh, zero, zeroZh, one, oneZh string }{
	{"cabinetFrontDoor", "前柜门", "closed", "关", "open", "开"},
	{"cabinetRearDoor", "后柜门", "closed", "关", "open", "开"},
	{"tamperSensor", "防拆", "off", "正常", "on", "报警"},
	{"seismicSensor", "震动", "off", "正常", "on", "报警"},
	{"heatSensor", "高温", "off", "正常", "on", "报警"},
	{"proximitySensor", "人体感应", "notPresent", "无人", "present", "有人"},
	{"operatorCallButtonSensor", "呼叫按钮", "off", "未按", "on", "按下"},
	{"headsetMicrophoneSensor", "耳机", "notPresent", "未插", "present", "已插"},
}

// dialTable are the input registers 0 to 2: name and the values from 0 on.
var dialTable = []struct {
	name, zh string
	values   []engine.Option
}{
	{"safeDoor", "保险柜门", []engine.Option{opt("closed", "closed", "关"), opt("open", "open", "开"), opt("locked", "locked", "锁"), opt("bolted", "bolted", "闩"), opt("tampered", "tampered", "被撬")}},
	{"operatorSwitch", "操作开关", []engine.Option{opt("run", "run", "运行"), opt("maintenance", "maintenance", "维护"), opt("supervisor", "supervisor", "管理")}},
	{"ambientLightSensor", "环境光", []engine.Option{opt("veryDark", "very dark", "很暗"), opt("dark", "dark", "暗"), opt("mediumLight", "medium", "中"), opt("light", "light", "亮"), opt("veryLight", "very light", "很亮")}},
}

// exceptions are the Modbus exceptions that can be armed.
var exceptions = []struct {
	code     byte
	name, zh string
}{
	{1, "illegal function", "非法功能"}, {2, "illegal data address", "非法地址"}, {3, "illegal data value", "非法数据"},
	{4, "server device failure", "从站设备故障"}, {6, "server device busy", "从站忙"},
}

// New loads the board's state from dir.
func New(dir string, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Unit == 0 {
		cfg.Unit = 1
	}
	statuses := []engine.Setting{}
	for _, s := range switchTable {
		statuses = append(statuses, engine.Setting{Name: s.name, NameZh: s.zh, Value: s.zero, Options: []engine.Option{opt(s.zero, s.zero, s.zeroZh), opt(s.one, s.one, s.oneZh)}})
	}
	for _, s := range dialTable {
		statuses = append(statuses, engine.Setting{Name: s.name, NameZh: s.zh, Value: s.values[0].Value, Options: s.values})
	}
	m := &Model{cfg: cfg, body: body{Tenths: 235}}
	m.body.Holding[16] = 500 // volume
	return m, m.Load(dir, "siu.json", &m.body, statuses, nil)
}

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := engine.Info{Model: "modbussiu", Class: "auxiliaries", Maker: "generic", Title: "Sensors and lamps (Modbus RTU)", TitleZh: "传感器与指示灯（Modbus RTU）",
		Actions: []string{"openDoor", "closeDoor", "approach", "leave", "pressCallButton", "plugHeadset", "unplugHeadset", "setTemperature"}}
	for _, f := range [][3]string{{"01", "read coils", "读线圈"}, {"02", "read discrete inputs", "读离散输入"}, {"03", "read holding registers", "读保持寄存器"}, {"04", "read input registers", "读输入寄存器"},
		{"05", "write coil", "写线圈"}, {"06", "write register", "写寄存器"}, {"0F", "write coils", "写多个线圈"}, {"10", "write registers", "写多个寄存器"}} {
		i.Commands = append(i.Commands, opt(f[0], f[1], f[2]))
	}
	for _, e := range exceptions {
		i.Faults = append(i.Faults, engine.FaultDef{Code: fmt.Sprintf("%02d", e.code), Name: e.name, NameZh: e.zh, Command: "05,06,0F,10"})
	}
	return i
}

// PowerOff implements engine.Model: lamps and outputs fall off, bolts stay where they are.
func (m *Model) PowerOff() {
	m.buf = nil
	bolt := m.body.Coils[coilBolt]
	m.body.Coils = [coils]bool{coilBolt: bolt}
	volume := m.body.Holding[16]
	m.body.Holding = [registers]uint16{16: volume}
	m.Keep()
}

// View is the physical state, for panels and tests.
type View struct {
	Coils       []int    `json:"coils"`  // those that are on
	Lamps       []uint16 `json:"lamps"`  // holding registers 0 to 6
	Volume      int      `json:"volume"` // holding register 16
	Temperature float64  `json:"temperature"`
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any {
	v := View{Coils: []int{}, Lamps: append([]uint16{}, m.body.Holding[:7]...), Volume: int(m.body.Holding[16]), Temperature: float64(m.body.Tenths) / 10}
	for i, on := range m.body.Coils {
		if on {
			v.Coils = append(v.Coils, i)
		}
	}
	return v
}

// Prompt implements engine.Model.
func (m *Model) Prompt() string { return "" }

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int { return map[string]int{} }

var doors = map[string]string{"front": "cabinetFrontDoor", "rear": "cabinetRearDoor", "safe": "safeDoor"}

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	switch action {
	case "openDoor", "closeDoor":
		which, err := a.String("door", "front")
		if err != nil {
			return err
		}
		if doors[which] == "" {
			return engine.BadArg("door: %q is none of front, rear, safe", which)
		}
		return m.door(which, action == "openDoor")
	case "approach":
		return m.SetStatus("proximitySensor", "present")
	case "leave":
		return m.SetStatus("proximitySensor", "notPresent")
	case "pressCallButton":
		pressed, err := a.Bool("pressed", true)
		if err != nil {
			return err
		}
		return m.SetStatus("operatorCallButtonSensor", map[bool]string{true: "on", false: "off"}[pressed])
	case "plugHeadset":
		return m.SetStatus("headsetMicrophoneSensor", "present")
	case "unplugHeadset":
		return m.SetStatus("headsetMicrophoneSensor", "notPresent")
	case "setTemperature":
		tenths, err := a.Int("tenths", 235)
		if err != nil {
			return err
		}
		if tenths < -400 || tenths > 1250 {
			return engine.BadArg("tenths: -400 to 1250")
		}
		m.body.Tenths = tenths
		m.Dev.Poke()
		return m.Save()
	}
	return engine.BadArg("unknown action %q", action)
}

// door moves a door by hand.
func (m *Model) door(which string, open bool) error {
	name, to := doors[which], "closed"
	now := m.Status(name)
	if open {
		to = "open"
		if now == "locked" || now == "bolted" {
			return engine.Conflictf("the %s door is %s", which, now)
		}
	}
	if now == to {
		return engine.Conflictf("the %s door is %s already", which, now)
	}
	if err := m.SetStatus(name, to); err != nil {
		return err
	}
	m.bolt()
	return m.Save()
}
