package recon

import (
	"encoding/json"
	"time"

	"zhigui/drivers/api/cash"
	"zhigui/terminal/api/journal"
)

// machine is what a terminal's cash units must hold by what its journal says moved, since the counts that it
// was last set by. It reads the records by their format and shares nothing with the terminal's own book: a
// count is compared with this, not with what the terminal believed.
type machine struct {
	units map[string]unit
	box   int64 // minor units in the acceptor's cash box
	moved map[string]*moved
	last  time.Time // of the last movement of notes
}

// unit is one cash unit.
type unit struct {
	device       string
	value, count int64
}

// moved is what one transaction moved.
type moved struct {
	out, in   int64 // minor units through the exit, and taken for good
	retracted bool  // some came back
	unclear   bool  // the numbers are lower bounds
}

// counted is the data of COUNTS, as far as it is read here.
type counted struct {
	Units map[string]struct {
		Device  string `json:"device"`
		Value   int64  `json:"value"`
		Initial int64  `json:"initial"`
		Count   int64  `json:"count"`
	} `json:"units"`
	By         string `json:"by"`
	BoxEmptied bool   `json:"boxEmptied"`
	Box        *struct {
		Booked  int64 `json:"booked"`
		Counted int64 `json:"counted"`
	} `json:"box"`
	Depleted *struct {
		Into map[string]struct {
			Value int64 `json:"value"`
			Count int64 `json:"count"`
		} `json:"into"`
	} `json:"depleted"`
	Exchange map[string]struct {
		Booked  int64 `json:"booked"`
		Counted int64 `json:"counted"`
	} `json:"exchange"`
}

func newMachine() *machine { return &machine{units: map[string]unit{}, moved: map[string]*moved{}} }

// apply folds one record.
func (m *machine) apply(r journal.Record) error {
	switch r.Kind {
	case journal.Counts:
		var c counted
		if err := json.Unmarshal(r.Data, &c); err != nil {
			return unreadable(r.Seq, err)
		}
		m.set(&c)
	case journal.Stacked, journal.Presented, journal.Taken, journal.Retracted, journal.NotDispensed, journal.Unclear:
		var d struct {
			Moved cash.Moved `json:"moved"`
		}
		if len(r.Data) > 0 {
			if err := json.Unmarshal(r.Data, &d); err != nil {
				return unreadable(r.Seq, err)
			}
		}
		m.paid(r, d.Moved)
	case journal.DepositClosed, journal.DepositUnclear:
		var d struct {
			Taken *cash.Deposited `json:"taken"`
		}
		if len(r.Data) > 0 {
			if err := json.Unmarshal(r.Data, &d); err != nil {
				return unreadable(r.Seq, err)
			}
		}
		m.took(r, d.Taken)
	}
	return nil
}

func (m *machine) of(r journal.Record) *moved {
	if m.moved[r.Txn] == nil {
		m.moved[r.Txn] = &moved{}
	}
	m.last = r.Time
	return m.moved[r.Txn]
}

// paid books notes that left their units: to the customer, to the reject tray, or between the two.
func (m *machine) paid(r journal.Record, d cash.Moved) {
	x := m.of(r)
	x.retracted = x.retracted || r.Kind == journal.Retracted
	x.unclear = x.unclear || d.Unknown || r.Kind == journal.Unclear
	for id, n := range d.Units {
		u, ok := m.units[id]
		if !ok {
			continue
		}
		u.count -= int64(n.Presented + n.Rejected + n.Stacked)
		m.units[id] = u
		x.out += int64(n.Presented) * u.value
		if u.device == acceptor {
			m.box += int64(n.Rejected) * u.value
		}
	}
}

// took books what a deposit left inside for good.
func (m *machine) took(r journal.Record, d *cash.Deposited) {
	x := m.of(r)
	x.unclear = x.unclear || r.Kind == journal.DepositUnclear || d != nil && d.Unknown
	if d == nil {
		return
	}
	x.in = 0
	for id, n := range d.Types {
		x.in += int64(n.Credited) * n.Value
		if r.Kind != journal.DepositClosed {
			continue
		}
		m.box += int64(n.Credited-n.Recycled) * n.Value
		if n.Recycled > 0 {
			u := m.units[cash.RecycleUnit(id)]
			u.device, u.value, u.count = acceptor, n.Value, u.count+int64(n.Recycled)
			m.units[cash.RecycleUnit(id)] = u
		}
	}
}

// acceptor is the device whose reject tray is the cash box.
const acceptor = "acceptor"

// set takes counts over.
func (m *machine) set(c *counted) {
	for id, u := range c.Units {
		device := u.Device
		if device == "" {
			device = m.units[id].device
		}
		m.units[id] = unit{device, u.Value, u.Count}
	}
	if c.BoxEmptied {
		m.box = 0
	}
	if c.Depleted == nil {
		return
	}
	for id, n := range c.Depleted.Into {
		if u, ok := m.units[cash.RecycleUnit(id)]; ok {
			u.count -= n.Count
			m.units[cash.RecycleUnit(id)] = u
		}
		m.box += n.Count * n.Value
	}
}
