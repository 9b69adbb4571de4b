package emv_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/sim/device/iccard"
	"zhigui/terminal/internal/emv"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAListOfObjectsIsReadAndWritten(t *testing.T) {
	long := strings.Repeat("AB", 200)
	for text, want := range map[string][]emv.Object{
		"9F2701808201019F3602000A": {{Tag: 0x9F27, Value: []byte{0x80}}, {Tag: 0x82, Value: []byte{1}}, {Tag: 0x9F36, Value: []byte{0, 0x0A}}},
		"0000950100":               {{Tag: 0x95, Value: []byte{0}}},
		"7081C8" + long:            {{Tag: 0x70, Value: unhex(t, long)}},
		"5000DF810C0101":           {{Tag: 0x50, Value: []byte{}}, {Tag: 0xDF810C, Value: []byte{1}}},
	} {
		got, err := emv.Parse(unhex(t, text))
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%.20s: %v %s", text, err, d)
		}
	}
	for _, bad := range []string{"9F", "9F27", "820201", "7080", "70830000010", "82", "DF8181810100"} {
		if len(bad)%2 == 1 {
			bad += "0"
		}
		if _, err := emv.Parse(unhex(t, bad)); !errors.Is(err, emv.ErrTLV) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if err := (emv.Values{}).Add(unhex(t, "70065A01115A0122")); !errors.Is(err, emv.ErrTLV) {
		t.Errorf("a tag that is there twice: %v", err)
	}
}

func TestADataObjectListIsFilledAsTheStandardSays(t *testing.T) {
	v := emv.Values{0x9F02: unhex(t, "000000030000"), 0x9F1A: {0x01, 0x56}, 0x9F4E: []byte("SHOP"), 0x95: unhex(t, "8000048000")}
	for dol, want := range map[string]string{
		"9F02069F1A02": "0000000300000156",
		"9F02049F1A03": "00030000" + "000156",
		"9F4E06":       "53484F500000",
		"9F4E02":       "5348",
		"95059F3704":   "800004800000000000", // 9F37 unknown: zeros
	} {
		got, err := emv.Fill(unhex(t, dol), v)
		if err != nil || fmt.Sprintf("%X", got) != want {
			t.Errorf("%s: %X %v, want %s", dol, got, err, want)
		}
	}
	if _, err := emv.Fill([]byte{0x9F}, v); !errors.Is(err, emv.ErrTLV) {
		t.Error(err)
	}
}

func TestTheProtocolIsThatOfTheAnswerToReset(t *testing.T) {
	for atr, want := range map[string]int{"3B6800005A47": 0, "3BE80000813120455A47": 1, "3B00": 0, "3F6525082205": 0} {
		if got, err := emv.Protocol(unhex(t, atr)); err != nil || got != want {
			t.Errorf("%s: %d %v", atr, got, err)
		}
	}
	for _, atr := range []string{"", "3B", "0000", "3B80", "3B8002"} {
		if _, err := emv.Protocol(unhex(t, atr)); !errors.Is(err, emv.ErrChip) {
			t.Errorf("%s: %v", atr, err)
		}
	}
}

// contact is a virtual chip in a coupler.
type contact struct {
	iccard.Slot
	sent []string
	die  int // after so many commands the chip says nothing
}

func (c *contact) Transmit(_ context.Context, apdu []byte) ([]byte, error) {
	c.sent = append(c.sent, fmt.Sprintf("%X", apdu))
	c.Mute = c.die > 0 && len(c.sent) > c.die
	return c.Slot.Transmit(c.Protocol(), apdu)
}

const track2 = "6225880000000001=49122010000012300000"

func chip(t *testing.T, kind iccard.Chip) (*contact, []byte) {
	t.Helper()
	k, err := iccard.New(t.TempDir(), kind, track2, "ZHANG/SAN")
	if err != nil {
		t.Fatal(err)
	}
	c := &contact{}
	c.Put(k)
	atr, err := c.Power()
	if err != nil {
		t.Fatal(err)
	}
	return c, atr
}

var terminal = emv.Terminal{Serial: "01010001", Name: "ZhiGui"}

func request() emv.Transaction {
	return emv.Transaction{Type: 0x01, Amount: 30000, Counter: 42, Time: time.Date(2026, 11, 22, 10, 15, 30, 0, time.UTC), Unpredictable: [4]byte{0x12, 0x34, 0x56, 0x78}}
}

func TestARequestHasTheFieldOfTheNetwork(t *testing.T) {
	for _, protocol := range []string{"T0", "T1"} {
		c, atr := chip(t, iccard.Chip{Protocol: protocol})
		a, err := emv.Read(t.Context(), c, atr, terminal)
		if err != nil {
			t.Fatal(err)
		}
		if a.Track2() != track2 || a.Sequence() != "001" {
			t.Errorf("%s %s", a.Track2(), a.Sequence())
		}
		f, err := a.Request(t.Context(), request())
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%X", f)
		if len(got) < 22 || got[:6] != "9F2608" {
			t.Fatal(got)
		}
		// All but the cryptogram, whose proof is the bank host's.
		want := "9F270180" + "9F10080701010" + "3A0000001" + "9F370412345678" + "9F36020001" + "95058000048000" + "9A03261122" + "9C0101" + "9F0206000000030000" +
			"5F2A020156" + "82021C00" + "9F1A020156" + "9F0306000000000000" + "9F3303604000" + "9F3403020000" + "9F350114" + "9F1E083031303130303031" +
			"8408A000000333010101" + "9F09020030" + "9F410400000042"
		if d := cmp.Diff(want, got[22:]); d != "" {
			t.Errorf("%s: %s", protocol, d)
		}
	}
}

