package emv

import (
	"bytes"
	"context"
	"time"
)

// The quick transaction over the antenna (qPBOC): GET PROCESSING OPTIONS signs, so that a card is
// read and asked in one tap, and the issuer's answer is not told to it.

// qualifiers (9F66) of a terminal that does qPBOC and contact chips, knows PINs online, and wants a
// cryptogram for the issuer and the cardholder verified.
var qualifiers = []byte{0x34, 0xC0, 0x00, 0x00}

// ErrUseContact: over the antenna the card does not want this transaction.
var ErrUseContact = &Refusal{"the card wants to be inserted", "57"}

// ErrOtherCard: the second tap was another card's.
var ErrOtherCard = &Refusal{"another card is at the antenna", "14"}

// ReadAir reads a card that was held to the antenna. It counts as a transaction of the card, over no
// amount, whose cryptogram is thrown away.
func ReadAir(ctx context.Context, c Card, t Terminal, now time.Time) (*Application, error) {
	a, _, err := tap(ctx, c, t, Transaction{Type: 0x31, Time: now})
	return a, err
}

// Tap reads a card that was held to the antenna and lets it sign in the same moment; it answers field 55.
func Tap(ctx context.Context, c Card, t Terminal, x Transaction) (*Application, []byte, error) {
	a, v, err := tap(ctx, c, t, x)
	if err != nil {
		return nil, nil, err
	}
	f, err := a.answer(x, v)
	return a, f, err
}

// tap gives the transaction to the best application that takes it.
func tap(ctx context.Context, c Card, t Terminal, x Transaction) (*Application, Values, error) {
	a := &Application{link: link{c, false}, terminal: t, air: true}
	list, err := a.nearby(ctx)
	if err != nil {
		return nil, nil, err
	}
	last := error(ErrNoApplication)
	for _, aid := range list {
		v, err := a.quick(ctx, aid, x)
		switch {
		case err == nil:
			a.Name, a.card = v[0x84], v
			return a, v, nil
		case err == ErrBlocked || err == ErrNoApplication || err == ErrUseContact: // the next one
			if last == ErrNoApplication {
				last = err
			}
		default:
			return nil, nil, err
		}
	}
	return nil, nil, last
}

// Air says whether the card was read over the antenna: it must be there for each Request.
func (a *Application) Air() bool { return a.air }

// nearby are the applications of the card's directory, best first.
func (a *Application) nearby(ctx context.Context) ([][]byte, error) {
	fci, sw, err := a.link.command(ctx, [4]byte{0, 0xA4, 4, 0}, []byte("2PAY.SYS.DDF01"), true)
	switch {
	case err != nil:
		return nil, err
	case sw == swBlocked:
		return nil, ErrCardBlocked
	case sw != swOK:
		return nil, ErrNoApplication
	}
	list, err := Parse(unwrap(fci, 0x6F))
	if err != nil {
		return nil, ErrChip
	}
	var entries []Object
	for _, o := range list {
		if o.Tag == 0xA5 {
			entries, err = Parse(unwrap(o.Value, 0xBF0C))
		}
	}
	if err != nil {
		return nil, ErrChip
	}
	out := a.terminal.byPriority(entries)
	if len(out) == 0 {
		return nil, ErrNoApplication
	}
	return out, nil
}

// quick selects an application and gives it the transaction; it answers all that the card said.
func (a *Application) quick(ctx context.Context, aid []byte, x Transaction) (Values, error) {
	fci, sw, err := a.link.command(ctx, [4]byte{0, 0xA4, 4, 0}, aid, true)
	switch {
	case err != nil:
		return nil, err
	case sw == swInvalidated:
		return nil, ErrBlocked
	case sw == swBlocked:
		return nil, ErrCardBlocked
	case sw != swOK:
		return nil, ErrNoApplication
	}
	v := Values{}
	if v.Add(fci) != nil || len(v[0x84]) < 5 || len(v[0x9F38]) == 0 {
		return nil, ErrChip
	}
	pdol, err := Fill(v[0x9F38], a.asks(x))
	if err != nil {
		return nil, ErrChip
	}
	out, sw, err := a.link.command(ctx, [4]byte{0x80, 0xA8, 0, 0}, Append(nil, 0x83, pdol), true)
	switch {
	case err != nil:
		return nil, err
	case sw == swConditions || sw == swUseContact:
		return nil, ErrUseContact
	case sw != swOK || v.Add(out) != nil:
		return nil, ErrChip
	}
	if len(v[0x94]) > 0 {
		if err := a.files(ctx, v); err != nil {
			return nil, err
		}
	}
	if len(v[0x57]) == 0 || len(v[0x82]) != 2 || len(v[0x9F36]) != 2 || len(v[0x9F26]) != 8 || len(v[0x9F10]) < 7 || len(v[0x5F24]) != 3 {
		return nil, ErrChip
	}
	if v[0x9F27] == nil { // some cards leave it to the verification results: bits 6 and 5 of their byte 2
		v[0x9F27] = []byte{v[0x9F10][4] << 2 & 0xC0}
	}
	if len(v[0x9F27]) != 1 {
		return nil, ErrChip
	}
	return v, nil
}

// asks are the values of a transaction over the antenna. The terminal finds nothing out about the card
// before it signs, so that its verification results (95) are zero.
func (a *Application) asks(x Transaction) Values {
	v := a.terminal.values()
	x.into(v)
	v[0x95] = make([]byte, 5)
	if v[0x9F66] == nil {
		v[0x9F66] = qualifiers
	}
	return v
}

// requestAir is Request for a card that is at the antenna.
func (a *Application) requestAir(ctx context.Context, x Transaction) ([]byte, error) {
	got, err := a.quick(ctx, a.Name, x)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(got[0x57], a.card[0x57]) || !bytes.Equal(got[0x5F34], a.card[0x5F34]) {
		return nil, ErrOtherCard
	}
	return a.answer(x, got)
}

// answer is field 55 of what a card said to a transaction; ErrDeclined is a card that refuses.
func (a *Application) answer(x Transaction, got Values) ([]byte, error) {
	if got[0x9F27][0]&0xC0 != arqc {
		return nil, ErrDeclined
	}
	v := a.asks(x)
	for _, t := range []Tag{0x9F27, 0x9F36, 0x9F26, 0x9F10, 0x82, 0x84} {
		v[t] = got[t]
	}
	return field55(v)
}

// Said is what the card said for a tag, nil for nothing.
func (a *Application) Said(t Tag) []byte { return a.card[t] }
