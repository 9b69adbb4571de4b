// Package megatec is a virtual UPS that speaks Megatec's Q1 protocol: mains and battery are
// handled by the person, tests and shutdowns take their time.
//
// Imported by package device and by tests.
package megatec
