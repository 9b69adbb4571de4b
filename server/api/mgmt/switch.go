package mgmt

import "time"

// Link is the state of one way to a host or to a channel's clients.
type Link struct {
	Kind      string `json:"kind"`     // long, short, http, … as configured
	Up        int    `json:"up"`       // connections
	Want      int    `json:"want"`     // connections when all is well
	InFlight  int    `json:"inFlight"` // without an answer
	Queued    int    `json:"queued"`   // waiting for their turn
	Sent      uint64 `json:"sent"`     // since the start
	Answered  uint64 `json:"answered"`
	Late      uint64 `json:"late"`
	Orphan    uint64 `json:"orphan"`
	Garbage   uint64 `json:"garbage"`
	Lost      uint64 `json:"lost"`
	Timeouts  uint64 `json:"timeouts"`
	Reconnect uint64 `json:"reconnects"`
	LastError string `json:"lastError"`

	LastErrorAt time.Time `json:"lastErrorAt,omitzero"`
}

// Server is one of several that share the database. A silent one has not been heard of for a while.
type Server struct {
	Name   string    `json:"name"`
	At     time.Time `json:"at"` // when it was heard of last
	Silent bool      `json:"silent,omitempty"`
	Here   bool      `json:"here,omitempty"` // the one that is asked
	Cache  *Cache    `json:"cache,omitempty"`
}

// Cache is how the copies of one server are doing. Counters are since its start.
type Cache struct {
	Kind     string    `json:"kind" enum:"memory,redis,sentinel,cluster"`
	Hits     uint64    `json:"hits"`
	Misses   uint64    `json:"misses"`
	Bypassed uint64    `json:"bypassed"` // reads of the database because the cache was away or behind
	Away     bool      `json:"away"`
	Since    time.Time `json:"since,omitzero"` // it is away
	Pending  int       `json:"pending"`        // deletions that it has not had yet
}

// Host is one destination of transactions, as one server sees it.
type Host struct {
	Server     string    `json:"server,omitempty"` // of several
	Name       string    `json:"name"`
	Dialect    string    `json:"dialect"`
	State      string    `json:"state" enum:"up,down,signedOff,breaker"`
	Since      time.Time `json:"since,omitzero"` // it is in this state
	Breaker    string    `json:"breaker" enum:"closed,open,trying"`
	Day        string    `json:"day"` // settlement day yyyyMMdd
	Limit      int       `json:"limit"`
	Refused    uint64    `json:"refused"`
	Barred     uint64    `json:"barred"` // by the breaker
	Opened     uint64    `json:"opened"` // times the breaker opened
	Answered   uint64    `json:"answered"`
	Unknown    uint64    `json:"unknown"`
	MACErrors  uint64    `json:"macErrors"`
	FormatErrs uint64    `json:"formatErrors"` // values of its messages that cannot be
	MeanMicros int64     `json:"meanMicros"`
	Link       Link      `json:"link"`
}

// Channel is one way by which transactions come, as one server sees it.
type Channel struct {
	Server      string    `json:"server,omitempty"` // of several
	Name        string    `json:"name"`
	Dialect     string    `json:"dialect"`
	Kind        string    `json:"kind"`
	Listen      string    `json:"listen"`
	State       string    `json:"state" enum:"up,quiet,full,down"` // quiet: nothing has come yet; full: at its limit; down: a connection that should be there is not
	Since       time.Time `json:"since,omitzero"`
	InFlight    int64     `json:"inFlight"`
	Limit       int       `json:"limit"`                               // of requests or connections at a time
	LimitOf     string    `json:"limitOf" enum:"requests,connections"` // what Limit counts
	Open        int64     `json:"open"`                                // connections
	Want        int       `json:"want"`                                // connections when all is well; 0: as many as the peers like
	Accepted    uint64    `json:"accepted"`                            // connections, since the start as all that follow
	Refused     uint64    `json:"refused"`                             // because of the limit
	Frames      uint64    `json:"frames"`
	Garbage     uint64    `json:"garbage"`
	MACErrors   uint64    `json:"macErrors"` // and wrong encryption
	Unsigned    uint64    `json:"unsigned"`  // signature missing or wrong
	Strangers   uint64    `json:"strangers"` // terminals that are not registered for it
	LastError   string    `json:"lastError" enum:",full,garbage,signature,link,lost,mac,cipher,stranger,module,answer"`
	LastErrorOf string    `json:"lastErrorOf,omitempty"` // terminal
	LastErrorAt time.Time `json:"lastErrorAt,omitzero"`
}

// Switch is the answer of GET /switch.
type Switch struct {
	Servers  []Server  `json:"servers,omitempty"` // when there are several
	Hosts    []Host    `json:"hosts"`
	Channels []Channel `json:"channels"`
	Cache    *Cache    `json:"cache,omitempty"` // of the server that says so; Servers have it in the answer
}

// Point is one step of the time line of GET /switch/meter.
type Point struct {
	At         time.Time `json:"at"`
	Channel    string    `json:"channel,omitempty"`
	Host       string    `json:"host,omitempty"`
	Product    string    `json:"product,omitempty"`
	Count      int64     `json:"count"`
	Approved   int64     `json:"approved"`
	Declined   int64     `json:"declined"`
	NotSent    int64     `json:"notSent"`
	Doubt      int64     `json:"doubt"`
	MeanMicros int64     `json:"meanMicros"`
	MaxMicros  int64     `json:"maxMicros"`
}

// Meter is the answer of GET /switch/meter: the last Seconds in steps of Step seconds, or Seconds from From on where days
// were asked for. Since is the begin of the oldest sums that are kept of days.
type Meter struct {
	From    time.Time `json:"from,omitzero"`
	Since   time.Time `json:"since,omitzero"`
	Now     time.Time `json:"now"`
	Seconds int64     `json:"seconds"`
	Step    int64     `json:"step"`
	Points  []Point   `json:"points"`
}

