package itlssp

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"zhigui/sim/device/engine"
)

// Config is the specimen: dataset, stores and times.
type Config struct {
	Currency string `yaml:"currency" json:"currency"` // CNY
	// Values are the notes of the dataset in major units, channel 1 first.
	Values []int `yaml:"values" json:"values"`
	// Payout fits a SMART Payout.
	Payout bool `yaml:"payout" json:"payout"`
	// Store is the first filling of the payout store: value → notes.
	Store           map[int]int `yaml:"store" json:"store"`
	StoreCapacity   int         `yaml:"storeCapacity" json:"storeCapacity"`
	CashboxCapacity int         `yaml:"cashboxCapacity" json:"cashboxCapacity"`
	// Times of one movement; 0 is no time at all. EscrowMs is how long a note is held without a
	// word from the host (0: 10000).
	ReadMs   int `yaml:"readMs" json:"readMs"`
	StackMs  int `yaml:"stackMs" json:"stackMs"`
	PayMs    int `yaml:"payMs" json:"payMs"`
	EscrowMs int `yaml:"escrowMs" json:"escrowMs"`
	// SeqAfterSync is the sequence bit expected after SYNC: 00 (default) or 80; sources disagree.
	SeqAfterSync string `yaml:"seqAfterSync" json:"seqAfterSync"`
	Address      int    `yaml:"address" json:"address"`
	// FixedKey is the fixed half of the session key when the state begins: 16 hexadecimal digits.
	FixedKey string `yaml:"fixedKey" json:"fixedKey"`
}

// Validate names what is wrong.
func (c Config) Validate() error {
	if c.Currency != "" && len(c.Currency) != 3 {
		return fmt.Errorf("currency: %q is no ISO code", c.Currency)
	}
	for _, v := range c.Values {
		if v < 1 || v > 255 {
			return fmt.Errorf("values: %d is not 1 to 255", v)
		}
	}
	if len(c.Values) > 16 {
		return fmt.Errorf("values: more than 16 channels")
	}
	if c.SeqAfterSync != "" && c.SeqAfterSync != "00" && c.SeqAfterSync != "80" {
		return fmt.Errorf("seqAfterSync: %q is neither 00 nor 80", c.SeqAfterSync)
	}
	if c.StoreCapacity < 0 || c.CashboxCapacity < 0 || c.ReadMs < 0 || c.StackMs < 0 || c.PayMs < 0 || c.EscrowMs < 0 || c.Address < 0 || c.Address > 0x7D {
		return fmt.Errorf("capacities, times and address must not be negative, address at most 125")
	}
	if _, err := strconv.ParseUint(c.FixedKey, 16, 64); c.FixedKey != "" && err != nil {
		return fmt.Errorf("fixedKey: no 16 hexadecimal digits")
	}
	values := c.withDefaults().Values
	for v, n := range c.Store {
		if n < 0 || !slices.Contains(values, v) {
			return fmt.Errorf("store: %d notes of %d, which the dataset does not have", n, v)
		}
	}
	return nil
}

func (c Config) withDefaults() Config {
	def := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	if c.Currency == "" {
		c.Currency = "CNY"
	}
	if len(c.Values) == 0 {
		c.Values = []int{1, 5, 10, 20, 50, 100}
	}
	if c.SeqAfterSync == "" {
		c.SeqAfterSync = "00"
	}
	def(&c.StoreCapacity, 80)
	def(&c.CashboxCapacity, 1000)
	def(&c.EscrowMs, 10000)
	return c
}

const defaultFixedKey = 0x0123456701234567

// minor is the real value multiplier: minor units of one unit of the dataset.
const minor = 100

// Model is the validator. What is below volatile is lost with the power.
type Model struct {
	cfg   Config
	dir   string
	clock engine.Clock
	dev   *engine.Device
	st    state

	// volatile
	enabled, payout bool
	inhibits        uint16 // bit n: channel n+1 is accepted
	protocol        byte
	events          [][]byte
	told            bool // the note in escrow has been reported: the next poll accepts it
	phase           phase
	due             time.Time
	crypt           essp
	lastSeq         byte
	lastReply       []byte
	lastName        string
}

// New loads the state in dir, or makes the first filling.
func New(dir string, clock engine.Clock, cfg Config) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if clock == nil {
		clock = engine.RealClock{}
	}
	m := &Model{cfg: cfg.withDefaults(), dir: dir, clock: clock}
	found, err := engine.LoadJSON(filepath.Join(dir, StateFile), &m.st)
	if err != nil {
		return nil, err
	}
	if !found {
		m.st = state{ToStore: map[int]bool{}, LastMoved: map[int]int{}, FixedKey: defaultFixedKey}
		if m.cfg.FixedKey != "" {
			m.st.FixedKey, _ = strconv.ParseUint(m.cfg.FixedKey, 16, 64) // Validate has read it
		}
		for v, n := range m.cfg.Store {
			for range n {
				m.add(v, "genuine", Store)
			}
			m.st.ToStore[m.channel(v)] = true
		}
	}
	if err := m.conserved(); err != nil {
		return nil, err
	}
	m.PowerOff()
	return m, nil
}

