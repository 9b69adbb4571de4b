package scene

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// reserve takes a block of ports for this process; its end gives the block back. Where the
// lock cannot be made the ports are only tried.
func reserve(block int) bool {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("zhigui-ports-%d", os.Getuid()))
	if os.MkdirAll(dir, 0o700) != nil {
		return true
	}
	fd, err := syscall.Open(filepath.Join(dir, fmt.Sprint(block)), syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return true
	}
	if syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		_ = syscall.Close(fd)
		return false
	}
	return true // fd stays open as long as the process
}
