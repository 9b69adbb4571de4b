package device_test

import (
	"bytes"
	"errors"
	"testing"

	"zhigui/sim/device"
	"zhigui/sim/device/crt350n"
)

const track2 = "6225880000000001=49122010000012300000"

func reader(t *testing.T, c crt350n.Config) (*device.Sim, *host) {
	t.Helper()
	c.Cards = device.DemoCards()
	s := device.MustStart(t, device.Config{Model: "crt350n", Reader: &c})
	return s, dial(t, s)
}

func readerView(s *device.Sim) crt350n.View { return s.Physical().(crt350n.View) }

// xmodem is the CRC bit by bit, written from the definition.
func xmodem(b []byte) (c uint16) {
	for _, x := range b {
		for i := 7; i >= 0; i-- {
			top := c>>15 != 0
			c = c<<1 | uint16(x>>i&1)
			if top {
				c ^= 0x1021
			}
		}
	}
	for range 16 {
		top := c>>15 != 0
		c <<= 1
		if top {
			c ^= 0x1021
		}
	}
	return c
}

func f2(text string) []byte {
	b := append([]byte{0xF2, byte(len(text) >> 8), byte(len(text))}, text...)
	c := xmodem(b)
	return append(b, byte(c>>8), byte(c))
}

func (h *host) text(cmd, want string) {
	h.t.Helper()
	h.send(f2(cmd)...)
	h.want(append([]byte{0x06}, f2(want)...)...)
	h.send(0x06)
}

// req: VD-02
func TestTheReaderSaysB0UntilInitialised(t *testing.T) {
	_, h := reader(t, crt350n.Config{Firmware: "V1"})
	h.send(0xF2, 0x00, 0x03, 0x43, 0x31, 0x30, 0xC5, 0x2A)
	h.want(0x06, 0xF2, 0x00, 0x05, 0x4E, 0x31, 0x30, 0x42, 0x30, 0x9D, 0xEF)
	h.send(0x06)
	h.send(0xF2, 0x00, 0x0C, 0x43, 0x30, 0x30, 0x33, 0x32, 0x34, 0x31, 0x30, 0x30, 0x31, 0x30, 0x30, 0x67, 0xA7)
	h.want(append([]byte{0x06}, f2("P0000V1")...)...)
	h.send(0x06)
	h.text("C10", "P1000")
}

// req: VD-26 VD-20
func TestACardGoesInOnlyAfterAnInsertCommand(t *testing.T) {
	s, h := reader(t, crt350n.Config{Firmware: "V1"})
	insert := device.Args{"card": "demo-1"}
	var conflict *device.Conflict
	if _, err := s.Do("insertCard", insert); !errors.As(err, &conflict) {
		t.Fatalf("inserted without a command: %v", err)
	}
	h.text("C03324100100", "P0300V1")
	h.text("C:0", "P:000")
	st, err := s.Do("insertCard", insert)
	if err != nil || st.Physical.(crt350n.View).CanInsert {
		t.Fatalf("after inserting: %v, %+v", err, st.Physical)
	}
	h.send(f2("C10")...)
	h.want(0x06, 0xF2, 0x00, 0x05, 0x50, 0x31, 0x30, 0x30, 0x32, 0x18, 0x64)
	h.send(0x06)
	h.text("C62", "P6202"+track2)
	h.text("C63", "N6323")
	h.text("C65", "P6502B6225880000000001^ZHANG/SAN^49122010000012300000~"+track2+"~")
	for _, f := range s.Trace() {
		if bytes.Contains([]byte(f.Decoded), []byte("6225880000000001")) {
			t.Errorf("the trace shows an account number: %+v", f)
		}
	}
}

// req: VD-15 VD-16
func TestACardNotTakenStaysAtTheMouth(t *testing.T) {
	s, h := reader(t, crt350n.Config{Firmware: "V1"})
	h.text("C07324100100", "P0700V1")
	h.text("C:0", "P:000")
	if _, err := s.Do("insertCard", device.Args{"card": "demo-2"}); err != nil {
		t.Fatal(err)
	}
	h.text("C:1", "P:102")
	h.text("C30", "P3001")
	if _, err := s.Do("notTakeCard", nil); err != nil || readerView(s).Position != crt350n.Mouth {
		t.Fatalf("not taken: %v, %+v", err, readerView(s))
	}
	h.text("C31", "P3100")
	h.text("CC0", "PC0000001")
	if v := readerView(s); v.Counter != 1 || len(v.Bin) != 1 || v.Position != crt350n.Outside {
		t.Errorf("after the capture: %+v", v)
	}
}

