// Package mgmt has the wire types of the management API (console and Pad): paths below
// /v2/api, every answer in an Envelope. Amounts are integer minor units, times RFC 3339 UTC,
// card numbers masked. The OpenAPI document is generated from these types. The terminal-facing
// API shares none of them.
package mgmt

import "time"

// Envelope wraps every answer: Code is "OK" or a name of server/api/code, Message its text.
type Envelope[T any] struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Data    T      `json:"data"`
}

// SignIn is the body of POST /session.
type SignIn struct {
	Name     string `json:"name" minLength:"1" maxLength:"64"`
	Password string `json:"password" minLength:"1" maxLength:"72"`
	New      string `json:"new,omitempty" minLength:"8" maxLength:"72"` // the password from now on: wanted where Password is a first one (code FirstPassword)
}

// Me is who is signed in.
type Me struct {
	Name    string `json:"name"`
	Display string `json:"display"`
	Role    string `json:"role" enum:"operator,manager,teller,admin"`
	Branch  string `json:"branch"`
}

// User is a person as administrators see one. State: on; first, who has to change the password at the first sign-in;
// waiting, whom an administrator other than By has to agree with; off.
type User struct {
	Me
	State   string    `json:"state" enum:"on,first,waiting,off"`
	By      string    `json:"by,omitempty"`
	Created time.Time `json:"created"`
}

// AgreeUser is the body of POST /users/{name}/agree: what the one who agrees has seen.
type AgreeUser struct {
	Role   string `json:"role" enum:"operator,manager,teller,admin"`
	Branch string `json:"branch"`
}

// AgreedUser is its answer: the code that the person types after the first password, told this once. The one who agreed
// hands it over; who added the person does not know it.
type AgreedUser struct {
	Code string `json:"code"`
}

// NewUser is the body of POST /users: a person who waits for a second administrator's word.
type NewUser struct {
	Name     string `json:"name" minLength:"1" maxLength:"64"`
	Display  string `json:"display,omitempty"`
	Role     string `json:"role" enum:"operator,manager,teller,admin"`
	Branch   string `json:"branch,omitempty"`                      // a manager's or teller's; * is the whole bank (not a manager's)
	Password string `json:"password" minLength:"8" maxLength:"62"` // the first one: the code of the second person follows it
}

// Terminal is a terminal with its last reported state. AgeSeconds tell how old a figure is;
// -1 when it was never reported.
type Terminal struct {
	ID         string     `json:"id"`
	Branch     string     `json:"branch"`
	NameZH     string     `json:"nameZH"`
	NameEN     string     `json:"nameEN"`
	Zone       string     `json:"zone"`
	Enabled    bool       `json:"enabled"`
	Online     bool       `json:"online"`
	State      string     `json:"state"`
	AgeSeconds int64      `json:"ageSeconds"`
	Lease      string     `json:"lease"`
	Bundle     string     `json:"bundle"`
	Version    string     `json:"version"`
	Assigned   string     `json:"assigned"` // digest
	Outbox     int        `json:"outbox"`
	Modules    []Module   `json:"modules"`
	Cash       []CashUnit `json:"cash"`
}

// Module is one device of a terminal.
type Module struct {
	Name       string `json:"name"`
	Model      string `json:"model"`
	Status     string `json:"status"`
	Detail     string `json:"detail"`
	AgeSeconds int64  `json:"ageSeconds"`
}

// CashUnit is one cash box.
type CashUnit struct {
	ID string `json:"id"`
	// Kind: recycle (customers fill it, Initial is its high mark), box (the acceptor's cash box: Amount
	// in all, no single value), or nothing for a cassette.
	Kind       string `json:"kind,omitempty"`
	Amount     int64  `json:"amount,omitempty"`
	Currency   string `json:"currency"`
	Value      int64  `json:"value"`
	Count      int    `json:"count"`
	Initial    int    `json:"initial"`
	Rejected   int    `json:"rejected"`
	Status     string `json:"status"`
	AgeSeconds int64  `json:"ageSeconds"`
}

