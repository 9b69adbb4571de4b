// Package access has the wire types of the terminal-facing API (HTTPS with client
// certificates, docs/interfaces.md §5). JSON, UTF-8; amounts are integer minor units, times
// RFC 3339 UTC. platformd, keeperd and server/internal/access import it; it has the
// standard library only. The terminal's identity is the common name of its certificate:
// no request carries a terminal number that could be forged.
package access

import (
	"encoding/json"
	"time"
)

// Paths of the API. Bundles, approvals and signatures are followed by an id.
const (
	PathSignIn    = "/t/v1/signin"
	PathBeat      = "/t/v1/beat"
	PathJournal   = "/t/v1/journal"
	PathBundles   = "/t/v1/bundles/"
	PathApprovals = "/t/v1/approvals"
	PathAlarms    = "/t/v1/alarms"
	PathOperators = "/t/v1/operators"
	// PathKeys takes a PIN pad's offer (server/api/keyload) and answers a token with a new master key.
	PathKeys = "/t/v1/keys"
	// PathHeldKey takes the pad's proof of the key that it holds and answers whether it is the terminal's.
	PathHeldKey = "/t/v1/keys/held"
	// PathSignatures takes what a customer has signed: PUT of the content whose SM3 is the id and
	// stands in a SIGNED record of the journal. 204: it is kept, the terminal may forget it; 409:
	// that record has not come yet, try later; 400: the content is another.
	PathSignatures = "/t/v1/signatures/"
)

// CommandLoadKey is the kind of the command (Command) by which two people give a terminal's PIN pad a new
// master key. While it is under way, another pad may take the place of the terminal's.
const CommandLoadKey = "loadKey"

// Error is the body of every answer with a status of 400 or more.
type Error struct {
	Code    string `json:"code"`    // name of server/api/code
	Message string `json:"message"` // for engineers, English
}

// SignIn opens a session of a terminal after its start.
type SignIn struct {
	Software string    `json:"software"` // version of the platform
	Bundle   string    `json:"bundle"`   // digest of the active bundle, empty when none
	Boot     string    `json:"boot"`     // identifier of this start
	Time     time.Time `json:"time"`     // the terminal's clock
}

// OperatorSignIn is a person who wants to work at the terminal itself.
type OperatorSignIn struct {
	Name     string `json:"name"`
	Password string `json:"password"`
}

// Operator is who that is. Only operators and administrators of the terminal's branch, and
// administrators of none, are let in.
type Operator struct {
	Name    string `json:"name"`
	Display string `json:"display"`
	Role    string `json:"role"`
}

// SignInAnswer tells the terminal who it is.
type SignInAnswer struct {
	Terminal    string           `json:"terminal"` // 8 characters, field 41
	Merchant    string           `json:"merchant"` // 15 characters, field 42
	Branch      string           `json:"branch"`
	Name        Text             `json:"name"`
	Time        time.Time        `json:"time"` // the server's clock
	BeatSeconds int              `json:"beatSeconds"`
	JournalSeq  uint64           `json:"journalSeq"` // last record the server holds, 0 = none
	Assigned    *Bundle          `json:"assigned,omitempty"`
	Params      map[string]int64 `json:"params,omitempty"` // limits: padOver, perTxn, multiple
}

// Text is a text for people in both languages.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// Beat reports the state of a terminal. Parts that have not changed since the last answered
// beat may be left out; Seq counts beats of one boot.
type Beat struct {
	Seq     uint64     `json:"seq"`
	Boot    string     `json:"boot"`
	State   string     `json:"state"` // inService, outOfService, busy, maintenance, starting
	Modules []Module   `json:"modules,omitempty"`
	Cash    []CashUnit `json:"cash,omitempty"`
	Lease   string     `json:"lease,omitempty"` // business session that must not be interrupted
	Bundle  string     `json:"bundle,omitempty"`
	Version string     `json:"version,omitempty"` // of the bundle, for people
	Outbox  int        `json:"outbox"`            // journal records not uploaded yet
	At      time.Time  `json:"at"`
	// Results are of commands that an answer has handed out, told until it does no more.
	Results []CommandResult `json:"results,omitempty"`
}

// Module is one device of a terminal.
type Module struct {
	Name   string    `json:"name"` // card, cash, pinpad, printer, …
	Model  string    `json:"model"`
	Status string    `json:"status"` // XFS4IoT Common.Status device value: online, hardwareError, …
	Detail string    `json:"detail,omitempty"`
	At     time.Time `json:"at"` // when the figure was read
}

