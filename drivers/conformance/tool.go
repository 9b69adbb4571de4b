package conformance

import (
	"os"
	"os/exec"
	"testing"
)

// Tool finds a program that is an independent host of a device. A developer without it gets
// a skip that says what to install; where it has to be there (in CI, and after `make
// deps-test` installed it: HOSTS=required) its absence fails the test.
func Tool(t testing.TB, debianPackage string, paths ...string) string {
	t.Helper()
	for _, p := range paths {
		if found, err := exec.LookPath(p); err == nil {
			return found
		}
	}
	say := t.Skipf
	if os.Getenv("CI") != "" || os.Getenv("HOSTS") == "required" {
		say = t.Fatalf
	}
	say("%s is not installed: this test needs Debian's package %s (deploy/deps.sh %s)", paths[0], debianPackage, debianPackage)
	return ""
}
