// Package omron3s4yr is a virtual Omron 3S4YR-MVFW card reader: the DLE frames, the state
// matrix and the commands of the maker's specification over the mechanics of package crt350n
// (a card that is in exactly one place, raw tracks).
//
// Imported by package device and by tests.
package omron3s4yr
