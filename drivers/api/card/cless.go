package card

// Commands of a reader with an antenna whose kernel is here (in this project the platform's, not a
// driver's), and their event.
const (
	CmdClessConfigure    = "CardReader.EMVClessConfigure"
	CmdClessApplications = "CardReader.EMVClessQueryApplications"
	CmdClessPerform      = "CardReader.EMVClessPerformTransaction"
	CmdClessIssuerUpdate = "CardReader.EMVClessIssuerUpdate"
	EvClessStatus        = "CardReader.EMVClessReadStatusEvent"
)

// Errors of these commands.
const (
	ErrTerminalData  = "invalidTerminalData"
	ErrAidData       = "invalidAidData"
	ErrKeyData       = "invalidKeyData"
	ErrNotConfigured = "readerNotConfigured"
	ErrNotInitiated  = "transactionNotInitiated"
)

// Values of ClessResult.TxOutcome.
const (
	ClessApprove = "approve"
	ClessDecline = "decline"
	ClessOnline  = "onlineRequest"
	ClessAgain   = "tryAgain"
	ClessOther   = "tryAnotherInterface"
)

// ClessConfigure sets the terminal's values (BER-TLV) and the applications to look for.
type ClessConfigure struct {
	TerminalData []byte     `json:"terminalData"`
	AidData      []ClessAID `json:"aidData"`
	KeyData      []struct{} `json:"keyData,omitempty"`
}

// ClessAID is one application.
type ClessAID struct {
	AID              []byte `json:"aid"`
	KernelIdentifier []byte `json:"kernelIdentifier,omitempty"`
}

// ClessApplications answers EMVClessQueryApplications.
type ClessApplications struct {
	AppData []ClessAID `json:"appData"`
}

// ClessData is the payload of EMVClessPerformTransaction and EMVClessIssuerUpdate, BER-TLV.
type ClessData struct {
	Data []byte `json:"data"`
}

// ClessDone is their completion. It is sensitive: never log it.
type ClessDone struct {
	Chip ClessResult `json:"chip"`
}

// ClessResult is how the kernel judged, and what it read.
type ClessResult struct {
	TxOutcome        string        `json:"txOutcome"`
	CardholderAction string        `json:"cardholderAction,omitempty"`
	DataRead         []byte        `json:"dataRead,omitempty"`
	ClessOutcome     *ClessOutcome `json:"clessOutcome,omitempty"`
}

// ClessOutcome is what the application has to do.
type ClessOutcome struct {
	CVM                string `json:"cvm,omitempty"`
	AlternateInterface string `json:"alternateInterface,omitempty"`
	Receipt            bool   `json:"receipt"`
}

// ClessStatus is what to show: a message of EMV Contactless Book A, 9.4.
type ClessStatus struct {
	MessageID int    `json:"messageId"`
	Status    string `json:"status"`
}
