// Package kmy3501 is a virtual KMY3501 encrypting PIN pad: hex frames, keys that come as single
// bytes between them, sixteen master keys with sixteen working keys each, and its own DES.
//
// Marked non-production: its memory file holds test keys in the clear. Imported by package
// device and by tests.
package kmy3501
