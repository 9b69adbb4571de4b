//go:build !linux

package scene

// reserve: there are no locks of a process here; two scenes at once look for themselves.
func reserve(int) bool { return true }
