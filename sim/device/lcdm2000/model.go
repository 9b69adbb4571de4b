package lcdm2000

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"zhigui/sim/device/e2e"
	"zhigui/sim/device/engine"
)

// CassetteConfig is what a cassette holds when the device's ledger begins.
type CassetteConfig struct {
	Count  int  `yaml:"count" json:"count"`
	Value  int  `yaml:"value" json:"value"`
	Near   int  `yaml:"near" json:"near"`
	Absent bool `yaml:"absent" json:"absent"`
}

// Config is the specimen: its first filling and how it behaves.
type Config struct {
	Upper CassetteConfig `yaml:"upper" json:"upper"`
	Lower CassetteConfig `yaml:"lower" json:"lower"`
	// Exit is hold (notes are held at the exit until taken; purge draws them back) or spray
	// (notes fall into an open tray and count as the customer's at once).
	Exit string `yaml:"exit" json:"exit"`
	// NoteMs is how long one note takes from the cassette to the exit; 0 is no time at all.
	NoteMs int `yaml:"noteMs" json:"noteMs"`
	// Notices turns the interim notices on (one source only).
	Notices bool `yaml:"notices" json:"notices"`
	// ROM is the answer to command 47 before its check characters.
	ROM string `yaml:"rom" json:"rom"`
	// E2EKey is the key for end-to-end security that the device leaves the workshop with, in
	// hex; "" is none: nothing is enforced. Our own extension of the model (README.md).
	E2EKey string `yaml:"e2eKey" json:"e2eKey,omitempty"`
	// Currency is that of the notes, as tokens name it; "" is CNY.
	Currency string `yaml:"currency" json:"currency,omitempty"`
	// NonceSeconds is how long a command nonce is good; 0 is for ever.
	NonceSeconds int `yaml:"nonceSeconds" json:"nonceSeconds,omitempty"`
}

// Validate names what is wrong.
func (c Config) Validate() error {
	for n, k := range map[string]CassetteConfig{"upper": c.Upper, "lower": c.Lower} {
		if k.Count < 0 || k.Value < 0 || k.Near < 0 {
			return fmt.Errorf("%s: count, value and near must not be negative", n)
		}
	}
	if c.Exit != "" && c.Exit != "hold" && c.Exit != "spray" {
		return fmt.Errorf("exit: %q is neither hold nor spray", c.Exit)
	}
	if c.NoteMs < 0 || c.NonceSeconds < 0 {
		return fmt.Errorf("noteMs, nonceSeconds: must not be negative")
	}
	if _, err := hex.DecodeString(c.E2EKey); err != nil {
		return errors.New("e2eKey: not hexadecimal")
	}
	if _, ok := romCheck[c.ROM]; c.ROM != "" && !ok {
		return fmt.Errorf("rom: %q is none of the known versions", c.ROM)
	}
	return nil
}

// romCheck: check characters of the known LCDM-2000 ROMs, one in the low nibble of each byte.
var romCheck = map[string]string{"T20T": "\x35\x36\x32\x34", "T30T": "\x3B\x35\x36\x3D"}

// Model is the dispenser.
type Model struct {
	cfg     Config
	notes   *Notes
	ledger  *Ledger
	now     func() time.Time
	dev     *engine.Device
	lastErr byte // of the last command; volatile
	moving  bool
	cmd     int // serial number of the last moving command
	trust   e2e.Trust
	parts   []byte // of a token or of a response, while it is exchanged in parts
	stuck   map[string]string
	counter map[string]int
	once    sync.Once
}

// LedgerFile is the name of the ledger in the device's state folder.
const LedgerFile = "ledger.jsonl"

