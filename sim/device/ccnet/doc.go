// Package ccnet is a virtual note validator that speaks CCNET (CashCode, Creator): frames,
// acknowledged replies, states, escrow and cassette, and a mechanism in which every note is
// in exactly one place.
//
// Imported by package device and by tests.
package ccnet