// Waiting is one message that a host must still be told: a reversal, or the credit of a deposit.
type Waiting struct {
	Server      string    `json:"server,omitempty"` // that has it to do, of others than the one that is asked
	Transaction string    `json:"transaction"`
	Terminal    string    `json:"terminal"`
	Host        string    `json:"host"`
	Kind        string    `json:"kind" enum:"reversal,credit"`
	Attempts    int       `json:"attempts"`
	Response    string    `json:"response"`
	Created     time.Time `json:"created"`
	Next        time.Time `json:"next"`
}

// Queue is the answer of GET /switch/queue. DrainSeconds is -1 when it cannot be told.
type Queue struct {
	Depth        int       `json:"depth"`
	Oldest       time.Time `json:"oldest"`
	OldestAge    int64     `json:"oldestAge"` // seconds
	LastMinute   int64     `json:"lastMinute"`
	DrainSeconds int64     `json:"drainSeconds"`
	Waiting      []Waiting `json:"waiting"` // the oldest 200
}

// ReconRun is one comparison of a settlement day with another book.
type ReconRun struct {
	Day         string    `json:"day"`
	Host        string    `json:"host"`
	Book        string    `json:"book" enum:"host,partner,terminal,counts,reversal"`
	Digest      string    `json:"digest"` // of the other book's bytes; empty when it came as no file
	Ours        int64     `json:"ours"`
	Theirs      int64     `json:"theirs"`
	Matched     int64     `json:"matched"`
	OurAmount   int64     `json:"ourAmount"`
	TheirAmount int64     `json:"theirAmount"`
	At          time.Time `json:"at"`
}

// Difference is what two books say differently.
type Difference struct {
	ID          string    `json:"id"`
	Day         string    `json:"day"`
	Host        string    `json:"host"`
	Book        string    `json:"book" enum:"host,partner,terminal,counts,reversal"`
	Class       string    `json:"class" enum:"oursOnly,theirsOnly,amount,state,duplicate,pending,uncounted,silent,short,over,notCounted,strange,moved"`
	Transaction string    `json:"transaction,omitempty"`
	Terminal    string    `json:"terminal"`
	Branch      string    `json:"branch"`
	Reference   string    `json:"reference"`
	Ours        *int64    `json:"ours,omitempty"`
	Theirs      *int64    `json:"theirs,omitempty"`
	Owner       string    `json:"owner" enum:"clearing,operator,branch"`
	State       string    `json:"state" enum:"open,proposed,settled,gone,absent"` // absent: the host's newest book does not show it, and a second person has to agree
	First       string    `json:"first"`
	Payment     bool      `json:"payment,omitempty"`  // it is a merchant's, or may be (its product does not say, or is in an archive): settling decides whether it is cleared
	Refunded    bool      `json:"refunded,omitempty"` // people gave the payer the money back, or propose it
	Note        string    `json:"note"`
	At          time.Time `json:"at"`
}

// DayTotal is what one terminal did on a settlement day.
type DayTotal struct {
	Branch   string `json:"branch"`
	Terminal string `json:"terminal"`
	Kind     string `json:"kind"`
	State    string `json:"state"`
	Count    int64  `json:"count"`
	Amount   int64  `json:"amount"`
	Paid     int64  `json:"paid"`
}

// Day is the answer of GET /reconciliation: comparisons, differences and the report of a day.
type Day struct {
	Day         string       `json:"day"`
	Runs        []ReconRun   `json:"runs"`
	Differences []Difference `json:"differences"`
	Totals      []DayTotal   `json:"totals"`
	Archived    bool         `json:"archived,omitempty"` // transactions that the day may have are in an archive, and in no total
}

// AgreeBook is the body of POST /reconciliation/books/agree: what the host's book with this digest does not show any more
// is no difference. Somebody else than who compared it says so.
type AgreeBook struct {
	Day    string `json:"day" pattern:"^[0-9]{8}$"`
	Host   string `json:"host" maxLength:"40"`
	Digest string `json:"digest" maxLength:"64"`
}

// SettleDifference is the body of POST /reconciliation/{id}/settle.
type SettleDifference struct {
	Note     string `json:"note" minLength:"3" maxLength:"500"`
	Refunded bool   `json:"refunded,omitempty"` // the payer got the money back: it is not cleared to the merchant
}

// Block is a card, a terminal or a merchant that may begin nothing.
type Block struct {
	Kind string    `json:"kind" enum:"card,terminal,merchant"`
	Name string    `json:"name"` // masked card number, or the number
	Note string    `json:"note"`
	By   string    `json:"by"`
	At   time.Time `json:"at"`
}

// NewBlock is the body of POST /blocks and of POST /blocks/lift. Subject is a card number, whole, or a number.
type NewBlock struct {
	Kind    string `json:"kind" enum:"card,terminal,merchant"`
	Subject string `json:"subject" minLength:"4" maxLength:"32"`
	Note    string `json:"note" minLength:"3" maxLength:"500"`
}

// Books is the answer of GET /reconciliation/books: whose books may come, and in which formats.
type Books struct {
	From    []BookFrom   `json:"from"`
	Formats []BookFormat `json:"formats"`
}

// BookFrom is one who sends books.
type BookFrom struct {
	Name string `json:"name"`
	Kind string `json:"kind" enum:"host,partner"`
}

// BookFormat is a format of books; Of is whose it usually is.
type BookFormat struct {
	Name string `json:"name"`
	Of   string `json:"of,omitempty"`
}
