package lcdm2000

import (
	"encoding/hex"
	"fmt"
	"slices"

	"zhigui/sim/device/e2e"
	"zhigui/sim/device/engine"
)

// End-to-end security is our own extension of the virtual dispenser: no researched device
// has it. The bytes are in README.md.

const (
	errNoAuthority = 0x61 // of a dispense: no token, or more than the token authorises
	partLen        = 48
	maxParts       = 22 // 1024 characters
	// Entry.Value of a result.
	drewIn  = "in"      // a purge drew notes in from the exit
	refused = "refused" // a dispense did not begin: it is not the last one
)

// loadKey is the service engineer's: the key comes by hand, never over the line.
func (m *Model) loadKey(a engine.Args) error {
	text, err := a.String("key", "")
	if err != nil {
		return err
	}
	if b, err := hex.DecodeString(text); err != nil || len(b) != 0 && len(b) < 16 {
		return engine.BadArg("key: at least 32 hexadecimal digits, or none to take it out")
	}
	if err := m.record(Entry{Kind: "set", Name: "e2eKey", Value: text}); err != nil {
		return err
	}
	return m.takeKey(text)
}

func (m *Model) takeKey(text string) error {
	key, err := hex.DecodeString(text)
	if err != nil {
		return fmt.Errorf("ledger: the key is not hexadecimal")
	}
	m.trust.SetKey(key)
	return nil
}

// secure answers 60 to 64; it moves nothing. Called locked.
func (m *Model) secure(r request) []byte {
	flag := func(b bool) byte {
		if b {
			return '1'
		}
		return '0'
	}
	switch r.cmd {
	case cmdTrust:
		held, why := m.trust.State()
		return []byte{flag(m.trust.HasKey()), flag(held), byte(why)}
	case cmdNonce:
		if !m.trust.HasKey() {
			return []byte{byte(e2e.NoKey)}
		}
		return append([]byte{byte(e2e.Accepted)}, m.trust.Nonce()...)
	case cmdForget:
		m.trust.Clear()
		return []byte{byte(e2e.Accepted)}
	case cmdToken:
		return []byte{byte(m.tokenPart(r.data))}
	}
	return m.response(r.data)
}

// tokenPart takes part n of m of a token; the last one gets the verdict.
func (m *Model) tokenPart(d []byte) e2e.Verdict {
	if len(d) < 5 || len(d) > 4+partLen {
		return e2e.BadFormat
	}
	n, ok1 := digits(d[:2])
	of, ok2 := digits(d[2:4])
	if n == 1 {
		m.parts = nil
	}
	if !ok1 || !ok2 || n < 1 || n > of || of > maxParts || len(m.parts) != (n-1)*partLen || n < of && len(d) != 4+partLen {
		m.parts = nil
		return e2e.BadFormat
	}
	if m.parts = append(m.parts, d[4:]...); n < of {
		return e2e.Accepted
	}
	text := string(m.parts)
	m.parts = nil
	return m.trust.Present(text)
}

// response gives part n of the present status token; the first part makes it, for the nonce
// that follows its number.
func (m *Model) response(d []byte) []byte {
	if len(d) < 2 {
		return []byte{byte(e2e.BadFormat)}
	}
	n, ok := digits(d[:2])
	if n == 1 {
		m.parts = nil
		paid, known := m.lastPaid()
		text, v := m.trust.Respond(string(d[2:]), paid)
		if v == e2e.Accepted && !known {
			v = e2e.Unusable
		}
		if v != e2e.Accepted {
			return []byte{byte(v)}
		}
		m.parts = []byte(text)
	}
	list := slices.Collect(slices.Chunk(m.parts, partLen))
	if !ok || n < 1 || n > len(list) {
		return []byte{byte(e2e.BadFormat)}
	}
	return append([]byte{byte(e2e.Accepted)}, two(len(list))+string(list[n-1])...)
}

// unsure are results after which the exit sensor's count may be wrong.
var unsure = []string{"35", "3D", "43", "47", "48"}

// lastPaid is the last dispense, with all others under its token, as the sensors counted; it
// is in the ledger and survives the power. Known is false when the firmware itself cannot
// say what the customer got.
func (m *Model) lastPaid() (p e2e.Paid, known bool) {
	list := m.notes.commands
	pays := func(c *Command) bool { return (c.Name == "45" || c.Name == "55" || c.Name == "56") && !c.refused }
	last := -1
	for i, c := range list {
		if pays(c) {
			last = i
		}
	}
	if last < 0 {
		return p, true
	}
	p.ID = list[last].ID
	known = true
	began := false
	for i, c := range list {
		switch {
		case pays(c) && (i == last || p.ID != "" && c.ID == p.ID):
			began = true
			known = known && c.Err != "" && !slices.Contains(unsure, c.Err)
			for _, u := range Units {
				p.Dispensed += int64(c.counted[u]) * int64(m.notes.value[u])
			}
		case began && c.drew:
			p.Retracted, p.Back = true, -1 // the device cannot count what it draws in
		}
	}
	p.Presented = p.Dispensed
	return p, known
}

// reserve asks for authority before the first note moves.
func (j *job) reserve() byte {
	value := int64(0)
	for u, n := range j.asked {
		if n > 0 && j.m.notes.value[u] <= 0 && j.m.trust.HasKey() {
			return errNoAuthority // notes of no known value cannot be held against a token
		}
		value += int64(n) * int64(j.m.notes.value[u])
	}
	if j.m.trust.Reserve(value) != e2e.Accepted {
		return errNoAuthority
	}
	j.reserved = value
	return errGood
}

// release gives back the value of the notes that certainly were not paid: those that are
// still in their cassette and those in the reject tray.
func (j *job) release() {
	if j.reserved == 0 {
		return
	}
	back := int64(0)
	for u, n := range j.asked {
		unpaid := n - j.chk[u] + j.reject[u]
		if unpaid > 0 && stuckAt(name(j.err)) == Chk {
			unpaid-- // one left its cassette uncounted
		}
		back += int64(unpaid) * int64(j.m.notes.value[u])
	}
	j.m.trust.Release(back)
}
