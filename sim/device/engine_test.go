package device_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/sim/device"
	"zhigui/sim/device/engine"
	"zhigui/sim/device/lcdm2000"
)

func wait(t *testing.T, s *device.Sim, what string, ok func(device.State) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Wait(ctx, ok); err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
}

func settled(s *device.Sim, cmd int) func(device.State) bool {
	return func(st device.State) bool {
		truth := st.Physical.(lcdm2000.View).Truth
		return len(truth) >= cmd && truth[cmd-1].Err != ""
	}
}

// req: VD-27
func TestAnArmedErrorAnswersTheNextCommandAndIsRecorded(t *testing.T) {
	s, h := cash(t, lcdm2000.Config{})
	if err := s.ArmFault(device.FaultSpec{Code: "33", Stage: device.BeforeMotion, Times: 1}); err != nil {
		t.Fatal(err)
	}
	h.ask(0x45, "02")
	h.wantReply(0x45, "0000\x33\x3000")
	h.ask(0x45, "02")
	h.wantReply(0x45, "0202\x30\x3000")
	st := s.State()
	if len(st.Armed) != 0 || len(st.Fired) != 1 || st.Fired[0].Command != "45" || st.Fired[0].Name != "jam at CHK1/2" {
		t.Errorf("armed %v, fired %v", st.Armed, st.Fired)
	}
}

func TestAMidMotionJamLeavesTheNoteOnThePathAndPurgeClearsIt(t *testing.T) {
	s, h := cash(t, lcdm2000.Config{})
	if err := s.ArmFault(device.FaultSpec{Code: "36", Stage: device.MidMotion, Times: 1, After: 3}); err != nil {
		t.Fatal(err)
	}
	h.ask(0x45, "05")
	h.wantReply(0x45, "0403\x36\x3000")
	h.ask(0x46, "")
	h.wantReply(0x46, "\x30\x36\xA4\x80")
	h.ask(0x45, "01") // refused: a note is on the path
	h.wantReply(0x45, "0000\x36\x3000")
	h.ask(0x44, "")
	h.wantReply(0x44, "\x30")
	v := dispenser(s)
	if len(v.Path)+len(v.Exit) != 0 || v.Rejected != 4 || v.Units["upper"].Count != 96 {
		t.Errorf("after the purge: %+v", v)
	}
	if got, want := v.Truth[0].Retracted, map[string]int{"upper": 3}; !cmp.Equal(got, want) {
		t.Errorf("retracted %v, want %v", got, want)
	}
}

func TestALostReplyAfterTheMotionHasPaidAllTheSame(t *testing.T) {
	s, h := cash(t, lcdm2000.Config{Exit: "spray"})
	if err := s.ArmFault(device.FaultSpec{Stage: device.ReplyLost, Command: "45", Times: 1}); err != nil {
		t.Fatal(err)
	}
	h.ask(0x45, "04")
	h.want(0x06)
	wait(t, s, "the command's end", settled(s, 1))
	h.ask(0x46, "")
	h.wantReply(0x46, "\x30\x30\x80\x80")
	if got := dispenser(s).Truth[0].Taken["upper"]; got != 4 {
		t.Errorf("the customer has %d notes, want 4", got)
	}
}

func TestNotesAreConservedThroughAPowerCutInAnyPlaceAndARestart(t *testing.T) {
	dir := t.TempDir()
	conf := device.Config{Model: "lcdm2000", StateDir: dir, Dispenser: &lcdm2000.Config{Upper: lcdm2000.CassetteConfig{Count: 100}}}
	for k := range 6 {
		s := device.MustStart(t, conf)
		h := dial(t, s)
		if err := s.ArmFault(device.FaultSpec{Code: device.FaultPower, Stage: device.MidMotion, Times: 1, After: k}); err != nil {
			t.Fatal(err)
		}
		h.ask(0x45, "06")
		wait(t, s, "the power cut", func(st device.State) bool { return !st.Power })
		if v := dispenser(s); len(v.Exit) > 0 && v.Exit[0].N != k {
			t.Errorf("cut after %d notes: %+v at the exit", k, v.Exit)
		}
		s.Close()
		again := device.MustStart(t, conf)
		u := dispenser(again)
		sum := u.Units["upper"].Count + u.Units["upper"].Taken + u.Units["upper"].Rejected
		for _, b := range append(u.Exit, u.Path...) {
			sum += b.N
		}
		if sum != 100 || u.Truth[k].Dispensed["upper"] != k || u.Truth[k].Err != "" {
			t.Errorf("after the restart: %d notes, command %+v", sum, u.Truth[k])
		}
		if k > 0 {
			if _, err := again.Do("takeCash", nil); err != nil {
				t.Fatal(err)
			}
		}
		again.Close()
	}
	list, err := lcdm2000.ReadLedger(filepath.Join(dir, lcdm2000.LedgerFile))
	if err != nil || len(list) == 0 {
		t.Fatalf("ledger: %d entries, %v", len(list), err)
	}
}

