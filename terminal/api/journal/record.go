// Package journal is the format of the electronic journal (EJ) of a terminal: what a
// record is, how records are framed on disk and chained, and how a reader verifies
// them. There is no writer here: one writer per terminal lives in the native platform,
// readers are many (server, tests, tools).
//
// On disk a segment is a sequence of frames: length (4 bytes, big endian) ‖ CRC-32C of
// the body (4 bytes) ‖ body (one JSON record). Each record carries the SM3 hash of the
// body before it, so nobody can take a record out or change it without breaking the
// chain. A finished segment has a seal beside it: the last hash, signed by the terminal
// with SM2.
package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/emmansun/gmsm/sm3"
)

// Record is one line of the journal.
type Record struct {
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	// Epoch is one incarnation of the platform process.
	Epoch string `json:"epoch"`
	Kind  Kind   `json:"kind"`
	// Txn is the terminal's transaction number; Op the device operation; Device its id.
	Txn     string          `json:"txn,omitempty"`
	Op      string          `json:"op,omitempty"`
	Device  string          `json:"device,omitempty"`
	Session string          `json:"session,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
	// Prev is the SM3 hash (hex) of the previous record's body; empty in the very first.
	Prev string `json:"prev"`
}

// Kind names what a record says. The cash kinds are the states of a dispense in the
// order of its life.
type Kind string

// The kinds.
const (
	Boot         Kind = "BOOT"
	SessionBegin Kind = "SESSION_BEGIN"
	SessionEnd   Kind = "SESSION_END"
	CardIn       Kind = "CARD_IN"
	CardOut      Kind = "CARD_OUT"
	CardTaken    Kind = "CARD_TAKEN"
	CardRetained Kind = "CARD_RETAINED"

	HostIntent Kind = "HOST_INTENT" // before the first byte to the server
	HostResult Kind = "HOST_RESULT"
	Approval   Kind = "APPROVAL" // lobby manager's decision

	KeyOffer  Kind = "KEY_OFFER"  // before the PIN pad's offer goes to the server
	KeyToken  Kind = "KEY_TOKEN"  // before the token goes into the PIN pad
	KeyTaken  Kind = "KEY_TAKEN"  // before the PIN pad's proof goes to the server
	KeyLoaded Kind = "KEY_LOADED" // the server uses the new master key

	GuardRefused Kind = "GUARD_REFUSED"

	Intent        Kind = "INTENT"         // before the dispense command goes to the driver
	Motion        Kind = "MOTION"         // the device has begun to move notes
	Stacked       Kind = "STACKED"        // notes on the intermediate stacker
	PresentIntent Kind = "PRESENT_INTENT" // before the customer gets access
	Presented     Kind = "PRESENTED"
	Taken         Kind = "TAKEN"
	RetractIntent Kind = "RETRACT_INTENT"
	Retracted     Kind = "RETRACTED"
	NotDispensed  Kind = "NOT_DISPENSED" // certainly nothing reached the customer
	Unclear       Kind = "UNCLEAR"       // nobody knows before a count

	DepositBegin   Kind = "DEPOSIT_BEGIN"   // before a cash-in transaction is opened at the device
	CashIn         Kind = "CASH_IN"         // before the mouth is opened for a note
	Notes          Kind = "NOTES"           // what the device says it has, note type by note type
	DepositClosing Kind = "DEPOSIT_CLOSING" // before the notes in escrow are stacked or given back
	DepositClosed  Kind = "DEPOSIT_CLOSED"  // what the device has for good
	DepositUnclear Kind = "DEPOSIT_UNCLEAR" // nobody knows before a count

	CardDrawn   Kind = "CARD_DRAWN"   // before a blank card leaves the stock
	CardToBin   Kind = "CARD_TO_BIN"  // before it goes into the bin
	HandIntent  Kind = "HAND_INTENT"  // before a new card goes to the exit
	HandedOver  Kind = "HANDED_OVER"  // the customer has it
	HandKept    Kind = "HAND_KEPT"    // it lies in the bin
	HandUnclear Kind = "HAND_UNCLEAR" // a person must look

	Case Kind = "CASE" // business in steps was opened at the server, or has ended

	Signed Kind = "SIGNED" // what the customer signed on the glass, by its digest

	BookPrinting Kind = "BOOK_PRINTING" // before lines are printed into a passbook
	BookPrinted  Kind = "BOOK_PRINTED"  // they are there, and the stripe says so; or none is
	BookSet      Kind = "BOOK_SET"      // how far it went is known, and the stripe must say so first

	QueueTicket Kind = "QUEUE_TICKET" // a customer gets this number of a queue

	Commit     Kind = "COMMIT"     // the customer got (or put in) Paid; tell the server
	Reverse    Kind = "REVERSE"    // the server must take back all or part
	Suspense   Kind = "SUSPENSE"   // a person must count
	Resolved   Kind = "RESOLVED"   // a person counted
	SettleSent Kind = "SETTLE_ACK" // the server has the confirmation or reversal durably

	Order     Kind = "ORDER"      // before a command of people at the server is carried out
	OrderDone Kind = "ORDER_DONE" // how it ended
	Service   Kind = "SERVICE"    // people took the counter out of service, or back

	Counts   Kind = "COUNTS" // cash units set (exchange)
	Stock    Kind = "STOCK"  // blank cards, passbooks and forms in the machine's custody
	Recovery Kind = "RECOVERY"
	Alarm    Kind = "ALARM"
	Note     Kind = "NOTE"
	// Snapshot is the first record of each segment after the first: the state that all
	// earlier segments add up to.
	Snapshot Kind = "SNAPSHOT"
)

// MaxBody is the largest record.
const MaxBody = 1 << 20

const headerLen = 8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Errors of the reader.
var (
	// ErrTorn: the last frame is incomplete or its checksum differs. At the end of the last
	// segment that is a write cut off by a power loss; anywhere else it is damage.
	ErrTorn = errors.New("torn frame")
	// ErrChain: a record does not follow the one before it.
	ErrChain = errors.New("broken chain")
)

// Hash is the chain hash of a body.
func Hash(body []byte) string {
	h := sm3.Sum(body)
	return hex.EncodeToString(h[:])
}

// AppendFrame appends the frame of body to dst.
func AppendFrame(dst, body []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(body)))
	dst = binary.BigEndian.AppendUint32(dst, crc32.Checksum(body, castagnoli))
	return append(dst, body...)
}

// NextFrame splits the first frame off b. At the end of b it returns a nil body and no
// error; an incomplete or damaged frame is ErrTorn.
func NextFrame(b []byte) (body, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, nil
	}
	if len(b) < headerLen {
		return nil, b, ErrTorn
	}
	n := binary.BigEndian.Uint32(b)
	if n == 0 || n > MaxBody || int(n) > len(b)-headerLen {
		return nil, b, ErrTorn
	}
	body = b[headerLen : headerLen+int(n)]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(b[4:]) {
		return nil, b, ErrTorn
	}
	return body, b[headerLen+int(n):], nil
}

// FrameIn reports whether a whole frame begins anywhere in b. Behind a torn frame that
// means damage: a write that a power loss cut off is the last one.
func FrameIn(b []byte) bool {
	for ; len(b) > headerLen; b = b[1:] {
		if body, _, err := NextFrame(b); err == nil && body != nil {
			return true
		}
	}
	return false
}

// Verifier checks that bodies form one chain. The zero value accepts any first record;
// set Prev and Seq to go on from a known point.
type Verifier struct {
	Seq  uint64
	Prev string
	any  bool
}

// Next checks one body and returns its record. ErrChain means a record is missing,
// changed, repeated or out of order.
func (v *Verifier) Next(body []byte) (Record, error) {
	var r Record
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := dec.Decode(&r); err != nil {
		return r, fmt.Errorf("record after %d: %w", v.Seq, err)
	}
	known := v.any || v.Seq != 0 || v.Prev != ""
	if known && (r.Seq != v.Seq+1 || r.Prev != v.Prev) {
		return r, fmt.Errorf("%w: record %d does not follow %d", ErrChain, r.Seq, v.Seq)
	}
	v.Seq, v.Prev, v.any = r.Seq, Hash(body), true
	return r, nil
}

// Segment reads all whole frames of a segment and calls f for each record and its body.
// It returns the number of bytes that are whole; the error is ErrTorn (wrapped) when
// something follows them.
func Segment(data []byte, v *Verifier, f func(r Record, body []byte) error) (whole int, err error) {
	rest := data
	for {
		body, next, err := NextFrame(rest)
		if err != nil {
			return len(data) - len(rest), err
		}
		if body == nil {
			return len(data), nil
		}
		r, err := v.Next(body)
		if err != nil {
			return len(data) - len(rest), err
		}
		if err := f(r, body); err != nil {
			return len(data) - len(rest), err
		}
		rest = next
	}
}
