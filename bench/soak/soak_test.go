// Package soak moves notes for a long time with everything going wrong that can: virtual
// devices, real driver processes, faults at every stage, kills, stops, power cuts, lost
// replies and ports. It proves the invariants of the cash research at the level of the devices,
// and that nothing leaks.
//
//	go test ./bench/soak                    # a short run
//	go test ./bench/soak -runs 10000 -timeout 3h
package soak

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zhigui/drivers/conformance"
	"zhigui/drivers/models"
)

var (
	total = flag.Int("runs", 16, "withdrawals and deposits, each")
	rigs  = flag.Int("rigs", 4, "devices of each make side by side: most of the time is waiting")
	seed  = flag.Uint64("seed", 0, "repeats the choices of a run (not its timing); 0: by the clock")
)

func TestMain(m *testing.M) {
	if len(os.Args) < 2 || strings.HasPrefix(os.Args[1], "-") { // the tests, not a driver
		flag.Parse()
		_ = flag.Set("test.parallel", fmt.Sprint(5**rigs))
	}
	conformance.Main(m, models.All()...)
}

// paid counts the dispenses that ended as they should of those that were tried, deposited what
// the tried deposits credited, in fen: a long run in which nothing goes well proves little. In a
// short one chance decides, and -run may leave out either.
var dispenses, paid, depositsTried, deposited atomic.Int64

// batch is how many are done on one device before it and its driver are replaced.
const batch = 250

func TestNotesAreCountedRightWhateverGoesWrongAndNothingLeaks(t *testing.T) {
	first := *seed
	if first == 0 {
		first = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", first)
	before := look(t)
	t.Run("together", func(t *testing.T) {
		for k, m := range makers {
			t.Run("withdrawals "+m.model.Name, func(t *testing.T) {
				parts(t, *total/len(makers), func(t *testing.T, i, n int) { withdrawals(t, m, n, first+uint64(1000*k+i)) })
			})
		}
		t.Run("recycler", func(t *testing.T) {
			parts(t, *total, func(t *testing.T, i, n int) { recycles(t, n, first+uint64(5000+i)) })
		})
		t.Run("deposits", func(t *testing.T) {
			parts(t, *total, func(t *testing.T, i, n int) { deposits(t, n, first+uint64(i)) })
		})
	})
	t.Logf("%d of %d dispenses were paid, %d fen by %d deposits", paid.Load(), dispenses.Load(), deposited.Load(), depositsTried.Load())
	if dispenses.Load() >= 200 && paid.Load() < dispenses.Load()/2 || depositsTried.Load() >= 200 && deposited.Load() == 0 {
		t.Error("too little went well")
	}
	var after resources
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) { // what ends takes a moment
		if after = look(t); after.children == 0 && after.files <= before.files+4 && after.goroutines <= before.goroutines+4 || time.Now().After(end) {
			break
		}
	}
	t.Logf("before %+v, after %+v", before, after)
	if after.children > 0 || after.files > before.files+4 || after.goroutines > before.goroutines+4 || after.heapMB > before.heapMB+32 {
		t.Errorf("something leaks: %+v, then %+v", before, after)
	}
}

// parts shares n between the rigs; each does its share in batches.
func parts(t *testing.T, n int, f func(t *testing.T, i, n int)) {
	for k := range *rigs {
		t.Run(fmt.Sprintf("rig %d", k+1), func(t *testing.T) {
			t.Parallel()
			left := n / *rigs
			if k < n%*rigs {
				left++
			}
			for i := 0; left > 0; i++ {
				part := min(left, batch)
				left -= part
				if !t.Run(fmt.Sprintf("batch %d", i+1), func(t *testing.T) { f(t, 100*k+i, part) }) {
					return
				}
			}
		})
	}
}

// resources are what a long run must not eat.
type resources struct {
	files, children, goroutines int
	heapMB                      int
}

func look(t *testing.T) (r resources) {
	t.Helper()
	runtime.GC()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc here")
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r = resources{files: len(fds), goroutines: runtime.NumGoroutine(), heapMB: int(m.HeapAlloc >> 20)}
	procs, _ := os.ReadDir("/proc")
	for _, p := range procs {
		stat, err := os.ReadFile("/proc/" + p.Name() + "/stat")
		if err != nil {
			continue
		}
		var state string
		var parent int
		_, _ = fmt.Sscan(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), &state, &parent)
		if parent == os.Getpid() {
			r.children++
		}
	}
	return r
}
