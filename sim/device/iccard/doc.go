// Package iccard is a virtual bank chip card (PBOC debit) and the coupler that a virtual reader
// holds it with: answer to reset, T=0 with procedure bytes and GET RESPONSE, T=1 with chaining
// and error recovery, PSE and PPSE, and an application that makes real cryptograms under 3DES
// session keys. Its counters survive power cuts in a file.
//
// Virtual devices with a chip contact or an antenna import it; nothing of the product does.
//
// Sources: ISO/IEC 7816-3 and -4; EMV 4.3 Book 1 (transport, selection), Book 2 (keys and
// cryptograms: annex A1.3.1, A1.4.1, sections 8.1.1, 8.2.1) and Book 3 (commands); the layout of
// the issuer application data as JR/T 0025 has it.
package iccard