// add brings a note into the world.
func (m *Model) add(value int, condition string, p Place) *Note {
	m.st.Notes = append(m.st.Notes, Note{ID: len(m.st.Notes), Value: value, Channel: m.channel(value), Condition: condition, Place: p, Inserted: p == Path})
	return &m.st.Notes[len(m.st.Notes)-1]
}

// channel of a value; 0: the dataset does not know it.
func (m *Model) channel(value int) int { return slices.Index(m.cfg.Values, value) + 1 }

// Attach tells the model its device.
func (m *Model) Attach(d *engine.Device) { m.dev = d }

// Close has nothing to close: each change is on the disk.
func (m *Model) Close() error { return nil }

// PowerOff implements engine.Model.
func (m *Model) PowerOff() {
	m.enabled, m.payout, m.inhibits, m.protocol = false, false, 0, 6
	m.events, m.told, m.phase, m.due = nil, false, idle, time.Time{}
	m.crypt, m.lastReply, m.lastSeq = essp{}, nil, 0
}

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := engine.Info{Model: "itlssp", Class: "cashAcceptor", Maker: "ITL", Title: "Note validator NV200 (SSP)", TitleZh: "纸币接收模块 NV200 (SSP)",
		Faults: faultDefs(), Actions: []string{"insertNote", "takeNotes", "removeCashbox", "insertCashbox", "clearJam", "pullNote", "fillStore"}}
	if m.cfg.Payout {
		i.Title, i.TitleZh = "Note recycler NV200 with SMART Payout (SSP)", "纸币循环模块 NV200 + SMART Payout (SSP)"
	}
	for _, mv := range [][3]string{{mvRead, "draw in and read", "吸入并识别"}, {mvStack, "stack", "压入钞箱"}, {mvReject, "give back", "退回"},
		{mvPay, "pay out", "出钞"}, {mvShift, "store to cash box", "转入钞箱"}, {mvClear, "clear at power-up", "上电清钞"}} {
		i.Commands = append(i.Commands, engine.Option{Value: mv[0], Name: mv[1], Zh: mv[2]})
	}
	for _, c := range commandOrder {
		i.Commands = append(i.Commands, engine.Option{Value: hexByte(c), Name: commands[c].name, Zh: commands[c].zh})
	}
	return i
}

// View implements engine.Model.
func (m *Model) View() any { return m.view() }

// Prompt implements engine.Model.
func (m *Model) Prompt() string {
	if m.at(Bezel, Mouth) != nil {
		return "take the note"
	}
	if m.open() == nil {
		return "insert a note"
	}
	return ""
}

// Counters implements engine.Model.
func (m *Model) Counters() map[string]int {
	c := m.st.Counts
	return map[string]int{"stacked": int(c.Stacked), "stored": int(c.Stored), "dispensed": int(c.Dispensed), "transferred": int(c.Transferred), "rejected": int(c.Rejected)}
}

// open is why the mouth takes no note, or nil.
func (m *Model) open() error {
	switch {
	case m.dev == nil || !m.enabled:
		return engine.Conflictf("the validator is disabled")
	case m.st.Jam != "":
		return engine.Conflictf("the validator is jammed")
	case m.st.CashboxOut:
		return engine.Conflictf("the cash box is out")
	case m.full():
		return engine.Conflictf("the cash box is full")
	case m.at(Mouth, Bezel) != nil:
		return engine.Conflictf("a note sticks out of the mouth")
	case m.at(Path, Escrow, Stacking, Paying) != nil || m.phase != idle || m.st.Job != nil:
		return engine.Conflictf("a note is being moved")
	case m.inhibits == 0:
		return engine.Conflictf("all channels are inhibited")
	}
	return nil
}

func (m *Model) full() bool { return m.count(Cashbox) >= m.cfg.CashboxCapacity }

func (m *Model) after(ms int) time.Time {
	return m.clock.Now().Add(time.Duration(ms) * time.Millisecond)
}

func (m *Model) event(b ...byte) { m.events = append(m.events, b) }

