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
