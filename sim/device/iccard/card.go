package iccard

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"zhigui/sim/device/engine"
)

// AID is the application of a PBOC debit card.
var AID = []byte{0xA0, 0x00, 0x00, 0x03, 0x33, 0x01, 0x01, 0x01}

// The issuer's test keys: the well-known key of published examples, and one of our own. The
// bank host has the same two.
var (
	issuerAC     = []byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10}
	issuerScript = []byte{0x13, 0x57, 0x9B, 0xDF, 0x02, 0x46, 0x8A, 0xCE, 0xEC, 0xA8, 0x64, 0x20, 0xFD, 0xB9, 0x75, 0x31}
)

// Chip is what a card list says of a card's chip.
type Chip struct {
	Protocol string `yaml:"protocol" json:"protocol,omitempty"` // T0 (default), T1
	// State is how the chip is from the start: "" good, blocked (the application), dead (the
	// whole card is blocked), foreign (no application we know), forged (signs with a wrong key),
	// mute (no answer to reset).
	State string `yaml:"state" json:"state,omitempty"`
	// Air is the contactless side: "" is type A, B is type B, none is a card without an antenna, mifare a
	// card of another kind that no reader of bank cards can use.
	Air string `yaml:"air" json:"air,omitempty"`
	// Expiry YYMM in place of the stripe's.
	Expiry   string `yaml:"expiry" json:"expiry,omitempty"`
	Sequence byte   `yaml:"sequence" json:"sequence,omitempty"` // PAN sequence number; 0 is 1
}

// Check names what is wrong.
func (c Chip) Check() error {
	if c.Protocol != "" && c.Protocol != "T0" && c.Protocol != "T1" {
		return fmt.Errorf("chip: protocol %q is neither T0 nor T1", c.Protocol)
	}
	switch c.State {
	case "", "blocked", "dead", "foreign", "forged", "mute":
	default:
		return fmt.Errorf("chip: state %q is none of blocked, dead, foreign, forged, mute", c.State)
	}
	switch c.Air {
	case "", "A", "B", "none", "mifare":
	default:
		return fmt.Errorf("chip: air %q is none of A, B, none, mifare", c.Air)
	}
	if c.Expiry != "" && len(c.Expiry) != 4 {
		return fmt.Errorf("chip: expiry %q is not YYMM", c.Expiry)
	}
	if c.Sequence > 99 {
		return fmt.Errorf("chip: sequence %d has more than two digits", c.Sequence)
	}
	return nil
}

// durable is what the chip's memory keeps: it is saved before the answer that tells of it.
type durable struct {
	ATC         uint16 `json:"atc"`
	LastOnline  uint16 `json:"lastOnline"`
	AppBlocked  bool   `json:"appBlocked"`
	CardBlocked bool   `json:"cardBlocked"`
}

// Card is one chip card. It is not safe for concurrent use; its reader's lock is enough.
type Card struct {
	chip           Chip
	pan, expiry    string
	track2, holder string
	sequence       byte
	keyAC, keyMsg  []byte
	file           string
	mem            durable
	app            application
	t0             t0
	t1             t1
}

// New makes the chip of a card with that track 2 (PAN=YYMM…) and cardholder; its memory lies in
// dir. A card without a track 2 has no PAN and answers as a foreign one.
func New(dir string, chip Chip, track2, holder string) (*Card, error) {
	if err := chip.Check(); err != nil {
		return nil, err
	}
	pan, rest, ok := strings.Cut(track2, "=")
	for _, r := range pan + rest {
		ok = ok && r >= '0' && r <= '9'
	}
	c := &Card{chip: chip, sequence: max(1, chip.Sequence), holder: holder}
	if !ok || len(pan) < 12 || len(rest) < 4 {
		c.chip.State, pan, rest = "foreign", "0000000000000000", "0000"
	}
	c.pan, c.expiry, c.track2 = pan, rest[:4], pan+"D"+rest
	if chip.Expiry != "" {
		c.expiry, c.track2 = chip.Expiry, pan+"D"+chip.Expiry+rest[4:]
	}
	c.keyAC, c.keyMsg = masterKey(issuerAC, pan, c.sequence), masterKey(issuerScript, pan, c.sequence)
	if chip.State == "forged" {
		c.keyAC[0] ^= 0x10
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", pan, c.sequence))
	c.file = filepath.Join(dir, "chip-"+hex.EncodeToString(sum[:6])+".json")
	if _, err := engine.LoadJSON(c.file, &c.mem); err != nil {
		return nil, err
	}
	c.mem.AppBlocked = c.mem.AppBlocked || chip.State == "blocked"
	c.mem.CardBlocked = c.mem.CardBlocked || chip.State == "dead"
	return c, nil
}

func (c *Card) save() {
	if err := engine.SaveJSON(c.file, c.mem); err != nil {
		panic(err)
	}
}

var historical = []byte("ZGPBOC01")

// Protocol is 0 or 1, the one protocol that the chip speaks.
func (c *Card) Protocol() int {
	if c.chip.Protocol == "T1" {
		return 1
	}
	return 0
}

// Reset is a cold or warm reset: the answer to reset, nil from a mute chip. Everything but the
// memory begins anew.
func (c *Card) Reset() []byte {
	c.app, c.t0, c.t1 = application{}, t0{}, newT1()
	if c.chip.State == "mute" {
		return nil
	}
	n := byte(len(historical))
	if c.Protocol() == 0 { // TB1 = 00, TC1 = 00: EMV Book 1, 8.3.1
		return append([]byte{0x3B, 0x60 | n, 0x00, 0x00}, historical...)
	}
	// TD1 81, TD2 31, TA3 IFSC, TB3 45, and a check byte.
	atr := append([]byte{0x3B, 0xE0 | n, 0x00, 0x00, 0x81, 0x31, ifsc, 0x45}, historical...)
	return append(atr, xor(atr[1:]))
}

// Bytes gives characters to the contact and takes those that come back; nil is silence.
func (c *Card) Bytes(in []byte) []byte {
	if c.Protocol() == 1 {
		return c.t1.feed(in, c.Command)
	}
	return c.t0.feed(in, c.Command)
}

func xor(b []byte) (x byte) {
	for _, v := range b {
		x ^= v
	}
	return x
}
