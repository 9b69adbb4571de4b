package counter

import (
	"context"
	"time"

	"zhigui/drivers/api"
	"zhigui/terminal/internal/device"
)

// patience is how long a customer's command waits for a short one of the platform's own.
const patience = 5 * time.Second

// runWhenFree runs a command on a device that customer and platform use in turns: the PIN pad computes the MAC of a
// confirmation, or takes new keys, while the next customer is about to type; a card or a passbook is given back
// after a restart while somebody puts another in, or as a session ends.
func runWhenFree(ctx context.Context, dev *device.Device, name string, payload any, emit func(api.Event)) api.Completion {
	return whenFree(ctx, func() api.Completion { return dev.Run(ctx, name, payload, emit) })
}

// whenFree runs a command; a refusal with nothing begun because another command runs is tried again.
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
