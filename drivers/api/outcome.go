package api

// Outcome says how a command ended. The list is closed.
type Outcome string

// The outcomes. The first three are the ones that decide about money.
const (
	// Done: the command did what it says.
	Done Outcome = "done"
	// NotStarted: certainly nothing moved and nothing changed; the same intent may be
	// tried again under a new operation id.
	NotStarted Outcome = "notStarted"
	// Indeterminate: bytes went out and no trustworthy answer came back. Look at the
	// device; never send the command again.
	Indeterminate Outcome = "indeterminate"
	// Failed: the device itself answered that it failed; the payload and the status say
	// what moved.
	Failed Outcome = "failed"
	// Canceled and TimedOut: a wait (for a card, for keys, for paper to be taken) ended
	// before anything happened.
	Canceled Outcome = "canceled"
	TimedOut Outcome = "timedOut"
)

// Valid reports whether o is in the closed list.
func (o Outcome) Valid() bool {
	switch o {
	case Done, NotStarted, Indeterminate, Failed, Canceled, TimedOut:
		return true
	}
	return false
}

// Motion is what a command can move; it decides what is journalled and what a crash
// leaves to settle.
type Motion string

// The motion classes.
const (
	Still      Motion = "still"      // asks only; may run beside another command
	Wait       Motion = "wait"       // waits for a person; nothing to settle after a crash
	MovesMedia Motion = "movesMedia" // card or paper
	MovesCash  Motion = "movesCash"  // notes: guarded, journalled, never repeated
	// TakesCash waits for a person to put notes in and takes them: journalled and settled as
	// MovesCash is, but a cancel or a drain ends the wait where that is safe.
	TakesCash  Motion = "takesCash"
	ChangesKey Motion = "changesKey" // key store of a PIN pad
)

// Cash reports whether the class moves notes: guarded, journalled with its payload.
func (m Motion) Cash() bool { return m == MovesCash || m == TakesCash }

// CompletionCode is the XFS4IoT 2024-3 completionCode. Empty is success.
type CompletionCode string

// The completion codes of XFS4IoT 2024-3.
const (
	Success               CompletionCode = ""
	CommandErrorCode      CompletionCode = "commandErrorCode"
	CodeCanceled          CompletionCode = "canceled"
	DeviceNotReady        CompletionCode = "deviceNotReady"
	HardwareError         CompletionCode = "hardwareError"
	InternalError         CompletionCode = "internalError"
	InvalidCommand        CompletionCode = "invalidCommand"
	InvalidRequestID      CompletionCode = "invalidRequestID"
	CodeTimeOut           CompletionCode = "timeOut"
	UnsupportedCommand    CompletionCode = "unsupportedCommand"
	InvalidData           CompletionCode = "invalidData"
	UserError             CompletionCode = "userError"
	UnsupportedData       CompletionCode = "unsupportedData"
	FraudAttempt          CompletionCode = "fraudAttempt"
	SequenceError         CompletionCode = "sequenceError"
	AuthorizationRequired CompletionCode = "authorizationRequired"
	NotEnoughSpace        CompletionCode = "notEnoughSpace"
	// End-to-end security.
	NoCommandNonce         CompletionCode = "noCommandNonce"
	InvalidToken           CompletionCode = "invalidToken"
	InvalidTokenNonce      CompletionCode = "invalidTokenNonce"
	InvalidTokenHMAC       CompletionCode = "invalidTokenHMAC"
	InvalidTokenFormat     CompletionCode = "invalidTokenFormat"
	InvalidTokenKeyNoValue CompletionCode = "invalidTokenKeyNoValue"
)

// DeviceState is Common.Status.common.device of XFS4IoT 2024-3.
type DeviceState string

// The device states.
const (
	Online              DeviceState = "online"
	Offline             DeviceState = "offline"
	PowerOff            DeviceState = "powerOff"
	NoDevice            DeviceState = "noDevice"
	StateHardwareError  DeviceState = "hardwareError"
	StateUserError      DeviceState = "userError"
	DeviceBusy          DeviceState = "deviceBusy"
	StateFraudAttempt   DeviceState = "fraudAttempt"
	StatePotentialFraud DeviceState = "potentialFraud"
	Starting            DeviceState = "starting"
)

// Fail builds a completion for a command that failed with a class-specific error.
func Fail(o Outcome, errorCode, description string) Completion {
	return Completion{Outcome: o, Code: CommandErrorCode, ErrorCode: errorCode, Description: description}
}

// Refuse builds a completion for a command that was not begun.
func Refuse(code CompletionCode, description string) Completion {
	return Completion{Outcome: NotStarted, Code: code, Description: description}
}
