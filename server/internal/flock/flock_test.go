//go:build unix

package flock

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestALockIsOneProcesssUntilItEnds(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "x.lock")
	f, err := Take(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Take(name); !errors.Is(err, ErrHeld) {
		t.Errorf("taken twice: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if f, err = Take(name); err != nil {
		t.Fatalf("nobody has it: %v", err)
	}
	_ = f.Close()
}

func TestALookAtALockRefusesNobody(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "x.lock")
	look, err := os.Create(name)
	if err == nil {
		err = syscall.Flock(int(look.Fd()), syscall.LOCK_SH)
	}
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(2*pause, func() { _ = look.Close() })
	f, err := Take(name)
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
}
