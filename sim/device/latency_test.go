package device_test

import (
	"strings"
	"testing"
	"time"

	"zhigui/sim/device"
	"zhigui/sim/device/engine"
)

// The answer waits exactly the time of its command, and an action changes it at once.
func TestAnAnswerComesAsLateAsItsCommandSays(t *testing.T) {
	clock := engine.NewManualClock()
	s := device.MustStart(t, device.Config{Model: "gm65", Clock: clock, Latency: []engine.Latency{{Command: "08", Kind: "fixed", Ms: 700}}})
	h := dial(t, s)
	stop := []byte{0x7E, 0, 8, 1, 0, 2, 0, 0xAB, 0xCD}
	h.send(stop...)
	clock.AwaitWaiter(700 * time.Millisecond)
	clock.Advance(700 * time.Millisecond)
	h.want(0x02, 0, 0, 1, 0, 0x33, 0x31)
	h.send(0x7E, 0, 7, 1, 0, 0x2A, 1, 0xAB, 0xCD) // another command is not late
	h.read(7)
	state, err := s.Do("setLatency", device.Args{"kind": "fixed", "ms": 90, "command": "08"})
	if err != nil || len(state.Latency) != 1 || state.Latency[0].Ms != 90 {
		t.Fatalf("%+v %v", state.Latency, err)
	}
	h.send(stop...)
	clock.AwaitWaiter(90 * time.Millisecond)
	clock.Advance(90 * time.Millisecond)
	h.want(0x02, 0, 0, 1, 0, 0x33, 0x31)
	if state, err = s.Do("setLatency", device.Args{"command": "08"}); err != nil || len(state.Latency) != 0 {
		t.Errorf("%+v %v", state.Latency, err)
	}
	h.send(stop...)
	h.want(0x02, 0, 0, 1, 0, 0x33, 0x31)
}

func TestALatencyThatIsNoneIsRefused(t *testing.T) {
	for in, want := range map[string]string{
		"{kind: sometimes, ms: 1}":          `"sometimes" is none of`,
		"{kind: uniform, ms: -1}":           "ms and spreadMs",
		"{kind: normal, ms: .nan}":          "ms and spreadMs",
		"{kind: fixed, ms: 1, spreadMs: 1}": "no spreadMs",
		"{kind: fixed, ms: 1, jitter: 1}":   "unknown field",
	} {
		_, err := device.ParseScene("scene.yaml", []byte("devices:\n  - model: gm65\n    seed: 4\n    latency: ["+in+"]\n"))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "scene.yaml:") {
			t.Errorf("%s: %v", in, err)
		}
	}
	s := device.MustStart(t, device.Config{Model: "gm65"})
	if _, err := s.Do("setLatency", device.Args{"kind": "slow"}); err == nil {
		t.Error("an unknown kind was taken")
	}
}
