// Package pr2 is a virtual passbook printer that speaks the Olivetti PR2 language: passbooks
// with a stripe and pages that keep what was printed on them, and a slot in which one lies
// open at a page. A page can be looked at as a picture.
//
// Imported by package device and by tests.
package pr2