// Act implements engine.Model.
func (m *Model) Act(action string, a engine.Args) error {
	defer m.dev.Poke()
	switch action {
	case "insertNote":
		return m.insertNote(a)
	case "takeNotes", "pullNote":
		places := []Place{Mouth, Bezel}
		if action == "pullNote" { // out of an unsafe jam
			if m.st.Jam != "unsafe" {
				return engine.Conflictf("no note can be reached")
			}
			places = []Place{Path, Escrow, Stacking}
		}
		n := m.at(places...)
		if n == nil {
			return engine.Conflictf("no note sticks out")
		}
		for ; n != nil; n = m.at(places...) {
			n.Place = Customer
		}
		if action == "pullNote" {
			m.st.Jam = ""
		}
		m.save()
		return nil
	case "removeCashbox":
		if m.st.CashboxOut || m.at(Stacking, Paying) != nil {
			return engine.Conflictf("the cash box is out already or a note is moving")
		}
		m.st.CashboxOut = true
		for i := range m.st.Notes {
			if m.st.Notes[i].Place == Cashbox {
				m.st.Notes[i].Place = Operator
			}
		}
		m.save()
		m.event(0xE3)
		if m.phase == escrowed {
			m.giveBack(rejectUnable)
		}
		return nil
	case "insertCashbox":
		if !m.st.CashboxOut {
			return engine.Conflictf("the cash box is in")
		}
		m.st.CashboxOut = false
		m.save()
		m.event(0xE4)
		return nil
	case "clearJam": // the operator opens the validator
		if m.st.Jam == "" {
			return engine.Conflictf("there is no jam")
		}
		for n := m.at(Path, Escrow, Stacking, Paying); n != nil; n = m.at(Path, Escrow, Stacking, Paying) {
			n.Place = Operator
		}
		m.st.Jam = ""
		m.save()
		return nil
	case "fillStore":
		return m.fillStore(a)
	}
	return engine.BadArg("unknown action %q", action)
}

func (m *Model) insertNote(a engine.Args) error {
	value, err := a.Int("value", m.cfg.Values[len(m.cfg.Values)-1])
	if err != nil {
		return err
	}
	condition, err := a.String("condition", "genuine")
	if err != nil {
		return err
	}
	if _, ok := conditions[condition]; !ok {
		return engine.BadArg("condition: %q is none of genuine, unfit, counterfeit, foreign, double, twisted", condition)
	}
	if value < 1 {
		return engine.BadArg("value must be at least 1")
	}
	if err := m.open(); err != nil {
		return err
	}
	m.add(value, condition, Path)
	m.save()
	m.event(0xEF, 0)
	m.phase, m.due = reading, m.after(m.cfg.ReadMs)
	return nil
}

func (m *Model) fillStore(a engine.Args) error {
	value, err := a.Int("value", 0)
	if err != nil {
		return err
	}
	n, err := a.Int("count", 0)
	if err != nil {
		return err
	}
	if m.channel(value) == 0 || n < 1 || !m.cfg.Payout || m.count(Store)+n > m.cfg.StoreCapacity {
		return engine.BadArg("no such note, no payout store, or not that much room")
	}
	for range n {
		m.add(value, "genuine", Store)
	}
	m.st.ToStore[m.channel(value)] = true
	m.save()
	return nil
}

func opt(v, n, zh string) engine.Option { return engine.Option{Value: v, Name: n, Zh: zh} }

// Statuses implements engine.Model.
func (m *Model) Statuses() []engine.Setting {
	box, jam := "present", "none"
	if m.st.CashboxOut {
		box = "absent"
	}
	if m.st.Jam != "" {
		jam = m.st.Jam
	}
	return []engine.Setting{
		{Name: "cashbox", NameZh: "钞箱", Value: box, Options: []engine.Option{opt("present", "present", "就位"), opt("absent", "absent", "缺失")}},
		{Name: "jam", NameZh: "卡钞", Value: jam, Options: []engine.Option{opt("none", "none", "无"), opt("safe", "safe", "安全卡钞"), opt("unsafe", "unsafe", "不安全卡钞")}},
	}
}

// SetStatus implements engine.Model.
func (m *Model) SetStatus(name, value string) error {
	defer m.dev.Poke()
	switch {
	case name == "cashbox" && value == "present" && m.st.CashboxOut:
		return m.Act("insertCashbox", nil)
	case name == "cashbox" && value == "absent" && !m.st.CashboxOut:
		return m.Act("removeCashbox", nil)
	case name == "jam":
		if m.phase == reading || m.phase == stacking || m.phase == credited {
			return engine.Conflictf("a note is moving")
		}
		m.st.Jam = map[string]string{"safe": "safe", "unsafe": "unsafe"}[value]
		m.save()
	}
	return nil
}

// Profile implements engine.Model.
func (m *Model) Profile() []engine.Setting {
	return []engine.Setting{
		{Name: "seqAfterSync", NameZh: "SYNC 后序号位", Value: m.cfg.SeqAfterSync, Options: []engine.Option{opt("00", "00", "00"), opt("80", "80", "80")}},
		{Name: "cashboxCapacity", NameZh: "钞箱容量", Value: strconv.Itoa(m.cfg.CashboxCapacity), Options: []engine.Option{opt("1000", "1000", "1000"), opt("500", "500", "500"), opt("5", "5 (test)", "5（测试）")}},
	}
}

// SetProfile implements engine.Model.
func (m *Model) SetProfile(name, value string) error {
	switch name {
	case "seqAfterSync":
		m.cfg.SeqAfterSync = value
	case "cashboxCapacity":
		n, err := strconv.Atoi(value)
		if err != nil {
			return err
		}
		m.cfg.CashboxCapacity = n
	}
	return nil
}
