// Package r30x is a virtual fingerprint module of the R30x family. Fingers are names, and
// features are patterns made from them: it compares patterns, not skin.
//
// Imported by package device and by tests.
package r30x
