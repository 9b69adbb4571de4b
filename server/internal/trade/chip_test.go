package trade_test

import (
	"encoding/hex"
	"fmt"
	"testing"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
)

// field55 is what a good demo card with counter 3 and sequence number 1 signs for amount.
func field55(t *testing.T, pan string, amount int64) []byte {
	t.Helper()
	unhex := func(s string) []byte { b, err := hex.DecodeString(s); must(t, err); return b }
	issuer, err := paycrypto.NewKey(paycrypto.DES, unhex("0123456789ABCDEFFEDCBA9876543210"))
	must(t, err)
	card, err := paycrypto.CardKey(issuer, pan, 1)
	must(t, err)
	session, err := paycrypto.ChipSession(card, [8]byte{0, 3})
	must(t, err)
	sum := fmt.Sprintf("%012d", amount)
	ac, err := paycrypto.Cryptogram(session, unhex(sum+"000000000000"+"0156"+"8000048000"+"0156"+"261122"+"01"+"A1B2C3D4"+"1C00"+"0003"+"03A00000"))
	must(t, err)
	return unhex(fmt.Sprintf("9F2608%X", ac) + "9F270180" + "9F100807010103A0000001" + "9F3704A1B2C3D4" + "9F36020003" + "95058000048000" + "9A03261122" + "9C0101" +
		"9F0206" + sum + "5F2A020156" + "82021C00" + "9F1A020156" + "9F0306000000000000")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAChipsCryptogramTravelsToTheHostAndItsAnswerBack(t *testing.T) {
	for id, zone := range map[string]string{"00000001": trade.Zone3DES, "00000002": trade.ZoneSM4} {
		r := newRig(t, zone == trade.ZoneSM4, trade.Options{})
		x := r.terminal(id, zone)
		before := r.balance(card5)
		for _, c := range []struct {
			name  string
			bend  int // which byte of field 55, -1 none
			money int64
			want  string
		}{{"good", -1, 30000, "00"}, {"a bit of the cryptogram", 3, 30000, "82"}, {"another amount", -1, 40000, "82"}} {
			q := x.request("010000", card5, "123456", c.money)
			f := field55(t, card5, 30000)
			if c.bend >= 0 {
				f[c.bend] ^= 1
			}
			_ = q.SetString(22, "051")
			_ = q.SetString(23, "001")
			must(t, q.Set(55, f))
			a := x.do(q, true)
			if a.String(39) != c.want {
				t.Fatalf("zone %s, %s: %s", zone, c.name, a.Describe())
			}
			if got := a.Get(55); (c.want == "00") != (len(got) == 12 && got[0] == 0x91 && string(got[10:]) == "00") {
				t.Errorf("%s: answer %X", c.name, got)
			}
			if again := x.do(q, true); string(again.Get(55)) != string(a.Get(55)) || again.String(39) != c.want {
				t.Errorf("%s: the repeat is answered otherwise", c.name)
			}
			if s := r.txn(x, q).State; (s == store.Approved) != (c.want == "00") {
				t.Errorf("%s: state %s", c.name, s)
			}
		}
		if got := before - r.balance(card5); got != 30000 {
			t.Errorf("booked %d", got)
		}
		if v := r.bank.Check(); !v.OK {
			t.Error(v)
		}
	}
}
