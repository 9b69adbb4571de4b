// Package lcdm4000 is a virtual Puloon LCDM-4000 cash dispenser: four cassettes, a reject tray,
// and notes each of which is in exactly one place. What the host is told and what really
// happened are two things; both can be seen.
//
// Imported by package device and by tests.
package lcdm4000
