package xfs4iot

import (
	"context"
	"encoding/json"
	"strings"

	"zhigui/drivers/api/cash"
)

// items are numbers of notes as the standard spells them: by cash item and level, and those
// that were not recognised.
type items map[string]json.RawMessage

// by is the number of each recognised item; other is of those that were not.
func (i items) by() (known map[string]int, other int) {
	known = map[string]int{}
	for name, raw := range i {
		var n int
		if json.Unmarshal(raw, &n) == nil {
			other += n
			continue
		}
		var levels map[string]int
		_ = json.Unmarshal(raw, &levels) // null is none
		for _, n := range levels {
			known[name] += n
		}
	}
	return known, other
}

func (i items) total() int {
	known, n := i.by()
	for _, k := range known {
		n += k
	}
	return n
}

// unit is one of Storage.GetStorage.
type unit struct {
	Status string `json:"status"`
	Cash   struct {
		Configuration struct {
			Types    struct{ CashIn, CashOut bool }
			Currency string
			Value    float64
		} `json:"configuration"`
		Status struct {
			Out                 map[string]items
			Accuracy            string
			ReplenishmentStatus string
		} `json:"status"`
	} `json:"cash"`
}

// state is the unit's in our words.
func (u unit) state() string {
	switch u.Status {
	case "missing":
		return "missing"
	case "inoperative", "manipulated", "notConfigured":
		return "inoperative"
	}
	switch s := u.Cash.Status.ReplenishmentStatus; s {
	case "empty", "low", "full":
		return s
	}
	return "ok"
}

// exact: the service provider stands by its numbers. An absent accuracy is not taken for one.
func (u unit) exact() bool {
	return u.Cash.Status.Accuracy == "accurate" || u.Cash.Status.Accuracy == "accurateSet"
}

func (d *driver) storage(ctx context.Context) (map[string]unit, error) {
	var out struct{ Storage map[string]unit }
	err := d.ask(ctx, "Storage.GetStorage", nil, &out)
	return out.Storage, err
}

// aboutCash: an event after which units or notes may stand otherwise; "" is a new link.
func aboutCash(event string) bool {
	iface, _, _ := strings.Cut(event, ".")
	return iface == "" || iface == "Storage" || iface == "CashManagement" || iface == "CashAcceptor"
}

// theirs is a unit's name at the service provider.
func (p *profile) theirs(id string) string {
	if n := p.Units[id]; n != "" {
		return n
	}
	return id
}

// ours is a unit's name here.
func (p *profile) ours(name string) string {
	for id, n := range p.Units {
		if n == name {
			return id
		}
	}
	return name
}

// decoded is a member of the status in a type of its own.
func decoded(status map[string]map[string]json.RawMessage, iface string, v any) {
	b, _ := json.Marshal(status[iface])
	_ = json.Unmarshal(b, v) // what does not decode reads as unknown
}

// path says whether notes lie between units and exit.
func path(stacker string, transports []string) string {
	word := "empty"
	for _, s := range append(transports, stacker) {
		switch {
		case strings.HasPrefix(s, "notEmpty"), s == "full":
			return "notEmpty"
		case s == "unknown":
			word = "unknown"
		}
	}
	return word
}

// position is one of the status.
type position struct {
	cash.Position
	TransportStatus string `json:"transportStatus"`
}
