// Package crt350n is a virtual Creator CRT-350N (Sankyo ICT3K5 family) motorised card
// reader: the "F2 + CRC-16" frames and commands on which two independent drivers agree, a
// card that is in exactly one place, and magnetic tracks kept as the characters with
// parity, sentinels and LRC of ISO/IEC 7811.
//
// Imported by package device and by tests.
package crt350n
