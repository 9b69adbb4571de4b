package trade_test

import (
	"strings"
	"sync"
	"testing"

	"zhigui/server/internal/trade"
)

// The message log gets every message of a transaction, and nothing of it that must not be read.
// req: TX-30 LG-15
func TestEveryMessageIsLoggedAndMasked(t *testing.T) {
	var mu sync.Mutex
	said := map[string][]string{}
	r := newRig(t, false, trade.Options{Messages: func(terminal, way, text string) {
		mu.Lock()
		defer mu.Unlock()
		said[way] = append(said[way], terminal+" "+text)
	}})
	x := r.terminal("00000001", trade.Zone3DES)
	q, _ := x.withdraw(card1, 10_000)
	x.do(x.about("0400", q, 10_000), true)
	until(t, "the reversal", func() bool { return r.eng.Stats().ReversalsPending == 0 })
	mu.Lock()
	defer mu.Unlock()
	for way, want := range map[string][]string{"from": {"0800", "0200", "0400"}, "to": {"0810", "0210", "0410"}, "host": {"0200", "0420"}, "answer": {"0210", "0430"}} {
		if len(said[way]) != len(want) {
			t.Errorf("%s: %d messages: %q", way, len(said[way]), said[way])
			continue
		}
		for i, mti := range want {
			text := said[way][i]
			if first, _, _ := strings.Cut(text, "\n"); !strings.HasPrefix(text, "00000001 ") || !strings.HasSuffix(first, mti) {
				t.Errorf("%s %d: %q, want %s", way, i, first, mti)
			}
			if strings.Contains(text, card1) || strings.Contains(text, "3012101123456789") {
				t.Errorf("%s %s has the card in the clear: %s", way, mti, text)
			}
		}
	}
}
