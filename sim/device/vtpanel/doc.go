// Package vtpanel is a virtual operator's panel: the display and keypad of a terminal of the
// VT100 family, as the VT100 User Guide describes it (cursor, erasing, rendition, bell, status
// and cursor reports).
//
// Imported by package device and by tests.
package vtpanel
