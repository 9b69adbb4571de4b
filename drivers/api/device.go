// Package api is the device contract: what a driver process offers and what the
// native platform may ask of it. It imports the standard library only and may be
// imported by everything; a vendor can read and compile it alone.
//
// Names, status values and error enums are those of CEN XFS4IoT 2024-3 (CWA 17852);
// what the standard lacks (SM2/SM3/SM4) is an extension whose names begin with "X-".
//
// Invariants:
//   - Every command carries an operation id and a deadline and ends in exactly one
//     Completion whose Outcome is from the closed list below.
//   - The events of a command come before its completion, in order.
//   - Status is a stream of deltas with an epoch (one incarnation of the driver
//     process) and a sequence number; a gap forces a full read.
//   - A command that can move money, a card or paper is never repeated by anybody
//     after an Indeterminate outcome: look at the device (Recover, QueryOp), then decide.
package api

import (
	"context"
	"encoding/json"
	"time"
)

// Class is a device class. The values are the names of the XFS4IoT service that
// fronts the device.
type Class string

// The device classes that have typed commands below this package.
const (
	ClassCardReader    Class = "cardReader"
	ClassCashDispenser Class = "cashDispenser"
	ClassPinPad        Class = "pinPad"
	ClassPrinter       Class = "printer"
	ClassCashAcceptor  Class = "cashAcceptor" // also a recycler: its capabilities name both interfaces
	ClassBarcodeReader Class = "barcodeReader"
	ClassCamera        Class = "camera"
	ClassAuxiliaries   Class = "auxiliaries" // sensors, doors and lamps: interfaces auxiliaries and lights
	ClassBiometric     Class = "biometric"
	ClassTextTerminal  Class = "textTerminal" // the operator's display and keypad
	ClassPower         Class = "powerManagement"
	ClassIDCard        Class = "X-idCard"    // resident identity card; XFS4IoT has no such class
	ClassSignature     Class = "X-signature" // pads that encrypt in hardware; a signature on the screen is a page's (docs/limits.md)
)

// OpID identifies one operation for ever. A retry of the same intent keeps the id; a
// new intent gets a new one.
type OpID string

// Command is one request to a device.
type Command struct {
	Op      OpID            `json:"op"`
	Name    string          `json:"name"`              // XFS4IoT name, e.g. "CardReader.Move"
	Payload json.RawMessage `json:"payload,omitempty"` // the XFS4IoT request payload
	// Deadline is absolute; zero means none (the command can still be canceled through
	// its context).
	Deadline time.Time `json:"deadline"`
	// Txn is the business transaction the command belongs to; empty outside of one.
	Txn string `json:"txn,omitempty"`
}

// Event is something that happened: during a command (before its completion) or
// unsolicited (in a Notice).
type Event struct {
	Name    string          `json:"name"` // XFS4IoT name, e.g. "CardReader.MediaInsertedEvent"
	Payload json.RawMessage `json:"payload,omitempty"`
}

// VendorError is the device's own word for a failure: number and name as printed in
// the maker's documentation and in the virtual device's fault list.
type VendorError struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

// Completion ends a command.
type Completion struct {
	Outcome Outcome `json:"outcome"`
	// Code is the XFS4IoT completion code; empty means success.
	Code CompletionCode `json:"code,omitempty"`
	// ErrorCode is the class-specific error when Code is CommandErrorCode.
	ErrorCode string `json:"errorCode,omitempty"`
	// Description is for the log and the operator, never for the customer. It holds no
	// PAN, PIN or key.
	Description string          `json:"description,omitempty"`
	Vendor      *VendorError    `json:"vendor,omitempty"`
	Payload     json.RawMessage `json:"payload,omitempty"` // the XFS4IoT completion payload
}

// Description says what a driver drives; it is constant for the life of the process.
type Description struct {
	Class     Class  `json:"class"`
	Maker     string `json:"maker"`
	Model     string `json:"model"` // folder name below drivers/models
	Version   string `json:"version"`
	Firmware  string `json:"firmware,omitempty"`  // known after Open
	SerialNum string `json:"serialNum,omitempty"` // known after Open
	// Capabilities is the object that Common.Capabilities answers, keyed by interface
	// ("cardReader", "cashDispenser", …).
	Capabilities json.RawMessage `json:"capabilities"`
	// Commands lists every command name that Execute accepts, with what it can move.
	Commands map[string]Motion `json:"commands"`
}

