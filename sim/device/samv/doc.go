// Package samv is a virtual reader of resident identity cards with a SAM_V module. The
// persons on its cards do not exist: their numbers begin with 99, which is no region.
//
// Imported by package device and by tests.
package samv
