// Package crt591 is a virtual Creator CRT-591-M001 card dispenser: the "F2 + address + BCC"
// frames and commands of the maker's text, a stacker of numbered cards, and a path in which
// at most one card lies.
//
// Imported by package device and by tests.
package crt591