// Search selects transactions. PAN travels only in a body, is never stored or logged, and
// is looked up by a keyed digest.
type Search struct {
	Terminal  string    `json:"terminal,omitempty"`
	From      time.Time `json:"from,omitzero"`
	To        time.Time `json:"to,omitzero"`
	State     string    `json:"state,omitempty"`
	AmountMin int64     `json:"amountMin,omitempty"`
	AmountMax int64     `json:"amountMax,omitempty"`
	Reference string    `json:"reference,omitempty"`
	PAN       string    `json:"pan,omitempty" pattern:"^[0-9]{13,19}$"`
	MaskedPAN string    `json:"maskedPan,omitempty" maxLength:"23"`
	Number    string    `json:"number,omitempty" pattern:"^[0-9]{1,19}$"` // of the journal, in the archives, too
	Batch     string    `json:"batch,omitempty" maxLength:"6"`
	STAN      string    `json:"stan,omitempty" maxLength:"6"`
	Kind      string    `json:"kind,omitempty" maxLength:"20"`
	Response  string    `json:"response,omitempty" maxLength:"4"`
	Merchant  string    `json:"merchant,omitempty" maxLength:"15"` // this and the next: with a key or a day at most
	Auth      string    `json:"auth,omitempty" maxLength:"6"`
	Host      string    `json:"host,omitempty" maxLength:"40"`
	Channel   string    `json:"channel,omitempty" maxLength:"40"`
	Day       string    `json:"day,omitempty" pattern:"^[0-9]{8}$"` // of settlement
	Page      int       `json:"page,omitempty" minimum:"0" maximum:"10000"`
	Size      int       `json:"size,omitempty" minimum:"0" maximum:"200"`
}

// Page is one page of a list. Total is counted up to 10,000.
type Page[T any] struct {
	Page  int `json:"page"`  // from 0
	Size  int `json:"size"`  // of a page
	Total int `json:"total"` // matches, 10,000 at most
	Pages int `json:"pages"`
	Items []T `json:"items"`
}

// Totals is what all matches of a search add up to, however many they are. From and To are the
// times of the first and the last.
type Totals struct {
	Count  int64       `json:"count"`
	Amount int64       `json:"amount"`
	Paid   int64       `json:"paid"`
	From   time.Time   `json:"from,omitzero"`
	To     time.Time   `json:"to,omitzero"`
	Width  int64       `json:"width"` // of a step, in seconds
	Steps  []TotalStep `json:"steps"`
}

// TotalStep are the matches of one state in one step of time that begins with At. Zero: those
// without an amount.
type TotalStep struct {
	At     time.Time `json:"at"`
	State  string    `json:"state"`
	Zero   bool      `json:"zero"`
	Count  int64     `json:"count"`
	Amount int64     `json:"amount"`
	Paid   int64     `json:"paid"`
}

// Transaction is one line of the list. ID is a string of 18 digits.
type Transaction struct {
	ID        string    `json:"id"`
	Terminal  string    `json:"terminal"`
	Kind      string    `json:"kind"`
	Batch     string    `json:"batch"`
	STAN      string    `json:"stan"`
	Amount    int64     `json:"amount"`
	Paid      *int64    `json:"paid,omitempty"`
	State     string    `json:"state"`
	Response  string    `json:"response"`
	TextZH    string    `json:"textZH"`
	TextEN    string    `json:"textEN"`
	Reference string    `json:"reference"`
	Auth      string    `json:"auth"`
	Merchant  string    `json:"merchant"`
	Channel   string    `json:"channel"`
	Host      string    `json:"host"`
	Day       string    `json:"day"` // of settlement
	PAN       string    `json:"pan"`
	Note      string    `json:"note"`
	Created   time.Time `json:"created"`
	Updated   time.Time `json:"updated"`
}

// Story is everything known about one transaction.
type Story struct {
	Transaction Transaction `json:"transaction"`
	Steps       []Step      `json:"steps"`
	Messages    Messages    `json:"messages"`
	Reversal    *Reversal   `json:"reversal,omitempty"`
	Journal     []Record    `json:"journal"`
	// Signatures are what the customer signed in the session of the transaction.
	Signatures []SignatureRef `json:"signatures"`
}

