package counter

import (
	"context"
	"testing"

	"zhigui/drivers/api"
)

func TestACustomersCommandWaitsForThePlatformsOwn(t *testing.T) {
	n := 0
	busy := func() api.Completion {
		if n++; n < 4 {
			return api.Refuse(api.SequenceError, "another command is running")
		}
		return api.Completion{Outcome: api.Done}
	}
	if done := whenFree(t.Context(), busy); done.Outcome != api.Done || n != 4 {
		t.Errorf("%v after %d tries", done, n)
	}
	// What has begun, or is refused for another reason, is not tried again.
	for _, c := range []api.Completion{api.Refuse(api.InvalidData, ""), api.Fail(api.Indeterminate, "", ""), {Outcome: api.Failed, Code: api.SequenceError}} {
		n = 0
		if done := whenFree(t.Context(), func() api.Completion { n++; return c }); n != 1 || done.Outcome != c.Outcome {
			t.Errorf("%v was tried %d times", c, n)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n = 0
	if done := whenFree(ctx, func() api.Completion { n++; return api.Refuse(api.SequenceError, "") }); n != 1 || done.Code != api.SequenceError {
		t.Errorf("a command that was cancelled: %d tries", n)
	}
}
