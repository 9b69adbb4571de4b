package lcdm2000

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Command is the truth about one command that moved notes: what really happened, whatever
// the host was told. Tests compare it with journals.
type Command struct {
	Cmd       int            `json:"cmd"`
	At        time.Time      `json:"at"`
	Name      string         `json:"name"`
	Asked     map[string]int `json:"asked"`
	Dispensed map[string]int `json:"dispensed"` // reached the exit: the customer could take them
	Taken     map[string]int `json:"taken"`
	Rejected  map[string]int `json:"rejected"`
	Retracted map[string]int `json:"retracted"`    // drawn back from the exit
	ID        string         `json:"id,omitempty"` // DISPENSEID of the token it pays under
	counted   map[string]int // what the exit sensor counted
	drew      bool           // notes were drawn in from the exit
	refused   bool           // it did not begin
	Err       string         `json:"err"` // error byte of the result; "" while it runs or if power went
}

// Bundle is a number of notes of one cassette and command in one place.
type Bundle struct {
	Unit string `json:"unit"`
	Cmd  int    `json:"cmd"`
	N    int    `json:"n"`
	At   Place  `json:"at"`
}

// UnitView is one cassette.
type UnitView struct {
	Present  bool `json:"present"`
	Count    int  `json:"count"`
	Value    int  `json:"value"` // of one note, in the currency's major unit; a label only
	Near     int  `json:"near"`  // near end at this count and below
	NearEnd  bool `json:"nearEnd"`
	Loaded   int  `json:"loaded"` // all notes ever put in
	Taken    int  `json:"taken"`
	Rejected int  `json:"rejected"` // in the reject tray now
	Removed  int  `json:"removed"`  // by the operator
}

// Notes says where every note is. It is the sum of a ledger.
type Notes struct {
	at          map[string]map[Place]int // unit, place
	path        []Bundle                 // chk, div, ejt and exit, by command
	present     map[string]bool
	value, near map[string]int
	rejectTray  bool
	key         string // for end-to-end security, in hex
	commands    []*Command
}

func newNotes() *Notes {
	n := &Notes{at: map[string]map[Place]int{}, present: map[string]bool{}, value: map[string]int{}, near: map[string]int{}, rejectTray: true}
	for _, u := range Units {
		n.at[u] = map[Place]int{}
	}
	return n
}

func (n *Notes) command(no int) *Command {
	for i := len(n.commands) - 1; i >= 0; i-- {
		if n.commands[i].Cmd == no {
			return n.commands[i]
		}
	}
	return nil
}

// check refuses an entry that would make notes out of nothing.
func (n *Notes) check(e Entry) error {
	if e.Kind != "move" {
		return nil
	}
	if !slices.Contains(Units, e.Unit) || e.N <= 0 {
		return fmt.Errorf("move of %d notes of unit %q", e.N, e.Unit)
	}
	if e.From != Outside && n.at[e.Unit][e.From] < e.N {
		return fmt.Errorf("move of %d notes of %s from %s, where %d are", e.N, e.Unit, e.From, n.at[e.Unit][e.From])
	}
	return nil
}

// apply adds one entry.
func (n *Notes) apply(e Entry) error {
	if err := n.check(e); err != nil {
		return err
	}
	switch e.Kind {
	case "move":
		n.move(e)
	case "command":
		n.commands = append(n.commands, &Command{Cmd: e.Cmd, At: e.At, Name: e.Name, Asked: map[string]int{"upper": e.Upper, "lower": e.Lower},
			Dispensed: map[string]int{}, Taken: map[string]int{}, Rejected: map[string]int{}, Retracted: map[string]int{}, ID: e.Value})
	case "result":
		if c := n.command(e.Cmd); c != nil {
			c.Err, c.counted, c.drew, c.refused = e.Err, map[string]int{"upper": e.Upper, "lower": e.Lower}, e.Value == drewIn, e.Value == refused
		}
	case "set":
		v, _ := strconv.Atoi(e.Value)
		switch e.Name {
		case "present":
			n.present[e.Unit] = e.Value == "true"
		case "value":
			n.value[e.Unit] = v
		case "near":
			n.near[e.Unit] = v
		case "e2eKey":
			n.key = e.Value
		case "rejectTray":
			n.rejectTray = e.Value == "true"
		}
	default:
		return fmt.Errorf("unknown kind %q", e.Kind)
	}
	return n.conserved()
}

