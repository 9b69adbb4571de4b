package omron3s4yr

import (
	"zhigui/sim/device/crt350n"
	"zhigui/sim/device/engine"
)

// Config is the specimen; cards, motion time and restore as in package crt350n.
type Config = crt350n.Config

// Model is the reader: its own firmware over the mechanics of a crt350n.Model.
type Model struct {
	*crt350n.Model
	motionMs int
	firmware string

	// firmware memory
	pending string // a text that waits for DLE ENQ
	last    []byte // the last response, for a DLE ENQ in the idle state
	lastOf  string // its command
	shown   string // its bytes for the trace, when they are secret
}

// New loads the reader's state from dir.
func New(dir string, cfg Config) (*Model, error) {
	if cfg.Firmware == "" {
		cfg.Firmware = "3S4YR-SIM1"
	}
	base, err := crt350n.New(dir, cfg)
	if err != nil {
		return nil, err
	}
	return &Model{Model: base, motionMs: cfg.MotionMs, firmware: cfg.Firmware}, nil
}

// Info implements engine.Model.
func (m *Model) Info() engine.Info {
	i := m.Model.Info()
	i.Model, i.Maker, i.Title, i.TitleZh = "omron3s4yr", "Omron", "Card reader 3S4YR", "读卡器 3S4YR"
	i.Faults, i.Commands = faultDefs(), nil
	for _, c := range commandTable {
		i.Commands = append(i.Commands, engine.Option{Value: c.code, Name: c.name, Zh: c.zh})
	}
	return i
}

// PowerOff implements engine.Model.
func (m *Model) PowerOff() {
	m.Model.PowerOff()
	m.pending, m.last, m.lastOf, m.shown = "", nil, "", ""
}
