package cash

import "strings"

// BoxUnit is the cash box of an acceptor in events, status and Storage (XFS4IoT 2024-3 wants
// names of storage units to begin so).
const BoxUnit = "unitcashbox"

// BoxID is its id in Storage, five characters at most.
const BoxID = "BOX"

// RecycleUnit is the unit of a recycler that holds the notes of a type: "unit100CNY1" for
// "type100CNY1".
func RecycleUnit(noteType string) string { return "unit" + strings.TrimPrefix(noteType, "type") }

// NoteTypeOf is RecycleUnit the other way; "" for a unit that is none.
func NoteTypeOf(unit string) string {
	if id, ok := strings.CutPrefix(unit, "unit"); ok && unit != BoxUnit {
		return "type" + id
	}
	return ""
}

// StorageUnit is a storage unit as far as an event tells about it.
type StorageUnit struct {
	ID     string       `json:"id,omitempty"`
	Status string       `json:"status,omitempty"` // ok, missing, inoperative, …
	Cash   *StorageCash `json:"cash,omitempty"`
}

// StorageCash is the cash part of it.
type StorageCash struct {
	Status StorageStatus `json:"status"`
}

// StorageStatus: full, high, low, empty or ok.
type StorageStatus struct {
	Replenishment string `json:"replenishmentStatus,omitempty"`
}

// BoxLevel is the payload of a StorageThresholdEvent about the cash box: "full", "ok".
func BoxLevel(level string) map[string]StorageUnit {
	return map[string]StorageUnit{BoxUnit: {ID: BoxID, Status: "ok", Cash: &StorageCash{StorageStatus{level}}}}
}

// BoxPlace is the payload of a StorageChangedEvent about the cash box: it was taken out, or put
// back.
func BoxPlace(out bool) map[string]StorageUnit {
	status := "ok"
	if out {
		status = "missing"
	}
	return map[string]StorageUnit{BoxUnit: {ID: BoxID, Status: status}}
}

// Bunch is the payload of ItemsPresented and ItemsTaken. More is how many bunches follow: a
// device that gives one note after the other says it with each.
type Bunch struct {
	Position string `json:"position"`
	More     string `json:"additionalBunches"` // a number, or unknown
}

// Last reports whether no bunch follows.
func (b Bunch) Last() bool { return b.More == "" || b.More == "0" }
