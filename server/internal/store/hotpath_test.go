package store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// BenchmarkTransaction is the store's part of a transaction, its intent and its outcome, each
// durable before it returns, a hundred at once. Compare cpu-us/op: time on the clock is the disk's.
func BenchmarkTransaction(b *testing.B) {
	for _, terminals := range []int{100, 10000} {
		b.Run(fmt.Sprintf("%d terminals", terminals), func(b *testing.B) { transactions(b, terminals) })
	}
}

func transactions(b *testing.B, terminals int) {
	file := filepath.Join(b.TempDir(), "bench.db")
	s, err := Open(b.Context(), Options{DSN: file})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var (
		wg   sync.WaitGroup
		next atomic.Int64
		took = make([]time.Duration, b.N+1)
	)
	before, commits := cpu(), s.Stats().Commits
	b.ResetTimer()
	for range 100 {
		wg.Go(func() {
			for {
				i := next.Add(1)
				if i > int64(b.N) {
					return
				}
				g := i * 7919 % int64(terminals)
				begin := time.Now()
				at := time.UnixMilli(1_800_000_000_000 + i)
				x := &Txn{ID: 1_900_000_000_000_000_000 + i*5000, Idem: fmt.Sprintf("T%07d|%06d|%012d", g, 1, i), Digest: make([]byte, 32), Terminal: fmt.Sprintf("T%07d", g),
					Branch: "0101", Channel: "pos", Host: "core", Kind: "withdrawal", Batch: "000001", STAN: fmt.Sprintf("%06d", i%1000000), Amount: 30000, State: Intent,
					HostSTAN: fmt.Sprintf("%06d", i%1000000), HostTime: "1122101010", Reference: fmt.Sprintf("%012d", i), PANMasked: "622848******1234",
					PANIndex: make([]byte, 32), Request: bytes.Repeat([]byte{1}, 420), Day: "20261122", Created: at, Updated: at}
				if _, err := s.Insert(context.Background(), x); err != nil {
					b.Error(err)
					return
				}
				o := &Outcome{State: Approved, RC: "00", Auth: "A1B2C3", Answer: bytes.Repeat([]byte{2}, 380), At: at}
				if err := s.Finish(context.Background(), x.ID, o, Intent); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(begin)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-us/op")
	slices.Sort(took)
	for _, p := range []float64{50, 99, 99.9} {
		b.ReportMetric(float64(took[int(float64(b.N)*p/100)].Microseconds())/1000, fmt.Sprintf("p%v-ms", p))
	}
	if fi, err := os.Stat(file + "-wal"); err == nil {
		b.ReportMetric(float64(fi.Size())/4120/float64(s.Stats().Commits-commits), "frames/commit")
	}
	b.ReportMetric(2*float64(b.N)/float64(s.Stats().Commits-commits), "writes/commit")
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
