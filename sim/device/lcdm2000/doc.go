// Package lcdm2000 is a virtual Puloon LCDM-2000 cash dispenser with two cassettes: frames
// and error bytes of the maker's interface specification LCDM-1000T V3.3T, the two-cassette
// commands as two independent drivers use them, and a mechanism in which every note is in
// exactly one place.
//
// Imported by package device and by tests.
package lcdm2000
