package card

// Commands to a chip.
const (
	CmdChipPower = "CardReader.ChipPower"
	CmdChipIO    = "CardReader.ChipIO"
	CmdQueryIFM  = "CardReader.QueryIFMIdentifier"
)

// Errors of the chip commands.
const (
	ErrATRNotObtained       = "atrNotObtained"
	ErrProtocolNotSupported = "protocolNotSupported"
	ErrChipPower            = "chipPowerNotSupported"
	ErrInvalidData          = "invalidData"
)

// Values of ChipPower.
const (
	Cold = "cold"
	Warm = "warm"
	Off  = "off"
)

// Protocols of ChipIO.
const (
	T0          = "chipT0"
	T1          = "chipT1"
	NotRequired = "chipProtocolNotRequired"
	TypeA       = "chipTypeAPart4" // ISO/IEC 14443-4, type A
	TypeB       = "chipTypeB"
)

// Values of Status.ChipPower.
const (
	ChipUnknown = "unknown"
	ChipOnline  = "online"
	ChipOff     = "poweredOff"
	ChipNoCard  = "noCard"
)

// ChipPower switches the chip on (cold or warm reset) or off.
type ChipPower struct {
	ChipPower string `json:"chipPower"`
}

// ChipPowerResult has the answer to reset.
type ChipPowerResult struct {
	ChipData []byte `json:"chipData,omitempty"`
}

// ChipIO is one command to the chip (an APDU) and, in the completion, its answer with the status
// word. It is sensitive: never log it. Over T=0 a status word 61xx or 6Cxx may come back.
type ChipIO struct {
	ChipProtocol string `json:"chipProtocol"`
	ChipData     []byte `json:"chipData"`
}

// IFMIdentifiers are the approvals of the interface module by authority.
type IFMIdentifiers struct {
	IFMIdentifiers map[string]string `json:"ifmIdentifiers"`
}
