package cash

// End-to-end security (XFS4IoT 2024-3, Common and CashDispenser): the token is made by the
// host and proven by the device; drivers and platform only pass it on. A driver whose device
// has it answers these commands and has common.endToEndSecurity in its capabilities.
const (
	CmdGetCommandNonce   = "Common.GetCommandNonce"
	CmdClearCommandNonce = "Common.ClearCommandNonce"
	CmdGetPresentStatus  = "CashDispenser.GetPresentStatus" // of the device, with a signed token
	EvNonceCleared       = "Common.NonceClearedEvent"       // unsolicited
)

// CommandNonce is the completion of GetCommandNonce.
type CommandNonce struct {
	CommandNonce string `json:"commandNonce"`
}

// PresentStatus asks for the signed present status.
type PresentStatus struct {
	Position string `json:"position,omitempty"`
	Nonce    string `json:"nonce,omitempty"` // the host's own; 32 hexadecimal digits or a number
}

// PresentStatusToken is its completion as a driver gives it.
type PresentStatusToken struct {
	Token string `json:"token,omitempty"`
	// Unknown: the device cannot say what the customer got, and signs nothing.
	Unknown bool `json:"X-unknown,omitempty"`
}

// NonceCleared is the payload of NonceClearedEvent.
type NonceCleared struct {
	ReasonDescription string `json:"reasonDescription"`
}
