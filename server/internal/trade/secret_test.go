package trade_test

import (
	"bytes"
	"testing"

	"zhigui/server/api/message"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
)

// enclose encrypts fields of m as a PIN pad does.
func (x *term) enclose(m *message.Message, names ...string) {
	x.t.Helper()
	fields, err := x.d.Enclosed(names)
	if err != nil {
		x.t.Fatal(err)
	}
	n := x.tdk.BlockSize()
	secret, err := x.tdk.CBC(nil, make([]byte, n), m.Plain(nil, fields, n), false)
	if err != nil {
		x.t.Fatal(err)
	}
	if err := m.Enclose(fields, secret); err != nil {
		x.t.Fatal(err)
	}
}

func (x *term) disclose(m *message.Message) {
	x.t.Helper()
	n := x.tdk.BlockSize()
	plain, err := x.tdk.CBC(nil, make([]byte, n), m.Envelope(), true)
	if err != nil {
		x.t.Fatal(err)
	}
	if err := m.Disclose(plain, n); err != nil {
		x.t.Fatal(err)
	}
}

// req: TX-28 TX-29
func TestAnIdentityAndATrackTravelEncryptedInBothZones(t *testing.T) {
	for _, names := range [][]string{{"private", "track2"}, {message.EncloseAll}} {
		for _, zone := range []string{trade.Zone3DES, trade.ZoneSM4} {
			r := newRigOf(&rig{t: t, dir: t.TempDir(), secret: names})
			x := r.terminal("00000001", zone)
			w := x.request("010000", card1, "123456", 10000) // for a line on the statement
			x.enclose(w, names...)
			if a := x.do(w, true); a.String(39) != "00" {
				t.Fatal(a.Describe())
			}
			q := x.request("380000", card1, "123456", 0)
			x.enclose(q, names...)
			frame, _, _ := q.Pack(nil)
			if bytes.Contains(frame, []byte{0x62, 0x25}) || q.Has(35) {
				t.Error("the card's number is on the line")
			}
			a := x.do(q, true)
			if a.String(39) != "00" || a.Envelope() == nil || bytes.Contains(a.Get(62), []byte("|D|10000|")) {
				t.Fatalf("%s, %s: %s", zone, names, a.Describe())
			}
			again := x.do(q, true) // the same request again: the same answer, encrypted anew
			if bytes.Equal(again.Get(62), a.Get(62)) {
				t.Error("two answers are encrypted alike")
			}
			x.disclose(a)
			x.disclose(again)
			if !bytes.Equal(again.Get(62), a.Get(62)) || !bytes.Contains(a.Get(62), []byte("|D|10000|")) {
				t.Error("the answer's lines")
			}
			if got := r.txn(x, q); got.State != store.Confirmed {
				t.Error(got.State)
			}
			r.stop()
		}
	}
}

// req: TX-28
func TestAFieldThatMustBeEncryptedIsRefusedInTheClear(t *testing.T) {
	r := newRigOf(&rig{t: t, dir: t.TempDir(), secret: []string{"private", "track2"}})
	x := r.terminal("00000001", trade.Zone3DES)
	if a := x.do(x.request("310000", card1, "123456", 0), true); a.String(39) != "30" {
		t.Errorf("a track in the clear: %s", a.String(39))
	}
	q := x.request("310000", card1, "123456", 0)
	x.enclose(q, "private", "track2")
	bad := append([]byte(nil), q.Get(62)...)
	bad[len(bad)-1] ^= 1
	_ = q.Set(62, bad)
	if a := x.do(q, true); a.String(39) != "30" {
		t.Errorf("an envelope that does not open: %s", a.String(39))
	}
	m := x.msg("0800", "")
	_ = m.SetString(60, "00000001003")
	if a := x.do(m, false); a.String(39) != "30" {
		t.Errorf("a sign-in without a data key: %s", a.String(39))
	}
}

func TestAChannelMayServeTheOldLayoutBesideTheNew(t *testing.T) {
	r := newRigOf(&rig{t: t, dir: t.TempDir(), secret: []string{"private", "track2"}, clear: true})
	x := r.terminal("00000001", trade.Zone3DES)
	x.data = false
	x.signIn()
	if a := x.do(x.request("310000", card1, "123456", 0), true); a.String(39) != "00" || a.Envelope() != nil {
		t.Errorf("in the clear: %s", a.Describe())
	}
	x.data = true
	x.signIn()
	q := x.request("380000", card1, "123456", 0)
	x.enclose(q, "private", "track2")
	if a := x.do(q, true); a.String(39) != "00" {
		t.Errorf("encrypted: %s", a.String(39))
	}
}
