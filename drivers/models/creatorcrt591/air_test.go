package creatorcrt591

import (
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"zhigui/drivers/api/card"
)

func TestAnActivationIsReadAsTheTextHasIt(t *testing.T) {
	for _, x := range []struct{ name, answer, protocol, id string }{
		{"type A", "41" + "0004" + "04" + "08112233" + "20" + "0578807002", card.TypeA, "0578807002"},
		{"type A with a parameter byte", "41" + "0004" + "04" + "08112233" + "20" + "0578807002" + "11", card.TypeA, "0578807002"},
		{"type A, seven bytes of UID", "41" + "0044" + "07" + "04112233445566" + "20" + "0278", card.TypeA, "0278"},
		{"type B", "42" + "50112233440000000033818100"[:24], card.TypeB, "501122334400000000338181"},
	} {
		b, err := hex.DecodeString(x.answer)
		if err != nil {
			t.Fatal(err)
		}
		protocol, id, err := activated(b)
		if err != nil || protocol != x.protocol || fmt.Sprintf("%X", id) != x.id {
			t.Errorf("%s: %s %X %v", x.name, protocol, id, err)
		}
	}
	for _, x := range []struct {
		answer string
		want   error
	}{{"", errAirLen}, {"4D0004040102030408", errNoAPDU}, {"41", errAirLen}, {"410004050102030405", errAirLen}, {"41000404010203042006", errAirLen}, {"410004040102030420", errAirLen},
		{"4250", errAirLen}, {"58", errAirLen}} {
		b, _ := hex.DecodeString(x.answer)
		if _, _, err := activated(b); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", x.answer, err)
		}
	}
}

func FuzzActivated(f *testing.F) {
	for _, s := range []string{"410004040811223320057880700211", "42501122334400000000338181", "4D0004040102030408", "41FFFFFF"} {
		b, _ := hex.DecodeString(s)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		protocol, id, err := activated(b)
		if (err == nil) != (protocol != "" && len(id) > 0) {
			t.Fatalf("%X: %s %X %v", b, protocol, id, err)
		}
	})
}
