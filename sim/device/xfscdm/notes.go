package xfscdm

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
	InBox    Place = "box"
	Path     Place = "path" // between a box and the stacker, after a jam
	Stacker  Place = "stacker"
	Exit     Place = "exit"
	Reject   Place = "reject"
	Customer Place = "customer"
	Operator Place = "operator"
)

var places = []Place{InBox, Path, Stacker, Exit, Reject, Customer, Operator}

// Box is one cassette and where its notes are.
type Box struct {
	Present bool          `json:"present"`
	Value   int           `json:"value"`
	Near    int           `json:"near"` // low at this count and below
	Loaded  int           `json:"loaded"`
	At      map[Place]int `json:"at"`
	// What the service provider has counted since the box came in.
	Presented int `json:"presented"`
	Rejected  int `json:"rejected"`
}

// Command is the truth about one command that moved notes.
type Command struct {
	Cmd       int            `json:"cmd"`
	At        time.Time      `json:"at"`
	Name      string         `json:"name"`
	Asked     map[string]int `json:"asked"`
	Dispensed map[string]int `json:"dispensed"` // reached the exit
	Taken     map[string]int `json:"taken"`
	Rejected  map[string]int `json:"rejected"`
	Retracted map[string]int `json:"retracted"`
	Err       string         `json:"err"` // "" while it runs, or when the power went
}

// store is the physical state, saved with each note that moves.
type store struct {
	Boxes    map[string]*Box `json:"boxes"`
	Commands []*Command      `json:"commands"`
	Last     int             `json:"last"`
	// Shown is what the last present offered: presented, notPresented, unknown.
	Shown  string         `json:"shown"`
	Values map[string]int `json:"values"`
}

// names of the boxes, in order.
func (s *store) names() []string { return slices.Sorted(maps.Keys(s.Boxes)) }

// check: each note that was loaded is somewhere, once.
func (s *store) check() error {
	for n, b := range s.Boxes {
		sum := 0
		for p, k := range b.At {
			if k < 0 || !slices.Contains(places, p) {
				return fmt.Errorf("conservation of notes: %s has %d at %q", n, k, p)
			}
			sum += k
		}
		if sum != b.Loaded {
			return fmt.Errorf("conservation of notes: %s loaded %d, found %d", n, b.Loaded, sum)
		}
	}
	return nil
}

func (s *store) move(box string, n int, from, to Place) error {
	b := s.Boxes[box]
	switch {
	case b == nil || n <= 0:
		return fmt.Errorf("move of %d notes of %q", n, box)
	case from == Outside:
		b.Loaded += n
	case b.At[from] < n:
		return fmt.Errorf("move of %d notes of %s from %s, where %d are", n, box, from, b.At[from])
	default:
		b.At[from] -= n
	}
	b.At[to] += n
	if len(s.Commands) == 0 || from == Outside {
		return nil
	}
	c := s.Commands[len(s.Commands)-1]
	switch {
	case to == Exit:
		c.Dispensed[box] += n
	case to == Customer:
		for i := len(s.Commands) - 1; i >= 0; i-- {
			if k := s.Commands[i]; k.Dispensed[box] > k.Taken[box] {
				k.Taken[box] += n
				break
			}
		}
	case to == Reject && from == Exit:
		c.Retracted[box] += n
	case to == Reject:
		c.Rejected[box] += n
	}
	return nil
}

// sweep moves all notes of a place.
func (s *store) sweep(from, to Place) (moved map[string]int, err error) {
	moved = map[string]int{}
	for _, n := range s.names() {
		if k := s.Boxes[n].At[from]; k > 0 {
			if err := s.move(n, k, from, to); err != nil {
				return moved, err
			}
			moved[n] = k
		}
	}
	return moved, nil
}

func (s *store) total(p Place) (n int) {
	for _, b := range s.Boxes {
		n += b.At[p]
	}
	return n
}

func (s *store) begin(at time.Time, name string, asked map[string]int) *Command {
	s.Last++
	c := &Command{Cmd: s.Last, At: at, Name: name, Asked: asked, Dispensed: map[string]int{}, Taken: map[string]int{}, Rejected: map[string]int{}, Retracted: map[string]int{}}
	s.Commands = append(s.Commands[max(0, len(s.Commands)-199):], c)
	return c
}

// UnitView is one box as panels and tests see it.
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
	URL        string              `json:"url"` // of the service
	Clients    int                 `json:"clients"`
	Units      map[string]UnitView `json:"units"`
	Path       map[Place]int       `json:"path"`
	Exit       map[string]int      `json:"exit"`
	RejectTray bool                `json:"rejectTray"`
	Rejected   int                 `json:"rejected"`
	Truth      []Command           `json:"truth"`
	Moving     bool                `json:"moving"`
}

func (s *store) view() View {
	v := View{Units: map[string]UnitView{}, Path: map[Place]int{Path: s.total(Path), Stacker: s.total(Stacker)}, Exit: map[string]int{}, RejectTray: true,
		Rejected: s.total(Reject), Truth: []Command{}}
	for n, b := range s.Boxes {
		v.Units[n] = UnitView{b.Present, b.At[InBox], b.Value, b.At[InBox] <= b.Near, b.Loaded, b.At[Customer], b.At[Reject], b.At[Operator]}
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
