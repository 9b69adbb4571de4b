//go:build !unix

package store

// LockName is the file that a server's role locks as long as it has a SQLite file open.
func LockName(file, role string) string { return file + "." + role + ".lock" }

// lockedBy cannot tell here.
func lockedBy(string) []string { return nil }
