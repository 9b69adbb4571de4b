//go:build !failpoint

package platform

import ej "zhigui/terminal/api/journal"

// failpoint does nothing: only builds for the kill tests have one.
func (p *Platform) failpoint(ej.Record) {}
