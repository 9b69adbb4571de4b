package modbussiu

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"zhigui/drivers/api/siu"
	"zhigui/drivers/internal/dialog"
	"zhigui/drivers/sdk"
)

type profile struct {
	dialog.Profile
	Unit    int               `json:"unit"`
	QuietMs int               `json:"quietMs"`
	Sensors map[string]sensor `json:"sensors"`
	Outputs map[string]output `json:"outputs"`
	Lights  map[string]lamp   `json:"lights"`

	reads []span
}

// place is a register or a bit.
type place struct {
	Table   string `json:"table"` // coil, discrete, holding, input
	Address int    `json:"address"`
}

type sensor struct {
	place
	Mask   uint16            `json:"mask"`
	Values map[string]string `json:"values"`
	Number bool              `json:"number"`
	Divide float64           `json:"divide"`
}

type output struct {
	place
	Values map[string]uint16 `json:"values"`
	Number bool              `json:"number"`
	Min    int               `json:"min"`
	Max    int               `json:"max"`
}

type lamp struct {
	place
	Rates      map[string]uint16 `json:"rates"`
	Colors     map[string]uint16 `json:"colors"`
	Directions map[string]uint16 `json:"directions"`
}

var tables = map[string]byte{"coil": readCoils, "discrete": readDiscrete, "holding": readHolding, "input": readInput}

func (p place) check(write bool) error {
	switch {
	case tables[p.Table] == 0:
		return fmt.Errorf("table %q is none of coil, discrete, holding, input", p.Table)
	case write && p.Table != "coil" && p.Table != "holding":
		return fmt.Errorf("table %s cannot be written", p.Table)
	case p.Address < 0 || p.Address > 0xFFFF:
		return errors.New("address must be 0 to 65535")
	}
	return nil
}

// value names what a register says; nil when the profile has no name for it.
func (s sensor) value(v uint16) any {
	if s.Mask != 0 {
		v &= s.Mask
	}
	if s.Number {
		if s.Divide != 0 && s.Divide != 1 {
			return float64(int16(v)) / s.Divide
		}
		return int(int16(v))
	}
	if name, ok := s.Values[strconv.Itoa(int(v))]; ok {
		return name
	}
	return nil
}

// name finds the name of a value in m.
func name(m map[string]uint16, v uint16) string {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if m[k] == v {
			return k
		}
	}
	return ""
}

// bitsOf are all the bits that the values of m use.
func bitsOf(m map[string]uint16) (all uint16) {
	for _, v := range m {
		all |= v
	}
	return all
}

func (l lamp) light(v uint16) siu.Light {
	return siu.Light{FlashRate: name(l.Rates, v&bitsOf(l.Rates)), Color: name(l.Colors, v&bitsOf(l.Colors)), Direction: name(l.Directions, v&bitsOf(l.Directions))}
}

func (l lamp) check() error {
	if err := l.place.check(true); err != nil {
		return err
	}
	if _, ok := l.Rates["off"]; !ok || len(l.Rates) < 2 {
		return errors.New(`rates must have "off" and one more`)
	}
	if bitsOf(l.Rates)&bitsOf(l.Colors) != 0 || (bitsOf(l.Rates)|bitsOf(l.Colors))&bitsOf(l.Directions) != 0 {
		return errors.New("rates, colors and directions must not share bits")
	}
	if l.Table == "coil" && (bitsOf(l.Rates) != 1 || len(l.Colors)+len(l.Directions) > 0) {
		return errors.New("a coil is 0 or 1 and has no colors")
	}
	return nil
}

func readProfile(e sdk.Env) (*profile, error) {
	var p profile
	if err := e.Profile(&p); err != nil {
		return nil, err
	}
	if p.Unit < 1 || p.Unit > 247 {
		return nil, errors.New("profile: unit: must be 1 to 247")
	}
	// An override cannot take a key out of the default map; "table: none" does.
	maps.DeleteFunc(p.Sensors, func(_ string, s sensor) bool { return s.Table == "none" })
	maps.DeleteFunc(p.Outputs, func(_ string, o output) bool { return o.Table == "none" })
	maps.DeleteFunc(p.Lights, func(_ string, l lamp) bool { return l.Table == "none" })
	var places []place
	for k, s := range p.Sensors {
		if err := s.check(false); err != nil {
			return nil, fmt.Errorf("profile: sensors: %s: %w", k, err)
		}
		places = append(places, s.place)
	}
	for k, o := range p.Outputs {
		if err := o.check(true); err != nil {
			return nil, fmt.Errorf("profile: outputs: %s: %w", k, err)
		}
	}
	for k, l := range p.Lights {
		lampName, _, _ := strings.Cut(k, ".")
		if !slices.Contains(siu.Lights, lampName) && !strings.HasPrefix(k, "X-") {
			return nil, fmt.Errorf("profile: lights: %s is no lamp of the standard (own names begin with X-)", k)
		}
		if err := l.check(); err != nil {
			return nil, fmt.Errorf("profile: lights: %s: %w", k, err)
		}
		places = append(places, l.place)
	}
	p.reads = spans(places)
	return &p, nil
}

// span is a run of neighbours that one request reads.
type span struct {
	place
	n int
}

// spans joins places without a gap: a board may refuse an address that it does not have.
func spans(all []place) (out []span) {
	slices.SortFunc(all, func(a, b place) int {
		if c := strings.Compare(a.Table, b.Table); c != 0 {
			return c
		}
		return a.Address - b.Address
	})
	for _, p := range slices.Compact(all) {
		limit := maxRegisters
		if p.Table == "coil" || p.Table == "discrete" {
			limit = maxBits
		}
		if n := len(out); n > 0 && out[n-1].Table == p.Table && out[n-1].Address+out[n-1].n == p.Address && out[n-1].n < limit {
			out[n-1].n++
			continue
		}
		out = append(out, span{p, 1})
	}
	return out
}
