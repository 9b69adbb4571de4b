// Package deposit kills deposits, and notes that are paid out again (see package kill).
package deposit

import (
	"testing"

	"zhigui/bench/kill"
)

func TestMain(m *testing.M) { kill.Main(m) }

func TestADepositIsSafeWhateverDiesWherever(t *testing.T) { kill.ADepositIsSafeWhateverDiesWherever(t) }

func TestTheNextCustomersDepositIsCredited(t *testing.T) { kill.TheNextCustomersDepositIsCredited(t) }

func TestRecycledNotesAreSafeWhateverDiesWherever(t *testing.T) {
	kill.RecycledNotesAreSafeWhateverDiesWherever(t)
}

func TestAJamOfARecyclersPayoutIsClearedAndTheBooksAgree(t *testing.T) {
	kill.AJamOfARecyclersPayoutIsClearedAndTheBooksAgree(t)
}
