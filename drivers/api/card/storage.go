package card

// Commands and events of the Storage interface for card units. A device that dispenses cards
// has a unit of type dispense; Move{from:"unit1", to:"exit"} takes a card out of it.
const (
	CmdGetStorage = "Storage.GetStorage"
	CmdSetStorage = "Storage.SetStorage" // counts after replenishment
	EvThreshold   = "Storage.StorageThresholdEvent"
)

// Types of card units (Storage.GetStorage, card.capabilities.type).
const (
	UnitRetain   = "retain"
	UnitDispense = "dispense"
)

// Values of card.status.replenishmentStatus.
const (
	StockOK    = "ok"
	StockFull  = "full"
	StockHigh  = "high"
	StockLow   = "low"
	StockEmpty = "empty"
)

// Unit is what a device knows about one of its card units.
type Unit struct {
	Type          string `json:"type"`
	Status        string `json:"status"`              // ok, inoperative, missing, notConfigured, manipulated
	Replenishment string `json:"replenishmentStatus"` // as the sensors say; it overrules the count
	Count         int    `json:"count"`
	// Unsure is X-unsure: a card may have left that nobody could count.
	Unsure bool `json:"X-unsure,omitempty"`
}

// Storage is the payload of GetStorage's completion, of SetStorage and of the threshold event,
// as far as card units have it.
type Storage struct {
	Storage map[string]StorageUnit `json:"storage"`
}

// StorageUnit is one member of Storage.
type StorageUnit struct {
	Status string    `json:"status,omitempty"`
	Card   *CardUnit `json:"card,omitempty"`
}

// CardUnit is the card member of a storage unit.
type CardUnit struct {
	Capabilities *UnitCapabilities `json:"capabilities,omitempty"`
	Status       *UnitCounts       `json:"status,omitempty"`
}

// UnitCapabilities are constant.
type UnitCapabilities struct {
	Type            string `json:"type"`
	HardwareSensors bool   `json:"hardwareSensors"`
}

// UnitCounts are the counts of a unit.
type UnitCounts struct {
	InitialCount  *int   `json:"initialCount,omitempty"`
	Count         *int   `json:"count,omitempty"`
	RetainCount   *int   `json:"retainCount,omitempty"`
	Replenishment string `json:"replenishmentStatus,omitempty"`
}
