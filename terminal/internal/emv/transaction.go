package emv

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Transaction is what the terminal asks the card to sign.
type Transaction struct {
	Type          byte   // 9C, the first two digits of the processing code
	Amount        int64  // minor units
	Counter       uint32 // 9F41
	Time          time.Time
	Unpredictable [4]byte
}

// TransactionOf takes a transaction out of data objects: 9F02 must be there; 9C, 9A with 9F21, 9F37 and
// 9F41 may be. What is not is a purchase, at now, with a number of its own.
func TransactionOf(data []byte, now time.Time) (Transaction, error) {
	v := Values{}
	if err := v.Add(data); err != nil {
		return Transaction{}, err
	}
	x := Transaction{Time: now}
	_, _ = rand.Read(x.Unpredictable[:])
	number := func(t Tag, n int, to *int64) error {
		if len(v[t]) != n {
			return fmt.Errorf("emv: %X is not of %d bytes", uint32(t), n)
		}
		var err error
		*to, err = strconv.ParseInt(hex.EncodeToString(v[t]), 10, 64)
		return err
	}
	if err := number(0x9F02, 6, &x.Amount); err != nil {
		return x, err
	}
	if v[0x9F41] != nil {
		var n int64
		if err := number(0x9F41, 4, &n); err != nil {
			return x, err
		}
		x.Counter = uint32(n)
	}
	if b := v[0x9C]; len(b) == 1 {
		x.Type = b[0]
	}
	if b := v[0x9F37]; len(b) == 4 {
		x.Unpredictable = [4]byte(b)
	}
	if v[0x9A] != nil {
		t, err := time.ParseInLocation("060102150405", hex.EncodeToString(v[0x9A])+hex.EncodeToString(v[0x9F21]), now.Location())
		if err != nil {
			return x, errors.New("emv: 9A and 9F21 are no date and time")
		}
		x.Time = t
	}
	return x, nil
}

// Tags is field 55 of a request, in this order.
var Tags = []Tag{0x9F26, 0x9F27, 0x9F10, 0x9F37, 0x9F36, 0x95, 0x9A, 0x9C, 0x9F02, 0x5F2A, 0x82, 0x9F1A, 0x9F03, 0x9F33, 0x9F34, 0x9F35, 0x9F1E, 0x84, 0x9F09, 0x9F41}

// Kinds of cryptogram, CID & C0.
const (
	aac  = 0x00
	tc   = 0x40
	arqc = 0x80
)

// ErrDeclined: the card itself refuses the transaction.
var ErrDeclined = errors.New("emv: the card declines")

// ErrSequence: there is no request that an answer could be for.
var ErrSequence = errors.New("emv: no request is open")

func digits(format string, v any) []byte {
	b, _ := hex.DecodeString(fmt.Sprintf(format, v))
	return b
}

// Request begins a transaction and asks the card for a request cryptogram; it answers field 55.
// ErrDeclined is a card that refuses.
func (a *Application) Request(ctx context.Context, x Transaction) ([]byte, error) {
	if a.air {
		return a.requestAir(ctx, x)
	}
	if a.used {
		if err := a.open(ctx, a.Name); err != nil {
			return nil, err
		}
	}
	a.used = true
	v := a.terminal.values()
	x.into(v)
	v[0x95] = []byte{0x80, 0, 0x04, 0x80, 0} // no offline authentication; PIN entered, online; above the floor limit
	switch a.Expired(x.Time) {
	case ErrExpired:
		v[0x95][1] |= 0x40
	case ErrNotYet:
		v[0x95][1] |= 0x20
	}
	out, err := a.generate(ctx, arqc, 0x8C, v)
	if err != nil {
		return nil, err
	}
	if out[0x9F27][0]&0xC0 != arqc {
		return nil, ErrDeclined
	}
	a.sent, a.waiting = v, true
	v[0x82], v[0x84] = a.card[0x82], a.Name
	for t, b := range out {
		v[t] = b
	}
	return field55(v)
}

// into adds what the transaction is about.
func (x Transaction) into(v Values) {
	v[0x9F02], v[0x9F03] = digits("%012d", x.Amount), make([]byte, 6)
	v[0x9A], v[0x9F21], v[0x9C] = digits("%s", x.Time.Format("060102")), digits("%s", x.Time.Format("150405")), []byte{x.Type}
	v[0x9F37], v[0x9F41] = x.Unpredictable[:], digits("%08d", x.Counter)
}

