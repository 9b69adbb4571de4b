package bankhost

import (
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/moov-io/iso8583"
)

const card = "6225880000000001"

func host(t *testing.T, dir string) *Host {
	t.Helper()
	h, err := Start(Options{Listen: "127.0.0.1:0", Ledger: filepath.Join(dir, "ledger"),
		Zone: Zone{PIK: []byte("0123456789abcdef"), MAK: []byte("fedcba9876543210")}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// ask makes a request as the acquirer would.
func ask(t *testing.T, h *Host, pin string, stan, amount int) *request {
	t.Helper()
	return asks(t, h, card, "010000", pin, stan, amount, "")
}

func asks(t *testing.T, h *Host, card, proc, pin string, stan, amount int, arg string) *request {
	t.Helper()
	clearBlock := []byte{0x06, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF}
	for i := range 6 {
		clearBlock[1+i/2] |= (pin[i] - '0') << (4 * (1 - i%2))
	}
	p := card[3:15]
	for i := range 6 {
		clearBlock[2+i] ^= (p[2*i]-'0')<<4 | (p[2*i+1] - '0')
	}
	h.zones()[0].tdes.Encrypt(clearBlock, clearBlock)
	m := compose(t, h, "0200", stan)
	if err := m.BinaryField(52, clearBlock); err != nil {
		t.Fatal(err)
	}
	for n, v := range map[int]string{2: card, 3: proc, 4: fmt.Sprintf("%012d", amount), 62: arg} {
		if v != "" {
			_ = m.Field(n, v)
		}
	}
	q := &request{z: h.zones()[0], m: moovMessage{m}, mti: "0200"}
	h.decide(q, Scenario{})
	return q
}

func compose(t *testing.T, h *Host, mti string, stan int) *iso8583.Message {
	t.Helper()
	m := iso8583.NewMessage(h.codec.(moov).spec)
	m.MTI(mti)
	for n, v := range map[int]string{2: card, 3: "010000", 7: "1122010203", 11: fmt.Sprintf("%06d", stan), 32: "99992900", 33: "99990000", 41: "00000001"} {
		if err := m.Field(n, v); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func reverse(t *testing.T, h *Host, mti string, stan, paid int) string {
	t.Helper()
	m := compose(t, h, mti, stan+500)
	orig := &request{z: h.zones()[0], m: moovMessage{compose(t, h, "0200", stan)}}
	_ = m.Field(90, orig.key())
	if paid > 0 {
		_ = m.Field(95, fmt.Sprintf("%012d%030d", paid, 0))
	}
	q := &request{z: h.zones()[0], m: moovMessage{m}, mti: mti}
	h.decide(q, Scenario{})
	return q.rc
}

func balance(h *Host) int64 { return h.Accounts()[0].Balance }

func TestReversalsBeforeAfterTwiceInPartAndUnknown(t *testing.T) {
	dir := t.TempDir()
	h := host(t, dir)
	if q := ask(t, h, "123456", 1, 10000); q.rc != "00" {
		t.Fatal(q.rc)
	}
	if q := ask(t, h, "123456", 1, 10000); q.rc != "00" || balance(h) != 1_990_000 {
		t.Fatal("a repeat was booked again")
	}
	for _, mti := range []string{"0420", "0421"} {
		if rc := reverse(t, h, mti, 1, 0); rc != "00" || balance(h) != 2_000_000 {
			t.Fatal(mti, rc, balance(h))
		}
	}
	ask(t, h, "123456", 2, 50000)
	if rc := reverse(t, h, "0420", 2, 20000); rc != "00" || balance(h) != 1_980_000 {
		t.Fatal(rc, balance(h))
	}
	if rc := reverse(t, h, "0420", 3, 0); rc != "25" {
		t.Fatal(rc)
	}
	if q := ask(t, h, "123456", 3, 10000); q.rc != "94" || balance(h) != 1_980_000 {
		t.Fatal("an original that was reversed before was booked: ", q.rc)
	}
	before := h.Check()
	if !before.OK || before.Withdrawals != 2 || before.Reversals != 2 {
		t.Fatal(before)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	again := host(t, dir)
	defer again.Close() //nolint:errcheck // test
	if v := again.Check(); v.Balances != before.Balances || !v.OK || balance(again) != 1_980_000 {
		t.Fatal("the ledger differs after a restart")
	}
}

func TestTheThirdWrongPINCapturesTheCard(t *testing.T) {
	h := host(t, t.TempDir())
	defer h.Close() //nolint:errcheck // test
	for i, want := range []string{"55", "55", "38", "75"} {
		if q := ask(t, h, "000000", 10+i, 10000); q.rc != want {
			t.Fatalf("attempt %d: %s, want %s", i+1, q.rc, want)
		}
	}
	if q := ask(t, h, "123456", 20, 10000); q.rc != "75" {
		t.Fatal("a captured card was served: ", q.rc)
	}
}
