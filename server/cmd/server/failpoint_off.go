//go:build !failpoint

package main

// failpoint is nothing in a production build.
func failpoint(string) func(string) { return nil }
