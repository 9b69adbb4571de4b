package batch

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func TestEachThreadOfBeforeAndAfterFinishesItsTurnsAndKeepsItsNiceness(t *testing.T) {
	var wg sync.WaitGroup
	end := make(chan struct{})
	threads := func(n int) {
		var up sync.WaitGroup
		for range n {
			up.Add(1)
			wg.Go(func() {
				runtime.LockOSThread()
				up.Done()
				<-end
			})
		}
		up.Wait()
	}
	threads(4)
	before := nice(t)
	if err := Process(); err != nil {
		t.Fatal(err)
	}
	threads(4)
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	if len(tasks) < 8 {
		t.Errorf("%d threads, expected at least the eight of this test", len(tasks))
	}
	for _, task := range tasks {
		id, _ := strconv.Atoi(task.Name())
		if a, err := unix.SchedGetAttr(id, 0); err == nil && (a.Policy != unix.SCHED_BATCH || a.Nice != before) {
			t.Errorf("thread %d has policy %d and niceness %d, was %d", id, a.Policy, a.Nice, before)
		}
	}
	close(end)
	wg.Wait()
}

func TestAPolicyThatSomebodyChoseStays(t *testing.T) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // the thread ends with this goroutine
		a := &unix.SchedAttr{Policy: unix.SCHED_IDLE}
		if err := unix.SchedSetAttr(0, a, 0); err != nil {
			t.Error(err)
			return
		}
		if err := Process(); err != nil {
			t.Error(err)
		}
		if a, err := unix.SchedGetAttr(0, 0); err != nil || a.Policy != unix.SCHED_IDLE {
			t.Errorf("%+v, %v", a, err)
		}
	}()
	<-done
}

func nice(t *testing.T) int32 {
	t.Helper()
	a, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return a.Nice
}
