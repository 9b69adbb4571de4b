package peer

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// GmSSL answers the program of the GmSSL project (C), another hand's TLCP than ours. `make deps-test` builds
// it; a test without it is skipped.
func GmSSL(t testing.TB) string {
	t.Helper()
	for _, p := range []string{os.Getenv("GMSSL"), "gmssl"} {
		if file, err := exec.LookPath(p); p != "" && err == nil {
			return filepath.Clean(file)
		}
	}
	t.Skip("gmssl is not there (make deps-test builds it)")
	return ""
}

// Psec answers a Python that has psec, another hand's payment cryptography: PSEC_PYTHON, which `make deps-test` makes. A
// test without it is skipped.
func Psec(t testing.TB) string {
	t.Helper()
	for _, py := range []string{os.Getenv("PSEC_PYTHON"), "python3"} {
		if py != "" && exec.Command(py, "-c", "import psec").Run() == nil { //nolint:gosec // chosen by who runs the test
			return py
		}
	}
	t.Skip("no Python has psec (make deps-test installs it)")
	return ""
}