// SignatureRef names a signature of a terminal's journal.
type SignatureRef struct {
	Digest   string    `json:"digest"` // SM3 of text and strokes
	Document string    `json:"document"`
	Received time.Time `json:"received"` // when the journal's record came
}

// Signature is what a customer signed: the text as it was shown, and strokes of points
// [x, y, ms, pressure] in thousandths of the field.
type Signature struct {
	Document string     `json:"document"`
	Text     string     `json:"text"`
	Strokes  [][][4]int `json:"strokes"`
}

// Step is one state a transaction went through.
type Step struct {
	At    time.Time `json:"at"`
	State string    `json:"state"`
	Note  string    `json:"note"`
}

// Messages are the masked messages, one field a line.
type Messages struct {
	FromTerminal string `json:"fromTerminal"`
	ToHost       string `json:"toHost"`
	FromHost     string `json:"fromHost"`
	ToTerminal   string `json:"toTerminal"`
}

// Reversal is the state of a reversal.
type Reversal struct {
	State    string    `json:"state" enum:"pending,reversed,notFound,stuck"`
	Reason   string    `json:"reason"`
	Paid     *int64    `json:"paid,omitempty"`
	Attempts int       `json:"attempts"`
	Response string    `json:"response"`
	Next     time.Time `json:"next"`
}

// Record is one journal record of the terminal.
type Record struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
	Body any    `json:"body"`
}

// Note is a remark to an action.
type Note struct {
	Note string `json:"note" minLength:"1" maxLength:"500"`
}

// Closed tells what a two-person action has done.
type Closed struct {
	Closed bool `json:"closed"` // false: proposed, a second person must do the same
}

// Commands that a terminal can be given. Those of money and keys need a second person.
const (
	CommandSuspend        = "suspend"        // no more customers
	CommandResume         = "resume"         // customers again
	CommandLoadKey        = "loadKey"        // a new master key for the PIN pad, or for one that was exchanged
	CommandPreviousBundle = "previousBundle" // back to the pages before
	CommandResolve        = "resolve"        // a person counted, or looked for a card
	CommandSetCounts      = "setCounts"      // what the cash units hold
	CommandBoxEmptied     = "boxEmptied"     // the acceptor's cash box was emptied
)

// NewCommand is the body of POST /terminals/{id}/commands. Args are those of the kind.
type NewCommand struct {
	Kind string      `json:"kind" enum:"suspend,resume,previousBundle,resolve,setCounts,boxEmptied,loadKey"`
	Note string      `json:"note" minLength:"1" maxLength:"500"` // why
	Args CommandArgs `json:"args,omitzero"`
}

// CommandArgs are the arguments of all kinds. Who gives the command is not among them.
type CommandArgs struct {
	Txn    string                 `json:"txn,omitempty" pattern:"^[0-9]{6}/[0-9]{6}$"` // resolve: batch/STAN
	Paid   *int64                 `json:"paid,omitempty" minimum:"0"`                  // resolve: the customer got, or put in, that much
	Handed *bool                  `json:"handed,omitempty"`                            // resolve, of a new card: the customer has it
	Units  map[string]CommandUnit `json:"units,omitempty"`                             // setCounts
}

// CommandUnit is a cash unit as it was counted.
type CommandUnit struct {
	Currency string `json:"currency" minLength:"3" maxLength:"3"`
	Value    int64  `json:"value" minimum:"1"` // of a note, minor units
	Count    int    `json:"count" minimum:"0" maximum:"10000"`
}

// Command is an order for a terminal and what became of it.
type Command struct {
	ID      string      `json:"id"`
	Kind    string      `json:"kind"`
	Args    CommandArgs `json:"args"`
	Note    string      `json:"note"`
	State   string      `json:"state" enum:"proposed,ready,sent,done,failed,withdrawn,expired"`
	By      string      `json:"by"`
	Second  string      `json:"second"`
	Result  string      `json:"result"`
	Created time.Time   `json:"created"`
	Expires time.Time   `json:"expires"`
	Updated time.Time   `json:"updated"`
}

