package itlssp_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"zhigui/sim/device"
	"zhigui/sim/device/itlssp"
)

// host is a plain SSP host: it sends a frame and takes the answer.
type host struct {
	t     *testing.T
	f     *os.File
	seq   byte
	key   []byte
	count uint32
	rough bool // the device may lose power at any time: an odd answer is none
}

func start(t *testing.T, c itlssp.Config) (*device.Sim, *host) {
	t.Helper()
	s := device.MustStart(t, device.Config{Model: "itlssp", Acceptor: &c})
	return s, dial(t, s)
}

func dial(t *testing.T, s *device.Sim) *host {
	t.Helper()
	f, err := os.OpenFile(s.Port(), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return &host{t: t, f: f}
}

func view(s *device.Sim) itlssp.View { return s.Physical().(itlssp.View) }

// hear reads one packet's data; nil: nothing came.
func (h *host) hear(within time.Duration) []byte {
	_ = h.f.SetReadDeadline(time.Now().Add(within))
	return itlssp.Deframe(func() (byte, bool) {
		b := make([]byte, 1)
		n, err := h.f.Read(b)
		return b[0], n == 1 && err == nil
	})
}

// cmd sends a command with the next sequence bit; nil: no answer.
func (h *host) cmd(data ...byte) []byte {
	if h.key != nil && data[0] != 0x11 {
		data = itlssp.Seal(h.key, h.count, data)
	}
	if data[0] == 0x11 {
		h.seq, h.key = 0, nil
	}
	if _, err := h.f.Write(itlssp.Pack(h.seq, data)); err != nil {
		h.t.Fatal(err)
	}
	if data[0] != 0x11 {
		h.seq ^= 0x80
	}
	patience := 5 * time.Second
	if h.rough {
		patience = 150 * time.Millisecond
	}
	out := h.hear(patience)
	if len(out) > 0 && out[0] == 0x7E {
		count, plain, ok := itlssp.Open(h.key, out[1:])
		if h.rough && (!ok || count != h.count+1) {
			return nil
		}
		if !ok || count != h.count+1 {
			h.t.Fatalf("encrypted reply: count %d after %d, %v", count, h.count, ok)
		}
		h.count = count
		return plain
	}
	return out
}

func (h *host) want(want []byte, data ...byte) {
	h.t.Helper()
	if got := h.cmd(data...); !bytes.Equal(got, want) {
		h.t.Fatalf("% X answered by % X, want % X", data, got, want)
	}
}

var okay = []byte{0xF0}

// begin synchronises, opens all channels and enables.
func (h *host) begin() {
	h.t.Helper()
	h.want(okay, 0x11)
	h.want(okay, 0x06, 6)
	h.want([]byte{0xF0, 0xF1, 0xE8}, 0x07)
	h.want(okay, 0x02, 0xFF, 0xFF)
	h.want(okay, 0x0A)
}

// agree makes session keys.
func (h *host) agree() {
	h.t.Helper()
	if !h.tryAgree() {
		h.t.Fatal("no keys")
	}
}

func (h *host) tryAgree() bool {
	le := binary.LittleEndian
	const g, p, mine = 982451653, 1299709, 7 // primes
	h.cmd(append([]byte{0x4A}, le.AppendUint64(nil, g)...)...)
	h.cmd(append([]byte{0x4B}, le.AppendUint64(nil, p)...)...)
	power := func(b uint64) (r uint64) {
		r = 1
		for range mine {
			r = r * (b % p) % p
		}
		return r
	}
	out := h.cmd(append([]byte{0x4C}, le.AppendUint64(nil, power(g))...)...)
	if len(out) != 9 || out[0] != 0xF0 {
		return false
	}
	h.key, h.count = itlssp.SessionKey(0x0123456701234567, power(le.Uint64(out[1:]))), 0
	return true
}

// until polls until the event has been seen; polls that accept a note count too.
func (h *host) until(event byte) (seen []byte) {
	h.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		out := h.cmd(0x07)
		if len(out) > 0 {
			seen = append(seen, out[1:]...)
		}
		if bytes.IndexByte(seen, event) >= 0 {
			return seen
		}
	}
	h.t.Fatalf("event %02X did not come: % X", event, seen)
	return nil
}

