// Package zt598 is a virtual SZZT ZT598 encrypting PIN pad: frames, key presses between
// them, key slots, PIN entry, PIN blocks and MACs with 3DES and SM4, as two independent
// drivers describe the ZT588/ZT598; layouts that no source gives are named in README.md.
//
// It is no security module: keys lie in a state file that says so. Use test keys only. Its
// SM4 is another implementation than the product's, so that each checks the other.
//
// Imported by package device and by tests.
package zt598
