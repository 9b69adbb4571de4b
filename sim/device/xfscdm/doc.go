// Package xfscdm is a virtual cash dispenser behind a maker's XFS4IoT service provider: up to eight
// cassettes, an intermediate stacker and an exit, driven by the messages of the standard over a
// WebSocket of its own.
//
// Imported by package device and by tests.
package xfscdm
