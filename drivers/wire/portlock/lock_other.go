//go:build !unix

// Package portlock makes sure that one process has a port.
package portlock

// Lock is not needed where the operating system opens a serial port for one process only.
type Lock struct{}

// Path is empty: there is no lock file on this system.
func Path(string) string { return "" }

// Owner is unknown on this system.
func Owner(string) int { return 0 }

// Take does nothing on this system.
func Take(string) (*Lock, error) { return &Lock{}, nil }

// Release gives the port up.
func (l *Lock) Release() {}
