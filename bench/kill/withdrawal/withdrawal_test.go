// Package withdrawal kills a withdrawal at each state of the terminal's journal, and at random moments (see package kill).
package withdrawal

import (
	"testing"

	"zhigui/bench/kill"
)

func TestMain(m *testing.M) { kill.Main(m) }

func TestCashIsSafeWhateverDiesAtTheTerminal(t *testing.T) {
	kill.CashIsSafeWhateverDiesAtTheTerminal(t)
}
