// Package escpos is a virtual ESC/POS receipt printer with a presenter: print commands and
// status bytes of Epson's public reference, the full status of kiosk printers, real-time
// commands answered ahead of the queue and inside data. What is cut becomes a ticket: kept
// as a model, and as text, SVG and (when a CJK font is found) PNG.
//
// Imported by package device and by tests.
package escpos
