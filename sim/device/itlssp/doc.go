// Package itlssp is a virtual note validator that speaks ITL SSP and eSSP (NV200 class),
// with or without a SMART Payout on its back: frames, sequence bit, key exchange and
// encrypted packets, events, escrow, payout store, and a mechanism in which every note is in
// exactly one place.
//
// Imported by package device and by tests.
package itlssp
