// Package order kills orders of the console and master keys (see package kill).
package order

import (
	"testing"

	"zhigui/bench/kill"
)

func TestMain(m *testing.M) { kill.Main(m) }

func TestACommandOfTheServerIsCarriedOutOnceWhateverDies(t *testing.T) {
	kill.ACommandOfTheServerIsCarriedOutOnceWhateverDies(t)
}

func TestASuspenseThatTheConsoleResolvesIsResolvedOnceWhateverDies(t *testing.T) {
	kill.ASuspenseThatTheConsoleResolvesIsResolvedOnceWhateverDies(t)
}

// req: G-09
func TestAMasterKeyComesOverTheLineWhateverDies(t *testing.T) {
	kill.AMasterKeyComesOverTheLineWhateverDies(t)
}

// req: G-09
func TestAMasterKeyComesOverTheLineInTheSM4Zone(t *testing.T) {
	kill.AMasterKeyComesOverTheLineInTheSM4Zone(t)
}

// req: G-09 TX-27
func TestAMasterKeyComesOverTheLineFromAModuleBehindTCP(t *testing.T) {
	kill.AMasterKeyComesOverTheLineFromAModuleBehindTCP(t)
}
