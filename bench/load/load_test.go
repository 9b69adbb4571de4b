package load

import (
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zhigui/sim/bankhost"
)

func TestQuantileIsTheNearestRank(t *testing.T) {
	hundred := make([]int64, 100)
	for i := range hundred {
		hundred[i] = int64(i + 1)
	}
	for _, c := range []struct {
		of   []int64
		p    float64
		want int64
	}{
		{nil, 0.5, 0}, {[]int64{7}, 0, 7}, {[]int64{7}, 0.99, 7}, {[]int64{1, 2}, 0.5, 1}, {[]int64{1, 2, 3}, 0.5, 2},
		{hundred, 0.5, 50}, {hundred, 0.99, 99}, {hundred, 1, 100}, {hundred, 0, 1},
	} {
		if got := Quantile(c.of, c.p); got != c.want {
			t.Errorf("%g of %d values: %d, want %d", c.p, len(c.of), got, c.want)
		}
	}
}

// The bare forwarder must go the whole way to the host's books, else it is no ceiling.
func TestTheBareForwarderReachesTheBooks(t *testing.T) {
	dir := t.TempDir()
	zone := bankhost.Zone{PIK: []byte("0123456789abcdef"), MAK: []byte("fedcba9876543210")}
	h, err := bankhost.Start(bankhost.Options{Listen: "127.0.0.1:0", Ledger: filepath.Join(dir, "ledger"), Zone: zone, BenchCards: 4,
		Fast: true, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close() //nolint:errcheck // test
	keys := filepath.Join(dir, "keys")
	if err := os.WriteFile(keys, []byte(hex.EncodeToString(zone.PIK)+"\n"+hex.EncodeToString(zone.MAK)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go Forward(ln, h.Addr(), filepath.Join(dir, "wal")) //nolint:errcheck // ends with ln
	defer ln.Close()                                    //nolint:errcheck // test
	r, err := Bare(Config{Address: ln.Addr().String(), Terminals: 4, Run: 100 * time.Millisecond, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Errors) > 0 || r.Total == 0 {
		t.Fatalf("%d approved, errors %v", r.Total, r.Errors)
	}
	if b := h.Check(); !b.OK || b.Withdrawals != r.Total {
		t.Fatalf("books %+v, approved %d", b, r.Total)
	}
}