func TestAnUnacknowledgedResponseComesThreeTimesMore(t *testing.T) {
	clock := engine.NewManualClock()
	s := device.MustStart(t, device.Config{Model: "lcdm2000", Clock: clock})
	h := dial(t, s)
	frame := []byte{0x01, 0x50, 0x02, 0x44, 0x30, 0x03}
	frame = append(frame, xor(frame))
	h.ask(0x44, "")
	h.want(append([]byte{0x06}, frame...)...)
	for range 3 {
		clock.AwaitWaiter(500 * time.Millisecond)
		clock.Advance(500 * time.Millisecond)
		h.want(frame...)
	}
	clock.AwaitWaiter(500 * time.Millisecond)
	clock.Advance(500 * time.Millisecond)
	h.ask(0x46, "") // it has given up and answers the next command at once
	h.want(0x06)
}

// req: VD-12
func TestAClosedDeviceStopsAnswering(t *testing.T) {
	s, h := cash(t, lcdm2000.Config{})
	if _, err := s.Do("closeDevice", nil); err != nil {
		t.Fatal(err)
	}
	h.ask(0x44, "")
	wait(t, s, "being closed", func(st device.State) bool { return !st.Open })
	if n := len(s.Trace()); n != 0 {
		t.Errorf("a closed device has heard or said %d frames", n)
	}
}

func TestLineFaultsSpoilExactlyOneReply(t *testing.T) {
	good := []byte{0x06, 0x01, 0x50, 0x02, 0x47, 'T', '2', '0', 'T', '5', '6', '2', '4', 0x03}
	good = append(good, xor(good[1:]))
	for kind, want := range map[device.LineFault][]byte{
		device.BadChecksum:    append(append([]byte{}, good[:14]...), good[14]^1),
		device.DropByte:       append(append([]byte{}, good[:8]...), good[9:]...),
		device.Garbage:        append([]byte{0x06, 0xFF, 0x00, 0x5A, 0x7F}, good[1:]...),
		device.Nak:            {0x15},
		device.LostAck:        good[1:],
		device.DuplicateReply: append(append([]byte{}, good...), good[1:]...),
	} {
		t.Run(string(kind), func(t *testing.T) {
			s, h := cash(t, lcdm2000.Config{})
			if err := s.ArmLine(kind, 1); err != nil {
				t.Fatal(err)
			}
			h.ask(0x47, "")
			h.want(want...)
			h.send(0x06)
			if f := s.State().Fired; len(f) != 1 || f[0].Code != string(kind) {
				t.Errorf("fired: %v", f)
			}
			h.ask(0x47, "")
			h.want(good...)
		})
	}
}

func TestAVanishedPortComesBackUnderTheSameLink(t *testing.T) {
	s, h := cash(t, lcdm2000.Config{})
	if err := s.ArmLine(device.PortVanishes, 1); err != nil {
		t.Fatal(err)
	}
	h.ask(0x45, "01")
	wait(t, s, "the port to vanish", func(st device.State) bool { return !st.Port })
	if _, err := os.Lstat(s.Port()); err == nil {
		t.Error("the link is still there")
	}
	if _, err := s.Do("portReturn", nil); err != nil {
		t.Fatal(err)
	}
	h = dial(t, s)
	h.ask(0x46, "")
	if got := dispenser(s).Truth[0].Dispensed["upper"]; got != 1 {
		t.Errorf("dispensed %d", got)
	}
}

func TestGarbageOnTheLineKillsNothing(t *testing.T) {
	for model := range device.Models() {
		t.Run(model, func(t *testing.T) {
			s := device.MustStart(t, device.Config{Model: model})
			h := dial(t, s)
			h.send([]byte("\x00\xff\x04\x50\x02\xf2\xff\xff\x02999\x1d(k\xff\xff\x10\x14\x08")...)
			if st := s.State(); !st.Power || !st.Running {
				t.Errorf("state %+v", st)
			}
		})
	}
}

func TestASecondProcessCannotRunTheSameDevice(t *testing.T) {
	s := device.MustStart(t, device.Config{Model: "zt598", StateDir: t.TempDir()})
	_, err := device.Start(t.Context(), device.Config{Model: "zt598", StateDir: filepath.Dir(s.Port())})
	if err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("second start: %v", err)
	}
}
