package itlssp

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"zhigui/sim/device/engine"
)

// Place is where a note is.
type Place string

// The places. A customer's note begins in the path; the first filling begins in the store.
const (
	Path     Place = "path"     // drawn in, being read
	Escrow   Place = "escrow"   // read and held: can be given back
	Stacking Place = "stacking" // on its way to cash box or store
	Mouth    Place = "mouth"    // given back, sticks out of the mouth
	Cashbox  Place = "cashbox"
	Store    Place = "store"    // SMART Payout
	Paying   Place = "paying"   // between store and bezel or cash box
	Bezel    Place = "bezel"    // paid out, not taken yet
	Customer Place = "customer" // has it (again)
	Operator Place = "operator" // taken out with the cash box or by hand
)

// Places lists them.
var Places = []Place{Path, Escrow, Stacking, Mouth, Cashbox, Store, Paying, Bezel, Customer, Operator}

// Note is one piece of paper. It is never made from nothing and never disappears.
type Note struct {
	ID        int    `json:"id"`
	Value     int    `json:"value"` // of the dataset: major units
	Channel   int    `json:"channel"`
	Condition string `json:"condition"`
	Place     Place  `json:"place"`
	Inserted  bool   `json:"inserted"` // by a customer, not by the first filling
	Credited  bool   `json:"credited"` // the device has passed the point of no return
	PaidOut   bool   `json:"paidOut"`
}

// Counts are the activity counters that survive a power loss (command 58).
type Counts struct {
	Stacked     uint32 `json:"stacked"`
	Stored      uint32 `json:"stored"`
	Dispensed   uint32 `json:"dispensed"`
	Transferred uint32 `json:"transferred"`
	Rejected    uint32 `json:"rejected"`
}

// Job is a payout, float or empty under way; it survives a power loss to be reported.
type Job struct {
	Kind      string      `json:"kind"` // payout, float, empty, smartEmpty
	Notes     []int       `json:"notes"`
	Requested int         `json:"requested"` // minor units
	Done      int         `json:"done"`      // minor units
	Moved     map[int]int `json:"moved"`     // into the cash box, by channel
}

// state is everything that survives a power loss.
type state struct {
	Notes      []Note       `json:"notes"`
	Counts     Counts       `json:"counts"`
	Job        *Job         `json:"job,omitempty"`
	LastMoved  map[int]int  `json:"lastMoved"` // of the last job into the cash box, by channel
	Jam        string       `json:"jam"`       // "", safe, unsafe
	CashboxOut bool         `json:"cashboxOut"`
	ToStore    map[int]bool `json:"toStore"` // routes, by channel
	FixedKey   uint64       `json:"fixedKey"`
	LastReject byte         `json:"lastReject"`
}

// StateFile is the name of the state in the device's folder.
const StateFile = "notes.json"

// save makes the state durable; a change counts when it has returned.
func (m *Model) save() {
	if err := m.conserved(); err != nil {
		panic(err)
	}
	if err := engine.SaveJSON(filepath.Join(m.dir, StateFile), m.st); err != nil {
		panic(err) // nothing may move without it
	}
}

// conserved: each note is in one known place, and the single places hold one note at most.
func (m *Model) conserved() error {
	single := map[Place]int{}
	for i, n := range m.st.Notes {
		if n.ID != i || !slices.Contains(Places, n.Place) {
			return fmt.Errorf("conservation of notes: note %d is at %q", n.ID, n.Place)
		}
		single[n.Place]++
	}
	for _, p := range []Place{Mouth, Paying, Bezel} {
		if single[p] > 1 {
			return fmt.Errorf("conservation of notes: %d notes at %s", single[p], p)
		}
	}
	if n := single[Path] + single[Escrow] + single[Stacking]; n > 1 {
		return fmt.Errorf("conservation of notes: %d notes between mouth and stacker", n)
	}
	return nil
}

// at is the note in one of the places, or nil.
func (m *Model) at(places ...Place) *Note {
	for i := range m.st.Notes {
		if slices.Contains(places, m.st.Notes[i].Place) {
			return &m.st.Notes[i]
		}
	}
	return nil
}

func (m *Model) count(p Place) (n int) {
	for i := range m.st.Notes {
		if m.st.Notes[i].Place == p {
			n++
		}
	}
	return n
}

// level is how many notes of the channel are in the store.
func (m *Model) level(ch int) (n int) {
	for i := range m.st.Notes {
		if m.st.Notes[i].Place == Store && m.st.Notes[i].Channel == ch {
			n++
		}
	}
	return n
}

// View is the physical state, for panels and tests.
type View struct {
	Notes    []Note        `json:"notes"`
	Places   map[Place]int `json:"places"`
	Levels   map[int]int   `json:"levels"` // store, by value
	Counts   Counts        `json:"counts"`
	Jam      string        `json:"jam"`
	Cashbox  bool          `json:"cashbox"` // in place
	Enabled  bool          `json:"enabled"`
	Payout   bool          `json:"payout"` // payout device enabled
	Secure   bool          `json:"secure"` // keys are agreed
	Job      string        `json:"job"`
	Escrowed int           `json:"escrowed"` // value of the note in escrow
}

func (m *Model) view() View {
	v := View{Notes: slices.Clone(m.st.Notes), Places: map[Place]int{}, Levels: map[int]int{}, Counts: m.st.Counts, Jam: m.st.Jam,
		Cashbox: !m.st.CashboxOut, Enabled: m.enabled, Payout: m.payout, Secure: m.crypt.key != nil}
	for _, n := range m.st.Notes {
		v.Places[n.Place]++
		if n.Place == Store {
			v.Levels[n.Value]++
		}
		if n.Place == Escrow {
			v.Escrowed = n.Value
		}
	}
	if m.st.Job != nil {
		v.Job = m.st.Job.Kind
	}
	return v
}

func cloneJob(j *Job) *Job {
	k := *j
	k.Notes, k.Moved = slices.Clone(j.Notes), maps.Clone(j.Moved)
	return &k
}