// Approval is a request to a lobby manager.
type Approval struct {
	ID       string    `json:"id"`
	Terminal string    `json:"terminal"`
	Branch   string    `json:"branch"`
	Kind     string    `json:"kind"`
	Amount   int64     `json:"amount"`
	PAN      string    `json:"pan"`
	State    string    `json:"state"`
	Manager  string    `json:"manager"`
	Code     string    `json:"code"`
	Note     string    `json:"note"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
	Signers  int       `json:"signers"`          // persons who must agree
	Signed   []string  `json:"signed,omitempty"` // those who have
	Decided  time.Time `json:"decided,omitzero"` // when it was decided, expired or was withdrawn
	Role     string    `json:"role"`             // whose word it is: manager or teller
	Case     string    `json:"case,omitempty"`   // number of the case whose step it is
	Title    *Text     `json:"title,omitempty"`  // of a case and its step
}

// Text is a text for people in both languages.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// Case is business in steps. Data is there in a single case only, for those who decide.
type Case struct {
	Number   string            `json:"number"`
	Kind     string            `json:"kind"`
	Title    Text              `json:"title"`
	Terminal string            `json:"terminal"`
	Branch   string            `json:"branch"`
	Amount   int64             `json:"amount"`
	PAN      string            `json:"pan"`
	State    string            `json:"state"` // open, ready, used, refused, withdrawn or expired
	Journal  string            `json:"journal,omitempty"`
	Left     []string          `json:"left,omitempty"` // terminals that it was at before, in a single case only
	Created  time.Time         `json:"created"`
	Expires  time.Time         `json:"expires"`
	Data     map[string]string `json:"data,omitempty"`
	Steps    []CaseStep        `json:"steps,omitempty"`
	Approval *Approval         `json:"approval,omitempty"` // what is asked of the caller now
}

// CaseStep is one step of a case.
type CaseStep struct {
	Name  string            `json:"name"`
	Title Text              `json:"title"`
	By    string            `json:"by"`    // terminal, teller or manager
	State string            `json:"state"` // waiting, current, done or refused
	Who   string            `json:"who,omitempty"`
	Code  string            `json:"code,omitempty"`
	Note  string            `json:"note,omitempty"`
	At    time.Time         `json:"at,omitzero"`
	Data  map[string]string `json:"data,omitempty"`
}

// Approve is the body of an approval: the manager's password again, and that the customer
// was seen in person.
type Approve struct {
	Password     string `json:"password" minLength:"1" maxLength:"72"`
	SeenInPerson bool   `json:"seenInPerson"`
}

// Reject is the body of a rejection; Code is a Reason… of the code table.
type Reject struct {
	Code string `json:"code"`
	Note string `json:"note,omitempty" maxLength:"500"`
}

// Bundle is an uploaded release bundle.
type Bundle struct {
	Digest  string    `json:"digest"`
	Name    string    `json:"name"`
	Version string    `json:"version"`
	Size    int64     `json:"size"`
	Files   int       `json:"files"`
	By      string    `json:"by"`
	Created time.Time `json:"created"`
}

// Assign is the body of an assignment.
type Assign struct {
	Digest string `json:"digest" pattern:"^[0-9a-f]{64}$"`
}

// Assignment is one line of a terminal's bundle history.
type Assignment struct {
	Digest  string    `json:"digest"`
	Name    string    `json:"name"`
	Version string    `json:"version"`
	By      string    `json:"by"`
	Created time.Time `json:"created"`
}

// Alarm is something a person must look at.
type Alarm struct {
	Terminal string    `json:"terminal"`
	ID       string    `json:"id"`
	Code     string    `json:"code"`
	Severity string    `json:"severity"`
	Module   string    `json:"module"`
	Detail   string    `json:"detail"`
	At       time.Time `json:"at"`
	Cleared  bool      `json:"cleared"`
}

// Event is one SSE message of /v2/api/events: something of Kind (terminal, transaction,
// approval, alarm, bundle) with ID has changed; fetch it again. Without an ID, as those who
// are confined to a branch get them, it may be any. Kind "resync" means that events were missed.
type Event struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}
