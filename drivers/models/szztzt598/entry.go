package szztzt598

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/sdk"
)

// seconds is the device's own time-out: a little more than the deadline, 255 at most.
func seconds(ctx context.Context) int {
	end, ok := ctx.Deadline()
	if !ok {
		return 255
	}
	return max(1, min(255, int(time.Until(end)/time.Second)+2))
}

func press(emit func(api.Event), k pinpad.KeyEvent) {
	b, _ := json.Marshal(k)
	emit(api.Event{Name: pinpad.EvKey, Payload: b})
}

// begin sets the limits and starts an entry.
func (d *driver) begin(ctx context.Context, start string, low, high int) *api.Completion {
	d.forgetPin()
	for _, body := range []string{fmt.Sprintf("52%02X", seconds(ctx)), fmt.Sprintf("54%02X", low), fmt.Sprintf("55%02X", high), start} {
		if body == start {
			d.link.dropKeys()
		}
		if _, err := d.do(body); err != nil {
			c := broken(err, api.NotStarted)
			return &c
		}
	}
	return nil
}

// stopInput ends an entry from the host.
func (d *driver) stopInput() error { _, err := d.do("5032"); return err }

func (d *driver) pinEntry(ctx context.Context, r pinpad.PinEntry, emit func(api.Event)) api.Completion {
	low, high := r.MinLen, r.MaxLen
	if low == 0 {
		low = 4
	}
	if high == 0 {
		high = 12
	}
	if low < 4 || high > 12 || low > high {
		return api.Refuse(api.InvalidData, "a PIN has 4 to 12 digits")
	}
	if c := d.begin(ctx, d.p.StartPin, low, high); c != nil {
		return *c
	}
	emit(api.Event{Name: pinpad.EvEnterData})
	digits := 0
	done := func(how string) api.Completion {
		d.mu.Lock()
		d.havePin = true
		d.mu.Unlock()
		return sdk.Ok(pinpad.PinEntryResult{Digits: digits, Completion: how})
	}
	for {
		b, c := d.nextKey(ctx)
		if c != nil {
			return *c
		}
		switch b {
		case keyMasked:
			digits++
			press(emit, pinpad.KeyEvent{Completion: "continue"})
			if r.AutoEnd && digits >= high {
				if err := d.stopInput(); err != nil {
					return broken(err, api.Failed)
				}
				return done("auto")
			}
		case keyClear:
			digits = 0
			press(emit, pinpad.KeyEvent{Completion: "clear"})
		case keyEnter:
			press(emit, pinpad.KeyEvent{Completion: "enter"})
			if digits < low {
				_ = d.stopInput()
				return api.Fail(api.Failed, pinpad.ErrMinLength, "fewer digits than asked for")
			}
			return done("enter")
		case keyCancel:
			press(emit, pinpad.KeyEvent{Completion: "cancel"})
			return sdk.Ok(pinpad.PinEntryResult{Digits: 0, Completion: "cancel"})
		case keyTimeout:
			return api.Completion{Outcome: api.TimedOut, Code: api.CodeTimeOut, Description: "the device ended the entry"}
		}
	}
}

// nextKey waits for a key; the completion is set when the entry ended otherwise.
func (d *driver) nextKey(ctx context.Context) (byte, *api.Completion) {
	var c api.Completion
	select {
	case b := <-d.link.keys:
		return b, nil
	case <-d.link.lost:
		c = api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: "the port went away during the entry"}
	case <-d.stop:
		c = api.Refuse(api.DeviceNotReady, "the driver ends")
	case <-ctx.Done():
		if err := d.stopInput(); err != nil {
			c = broken(err, api.Failed)
		} else {
			c = sdk.Ended(ctx)
		}
	}
	return 0, &c
}

// dataEntry reads keys in the clear, for amounts.
func (d *driver) dataEntry(ctx context.Context, r pinpad.DataEntry, emit func(api.Event)) api.Completion {
	if r.MaxLen < 0 || r.MaxLen > 32 {
		return api.Refuse(api.InvalidData, "maxLen must be 0 to 32")
	}
	high := r.MaxLen
	if high == 0 {
		high = 32
	}
	if c := d.begin(ctx, "5033", 0, high); c != nil {
		return *c
	}
	emit(api.Event{Name: pinpad.EvEnterData})
	typed := ""
	for {
		b, c := d.nextKey(ctx)
		if c != nil {
			return *c
		}
		how := ""
		switch {
		case b >= '0' && b <= '9', b == '.', b == key00:
			k := string(rune(b))
			if b == key00 {
				k = "00"
			}
			if len(typed)+len(k) > high {
				continue
			}
			typed += k
			press(emit, pinpad.KeyEvent{Digit: k, Completion: "continue"})
			if r.AutoEnd && len(typed) >= high {
				how = "auto"
			}
		case b == keyClear:
			typed = ""
			press(emit, pinpad.KeyEvent{Completion: "clear"})
		case b == keyEnter:
			how = "enter"
		case b == keyCancel:
			how, typed = "cancel", ""
		case b == keyTimeout:
			return api.Completion{Outcome: api.TimedOut, Code: api.CodeTimeOut, Description: "the device ended the entry"}
		}
		if how != "" {
			if how == "auto" {
				if err := d.stopInput(); err != nil {
					return broken(err, api.Failed)
				}
			} else {
				press(emit, pinpad.KeyEvent{Completion: how})
			}
			return sdk.Ok(pinpad.DataEntryResult{Keys: len(typed), Data: typed, Completion: how})
		}
	}
}