// field55 is what a request says of the chip.
func field55(v Values) ([]byte, error) {
	var f []byte
	for _, t := range Tags {
		if b := v[t]; b != nil {
			f = Append(f, t, b)
		}
	}
	if len(f) > 255 {
		return nil, ErrChip
	}
	return f, nil
}

// generate is GENERATE AC; it answers 9F27, 9F36, 9F26 and 9F10.
func (a *Application) generate(ctx context.Context, kind byte, list Tag, v Values) (Values, error) {
	body, err := Fill(a.card[list], v)
	if err != nil {
		return nil, ErrChip
	}
	out, sw, err := a.link.command(ctx, [4]byte{0x80, 0xAE, kind, 0}, body, true)
	if err != nil {
		return nil, err
	}
	if sw != swOK {
		return nil, ErrChip
	}
	got := Values{}
	if b := unwrap(out, 0x80); len(b) >= 11 {
		got[0x9F27], got[0x9F36], got[0x9F26] = b[:1], b[1:3], b[3:11]
		if len(b) > 11 {
			got[0x9F10] = b[11:]
		}
	} else if got.Add(out) != nil {
		return nil, ErrChip
	}
	if len(got[0x9F27]) != 1 || len(got[0x9F36]) != 2 || len(got[0x9F26]) != 8 {
		return nil, ErrChip
	}
	return got, nil
}

// NotOnline is the code (8A) that the terminal makes itself: the issuer was not reached.
const NotOnline = "Z3"

// Result is how the card took the answer.
type Result struct {
	Approved bool   // the card gave a transaction certificate
	Issuer   string // issuer authentication: "", good, failed
	Scripts  []byte // DF31: one byte for each script, 2x all commands run, 1x one failed (x: which)
	ATC      uint16
}

// Complete tells the card what the issuer answered: its response code (NotOnline when there was no
// answer) and the answer's field 55 with issuer authentication data (91) and scripts (71, 72).
func (a *Application) Complete(ctx context.Context, code string, answer []byte) (Result, error) {
	if !a.waiting {
		return Result{}, ErrSequence
	}
	a.waiting = false
	list, err := Parse(answer)
	if err != nil || len(code) != 2 {
		list, code = nil, NotOnline // an answer that cannot be read is none
	}
	var r Result
	v := a.sent
	v[0x8A] = []byte(code)
	for _, o := range list {
		if o.Tag != 0x91 || len(o.Value) < 8 || len(o.Value) > 16 || a.card[0x82][0]&0x04 == 0 || r.Issuer != "" {
			continue
		}
		_, sw, err := a.link.command(ctx, [4]byte{0, 0x82, 0, 0}, o.Value, false)
		if err != nil {
			return r, err
		}
		r.Issuer = "good"
		if sw != swOK {
			r.Issuer = "failed"
			v[0x95][4] |= 0x40
		}
	}
	if err := a.scripts(ctx, list, 0x71, &r); err != nil {
		return r, err
	}
	kind := byte(aac)
	if code == "00" {
		kind = tc
	}
	out, err := a.generate(ctx, kind, 0x8D, v)
	if err != nil {
		return r, err
	}
	r.Approved, r.ATC = out[0x9F27][0]&0xC0 == tc, binary.BigEndian.Uint16(out[0x9F36])
	return r, a.scripts(ctx, list, 0x72, &r)
}

// scripts runs the issuer's commands (86) of one template, until one of a script fails.
func (a *Application) scripts(ctx context.Context, list []Object, template Tag, r *Result) error {
	for _, s := range list {
		if s.Tag != template {
			continue
		}
		commands, err := Parse(s.Value)
		if err != nil {
			r.Scripts = append(r.Scripts, 0x00)
			continue
		}
		n, result := byte(0), byte(0x20)
		for _, c := range commands {
			if c.Tag != 0x86 || len(c.Value) < 4 {
				continue
			}
			n++
			le := len(c.Value) < 6
			var head [4]byte
			copy(head[:], c.Value)
			var body []byte
			if !le {
				body = c.Value[5:]
			}
			_, sw, err := a.link.command(ctx, head, body, le)
			if err != nil {
				return err
			}
			if sw != swOK && sw>>8 != 0x62 && sw>>8 != 0x63 {
				result = 0x10 | min(n, 15)
				break
			}
		}
		r.Scripts = append(r.Scripts, result)
	}
	return nil
}