func TestACardTakesOnlyItsIssuersAnswer(t *testing.T) {
	c, atr := chip(t, iccard.Chip{})
	a, err := emv.Read(t.Context(), c, atr, terminal)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Complete(t.Context(), "00", nil); !errors.Is(err, emv.ErrSequence) {
		t.Error(err)
	}
	for _, x := range []struct {
		name, code, answer string
		want               emv.Result
	}{
		{"no answer", emv.NotOnline, "", emv.Result{ATC: 1}},
		{"approved without a cryptogram", "00", "", emv.Result{ATC: 2}},
		{"approved with a wrong cryptogram", "00", "910A11223344556677883030", emv.Result{Issuer: "failed", ATC: 3}},
		{"declined, a script that fails at its second command", "51", "721286048400000086048400000186048400000F", emv.Result{ATC: 4, Scripts: []byte{0x11}}},
		{"an answer that is no TLV", "00", "9F", emv.Result{ATC: 5}},
	} {
		if _, err := a.Request(t.Context(), request()); err != nil {
			t.Fatal(err)
		}
		got, err := a.Complete(t.Context(), x.code, unhex(t, x.answer))
		if d := cmp.Diff(x.want, got); err != nil || d != "" {
			t.Errorf("%s: %v %s", x.name, err, d)
		}
	}
}

func TestCardsThatCannotPayAreRefusedWithTheReason(t *testing.T) {
	for state, want := range map[string]error{"blocked": emv.ErrBlocked, "dead": emv.ErrCardBlocked, "foreign": emv.ErrNoApplication} {
		c, atr := chip(t, iccard.Chip{State: state})
		if _, err := emv.Read(t.Context(), c, atr, terminal); !errors.Is(err, want) {
			t.Errorf("%s: %v", state, err)
		}
	}
	for expiry, want := range map[string]*emv.Refusal{"2610": emv.ErrExpired, "2611": nil, "4912": nil, "5001": emv.ErrExpired} {
		c, atr := chip(t, iccard.Chip{Expiry: expiry})
		a, err := emv.Read(t.Context(), c, atr, terminal)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Expired(request().Time); got != want {
			t.Errorf("%s: %v", expiry, got)
		}
	}
}

func TestAChipThatDiesAnywhereEndsTheReading(t *testing.T) {
	whole, atr := chip(t, iccard.Chip{})
	a, err := emv.Read(t.Context(), whole, atr, terminal)
	if err == nil {
		_, err = a.Request(t.Context(), request())
	}
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < len(whole.sent); n++ {
		c, atr := chip(t, iccard.Chip{})
		c.die = n
		a, err := emv.Read(t.Context(), c, atr, terminal)
		if err == nil {
			_, err = a.Request(t.Context(), request())
		}
		if !errors.Is(err, emv.ErrChip) || strings.Contains(err.Error(), "6225") {
			t.Errorf("after %d commands: %v", n, err)
		}
	}
}

// liar answers as it is told.
type liar struct{ answers [][]byte }

func (l *liar) Transmit(context.Context, []byte) ([]byte, error) {
	if len(l.answers) == 0 {
		return []byte{0x6A, 0x82}, nil
	}
	out := l.answers[0]
	l.answers = l.answers[1:]
	return out, nil
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte{0x6F, 0x00, 0x90, 0x00}, []byte{0x6F, 0x07, 0x84, 0x05, 1, 2, 3, 4, 5, 0x90, 0x00}, []byte{0x80, 0x06, 0x1C, 0, 8, 1, 1, 0, 0x90, 0x00})
	f.Add([]byte{0x61, 0x00}, []byte{0x61, 0x01}, []byte{0x6C, 0x01})
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		for _, atr := range [][]byte{{0x3B, 0x00}, {0x3B, 0x80, 0x01}} {
			if app, err := emv.Read(t.Context(), &liar{[][]byte{a, b, c, a, b, c}}, atr, terminal); err == nil {
				_ = app.Track2()
				_ = app.Expired(time.Now())
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(unhex(f, "9F2701809F3602000A7081020102"))
	f.Add(unhex(f, "6F0A840101A5055001419F1100"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = emv.Values{}.Add(b)
		_, _ = emv.Fill(b, emv.Values{0x95: {1}})
		list, err := emv.Parse(b)
		if err != nil {
			return
		}
		var out []byte
		for _, o := range list {
			out = emv.Append(out, o.Tag, o.Value)
		}
		again, err := emv.Parse(out)
		if err != nil || len(again) != len(list) {
			t.Fatalf("% X: %v", out, err)
		}
		for i := range list {
			if again[i].Tag != list[i].Tag || !bytes.Equal(again[i].Value, list[i].Value) {
				t.Fatalf("% X", out)
			}
		}
	})
}
