package message

// Canon names a field of the canonical transaction: what a value means, whichever data
// element of whichever dialect carries it.
type Canon uint8

// The canonical fields.
const (
	CanonNone Canon = iota
	PAN
	ProcCode
	Amount
	TransmitTime // MMDDhhmmss
	STAN
	LocalTime // hhmmss
	LocalDate // MMDD
	Expiry
	SettleDate
	MerchantType
	EntryMode
	CardSeq
	Condition
	PINLength
	Acquirer
	Forwarder
	Track2
	Track3
	Reference // RRN
	AuthCode
	Response
	Terminal
	Merchant
	MerchantName
	AddResponse
	AddData
	Currency
	PINBlock
	Security
	Balances
	Chip
	Batch    // POS F60: type 2, batch 6, network code 3
	Original // POS F61: batch 6, STAN 6, date 4
	Private  // F62: keys, new PIN block, statement lines, partial amount
	Operator
	Network     // CUPS F70
	OrigData    // CUPS F90: MTI 4, STAN 6, F7 10, F32 11, F33 11
	Replacement // CUPS F95: amount really paid 12, zeros
	Receiver
	MACValue
	TimeLeft // how long the sender waits, milliseconds, six digits; in 8583 where the dialect places it
	canonCount
)

var canonNames = map[string]Canon{
	"pan": PAN, "procCode": ProcCode, "amount": Amount, "transmitTime": TransmitTime, "stan": STAN,
	"localTime": LocalTime, "localDate": LocalDate, "expiry": Expiry, "settleDate": SettleDate,
	"merchantType": MerchantType, "entryMode": EntryMode, "cardSeq": CardSeq, "condition": Condition,
	"pinLength": PINLength, "acquirer": Acquirer, "forwarder": Forwarder, "track2": Track2, "track3": Track3,
	"reference": Reference, "authCode": AuthCode, "response": Response, "terminal": Terminal,
	"merchant": Merchant, "merchantName": MerchantName, "addResponse": AddResponse, "addData": AddData,
	"currency": Currency, "pinBlock": PINBlock, "security": Security, "balances": Balances, "chip": Chip,
	"batch": Batch, "original": Original, "private": Private, "operator": Operator, "network": Network,
	"origData": OrigData, "replacement": Replacement, "receiver": Receiver, "mac": MACValue, "timeLeft": TimeLeft,
}

// CanonByName finds a canonical field by its name in dialect files, CanonNone when there
// is none of that name.
func CanonByName(name string) Canon { return canonNames[name] }

var namesOf = func() (a [canonCount]string) {
	for n, c := range canonNames {
		a[c] = n
	}
	return a
}()

// String returns the name of c in dialect files.
func (c Canon) String() string {
	if c >= canonCount {
		return ""
	}
	return namesOf[c]
}

// MaskOf is how a canonical field must be shown, whichever dialect carries it.
func (c Canon) MaskOf() Mask {
	switch c {
	case PAN:
		return MaskPAN
	case Track2, Track3:
		return MaskTrack
	case PINBlock, Chip, Private:
		return MaskSecret
	}
	return MaskNone
}

// Mapping copies canonical fields from one dialect to another.
type Mapping struct {
	pairs [canonCount][2]uint8
}

// NewMapping pairs the fields of two dialects that carry the same canonical value.
func NewMapping(from, to *Dialect) *Mapping {
	m := &Mapping{}
	for c := CanonNone + 1; c < canonCount; c++ {
		m.pairs[c] = [2]uint8{from.canon[c], to.canon[c]}
	}
	return m
}

// Copy copies those of the named fields that src has and both dialects know.
func (p *Mapping) Copy(dst, src *Message, fields ...Canon) error {
	for _, c := range fields {
		f, t := int(p.pairs[c][0]), int(p.pairs[c][1])
		if f == 0 || t == 0 || !src.Has(f) {
			continue
		}
		if err := dst.Set(t, src.Get(f)); err != nil {
			return err
		}
	}
	return nil
}

// SameNumbers tells whether a and b have the same canonical fields in the same data elements, so that
// a message of one can be built as one of the other. The MAC, which belongs to one message, may differ.
func SameNumbers(a, b *Dialect) bool {
	for c := CanonNone + 1; c < canonCount; c++ {
		if c != MACValue && a.Number(c) != b.Number(c) {
			return false
		}
	}
	return true
}