// Kinds of cash units; a cassette has none.
const (
	UnitRecycle = "recycle" // filled by customers, paid out again; Initial is its high mark
	UnitBox     = "box"     // the acceptor's cash box: notes of all values, Amount in all
)

// CashUnit is one cash box.
type CashUnit struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind,omitempty"`
	Currency string    `json:"currency"`
	Value    int64     `json:"value"` // of one note, minor units
	Amount   int64     `json:"amount,omitempty"`
	Count    int       `json:"count"`
	Initial  int       `json:"initial"`
	Rejected int       `json:"rejected"`
	Status   string    `json:"status"` // ok, high, low, empty, full, missing, inaccurate, …
	At       time.Time `json:"at"`
}

// BeatAnswer answers a beat.
type BeatAnswer struct {
	Time     time.Time `json:"time"`
	Commands []Command `json:"commands,omitempty"`
	Assigned *Bundle   `json:"assigned,omitempty"` // the bundle this terminal should run
}

// CommandResult says that a command was carried out, or why not. A terminal does each command
// once, whatever dies in between, and says so again when it is asked again.
type CommandResult struct {
	ID   string `json:"id"`
	Done bool   `json:"done"`
	Note string `json:"note,omitempty"`
}

// Command is an order of people at the server; repeated until its result has come.
type Command struct {
	ID   string          `json:"id"`
	Kind string          `json:"kind"`
	Args json.RawMessage `json:"args,omitempty"`
}

// Bundle names a release set assigned to a terminal. Digest is the SHA-256 of the archive,
// hexadecimal; Signature the SM2 signature of its manifest, base64 (keeper/api/release).
type Bundle struct {
	Name      string `json:"name"`
	Version   string `json:"version"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	Manifest  []byte `json:"manifest"`
	Signature []byte `json:"signature"`
}

// Journal uploads journal records in order, without a gap.
type Journal struct {
	Records []Record `json:"records"`
}

// Record is one record of the terminal's journal. Body is opaque to the transport; Prev and
// Hash are the hash chain, hexadecimal, as terminal/api/journal defines it.
type Record struct {
	Seq  uint64          `json:"seq"`
	Prev string          `json:"prev_hash"`
	Hash string          `json:"hash"`
	Body json.RawMessage `json:"body"`
	// Txn is the server's or the terminal's reference of the transaction the record belongs
	// to (batch/STAN), for the transaction's story; empty for others.
	Txn string `json:"txn,omitempty"`
}

// JournalAnswer tells the last record the server holds durably. A batch with a broken chain
// is refused from the first bad record on: Accepted is then lower than the last one sent and
// Error says why.
type JournalAnswer struct {
	Accepted uint64 `json:"accepted"`
	Error    string `json:"error,omitempty"`
}

// Approval kinds.
const (
	KindWithdrawal = "withdrawal"
	KindPINChange  = "pinChange"
)

// ApprovalRequest asks a lobby manager of the terminal's own branch. Request is the
// terminal's own id: a repeat with the same id gives the same approval. There are no fields
// for a PIN, a signature or card data.
type ApprovalRequest struct {
	Request    string `json:"request"`
	Kind       string `json:"kind"`
	Amount     int64  `json:"amount"`
	PAN        string `json:"pan"` // masked, 622588******0001
	Session    string `json:"session"`
	TTLSeconds int    `json:"ttlSeconds"` // from 10 to 600; 0 = 120
}

// Approval states.
const (
	Pending   = "pending"
	Approved  = "approved"
	Rejected  = "rejected"
	Expired   = "expired"
	Cancelled = "cancelled"
)

// Approval is the state of a request. GET with ?wait=20s answers when the state changes or
// the time is over.
type Approval struct {
	ID      string    `json:"id"`
	State   string    `json:"state"`
	Expires time.Time `json:"expires"`
	Manager string    `json:"manager,omitempty"` // name of who decided
	Code    string    `json:"code,omitempty"`    // reason code of a rejection
	Reason  *Text     `json:"reason,omitempty"`
	Note    string    `json:"note,omitempty"`
}

// Alarm reports something a person must look at. The same ID twice is one alarm.
type Alarm struct {
	ID       string    `json:"id"`
	Code     string    `json:"code"`
	Severity string    `json:"severity"` // info, warning, critical
	Module   string    `json:"module,omitempty"`
	Detail   string    `json:"detail,omitempty"`
	At       time.Time `json:"at"`
	Cleared  bool      `json:"cleared,omitempty"`
}
