package sdk

import (
	"fmt"
	"sync/atomic"
	"time"
)

// Heart tells the platform's watchdog whether the device loop still turns. Whoever is about
// to do something bounded promises how long it may take at most; a broken promise is a
// stuck loop.
type Heart struct {
	promise atomic.Int64 // unix nanoseconds; 0: nothing promised
}

// Expect promises another Expect or Rest within d.
func (h *Heart) Expect(d time.Duration) { h.promise.Store(time.Now().Add(d).UnixNano()) }

// Rest ends a promise.
func (h *Heart) Rest() { h.promise.Store(0) }

// Check fails when a promise was broken.
func (h *Heart) Check() error {
	p := h.promise.Load()
	if p == 0 {
		return nil
	}
	if late := time.Since(time.Unix(0, p)); late > 0 {
		return fmt.Errorf("device loop is %s late", late.Round(time.Millisecond))
	}
	return nil
}
