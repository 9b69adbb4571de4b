// Package transfer kills transfers with their cases (see package kill).
package transfer

import (
	"testing"

	"zhigui/bench/kill"
)

func TestMain(m *testing.M) { kill.Main(m) }

// req: TX-19
func TestATransferIsMadeOnceWhateverDiesWherever(t *testing.T) {
	kill.ATransferIsMadeOnceWhateverDiesWherever(t)
}
