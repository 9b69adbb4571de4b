package crt591

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"zhigui/sim/device/iccard"
)

// Place is where a card can be.
type Place string

// The places.
const (
	Stacker  Place = "stacker"
	Path     Place = "path" // between the positions, after a jam
	IC       Place = "ic"
	RF       Place = "rf"
	Gate     Place = "gate"
	Bin      Place = "bin"
	Customer Place = "customer"
	Operator Place = "operator"
	Field    Place = "field"  // a person holds it to the antenna
	Holder   Place = "holder" // the person has it, and never put it in
)

// Card is one card that exists, and where it is.
type Card struct {
	No   int    `json:"no"` // by order of appearance
	Name string `json:"name,omitempty"`
	// Blank: the card has no chip, or a dead one.
	Blank bool `json:"blank,omitempty"`
	// Chip and Track2 are what the chip is made of; a new card of the stacker has no number yet.
	Chip   iccard.Chip `json:"chip,omitzero"`
	Track2 string      `json:"track2,omitempty"`
	At     Place       `json:"at"`
}

// cards is every card that the machine has ever held. Where it is is a member of the card:
// a card cannot be in two places, and none can vanish.
type cards struct {
	List []Card `json:"cards"`
}

// check refuses a state from a file that no machine can be in.
func (c *cards) check() error {
	in := 0
	for i, k := range c.List {
		if k.No != i+1 {
			return fmt.Errorf("card %d is number %d in the list", k.No, i+1)
		}
		if !slices.Contains([]Place{Stacker, Path, IC, RF, Gate, Bin, Customer, Operator, Field, Holder}, k.At) {
			return fmt.Errorf("card %d is at %q", k.No, k.At)
		}
		if inPath(k.At) {
			in++
		}
	}
	if n := c.count(Field); n > maxField {
		return fmt.Errorf("%d cards are held to the antenna", n)
	}
	if in > 1 {
		return fmt.Errorf("%d cards are in the path", in)
	}
	return nil
}

// maxField is how many cards a person holds to the antenna at once.
const maxField = 2

func inPath(p Place) bool { return p == Path || p == IC || p == RF || p == Gate }

func (c *cards) count(p Place) int {
	n := 0
	for _, k := range c.List {
		if k.At == p {
			n++
		}
	}
	return n
}

// inside is the card in the path.
func (c *cards) inside() *Card {
	for i := range c.List {
		if inPath(c.List[i].At) {
			return &c.List[i]
		}
	}
	return nil
}

// lowest is the card that leaves the stacker next: the oldest.
func (c *cards) lowest() *Card {
	for i := range c.List {
		if c.List[i].At == Stacker {
			return &c.List[i]
		}
	}
	return nil
}

func (c *cards) add(k Card) {
	k.No = len(c.List) + 1
	c.List = append(c.List, k)
}

// stack puts n cards on the stacker. Those of a numbered series have a chip with their number
// and four years left; the bank knows them as blanks.
func (c *cards) stack(n int, first string, blank bool) {
	number, _ := strconv.ParseInt(first, 10, 64)
	for i := range int64(n) {
		k := Card{Blank: blank, At: Stacker}
		if first != "" {
			k.Track2 = fmt.Sprintf("%0*d=%02d122010000012300000", len(first), number+i, (time.Now().Year()+4)%100)
		}
		c.add(k)
	}
}

// numbered reports whether s is a card number that others can follow.
func numbered(s string) bool {
	_, err := strconv.ParseInt(s, 10, 64)
	return err == nil && len(s) >= 13 && len(s) <= 18 && s[0] != '-' && s[0] != '+'
}

// all moves every card from one place to another and says how many.
func (c *cards) all(from, to Place) int {
	n := 0
	for i := range c.List {
		if c.List[i].At == from {
			c.List[i].At = to
			n++
		}
	}
	return n
}
