package kill

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	whole "zhigui/bench/branch"
)

// programs builds what a branch runs, with fail points, and returns the folder. What is up to date there
// is not linked again; each checkout has a folder of its own, and one of the packages builds at a time.
func programs() (string, error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	root := sha256.Sum256([]byte(strings.TrimSpace(string(mod))))
	dir := filepath.Join(cache, "zhigui", fmt.Sprintf("kill-%x", root[:4]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close() //nolint:errcheck // gives the lock back
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	return dir, whole.Build(dir, "failpoint")
}
