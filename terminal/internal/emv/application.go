package emv

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Terminal is what the terminal says of itself.
type Terminal struct {
	Serial string // 9F1E, 8 characters
	Name   string // 9F4E
	// More are other values of the terminal, in place of its own.
	More Values
	// Only are the applications to look for; empty: AIDs.
	Only [][]byte
}

// Values of every transaction: the country and the currency of the People's Republic, an unattended
// terminal of a bank that is always online, stripe and chip, PIN enciphered online.
func (t Terminal) values() Values {
	v := Values{
		0x9F1A: {0x01, 0x56}, 0x5F2A: {0x01, 0x56}, 0x9F33: {0x60, 0x40, 0x00}, 0x9F35: {0x14}, 0x9F09: {0x00, 0x30},
		0x9F1E: fmt.Appendf(nil, "%-8.8s", t.Serial), 0x9F4E: fmt.Appendf(nil, "%-20.20s", t.Name), 0x9F34: {0x02, 0x00, 0x00},
	}
	maps.Copy(v, t.More)
	return v
}

// Known says whether the terminal knows an application.
func (t Terminal) Known(aid []byte) bool {
	list := t.Only
	if len(list) == 0 {
		list = AIDs
	}
	return slices.ContainsFunc(list, func(k []byte) bool { return bytes.HasPrefix(aid, k) })
}

// AIDs are the beginnings of the applications that the terminal knows: UnionPay debit, credit, quasi credit.
var AIDs = [][]byte{{0xA0, 0, 0, 0x03, 0x33, 0x01, 0x01, 0x01}, {0xA0, 0, 0, 0x03, 0x33, 0x01, 0x01, 0x02}, {0xA0, 0, 0, 0x03, 0x33, 0x01, 0x01, 0x03}}

// Status words of the commands used.
const (
	swOK          = 0x9000
	swInvalidated = 0x6283
	swAuthFailed  = 0x6300
	swBlocked     = 0x6A81
	swConditions  = 0x6985 // of a card over the antenna: not this transaction
	swUseContact  = 0x6984
)

// Application is a selected application whose records are read.
type Application struct {
	Name []byte // the dedicated file's name, 84

	air      bool // read over the antenna
	link     link
	terminal Terminal
	card     Values // what the card said
	sent     Values // what the first cryptogram was made of
	used     bool   // a transaction has begun since GPO
	waiting  bool   // a first cryptogram waits for the issuer's answer
}

// Read selects the application of the highest priority and reads its records.
func Read(ctx context.Context, c Card, atr []byte, t Terminal) (*Application, error) {
	p, err := Protocol(atr)
	if err != nil {
		return nil, err
	}
	a := &Application{link: link{c, p == 0}, terminal: t}
	list, err := a.candidates(ctx)
	if err != nil {
		return nil, err
	}
	last := error(ErrNoApplication)
	for _, aid := range list {
		switch err := a.open(ctx, aid); err {
		case nil:
			return a, nil
		case ErrBlocked, ErrNoApplication: // the next one
			if last != ErrBlocked {
				last = err
			}
		default:
			return nil, err
		}
	}
	return nil, last
}

// candidates are the applications that the card's directory lists, or all we know when it has none.
func (a *Application) candidates(ctx context.Context) ([][]byte, error) {
	fci, sw, err := a.link.command(ctx, [4]byte{0, 0xA4, 4, 0}, []byte("1PAY.SYS.DDF01"), true)
	switch {
	case err != nil:
		return nil, err
	case sw == swBlocked:
		return nil, ErrCardBlocked
	case sw != swOK:
		return AIDs, nil
	}
	v := Values{}
	if v.Add(fci) != nil || len(v[0x88]) != 1 {
		return AIDs, nil
	}
	var entries []Object
	for n := byte(1); n <= 10; n++ {
		rec, sw, err := a.link.command(ctx, [4]byte{0, 0xB2, n, v[0x88][0]<<3 | 4}, nil, true)
		if err != nil {
			return nil, err
		}
		if sw != swOK {
			break
		}
		list, _ := Parse(unwrap(rec, 0x70))
		entries = append(entries, list...)
	}
	if out := a.terminal.byPriority(entries); len(out) > 0 {
		return out, nil
	}
	return AIDs, nil
}

// byPriority are the applications of a directory's entries (61) that the terminal knows, best first.
func (t Terminal) byPriority(entries []Object) (out [][]byte) {
	var ranks [16][][]byte
	for _, entry := range entries {
		if e := (Values{}); entry.Tag == 0x61 && e.Add(entry.Value) == nil && t.Known(e[0x4F]) {
			p := byte(15)
			if x := e[0x87]; len(x) == 1 && x[0]&15 != 0 {
				p = x[0] & 15
			}
			ranks[p] = append(ranks[p], e[0x4F])
		}
	}
	for _, l := range ranks {
		out = append(out, l...)
	}
	return out
}