func onPath(p Place) bool { return p == Chk || p == Div || p == Ejt || p == Exit }

func (n *Notes) move(e Entry) {
	at := n.at[e.Unit]
	at[e.From] -= e.N
	at[e.To] += e.N
	owner := e.Cmd
	if onPath(e.From) {
		for i := range n.path {
			if b := &n.path[i]; b.Unit == e.Unit && b.At == e.From && b.Cmd == e.Cmd {
				b.N -= e.N
				break
			}
		}
		n.path = slices.DeleteFunc(n.path, func(b Bundle) bool { return b.N <= 0 })
	}
	if onPath(e.To) {
		i := slices.IndexFunc(n.path, func(b Bundle) bool { return b.Unit == e.Unit && b.At == e.To && b.Cmd == owner })
		if i < 0 {
			n.path = append(n.path, Bundle{e.Unit, owner, e.N, e.To})
		} else {
			n.path[i].N += e.N
		}
	}
	c := n.command(e.Cmd)
	if c == nil {
		return
	}
	switch {
	case e.To == Exit:
		c.Dispensed[e.Unit] += e.N
	case e.To == Customer:
		if e.From != Exit {
			c.Dispensed[e.Unit] += e.N
		}
		c.Taken[e.Unit] += e.N
	case e.To == Reject && e.From == Exit:
		c.Retracted[e.Unit] += e.N
	case e.To == Reject:
		c.Rejected[e.Unit] += e.N
	}
}

// conserved: what was loaded is somewhere, each note once.
func (n *Notes) conserved() error {
	for _, u := range Units {
		sum := 0
		for p, k := range n.at[u] {
			if p == Outside {
				continue
			}
			if k < 0 {
				return fmt.Errorf("conservation of notes: %s has %d at %s", u, k, p)
			}
			sum += k
		}
		if sum != -n.at[u][Outside] {
			return fmt.Errorf("conservation of notes: %s loaded %d, found %d", u, -n.at[u][Outside], sum)
		}
	}
	onPathSum := map[string]int{}
	for _, b := range n.path {
		onPathSum[b.Unit+string(b.At)] += b.N
	}
	for _, u := range Units {
		for _, p := range []Place{Chk, Div, Ejt, Exit} {
			if onPathSum[u+string(p)] != n.at[u][p] {
				return fmt.Errorf("conservation of notes: bundles at %s of %s", p, u)
			}
		}
	}
	return nil
}

func (n *Notes) bundles(places ...Place) []Bundle {
	list := []Bundle{}
	for _, b := range n.path {
		if slices.Contains(places, b.At) {
			list = append(list, b)
		}
	}
	return list
}

func (n *Notes) total(p Place) int { return n.at["upper"][p] + n.at["lower"][p] }

func (n *Notes) nearEnd(u string) bool { return n.at[u][Cassette] <= n.near[u] }

// View is the physical state, for panels and tests.
type View struct {
	Units      map[string]UnitView `json:"units"`
	Path       []Bundle            `json:"path"` // between cassettes and exit
	Exit       []Bundle            `json:"exit"` // held at the exit
	RejectTray bool                `json:"rejectTray"`
	Rejected   int                 `json:"rejected"`
	Truth      []Command           `json:"truth"`
	LastError  string              `json:"lastError"`
	Moving     bool                `json:"moving"`
}

func (n *Notes) view() View {
	v := View{Units: map[string]UnitView{}, Path: n.bundles(Chk, Div, Ejt), Exit: n.bundles(Exit), RejectTray: n.rejectTray, Rejected: n.total(Reject), Truth: []Command{}}
	for _, u := range Units {
		at := n.at[u]
		v.Units[u] = UnitView{n.present[u], at[Cassette], n.value[u], n.near[u], n.nearEnd(u), -at[Outside], at[Customer], at[Reject], at[Operator]}
	}
	for _, c := range n.commands[max(0, len(n.commands)-200):] {
		k := *c
		k.Asked, k.Dispensed, k.Taken = maps.Clone(c.Asked), maps.Clone(c.Dispensed), maps.Clone(c.Taken)
		k.Rejected, k.Retracted = maps.Clone(c.Rejected), maps.Clone(c.Retracted)
		v.Truth = append(v.Truth, k)
	}
	return v
}