// req: VD-28 VD-27 UX-37
func TestError1283ArmedBeforeTheEjectIsReturnedByIt(t *testing.T) {
	s, h := reader(t, crt350n.Config{Firmware: "V1"})
	h.text("C03324100100", "P0300V1")
	h.text("C:0", "P:000")
	if _, err := s.Do("insertCard", device.Args{"card": "demo-1"}); err != nil {
		t.Fatal(err)
	}
	if err := s.ArmFault(device.FaultSpec{Code: "1283", Stage: device.BeforeMotion, Times: 1}); err != nil {
		t.Fatal(err)
	}
	h.text("C10", "P1002") // not an eject: the fault waits
	h.text("C30", "N3010")
	if f := s.State().Fired; len(f) != 1 || f[0].Code != "1283" || f[0].Name != "card jammed on eject" {
		t.Errorf("fired %+v", f)
	}
	h.text("C30", "P3001")
	if _, err := s.Do("takeCard", nil); err != nil {
		t.Fatal(err)
	}
	h.text("C10", "P1000")
}

// req: VD-22 VD-23
func TestCardsWithoutAStripeCannotBeRead(t *testing.T) {
	for name, args := range map[string]device.Args{"an invalid card": {"card": "x", "invalid": true}, "an IC card without stripe": {"ic": true, "mag": false}} {
		t.Run(name, func(t *testing.T) {
			s, h := reader(t, crt350n.Config{Firmware: "V1"})
			h.text("C03324100100", "P0300V1")
			h.text("C:0", "P:000")
			if _, err := s.Do("insertCard", args); err != nil {
				t.Fatal(err)
			}
			h.text("C62", "N6224")
		})
	}
}

func TestANakBringsTheSameResponseAgainAndABadFrameANak(t *testing.T) {
	_, h := reader(t, crt350n.Config{})
	h.send(f2("C10")...)
	h.want(append([]byte{0x06}, f2("N10B0")...)...)
	h.send(0x15)
	h.want(f2("N10B0")...)
	h.send(0x06)
	bad := f2("C10")
	bad[4] ^= 1
	h.send(bad...)
	h.want(0x15)
}

func TestATimedIntakeEndsWithACardOrWithDLEEOT(t *testing.T) {
	s, h := reader(t, crt350n.Config{Firmware: "V1"})
	h.text("C03324100100", "P0300V1")
	h.send(f2("C20")...)
	h.want(0x06)
	wait(t, s, "the prompt", func(st device.State) bool { return st.Prompt == "insertCard" })
	h.send(0x10, 0x04)
	h.want(0x10, 0x04)
	h.send(f2("C20")...)
	h.want(0x06)
	wait(t, s, "the prompt", func(st device.State) bool { return st.Prompt == "insertCard" })
	if _, err := s.Do("insertCard", device.Args{"card": "demo-1"}); err != nil {
		t.Fatal(err)
	}
	h.want(f2("P2002")...)
}

// req: UX-39
func TestAPowerCutKeepsOrEjectsTheCardAsConfigured(t *testing.T) {
	for restore, want := range map[string]crt350n.Position{"keep": crt350n.Inside, "eject": crt350n.Mouth} {
		t.Run(restore, func(t *testing.T) {
			s, h := reader(t, crt350n.Config{Firmware: "V1", Restore: restore})
			h.text("C03324100100", "P0300V1")
			h.text("C:0", "P:000")
			if _, err := s.Do("insertCard", device.Args{"card": "demo-1"}); err != nil {
				t.Fatal(err)
			}
			s.PowerCut()
			s.PowerRestore()
			wait(t, s, "the card", func(st device.State) bool { return st.Physical.(crt350n.View).Position == want })
			h.text("C10", "N10B0")
		})
	}
}

// req: VD-30
func TestCardsAreAddedChangedDeletedAndKept(t *testing.T) {
	s, _ := reader(t, crt350n.Config{})
	for _, a := range []device.Args{{"name": "new", "track2": "123=456"}, {"name": "new", "track2": "789=1"}} {
		if _, err := s.Do("saveCard", a); err != nil {
			t.Fatal(err)
		}
	}
	v := readerView(s)
	if c := v.Cards[len(v.Cards)-1]; len(v.Cards) != 6 || c.Track2 != "789=1" {
		t.Errorf("cards %+v", v.Cards)
	}
	var bad *device.ArgError
	if _, err := s.Do("saveCard", device.Args{"name": "worse", "track2": "ABC"}); !errors.As(err, &bad) {
		t.Errorf("letters on track 2: %v", err)
	}
	if _, err := s.Do("deleteCard", device.Args{"name": "new"}); err != nil || len(readerView(s).Cards) != 5 {
		t.Errorf("delete: %v", err)
	}
}

// req: VD-29
func TestStatusChangesByNamedValuesOnly(t *testing.T) {
	s, h := reader(t, crt350n.Config{Firmware: "V1"})
	h.text("C03324100100", "P0300V1")
	if _, err := s.Do("setStatus", device.Args{"name": "sensor", "value": "gate"}); err != nil {
		t.Fatal(err)
	}
	h.text("C10", "P1001")
	if _, err := s.Do("setStatus", device.Args{"name": "sensor", "value": "7"}); err == nil {
		t.Error("a value that has no name was accepted")
	}
}
