package emv_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/sim/device/iccard"
	"zhigui/terminal/internal/emv"
)

// antenna is a virtual card that is held to an antenna.
type antenna struct {
	*iccard.Card
	sent []string
	die  int // after so many commands the card is gone
}

func (a *antenna) Transmit(_ context.Context, apdu []byte) ([]byte, error) {
	a.sent = append(a.sent, fmt.Sprintf("%X", apdu))
	if a.die > 0 && len(a.sent) > a.die {
		return nil, errors.New("gone")
	}
	return a.Command(apdu), nil
}

func tapped(t *testing.T, kind iccard.Chip, stripe string) *antenna {
	t.Helper()
	k, err := iccard.New(t.TempDir(), kind, stripe, "ZHANG/SAN")
	if err != nil {
		t.Fatal(err)
	}
	a := &antenna{Card: k}
	a.again(t)
	return a
}

// again takes the card away and holds it there once more.
func (a *antenna) again(t *testing.T) {
	t.Helper()
	if _, err := a.Select(); err != nil {
		t.Fatal(err)
	}
}

// whole is how many commands a reading and a request take: PPSE, AID, GPO, a record; AID, GPO, a record.
const whole = 7

func TestATapTellsTheCardAndTheNextOneSignsTheAmount(t *testing.T) {
	c := tapped(t, iccard.Chip{}, track2)
	a, err := emv.ReadAir(t.Context(), c, terminal, request().Time)
	if err != nil {
		t.Fatal(err)
	}
	if a.Track2() != track2 || a.Sequence() != "001" || !a.Air() || a.Expired(request().Time) != nil {
		t.Errorf("%s %s %v", a.Track2(), a.Sequence(), a.Expired(request().Time))
	}
	c.again(t)
	f, err := a.Request(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%X", f)
	if len(got) < 22 || got[:6] != "9F2608" {
		t.Fatal(got)
	}
	// All but the cryptogram, whose proof is the bank host's. The reading counted as transaction 1.
	want := "9F270180" + "9F100807010103A0000001" + "9F370412345678" + "9F36020002" + "95050000000000" + "9A03261122" + "9C0101" + "9F0206000000030000" +
		"5F2A020156" + "82020000" + "9F1A020156" + "9F0306000000000000" + "9F3303604000" + "9F3403020000" + "9F350114" + "9F1E083031303130303031" +
		"8408A000000333010101" + "9F09020030" + "9F410400000042"
	if d := cmp.Diff(want, got[22:]); d != "" {
		t.Error(d)
	}
	if _, err := a.Complete(t.Context(), "00", nil); !errors.Is(err, emv.ErrSequence) {
		t.Errorf("a card over the antenna is told nothing: %v", err)
	}
	if len(c.sent) != whole {
		t.Errorf("%d commands: %v", len(c.sent), c.sent)
	}
}

func TestAnotherCardAtTheSecondTapSignsNothing(t *testing.T) {
	a, err := emv.ReadAir(t.Context(), tapped(t, iccard.Chip{}, track2), terminal, request().Time)
	if err != nil {
		t.Fatal(err)
	}
	other := tapped(t, iccard.Chip{}, strings.Replace(track2, "0001=", "0002=", 1))
	if _, err := emv.Elsewhere(a, other).Request(t.Context(), request()); !errors.Is(err, emv.ErrOtherCard) {
		t.Error(err)
	}
}

func TestCardsThatCannotPayByATapAreRefusedWithTheReason(t *testing.T) {
	for state, want := range map[string]error{"blocked": emv.ErrBlocked, "dead": emv.ErrCardBlocked, "foreign": emv.ErrNoApplication} {
		if _, err := emv.ReadAir(t.Context(), tapped(t, iccard.Chip{State: state}, track2), terminal, request().Time); !errors.Is(err, want) {
			t.Errorf("%s: %v", state, err)
		}
	}
	a, err := emv.ReadAir(t.Context(), tapped(t, iccard.Chip{Expiry: "2001"}, track2), terminal, request().Time)
	if err != nil || a.Expired(request().Time) != emv.ErrExpired {
		t.Errorf("%v", err)
	}
}

func TestACardThatLeavesTheAntennaAnywhereEndsTheReading(t *testing.T) {
	for n := 1; n < whole; n++ {
		c := tapped(t, iccard.Chip{}, track2)
		c.die = n
		a, err := emv.ReadAir(t.Context(), c, terminal, request().Time)
		if err == nil {
			_, err = a.Request(t.Context(), request())
		}
		if !errors.Is(err, emv.ErrChip) || strings.Contains(err.Error(), "6225") {
			t.Errorf("after %d commands: %v", n, err)
		}
	}
}

func FuzzAirAnswers(f *testing.F) {
	f.Add(unhex(f, "6F10840E325041592E5359532E4444463031A500BF0C009000"), unhex(f, "6F07840501020304059000"), unhex(f, "770082020000"))
	k, _ := iccard.New(f.TempDir(), iccard.Chip{}, track2, "X")
	_, _ = k.Select()
	ppse := k.Command(unhex(f, "00A404000E325041592E5359532E444446303100"))
	fci := k.Command(unhex(f, "00A4040008A00000033301010100"))
	f.Add(ppse, fci, unhex(f, "770E8202000094041001010057029F369000"))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		if app, err := emv.ReadAir(t.Context(), &liar{[][]byte{a, b, c, c, c}}, terminal, request().Time); err == nil {
			_, _ = app.Track2(), app.Sequence()
			_ = app.Expired(request().Time)
			_, _ = app.Request(t.Context(), request())
		}
	})
}

func TestATransactionIsTakenOutOfDataObjects(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	x, err := emv.TransactionOf(unhex(t, "9F0206000000010050"+"9C0131"+"9A03261123"+"9F2103101530"+"9F370401020304"+"9F410400000042"), now)
	want := emv.Transaction{Type: 0x31, Amount: 10050, Counter: 42, Time: time.Date(2026, 11, 23, 10, 15, 30, 0, time.UTC), Unpredictable: [4]byte{1, 2, 3, 4}}
	if d := cmp.Diff(want, x); err != nil || d != "" {
		t.Error(err, d)
	}
	for _, bad := range []string{"", "9F", "9F0205000000010", "9F02060000000100AA", "9F02060000000100009A03991399", "9F0206000000010000" + "9F4102AAAA"} {
		if len(bad)%2 == 1 {
			bad += "0"
		}
		if x, err := emv.TransactionOf(unhex(t, bad), now); err == nil {
			t.Errorf("%s: %+v", bad, x)
		}
	}
}

func FuzzTransactionOf(f *testing.F) {
	f.Add(unhex(f, "9F0206000000010050"+"9C0131"+"9A03261123"+"9F2103101530"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if x, err := emv.TransactionOf(b, time.Now()); err == nil && x.Amount < 0 {
			t.Error(x)
		}
	})
}
