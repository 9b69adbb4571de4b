package omron3s4yr

import (
	"testing"

	"zhigui/sim/device/crt350n"
)

func feed(b []byte) func() (byte, bool) {
	return func() (byte, bool) {
		if len(b) == 0 {
			return 0, false
		}
		c := b[0]
		b = b[1:]
		return c, true
	}
}

// The command is the one of the specification's rule, computed by hand.
func TestStatusSenseIsHeardAndANoCardAnswerHasItsChecksum(t *testing.T) {
	if h, text, _ := decode(feed([]byte("\x02C10\x10\x03\x41"))); h != command || text != "C10" {
		t.Errorf("%v %q", h, text)
	}
	if got := string(encode("P1000")); got != "\x10\x02P1000\x10\x03\x52" {
		t.Errorf("% X", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x02C10\x10\x03\x41"))
	f.Add([]byte("\x02\x10\x10\x10\x03"))
	f.Add([]byte("\x05"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, text, _ := decode(feed(b))
		if h != command {
			return
		}
		if again, back, _ := decode(feed(encode(text)[1:])); again != command || back != text {
			t.Errorf("%q does not survive", text)
		}
	})
}

// Every way in which the mechanics fail to decode a track has a number of this maker.
func TestEveryDamagedTrackHasAnErrorOfTheMaker(t *testing.T) {
	raw, _ := crt350n.EncodeTrack(2, "6225880000000001=4912")
	for _, how := range []string{"start", "end", "lrc", "parity", "blank"} {
		_, code := crt350n.DecodeTrack(2, crt350n.Damage(2, raw, how))
		if readError[code] == "" {
			t.Errorf("%s (%s) has none", how, code)
		}
	}
}
