package lcdm4000

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Place is where a note can be.
type Place string

// The places.
const (
	Outside  Place = "outside"
	Cassette Place = "cassette"
	Diverter Place = "dvt"
	Eject    Place = "ejt"
	Exit     Place = "exit"
	Reject   Place = "reject"
	Customer Place = "customer"
	Operator Place = "operator"
)

// Places are all but Outside.
var Places = []Place{Cassette, Diverter, Eject, Exit, Reject, Customer, Operator}

// Names of the cassettes, top first.
var Names = []string{"1", "2", "3", "4"}

// Box is one cassette and where its notes are.
type Box struct {
	Present bool          `json:"present"`
	Value   int           `json:"value"` // of one note; a label only
	Near    int           `json:"near"`  // near end at this count and below
	Loaded  int           `json:"loaded"`
	At      map[Place]int `json:"at"`
}

// Command is the truth about one command that moved notes, whatever the host was told.
type Command struct {
	Cmd       int            `json:"cmd"`
	At        time.Time      `json:"at"`
	Name      string         `json:"name"`
	Asked     map[string]int `json:"asked"`
	Dispensed map[string]int `json:"dispensed"` // reached the exit
	Taken     map[string]int `json:"taken"`
	Rejected  map[string]int `json:"rejected"`
	Retracted map[string]int `json:"retracted"`
	Err       string         `json:"err"` // of the result; "" while it runs or if the power went
}

// store is the physical state; it is saved on each movement.
type store struct {
	Boxes    map[string]*Box `json:"boxes"`
	Tray     bool            `json:"tray"`
	Commands []*Command      `json:"commands"`
	Last     int             `json:"last"`   // number of the newest command
	Serial   byte            `json:"serial"` // of the last dispense, kept in the EEPROM
}

// check: each note that was loaded is somewhere, once.
func (s *store) check() error {
	for _, n := range Names {
		b := s.Boxes[n]
		if b == nil {
			return fmt.Errorf("cassette %s is missing from the state", n)
		}
		sum := 0
		for p, k := range b.At {
			if k < 0 || !slices.Contains(Places, p) {
				return fmt.Errorf("conservation of notes: cassette %s has %d at %q", n, k, p)
			}
			sum += k
		}
		if sum != b.Loaded {
			return fmt.Errorf("conservation of notes: cassette %s loaded %d, found %d", n, b.Loaded, sum)
		}
	}
	return nil
}

// move carries notes of one cassette. It refuses to make notes out of nothing.
func (s *store) move(unit string, n int, from, to Place) error {
	b := s.Boxes[unit]
	switch {
	case b == nil || n <= 0:
		return fmt.Errorf("move of %d notes of cassette %q", n, unit)
	case from == Outside:
		b.Loaded += n
	case b.At[from] < n:
		return fmt.Errorf("move of %d notes of cassette %s from %s, where %d are", n, unit, from, b.At[from])
	default:
		b.At[from] -= n
	}
	b.At[to] += n
	if len(s.Commands) > 0 {
		s.account(s.Commands[len(s.Commands)-1], unit, n, from, to)
	}
	return nil
}

// account adds a movement to the truth of the newest command; taking the notes belongs to the
// command that paid them.
func (s *store) account(c *Command, unit string, n int, from, to Place) {
	switch {
	case to == Exit && from != Outside:
		c.Dispensed[unit] += n
	case to == Customer:
		if from != Exit {
			c.Dispensed[unit] += n
		}
		for i := len(s.Commands) - 1; i >= 0; i-- {
			if s.Commands[i].Dispensed[unit] > s.Commands[i].Taken[unit] {
				s.Commands[i].Taken[unit] += n
				return
			}
		}
	case to == Reject && from == Exit:
		c.Retracted[unit] += n
	case to == Reject && from != Outside:
		c.Rejected[unit] += n
	}
}

func (s *store) begin(at time.Time, name string, asked map[string]int) *Command {
	s.Last++
	c := &Command{Cmd: s.Last, At: at, Name: name, Asked: asked, Dispensed: map[string]int{}, Taken: map[string]int{}, Rejected: map[string]int{}, Retracted: map[string]int{}}
	s.Commands = append(s.Commands[max(0, len(s.Commands)-199):], c)
	return c
}

func (s *store) total(p Place) int {
	n := 0
	for _, b := range s.Boxes {
		n += b.At[p]
	}
	return n
}

// UnitView is one cassette as panels and tests see it.
type UnitView struct {
	Present  bool `json:"present"`
	Count    int  `json:"count"`
	Value    int  `json:"value"`
	NearEnd  bool `json:"nearEnd"`
	Loaded   int  `json:"loaded"`
	Taken    int  `json:"taken"`
	Rejected int  `json:"rejected"`
	Removed  int  `json:"removed"`
}

// View is the physical state.
type View struct {
	Units      map[string]UnitView `json:"units"`
	Path       map[Place]int       `json:"path"`
	Exit       map[string]int      `json:"exit"`
	RejectTray bool                `json:"rejectTray"`
	Rejected   int                 `json:"rejected"`
	Truth      []Command           `json:"truth"`
	LastError  string              `json:"lastError"`
	Moving     bool                `json:"moving"`
}

func (s *store) view() View {
	v := View{Units: map[string]UnitView{}, Path: map[Place]int{Diverter: s.total(Diverter), Eject: s.total(Eject)}, Exit: map[string]int{}, RejectTray: s.Tray, Rejected: s.total(Reject), Truth: []Command{}}
	for n, b := range s.Boxes {
		v.Units[n] = UnitView{b.Present, b.At[Cassette], b.Value, b.At[Cassette] <= b.Near, b.Loaded, b.At[Customer], b.At[Reject], b.At[Operator]}
		if k := b.At[Exit]; k > 0 {
			v.Exit[n] = k
		}
	}
	for _, c := range s.Commands {
		k := *c
		k.Asked, k.Dispensed, k.Taken = maps.Clone(c.Asked), maps.Clone(c.Dispensed), maps.Clone(c.Taken)
		k.Rejected, k.Retracted = maps.Clone(c.Rejected), maps.Clone(c.Retracted)
		v.Truth = append(v.Truth, k)
	}
	return v
}