func do(t *testing.T, s *device.Sim, action string, a device.Args) {
	t.Helper()
	if _, err := s.Do(action, a); err != nil {
		t.Fatalf("%s: %v", action, err)
	}
}

func wait(t *testing.T, s *device.Sim, ok func(itlssp.View) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Wait(ctx, func(st device.State) bool { return ok(st.Physical.(itlssp.View)) }); err != nil {
		t.Fatalf("%v: %+v", err, view(s))
	}
}

// req: VD-02
func TestANoteIsReadHeldAndStackedByThePollAfterItsReport(t *testing.T) {
	s, h := start(t, itlssp.Config{})
	if _, err := s.Do("insertNote", device.Args{"value": 100}); err == nil {
		t.Fatal("a disabled validator took a note")
	}
	h.begin()
	do(t, s, "insertNote", device.Args{"value": 100})
	wait(t, s, func(v itlssp.View) bool { return v.Places[itlssp.Escrow] == 1 })
	h.want([]byte{0xF0, 0xEF, 0, 0xEF, 6}, 0x07)
	for range 5 {
		h.want(okay, 0x18)
	}
	if v := view(s); v.Places[itlssp.Escrow] != 1 || v.Counts.Stacked != 0 {
		t.Fatalf("held: %+v", v)
	}
	seen := h.until(0xEB)
	if !bytes.Equal(seen, []byte{0xCC, 0xEE, 6, 0xEB}) {
		t.Errorf("% X", seen)
	}
	h.want([]byte{0xF5}, 0x18)
	if v := view(s); v.Places[itlssp.Cashbox] != 1 || v.Counts.Stacked != 1 {
		t.Errorf("%+v", v)
	}
}

func TestRefusedNotesComeBackWithAReason(t *testing.T) {
	s, h := start(t, itlssp.Config{})
	h.begin()
	h.want(okay, 0x02, 0x1F, 0x00) // not the hundred
	for _, tc := range []struct {
		value     int
		condition string
		reason    byte
	}{{100, "genuine", 0x06}, {50, "counterfeit", 0x05}, {7, "genuine", 0x02}, {20, "double", 0x1C}} {
		do(t, s, "insertNote", device.Args{"value": tc.value, "condition": tc.condition})
		h.until(0xEC)
		h.want([]byte{0xF0, tc.reason}, 0x17)
		if _, err := s.Do("insertNote", nil); err == nil {
			t.Fatal("a second note went in while the first sticks out")
		}
		do(t, s, "takeNotes", nil)
	}
	if v := view(s); v.Counts.Rejected != 4 || v.Places[itlssp.Customer] != 4 {
		t.Errorf("%+v", v)
	}
}

func TestARepeatedFrameIsAnsweredAgainAndNotCarriedOutAgain(t *testing.T) {
	s, h := start(t, itlssp.Config{ReadMs: 1})
	h.begin()
	do(t, s, "insertNote", device.Args{"value": 20})
	wait(t, s, func(v itlssp.View) bool { return v.Places[itlssp.Escrow] == 1 })
	first := h.cmd(0x07)
	h.seq ^= 0x80 // the answer was lost: the same bit again
	if again := h.cmd(0x07); !bytes.Equal(first, again) {
		t.Errorf("% X, again % X", first, again)
	}
	if v := view(s); v.Places[itlssp.Escrow] != 1 {
		t.Errorf("the repetition accepted the note: %+v", v)
	}
}

