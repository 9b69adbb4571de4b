// Package gm65 is a virtual bar code module of the GM65 family on a serial line: zone
// registers, scanning by command, continuously or by sensing. By profile it is a plain
// scanner that takes trigger bytes, or none, and only sends codes.
//
// Imported by package device and by tests.
package gm65
