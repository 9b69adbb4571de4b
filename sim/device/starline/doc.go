// Package starline is a virtual receipt printer that speaks Star Line mode: the print
// commands, the automatic status with its ETB counter, and the status requests that are
// answered the moment they arrive. Paper, cutter, presenter and pictures are those of package
// escpos.
//
// Imported by package device and by tests.
package starline