func TestAnEscrowWithoutAWordFromTheHostIsGivenBack(t *testing.T) {
	s, h := start(t, itlssp.Config{EscrowMs: 30})
	h.begin()
	do(t, s, "insertNote", device.Args{"value": 20})
	wait(t, s, func(v itlssp.View) bool { return v.Places[itlssp.Mouth] == 1 })
	h.until(0xEC)
	h.want([]byte{0xF0, 0x13}, 0x17)
}

func TestPayoutsNeedKeysAndTheRightCount(t *testing.T) {
	s, h := start(t, itlssp.Config{Payout: true, Store: map[int]int{100: 3, 20: 2}})
	h.begin()
	h.want(okay, 0x5C, 0)
	order := append([]byte{0x33}, binary.LittleEndian.AppendUint32(nil, 12000)...)
	order = append(append(order, "CNY"...), 0x58)
	h.want([]byte{0xFA}, order...)
	h.agree()
	h.count++ // a packet out of order
	h.rough = true
	if out := h.cmd(order...); out != nil {
		t.Fatalf("a wrong count was answered: % X", out)
	}
	h.count--
	h.rough, h.seq = false, h.seq^0x80
	h.want(okay, order...)
	h.until(0xCE)
	do(t, s, "takeNotes", nil)
	h.until(0xD2)
	do(t, s, "takeNotes", nil)
	if v := view(s); v.Levels[100] != 2 || v.Levels[20] != 1 || v.Counts.Dispensed != 2 {
		t.Errorf("%+v", v)
	}
	h.want([]byte{0xF5, 1}, append([]byte{0x33}, append(binary.LittleEndian.AppendUint32(nil, 1e6), 'C', 'N', 'Y', 0x58)...)...)
}

