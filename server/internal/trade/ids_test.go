package trade

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"zhigui/server/internal/store"
)

// Numbers of transactions have 18 to 20 digits, fit a BIGINT, rise on each server, and those of several
// servers never meet.
// req: SN-01 SN-02 SN-03
func TestNumbersRiseAndThoseOfSeveralServersNeverMeet(t *testing.T) {
	now := time.Now()
	seen, mu := map[int64]int{}, sync.Mutex{}
	var wg sync.WaitGroup
	for node := range int(store.Nodes) {
		wg.Go(func() {
			g := &ids{}
			g.begin(node, 0)
			last := int64(0)
			for i := range 3000 {
				at := now.Add(time.Duration(i/100) * time.Millisecond)
				if i > 2000 {
					at = at.Add(-time.Hour) // the clock goes back
				}
				n := g.take(at)
				if n <= last || len(fmt.Sprint(n)) < 18 || len(fmt.Sprint(n)) > 20 {
					t.Errorf("%d follows %d", n, last)
				}
				last = n
				mu.Lock()
				if other, twice := seen[n]; twice {
					t.Errorf("%d is of server %d and of %d", n, other, node)
				}
				seen[n] = node
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, year := range []int{2027, 2050, 2085} {
		if n := store.NumberAt(time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)); n <= 0 || len(fmt.Sprint(n)) < 18 || len(fmt.Sprint(n)) > 20 {
			t.Error(year, n)
		}
	}
}
