// Package product kills new cards and passbooks (see package kill).
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