func TestAPayoutThatThePowerInterruptedIsReported(t *testing.T) {
	s, h := start(t, itlssp.Config{Payout: true, Store: map[int]int{100: 3}})
	h.begin()
	h.agree()
	h.want(okay, 0x5C, 0)
	if err := s.ArmFault(device.FaultSpec{Code: device.FaultPower, Command: "pay", Stage: device.MidMotion, Times: 1, After: 100}); err != nil {
		t.Fatal(err)
	}
	h.want(okay, append([]byte{0x46, 1, 3, 0}, append(binary.LittleEndian.AppendUint32(nil, 10000), 'C', 'N', 'Y', 0x58)...)...)
	wait(t, s, func(v itlssp.View) bool { return v.Places[itlssp.Bezel] == 1 })
	do(t, s, "takeNotes", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := s.Wait(ctx, func(st device.State) bool { return !st.Power }); err != nil {
		t.Fatal(err)
	}
	s.PowerRestore()
	h.want(okay, 0x11)
	seen := h.until(0xDC)
	want := append([]byte{0xDC, 1}, binary.LittleEndian.AppendUint32(nil, 10000)...)
	want = append(binary.LittleEndian.AppendUint32(want, 30000), "CNY"...)
	if !bytes.Contains(seen, want) {
		t.Errorf("% X", seen)
	}
	if v := view(s); v.Places[itlssp.Customer] != 1 || v.Places[itlssp.Cashbox] != 1 || v.Levels[100] != 1 || v.Counts.Transferred != 1 {
		t.Errorf("%+v", v)
	}
}

// tally checks what must hold whatever happened.
func tally(t *testing.T, s *device.Sim, loaded, inserted int) {
	t.Helper()
	v := view(s)
	if len(v.Notes) != loaded+inserted {
		t.Fatalf("%d notes of %d", len(v.Notes), loaded+inserted)
	}
	kept, paid := 0, 0
	for i, n := range v.Notes {
		if n.ID != i || n.Value == 0 {
			t.Fatalf("note %+v", n)
		}
		inside := n.Place == itlssp.Cashbox || n.Place == itlssp.Store
		if inside && n.Inserted {
			kept++
			if !n.Credited {
				t.Fatalf("a note went to %s without a credit: %+v", n.Place, n)
			}
		}
		if n.Credited && !n.PaidOut && (n.Place == itlssp.Customer || n.Place == itlssp.Mouth) {
			t.Fatalf("a credited note came back: %+v", n)
		}
		if n.PaidOut {
			paid++
		}
	}
	if int(v.Counts.Dispensed) != paid {
		t.Fatalf("%d dispensed, counter %d", paid, v.Counts.Dispensed)
	}
	removed := v.Places[itlssp.Operator]
	if got := int(v.Counts.Stacked + v.Counts.Stored); got < kept || got > kept+paid+removed {
		t.Fatalf("counters say %d notes were kept; %d are there, %d paid, %d with the operator", got, kept, paid, removed)
	}
}

// req: VD-02
func TestNotesAreConservedUnderRandomActionsFaultsAndPowerCuts(t *testing.T) {
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		s, h := start(t, itlssp.Config{Payout: seed%2 == 0, Store: map[int]int{100: 4, 20: 4}})
		h.rough = true
		inserted := 0
		stages := []device.Stage{device.BeforeMotion, device.MidMotion, device.AfterMotion, device.ReplyLost}
		moves := []string{"read", "stack", "reject", "pay", "shift", "clear", "07", "08", "46", "52"}
		ready := false
		for i := 0; i < 300 || inserted < 3 && i < 6000; i++ { // a busy machine answers late, and fewer notes go in
			if !s.State().Power {
				s.PowerRestore()
				ready = false
			}
			if !ready {
				h.key = nil
				if h.cmd(0x11) == nil || h.cmd(0x06, 6) == nil {
					continue
				}
				h.cmd(0x02, 0xFF, 0xFF)
				h.cmd(0x0A)
				if seed%2 == 0 && s.State().Power {
					if !h.tryAgree() {
						continue
					}
					h.cmd(0x3B, 0, 0x10, 0x27, 0, 0, 'C', 'N', 'Y')
					h.cmd(0x5C, 0)
				}
				ready = true
			}
			switch rnd.IntN(9) {
			case 0, 1:
				c := []string{"genuine", "genuine", "unfit", "counterfeit"}[rnd.IntN(4)]
				if _, err := s.Do("insertNote", device.Args{"value": []int{100, 20, 7}[rnd.IntN(3)], "condition": c}); err == nil {
					inserted++
				}
			case 2:
				_, _ = s.Do([]string{"takeNotes", "pullNote", "clearJam", "takeNotes"}[rnd.IntN(4)], nil)
			case 3:
				code := []string{"POWER", "POWER", "EA", "E9", "E6", "B1"}[rnd.IntN(6)]
				_, _ = s.Do("clearFaults", nil)
				_ = s.ArmFault(device.FaultSpec{Code: code, Command: moves[rnd.IntN(len(moves))], Stage: stages[rnd.IntN(3)], Times: 1, After: -1})
			case 4:
				h.cmd([]byte{0x08, 0x18, 0x0A, 0x09, 0x0A}[rnd.IntN(5)])
			case 5:
				if rnd.IntN(4) == 0 {
					_, _ = s.Do([]string{"removeCashbox", "insertCashbox", "insertCashbox"}[rnd.IntN(3)], nil)
				}
			case 6:
				h.cmd(append([]byte{0x46, 1, 1, 0}, append(binary.LittleEndian.AppendUint32(nil, 10000), 'C', 'N', 'Y', 0x58)...)...)
			case 7:
				switch rnd.IntN(6) {
				case 0:
					h.cmd(0x01)
					ready = false
				case 1:
					h.cmd(0x52)
				case 2:
					s.PowerCut()
				}
			}
			if s.State().Power && h.cmd(0x07) == nil {
				ready = false
			}
			tally(t, s, 8, inserted)
		}
		if inserted < 3 {
			t.Errorf("seed %d: only %d notes went in", seed, inserted)
		}
	}
}
