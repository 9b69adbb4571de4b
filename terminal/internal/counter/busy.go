package counter

import (
	"context"
	"time"

	"zhigui/drivers/api"
)

// patience is how long a customer's command waits for a short one of the platform's own.
const patience = 5 * time.Second

// whenFree runs a command of a customer on a device that the platform uses too: the PIN pad computes the
// MAC of a confirmation, or takes new keys, while the next customer is about to type. A refusal with
// nothing begun because another command runs is tried again.
func whenFree(ctx context.Context, run func() api.Completion) api.Completion {
	end := time.Now().Add(patience)
	for {
		done := run()
		if done.Outcome != api.NotStarted || done.Code != api.SequenceError || time.Now().After(end) {
			return done
		}
		select {
		case <-ctx.Done():
			return done
		case <-time.After(20 * time.Millisecond):
		}
	}
}
