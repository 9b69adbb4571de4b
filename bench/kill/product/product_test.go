// Package product kills new cards, passbooks and transfers (see package kill).
package product

import (
	"testing"

	"zhigui/bench/kill"
)

func TestMain(m *testing.M) { kill.Main(m) }

func TestANewCardIsSafeWhateverDiesWherever(t *testing.T) { kill.ANewCardIsSafeWhateverDiesWherever(t) }

func TestAPassbookIsSafeWhateverDiesWherever(t *testing.T) {
	kill.APassbookIsSafeWhateverDiesWherever(t)
}

// req: TX-19
func TestATransferIsMadeOnceWhateverDiesWherever(t *testing.T) {
	kill.ATransferIsMadeOnceWhateverDiesWherever(t)
}
