// Package escp is a virtual page printer that speaks Epson's ESC/P with its Chinese commands: a
// tray of sheets, text and dots at places of a page, the remote mode by which it tells its state.
// Pages are kept as a model, and as text, SVG and (when a CJK font is found) PNG.
//
// Imported by package device and by tests.
package escp