// Config is what a driver gets at Open.
type Config struct {
	// Device is the id of the device in the terminal ("card", "cash", …).
	Device string `json:"device"`
	// Port is the path of the serial device or of the link to a virtual one.
	Port string `json:"port"`
	// Profile overrides values of the model's own profile.yaml (JSON object).
	Profile json.RawMessage `json:"profile,omitempty"`
	// StateDir is a folder that belongs to this driver and survives restarts.
	StateDir string `json:"stateDir"`
}

// Status is the whole state, or (Full false) the members that changed.
type Status struct {
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"`
	Full  bool   `json:"full"`
	// Classes is the object that Common.Status answers, keyed by interface; it always
	// holds "common" in a full status.
	Classes json.RawMessage `json:"classes"`
}

// Notice is one element of the unsolicited stream: exactly one member beside epoch
// and sequence number is set.
type Notice struct {
	Epoch  string  `json:"epoch"`
	Seq    uint64  `json:"seq"`
	Event  *Event  `json:"event,omitempty"`
	Status *Status `json:"status,omitempty"`
}

// Recovery is what a driver found when it asked the hardware after a start.
type Recovery struct {
	// Ops are the operations that the previous incarnation left open, with the outcome
	// the hardware now proves. An operation that nothing proves is Indeterminate.
	Ops []OpRecord `json:"ops,omitempty"`
	// Media says where media lies that the driver did not expect, by XFS4IoT position
	// name ("exit", "transport", "outDefault", …) and how many items if the device can tell
	// (-1: it cannot).
	Media map[string]int `json:"media,omitempty"`
	Note  string         `json:"note,omitempty"`
}

// OpState is how far an operation has come.
type OpState string

// The states that QueryOp answers.
const (
	OpUnknown    OpState = "unknown"    // never heard of
	OpIntent     OpState = "intent"     // recorded, no byte sent
	OpRunning    OpState = "running"    // bytes may have been sent
	OpCompleted  OpState = "completed"  // Completion is set
	OpUnresolved OpState = "unresolved" // the process died in it; Completion is what Recover found, or nil
)

// OpRecord is the driver's own record of an operation.
type OpRecord struct {
	Op         OpID        `json:"op"`
	Name       string      `json:"name"`
	Txn        string      `json:"txn,omitempty"`
	State      OpState     `json:"state"`
	Started    time.Time   `json:"started"`
	Completion *Completion `json:"completion,omitempty"`
}

// Device is one device as the platform sees it, whatever process it runs in. All
// methods are safe for concurrent use; Execute of a second command while one runs
// answers sequenceError unless the command is Still (see Motion).
type Device interface {
	Describe(ctx context.Context) (Description, error)
	// Open opens the port. It fails if the port is missing, locked by another process or
	// nothing answers.
	Open(ctx context.Context, cfg Config) error
	// Recover asks the hardware what is true and settles what the driver's journal has
	// open. It moves nothing.
	Recover(ctx context.Context) (Recovery, error)
	// Execute runs a command to its completion; emit is called for its events, in order,
	// from one goroutine. Canceling ctx asks the device to stop where that is safe.
	Execute(ctx context.Context, cmd Command, emit func(Event)) Completion
	// QueryOp answers from the driver's journal; it does not disturb the device.
	QueryOp(ctx context.Context, op OpID) (OpRecord, error)
	Status(ctx context.Context) (Status, error)
	// Watch calls f for every notice after the given sequence number of the given epoch
	// until ctx ends. If those are no longer known the first notice is a full status.
	Watch(ctx context.Context, epoch string, after uint64, f func(Notice)) error
	// Health fails when the device loop (not only the process) is stuck.
	Health(ctx context.Context) error
	// Drain finishes the movement under way, refuses new commands and closes the port.
	Drain(ctx context.Context) error
}