// New opens the ledger in dir and, if it is empty, loads the cassettes as configured.
func New(dir string, clock engine.Clock, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Exit == "" {
		cfg.Exit = "hold"
	}
	if cfg.ROM == "" {
		cfg.ROM = "T20T"
	}
	if clock == nil {
		clock = engine.RealClock{}
	}
	m := &Model{cfg: cfg, notes: newNotes(), now: clock.Now, lastErr: errGood,
		stuck: map[string]string{"exitSensor": "auto", "solSensor": "ok"}, counter: map[string]int{}}
	var err error
	m.ledger, err = OpenLedger(filepath.Join(dir, LedgerFile), func(e Entry) error {
		m.cmd = max(m.cmd, e.Cmd)
		return m.notes.apply(e)
	})
	if err != nil {
		return nil, err
	}
	if m.ledger.seq == 0 {
		var list []Entry
		for u, k := range map[string]CassetteConfig{"upper": cfg.Upper, "lower": cfg.Lower} {
			list = append(list, Entry{Kind: "set", Name: "present", Unit: u, Value: strconv.FormatBool(!k.Absent)},
				Entry{Kind: "set", Name: "value", Unit: u, Value: strconv.Itoa(k.Value)},
				Entry{Kind: "set", Name: "near", Unit: u, Value: strconv.Itoa(k.Near)})
			if k.Count > 0 {
				list = append(list, Entry{Kind: "move", Unit: u, N: k.Count, From: Outside, To: Cassette, Why: "first filling"})
			}
		}
		if cfg.E2EKey != "" {
			list = append(list, Entry{Kind: "set", Name: "e2eKey", Value: cfg.E2EKey})
		}
		if err := m.record(list...); err != nil {
			return nil, err
		}
	}
	m.trust = e2e.Trust{Currency: cmp.Or(cfg.Currency, "CNY"), Life: time.Duration(cfg.NonceSeconds) * time.Second, Now: m.now}
	return m, m.takeKey(m.notes.key)
}

// Attach tells the model its device, for waking the firmware.
func (m *Model) Attach(d *engine.Device) { m.dev = d }

// Close closes the ledger.
func (m *Model) Close() error {
	var err error
	m.once.Do(func() { err = m.ledger.Close() })
	return err
}

// record makes the entries durable and then lets them count.
func (m *Model) record(list ...Entry) error {
	for i := range list {
		list[i].At = m.now()
		if err := m.notes.check(list[i]); err != nil {
			return err
		}
	}
	if err := m.ledger.Append(list); err != nil {
		return err
	}
	for _, e := range list {
		if err := m.notes.apply(e); err != nil {
			return err
		}
	}
	return nil
}

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := engine.Info{Model: "lcdm2000", Class: "cashDispenser", Maker: "Puloon", Title: "Cash dispenser LCDM-2000", TitleZh: "出钞模块 LCDM-2000",
		Faults: faultDefs(), Actions: []string{"takeCash", "fillUnit", "removeUnit", "emptyRejectTray", "loadKey"}}
	for _, c := range []byte{cmdUpper, cmdLower, cmdBoth, cmdPurge, cmdStatus, cmdROM, cmdTestUpper, cmdTestLower, cmdTrust, cmdNonce, cmdForget, cmdToken, cmdResponse} {
		n := commandNames[c]
		i.Commands = append(i.Commands, engine.Option{Value: name(c), Name: n[0], Zh: n[1]})
	}
	return i
}

// PowerOff implements engine.Model.
func (m *Model) PowerOff() {
	m.lastErr, m.moving, m.parts = errGood, false, nil
	m.trust.PowerOff()
}

// View implements engine.Model; the value is a View.
func (m *Model) View() any {
	v := m.notes.view()
	v.LastError, v.Moving = fmt.Sprintf("%02X", m.lastErr), m.moving
	return v
}

// Prompt implements engine.Model.
func (m *Model) Prompt() string {
	if m.notes.total(Exit) > 0 && !m.moving {
		return "takeCash"
	}
	return ""
}

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int {
	c := map[string]int{"commands": m.cmd, "rejected": m.notes.total(Reject), "taken": m.notes.total(Customer)}
	for k, v := range m.counter {
		c[k] = v
	}
	return c
}

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	switch action {
	case "takeCash":
		return m.takeCash(a)
	case "fillUnit":
		return m.fillUnit(a)
	case "removeUnit":
		u, err := unitArg(a)
		if err != nil {
			return err
		}
		return m.record(Entry{Kind: "set", Name: "present", Unit: u, Value: "false"})
	case "loadKey":
		return m.loadKey(a)
	case "emptyRejectTray":
		var list []Entry
		for _, u := range Units {
			if n := m.notes.at[u][Reject]; n > 0 {
				list = append(list, Entry{Kind: "move", Unit: u, N: n, From: Reject, To: Operator, Why: "reject tray emptied"})
			}
		}
		return m.record(append(list, Entry{Kind: "set", Name: "rejectTray", Value: "true"})...)
	}
	return engine.BadArg("unknown action %q", action)
}

func (m *Model) takeCash(a engine.Args) error {
	left, err := a.Int("count", -1)
	if err != nil {
		return err
	}
	if m.moving {
		return engine.Conflictf("notes are still moving")
	}
	var list []Entry
	for _, b := range m.notes.bundles(Exit) {
		n := b.N
		if left >= 0 {
			n = min(n, left)
			left -= n
		}
		if n > 0 {
			list = append(list, Entry{Kind: "move", Cmd: b.Cmd, Unit: b.Unit, N: n, From: Exit, To: Customer, Why: "taken"})
		}
	}
	if len(list) == 0 {
		return engine.Conflictf("no notes lie at the exit")
	}
	return m.record(list...)
}

