package starline

import (
	"zhigui/sim/device/engine"
	"zhigui/sim/device/escpos"
)

// Config is the specimen; as in package escpos.
type Config = escpos.Config

// View is the physical state; as in package escpos.
type View = escpos.View

// Model is the printer: its own firmware over the mechanics of an escpos.Model.
type Model struct {
	*escpos.Model
	open bool // no presenter

	// firmware memory
	buf     []byte // bytes of an incomplete command
	rt      []byte // real-time sequence on its way
	auto    bool   // automatic status
	told    string // the status that the host knows
	count   int    // ETB counter, modulo 32
	reached bool   // an ETB was reached and not yet told
	data    string // of the next QR code
	dots    int
	dotted  bool // a strip of dots was printed last
}

// New loads the printer's state from dir.
func New(dir string, cfg Config) (*Model, error) {
	base, err := escpos.New(dir, cfg)
	if err != nil {
		return nil, err
	}
	m := &Model{Model: base, open: cfg.Presenter == "off"}
	base.OnTrouble(m.report)
	m.PowerOff()
	return m, nil
}

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := m.Model.Info()
	i.Model, i.Maker, i.Title, i.TitleZh = "starline", "Star", "Receipt printer Star Line", "凭条打印机 Star Line"
	i.Commands = append(i.Commands[:len(i.Commands)-1], engine.Option{Value: "ETB", Name: "end of the job", Zh: "作业结束"})
	return i
}

// PowerOff implements engine.Model.
func (m *Model) PowerOff() {
	m.Model.PowerOff()
	m.buf, m.rt, m.auto, m.told, m.count, m.reached, m.data, m.dots = nil, nil, false, "", 0, false, "", 3
}

// SetProfile implements engine.Model.
func (m *Model) SetProfile(name, value string) error {
	m.open = value == "off"
	return m.Model.SetProfile(name, value)
}
