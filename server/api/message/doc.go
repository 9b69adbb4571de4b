// Package message holds the canonical transaction of the platform and our table-driven
// ISO 8583 codec. A dialect (field table, framing, header, MAC coverage, canonical names)
// is a data file; the code knows no bank. The hot path allocates nothing: one Message is
// reused, values are slices into the input wherever the wire form is already canonical.
//
// Anybody may import it: the terminal packs the POS dialect with it, the server all of them.
// It depends on the standard library, a YAML reader and code pages (golang.org/x/text) only.
// Formats other than 8583 are in the package format, frames in the package frame.
//
// Canonical values, whatever the wire encoding: n = ASCII digits, z = ASCII digits and '='
// (or 'D'), an/ans = the characters, b = raw bytes. Amounts are digits of minor units.
//
// Protocol facts: Q/CUP 006 and 009 field tables as published by JR/T 0055 and public
// implementations (research notes, transaction.md §2.1–2.3). A bank that differs loads its
// own data file.
package message