func unitArg(a engine.Args) (string, error) {
	u, err := a.String("unit", "")
	if err != nil {
		return "", err
	}
	switch u {
	case "upper", "1", "unit1":
		return "upper", nil
	case "lower", "2", "unit2":
		return "lower", nil
	}
	return "", engine.BadArg("unit: %q is neither upper nor lower", u)
}

func (m *Model) fillUnit(a engine.Args) error {
	u, err := unitArg(a)
	if err != nil {
		return err
	}
	count, err := a.Int("count", m.notes.at[u][Cassette])
	if err != nil {
		return err
	}
	value, err := a.Int("value", m.notes.value[u])
	if err != nil {
		return err
	}
	near, err := a.Int("near", m.notes.near[u])
	if err != nil {
		return err
	}
	if count < 0 || count > 5000 || value < 0 || near < 0 {
		return engine.BadArg("count must be 0 to 5000, value and near not negative")
	}
	list := []Entry{{Kind: "set", Name: "value", Unit: u, Value: strconv.Itoa(value)}, {Kind: "set", Name: "near", Unit: u, Value: strconv.Itoa(near)},
		{Kind: "set", Name: "present", Unit: u, Value: "true"}}
	if old := m.notes.at[u][Cassette]; old > count {
		list = append(list, Entry{Kind: "move", Unit: u, N: old - count, From: Cassette, To: Operator, Why: "cassette filled"})
	} else if old < count {
		list = append(list, Entry{Kind: "move", Unit: u, N: count - old, From: Outside, To: Cassette, Why: "cassette filled"})
	}
	return m.record(list...)
}

func opt(v, n, zh string) engine.Option { return engine.Option{Value: v, Name: n, Zh: zh} }

// Statuses implements engine.Model.
func (m *Model) Statuses() []engine.Setting {
	present := []engine.Option{opt("present", "present", "就位"), opt("absent", "absent", "缺失")}
	is := func(b bool) string {
		if b {
			return "present"
		}
		return "absent"
	}
	return []engine.Setting{
		{Name: "upperCassette", NameZh: "上钞箱", Value: is(m.notes.present["upper"]), Options: present},
		{Name: "lowerCassette", NameZh: "下钞箱", Value: is(m.notes.present["lower"]), Options: present},
		{Name: "rejectTray", NameZh: "废钞箱", Value: is(m.notes.rejectTray), Options: present},
		{Name: "exitSensor", NameZh: "出口传感器", Value: m.stuck["exitSensor"], Options: []engine.Option{opt("auto", "follows the notes", "随钞票"), opt("blocked", "stuck: blocked", "卡死：遮挡"), opt("clear", "stuck: clear", "卡死：无遮挡")}},
		{Name: "solSensor", NameZh: "电磁铁传感器", Value: m.stuck["solSensor"], Options: []engine.Option{opt("ok", "ok", "正常"), opt("active", "active", "动作")}},
	}
}

// SetStatus implements engine.Model.
func (m *Model) SetStatus(name, value string) error {
	present := strconv.FormatBool(value == "present")
	switch name {
	case "upperCassette":
		return m.record(Entry{Kind: "set", Name: "present", Unit: "upper", Value: present})
	case "lowerCassette":
		return m.record(Entry{Kind: "set", Name: "present", Unit: "lower", Value: present})
	case "rejectTray":
		return m.record(Entry{Kind: "set", Name: "rejectTray", Value: present})
	}
	m.stuck[name] = value
	return nil
}

// Profile implements engine.Model.
func (m *Model) Profile() []engine.Setting {
	onOff := "off"
	if m.cfg.Notices {
		onOff = "on"
	}
	return []engine.Setting{
		{Name: "exit", NameZh: "出口形式", Value: m.cfg.Exit, Options: []engine.Option{opt("hold", "holds the notes", "夹持待取"), opt("spray", "throws them out", "直接吐出")}},
		{Name: "notices", NameZh: "过程通知", Value: onOff, Options: []engine.Option{opt("off", "off", "关"), opt("on", "on", "开")}},
	}
}

// SetProfile implements engine.Model.
func (m *Model) SetProfile(name, value string) error {
	switch name {
	case "exit":
		if m.notes.total(Exit) > 0 || m.moving {
			return engine.Conflictf("notes are at the exit or moving")
		}
		m.cfg.Exit = value
	case "notices":
		m.cfg.Notices = value == "on"
	}
	return nil
}
