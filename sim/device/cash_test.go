package device_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/sim/device"
	"zhigui/sim/device/lcdm2000"
)

func cash(t *testing.T, c lcdm2000.Config) (*device.Sim, *host) {
	t.Helper()
	if c.Upper.Count == 0 {
		c.Upper = lcdm2000.CassetteConfig{Count: 100, Value: 100}
	}
	if c.Lower.Count == 0 {
		c.Lower = lcdm2000.CassetteConfig{Count: 50, Value: 50}
	}
	s := device.MustStart(t, device.Config{Model: "lcdm2000", Dispenser: &c})
	return s, dial(t, s)
}

func dispenser(s *device.Sim) lcdm2000.View { return s.Physical().(lcdm2000.View) }

// ask sends a host frame with its checksum.
func (h *host) ask(cmd byte, data string) {
	b := append([]byte{0x04, 0x50, 0x02, cmd}, data...)
	b = append(b, 0x03)
	h.send(append(b, xor(b))...)
}

func (h *host) wantReply(cmd byte, data string) {
	h.t.Helper()
	b := append([]byte{0x06, 0x01, 0x50, 0x02, cmd}, data...)
	b = append(b, 0x03)
	h.want(append(b, xor(b[1:]))...)
	h.send(0x06)
}

func xor(b []byte) (x byte) {
	for _, c := range b {
		x ^= c
	}
	return x
}

// req: VD-02
func TestDispensingTenNotesIsTheSpecificationsExample(t *testing.T) {
	s, h := cash(t, lcdm2000.Config{})
	h.send(0x04, 0x50, 0x02, 0x45, 0x31, 0x30, 0x03, 0x11)
	h.want(0x06, 0x01, 0x50, 0x02, 0x45, 0x31, 0x30, 0x31, 0x30, 0x30, 0x30, 0x30, 0x30, 0x03, 0x15)
	h.send(0x06)
	v := dispenser(s)
	if v.Units["upper"].Count != 90 || len(v.Exit) != 1 || v.Exit[0].N != 10 {
		t.Errorf("after the command: %+v", v)
	}
	if got := v.Truth[0].Dispensed; !cmp.Equal(got, map[string]int{"upper": 10}) {
		t.Errorf("truth: %v", got)
	}
	if _, err := s.Do("takeCash", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Do("takeCash", nil); err == nil {
		t.Error("nothing is left to take, yet takeCash works")
	}
}

func TestBothCassettesAnswerInOneFrame(t *testing.T) {
	_, h := cash(t, lcdm2000.Config{})
	h.ask(0x56, "0302")
	h.wantReply(0x56, "03030202000000"[:8]+"0"+"00"+"0000")
	h.ask(0x46, "")
	h.wantReply(0x46, "\x30\x30\xA0\x80")
}
