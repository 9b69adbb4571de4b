package kmy3501

import (
	"context"
	"encoding/json"
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

// enter keeps other commands from activating keys until the entry ends.
func (d *driver) enter() (leave func()) {
	set := func(on bool) {
		d.use.Lock()
		d.entering = on
		d.use.Unlock()
	}
	set(true)
	return func() { set(false) }
}

// stopInput ends an entry from the host.
func (d *driver) stopInput() error { _, err := d.do(cmdKeypad, padOff); return err }

// pinEntry binds key and account, then starts the entry. The pad makes the block of that
// account under that key, and of no other.
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
	wk, c := d.work(r.XKey)
	if c != nil {
		return *c
	}
	account, err := pan12(r.XPAN)
	if err != nil {
		return sdk.BadPayload(err)
	}
	d.forgetPin()
	defer d.enter()()
	for _, body := range [][]byte{{cmdKeypad, padSound}, {cmdActivate, byte(d.p.Master), wk}, append([]byte{cmdAccount}, account...),
		{cmdStartPin, byte(high), byte(d.p.Display), byte(d.p.WithAccount), byte(d.p.Prompt), byte(seconds(ctx))}} {
		if body[0] == cmdStartPin {
			d.link.dropKeys()
		}
		if _, err := d.do(body...); err != nil {
			return broken(err, api.NotStarted)
		}
	}
	d.use.Lock()
	d.active = wk
	d.use.Unlock()
	emit(api.Event{Name: pinpad.EvEnterData})
	digits := 0
	done := func(how string) api.Completion {
		d.mu.Lock()
		d.entered = &bound{r.XKey, r.XPAN}
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
			if digits >= high && (r.AutoEnd || d.p.EndsByLength) {
				if !d.p.EndsByLength {
					if err := d.stopInput(); err != nil {
						return broken(err, api.Failed)
					}
				}
				return done("auto")
			}
		case keyBack:
			digits = max(0, digits-1)
			press(emit, pinpad.KeyEvent{Completion: "backspace"})
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
	d.forgetPin()
	d.link.dropKeys()
	if _, err := d.do(cmdKeypad, padSound); err != nil {
		return broken(err, api.NotStarted)
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
		case b >= '0' && b <= '9', b == '.':
			if len(typed) >= high {
				continue
			}
			typed += string(rune(b))
			press(emit, pinpad.KeyEvent{Digit: string(rune(b)), Completion: "continue"})
			if r.AutoEnd && len(typed) >= high {
				how = "auto"
			}
		case b == keyBack:
			typed = typed[:max(0, len(typed)-1)]
			press(emit, pinpad.KeyEvent{Completion: "backspace"})
		case b == keyEnter:
			how = "enter"
		case b == keyCancel:
			how, typed = "cancel", ""
		case b == keyTimeout:
			return api.Completion{Outcome: api.TimedOut, Code: api.CodeTimeOut, Description: "the device ended the entry"}
		}
		if how != "" {
			if err := d.stopInput(); err != nil {
				return broken(err, api.Failed)
			}
			if how != "auto" {
				press(emit, pinpad.KeyEvent{Completion: how})
			}
			return sdk.Ok(pinpad.DataEntryResult{Keys: len(typed), Data: typed, Completion: how})
		}
	}
}