// unwrap is the value of the one object t.
func unwrap(b []byte, t Tag) []byte {
	if l, err := Parse(b); err == nil && len(l) > 0 && l[0].Tag == t {
		return l[0].Value
	}
	return nil
}

// open selects an application, begins a transaction and reads what the card names.
func (a *Application) open(ctx context.Context, aid []byte) error {
	fci, sw, err := a.link.command(ctx, [4]byte{0, 0xA4, 4, 0}, aid, true)
	switch {
	case err != nil:
		return err
	case sw == swInvalidated:
		return ErrBlocked
	case sw == swBlocked:
		return ErrCardBlocked
	case sw != swOK:
		return ErrNoApplication
	}
	v := Values{}
	if v.Add(fci) != nil || len(v[0x84]) < 5 {
		return ErrChip
	}
	pdol, err := Fill(v[0x9F38], a.terminal.values())
	if err != nil {
		return ErrChip
	}
	out, sw, err := a.link.command(ctx, [4]byte{0x80, 0xA8, 0, 0}, Append(nil, 0x83, pdol), true)
	if err != nil {
		return err
	}
	if sw != swOK {
		return ErrChip
	}
	if b := unwrap(out, 0x80); len(b) >= 6 {
		v[0x82], v[0x94] = b[:2], b[2:]
	} else if v.Add(out) != nil {
		return ErrChip
	}
	if err := a.records(ctx, v); err != nil {
		return err
	}
	if a.card != nil && !bytes.Equal(a.card[0x57], v[0x57]) {
		return ErrChip // another card
	}
	a.Name, a.card, a.used, a.waiting = v[0x84], v, false, false
	return nil
}

// records reads what the file locator names, and what we cannot go without must be there.
func (a *Application) records(ctx context.Context, v Values) error {
	if len(v[0x94]) == 0 || len(v[0x82]) != 2 {
		return ErrChip
	}
	if err := a.files(ctx, v); err != nil {
		return err
	}
	for _, t := range []Tag{0x57, 0x5F24, 0x8C, 0x8D} {
		if len(v[t]) == 0 {
			return ErrChip
		}
	}
	if len(v[0x5F24]) != 3 {
		return ErrChip
	}
	return nil
}

// files reads what the file locator names.
func (a *Application) files(ctx context.Context, v Values) error {
	afl := v[0x94]
	if len(afl)%4 != 0 {
		return ErrChip
	}
	for ; len(afl) > 0; afl = afl[4:] {
		if afl[0]>>3 == 0 || afl[0]>>3 > 30 || afl[1] == 0 || afl[2] < afl[1] || afl[2]-afl[1] > 16 {
			return ErrChip
		}
		for n := afl[1]; n <= afl[2]; n++ {
			rec, sw, err := a.link.command(ctx, [4]byte{0, 0xB2, n, afl[0]&0xF8 | 4}, nil, true)
			if err != nil {
				return err
			}
			if sw != swOK || afl[0]>>3 <= 10 && unwrap(rec, 0x70) == nil || v.Add(rec) != nil {
				return ErrChip
			}
		}
	}
	return nil
}

// Track2 is the track 2 equivalent data as a stripe has it: PAN = YYMM….
func (a *Application) Track2() string {
	return strings.Replace(strings.TrimRight(strings.ToUpper(hex.EncodeToString(a.card[0x57])), "F"), "D", "=", 1)
}

// Sequence is the PAN sequence number as field 23 has it, "" without one.
func (a *Application) Sequence() string {
	if b := a.card[0x5F34]; len(b) == 1 {
		return "0" + hex.EncodeToString(b)
	}
	return ""
}

// Expired says whether the application has expired at t, or is not yet valid, as a refusal.
func (a *Application) Expired(t time.Time) *Refusal {
	today := t.Format("060102")
	if from := a.card[0x5F25]; len(from) == 3 && century(hex.EncodeToString(from)) > century(today) {
		return ErrNotYet
	}
	if century(hex.EncodeToString(a.card[0x5F24])) < century(today) {
		return ErrExpired
	}
	return nil
}

// century orders dates YYMMDD: years up to 49 are of this century (Book 4, 6.7.3).
func century(d string) string {
	if d[:2] <= "49" {
		return "20" + d
	}
	return "19" + d
}
