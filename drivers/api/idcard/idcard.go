// Package idcard has the typed payloads of the resident identity card class, which XFS4IoT
// does not have: everything here is "X-". Standard library only; anybody may import it.
//
// What a card holds is personal. A Card prints itself masked; its JSON is whole, because it
// is the payload that was asked for. Nobody logs that payload.
package idcard

import (
	"fmt"
	"log/slog"
	"strings"
)

// Command names.
const (
	CmdRead  = "X-IdCard.Read" // waits for a card, reads it
	CmdReset = "X-IdCard.Reset"
)

// Event names. Their payloads hold nothing of the card but its masked number.
const (
	EvPresent = "X-IdCard.PresentCardEvent"  // during Read: ask for the card
	EvFound   = "X-IdCard.CardDetectedEvent" // during Read: a card lies on the reader
	EvRead    = "X-IdCard.CardReadEvent"     // during Read: it was read and may be taken away
)

// Error codes of the class.
const (
	ErrUnreadable   = "X-cardUnreadable"   // moved away too early, or damaged
	ErrNotGenuine   = "X-cardNotGenuine"   // the security module refuses the card
	ErrUnsupported  = "X-cardUnsupported"  // not the layout of a resident identity card
	ErrModule       = "X-securityModule"   // the security module failed its self-test
	ErrNotPermitted = "X-moduleNotEnabled" // the security module is not authorised
)

// Read asks for a card. Text and photograph always come; the fingerprints are a block of
// their own that not every card has.
type Read struct {
	Fingerprint bool `json:"fingerprint,omitempty"`
}

// Card is a resident identity card (GA 448, GA 450).
type Card struct {
	Name       string `json:"name"`
	Sex        string `json:"sex"`        // 0 unknown, 1 male, 2 female, 9 not stated (GB/T 2261.1)
	Nation     string `json:"nation"`     // 01 … 56, 97, 98 (GB/T 3304)
	NationName string `json:"nationName"` // in Chinese; empty for an unknown code
	Birth      string `json:"birth"`      // YYYYMMDD
	Address    string `json:"address"`
	Number     string `json:"number"`
	Issuer     string `json:"issuer"`
	From       string `json:"validFrom"`  // YYYYMMDD
	Until      string `json:"validUntil"` // YYYYMMDD or 长期
	// Photo is the photograph as the card has it (WLT, 1024 bytes). Its decoder belongs to the
	// security module's maker and is not here.
	Photo []byte `json:"photo,omitempty"`
	// Fingerprint is the card's block of two fingerprint features as it is; absent when it was
	// not asked for or the card has none.
	Fingerprint []byte `json:"fingerprint,omitempty"`
}

// ReadEvent is the payload of EvRead.
type ReadEvent struct {
	Number string `json:"number"` // masked
}

// Status is the X-idCard member of Common.Status.
type Status struct {
	Media string `json:"media"` // present (while it is read), notPresent, unknown
}

// Mask leaves the first and the last character of a number.
func Mask(number string) string {
	r := []rune(number)
	if len(r) < 3 {
		return strings.Repeat("*", len(r))
	}
	return string(r[:1]) + strings.Repeat("*", len(r)-2) + string(r[len(r)-1:])
}

// String is the card for people who must not see it.
func (c Card) String() string { return fmt.Sprintf("identity card %s", Mask(c.Number)) }

// GoString keeps %#v from showing the card.
func (c Card) GoString() string { return c.String() }

// LogValue keeps a logger from showing the card.
func (c Card) LogValue() slog.Value { return slog.StringValue(c.String()) }

// ValidNumber checks the form and the check digit of a number (GB 11643, ISO 7064 MOD 11-2).
func ValidNumber(n string) bool {
	if len(n) != 18 {
		return false
	}
	sum := 0
	for i := range 17 {
		d := int(n[i]) - '0'
		if d < 0 || d > 9 {
			return false
		}
		sum += d * (1 << (17 - i) % 11)
	}
	return "10X98765432"[sum%11] == n[17]
}
