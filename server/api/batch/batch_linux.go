package batch

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// process sets each thread by itself, as the policy is a thread's, until there is none that it has not met: one of those may have
// begun another meanwhile.
func process() error {
	met := map[string]bool{}
	for more := true; more; {
		more = false
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("batch: %w", err)
		}
		for _, t := range threads {
			if met[t.Name()] {
				continue
			}
			met[t.Name()], more = true, true
			id, err := strconv.Atoi(t.Name())
			if err != nil {
				return fmt.Errorf("batch: %w", err)
			}
			if err := set(id); err != nil && !errors.Is(err, unix.ESRCH) { // it may have ended
				return fmt.Errorf("batch: sched_setattr: %w", err)
			}
		}
	}
	return nil
}

// set keeps what else the thread was given, its niceness above all.
func set(id int) error {
	a, err := unix.SchedGetAttr(id, 0)
	if err != nil {
		return err
	}
	if a.Policy != unix.SCHED_NORMAL {
		return nil // whoever started the program chose another
	}
	a.Policy = unix.SCHED_BATCH
	return unix.SchedSetAttr(id, a, 0)
}
