// Package crt288k is a virtual Creator CRT-288-K001: a card reader without a motor, into which a
// person pushes a card and out of which the person pulls it, with a latch between. It speaks the
// "F2 + BCC" frames without an address.
//
// Imported by package device and by tests.
package crt288k
