package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"zhigui/drivers/api"
)

func mustJSON(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil { // only types of drivers/api come here
		panic(fmt.Sprintf("payload cannot be encoded: %v", err))
	}
	return b
}

// Ok is a completion that succeeded; payload may be nil.
func Ok(payload any) api.Completion {
	return api.Completion{Outcome: api.Done, Payload: mustJSON(payload)}
}

// With sets the payload of a completion.
func With(c api.Completion, payload any) api.Completion {
	c.Payload = mustJSON(payload)
	return c
}

// Decode reads a command's payload into v. An empty payload leaves v as it is. The error
// names neither values nor data of the payload, which may be secret.
func Decode(cmd api.Command, v any) error {
	if len(bytes.TrimSpace(cmd.Payload)) == 0 {
		return nil
	}
	if err := json.Unmarshal(cmd.Payload, v); err != nil {
		var te *json.UnmarshalTypeError
		if errors.As(err, &te) {
			return fmt.Errorf("payload of %s: member %q has the wrong type", cmd.Name, te.Field)
		}
		return fmt.Errorf("payload of %s is not the JSON object it should be", cmd.Name)
	}
	return nil
}

// Decoded runs f with the payload of a command, or refuses it.
func Decoded[T any](cmd api.Command, f func(T) api.Completion) api.Completion {
	var v T
	if err := Decode(cmd, &v); err != nil {
		return BadPayload(err)
	}
	return f(v)
}

// BadPayload refuses a command because of its payload.
func BadPayload(err error) api.Completion { return api.Refuse(api.InvalidData, err.Error()) }

// Ended is the completion of a wait that ctx ended.
func Ended(ctx context.Context) api.Completion {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return api.Completion{Outcome: api.TimedOut, Code: api.CodeTimeOut, Description: "deadline passed"}
	}
	return api.Completion{Outcome: api.Canceled, Code: api.CodeCanceled, Description: "canceled"}
}

type movingKey struct{}

// Moving records, on the disk, that bytes which move something are about to be sent. If it
// fails nothing may be sent and the command is refused with Refuse(InternalError, …).
// Commands that are Still or Wait need not call it; for them it does nothing.
func Moving(ctx context.Context) error {
	if f, ok := ctx.Value(movingKey{}).(func() error); ok {
		return f()
	}
	return nil
}
