// Package emv is the terminal's side of a chip card: selecting the application, reading its
// records, asking for a cryptogram, building field 55, and telling the card what the issuer
// answered. It has no state of its own beside an Application and does no input or output but
// through the Card it is given. Only the native platform imports it.
//
// Sources: EMV 4.3 Book 1 (selection), Book 3 (commands, data objects), Book 4 (terminal); the
// tags of field 55 as UnionPay's acquirers publish them. No error of this package has card data.
package emv
