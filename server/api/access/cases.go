package access

import (
	"errors"
	"time"
)

// Paths of business in steps (业务分步). A case is opened (POST PathCases), read (GET PathCases + number,
// with ?wait=20s when it has changed), goes on by its terminal's steps (POST …/steps/<name>), moves to
// another terminal of its branch (POST …/move) or is withdrawn (POST …/withdraw). When it is ready the
// terminal sends its transaction as always: the switch takes the case with it.
const PathCases = "/t/v1/cases"

// PathCaseNeed (GET, ?product=…&amount=…) tells whether a transaction needs a case: a CaseNeed.
const PathCaseNeed = PathCases + "/need"

// ErrNoCase: the server knows no such case.
var ErrNoCase = errors.New("access: there is no such case")

// CaseNeed names the kind of case that a transaction of this terminal needs, "" when it needs none.
type CaseNeed struct {
	Kind string `json:"kind"`
}

// CaseRequest opens a case.
type CaseRequest struct {
	Request string `json:"request"` // the terminal's own number: a repeat gives the first case
	Kind    string `json:"kind"`    // of the catalogue of cases
	Amount  int64  `json:"amount"`  // minor units
	PAN     string `json:"pan"`     // masked, as the journal shows it
	// Private is what the transaction will carry in F62 (a transfer: the account that gets it). The
	// transaction must carry the same, and nothing when this is empty.
	Private string            `json:"private,omitempty"`
	Fields  map[string]string `json:"fields,omitempty"` // for the people who decide
}

// CaseMoved is the state of a case that goes on at another terminal, as the one that had it is told.
const CaseMoved = "moved"

// Case is a case as its terminal sees it.
type Case struct {
	Number  string     `json:"number"`
	Kind    string     `json:"kind"`
	Title   Text       `json:"title"`
	State   string     `json:"state"` // open, ready, used, refused, withdrawn, expired, or CaseMoved
	Amount  int64      `json:"amount"`
	Expires time.Time  `json:"expires"`
	Steps   []CaseStep `json:"steps"`
}

// CaseStep is one step of a case.
type CaseStep struct {
	Name   string   `json:"name"`
	Title  Text     `json:"title"`
	By     string   `json:"by"`               // terminal, teller or manager
	State  string   `json:"state"`            // waiting, current, done, refused
	Fields []string `json:"fields,omitempty"` // what the terminal tells in it
	Reason *Text    `json:"reason,omitempty"` // of a refusal
}

// StepFields is the body of a terminal's step.
type StepFields struct {
	Fields map[string]string `json:"fields,omitempty"`
}
