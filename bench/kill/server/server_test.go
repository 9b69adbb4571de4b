// Package server kills a withdrawal at each state of the transaction in the server, the other key zone, and garbage on every port (see package kill).
package server

import (
	"testing"

	"zhigui/bench/kill"
)

func TestMain(m *testing.M) { kill.Main(m) }

func TestCashIsSafeWhateverDiesAtTheServer(t *testing.T) { kill.CashIsSafeWhateverDiesAtTheServer(t) }

func TestTheSM4ZoneIsAsSafe(t *testing.T) { kill.TheSM4ZoneIsAsSafe(t) }

func TestGarbageOnEveryPortAndLineChangesNothing(t *testing.T) {
	kill.GarbageOnEveryPortAndLineChangesNothing(t)
}
