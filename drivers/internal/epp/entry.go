package epp

import (
	"context"
	"encoding/json"
	"time"

	"zhigui/drivers/api"
	"zhigui/drivers/api/pinpad"
	"zhigui/drivers/sdk"
)

// Keys are the pad's bytes for its keys; digits and the point come as themselves. Those that it
// has not are NoKey.
type Keys struct {
	Masked, Enter, Cancel, Timeout int
	Clear, Back, Double0           int
	// EndsByLength: the pad ends a PIN with its last digit. Stays: it does not end an entry of
	// data by itself.
	EndsByLength, Stays bool
}

// NoKey is no byte.
const NoKey = -1

// Seconds is the pad's own time-out: a little more than the deadline, 255 at most.
func Seconds(ctx context.Context) int {
	end, ok := ctx.Deadline()
	if !ok {
		return 255
	}
	return max(1, min(255, int(time.Until(end)/time.Second)+2))
}

func press(emit func(api.Event), k pinpad.KeyEvent) {
	b, _ := json.Marshal(k) // a type of drivers/api
	emit(api.Event{Name: pinpad.EvKey, Payload: b})
}

func (p *Pad) setEntered(b *Bound) {
	p.mu.Lock()
	p.entered = b
	p.mu.Unlock()
}

// ForgetPin is for a command that makes the pad lose its PIN.
func (p *Pad) ForgetPin() { p.setEntered(nil) }

// Entered is what the PIN that the pad holds was bound to; nil: it holds none.
func (p *Pad) Entered() *Bound {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.entered
}

// TimedOut is the completion when the pad ended an entry.
func timedOut() api.Completion {
	return api.Completion{Outcome: api.TimedOut, Code: api.CodeTimeOut, Description: "the device ended the entry"}
}

func (p *Pad) pinEntry(ctx context.Context, r pinpad.PinEntry, emit func(api.Event)) api.Completion {
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
	bound, c := p.o.StartPin(ctx, r, low, high)
	if c != nil {
		return *c
	}
	emit(api.Event{Name: pinpad.EvEnterData})
	digits, keys := 0, p.o.Keys
	done := func(how string) api.Completion {
		p.setEntered(&bound)
		return sdk.Ok(pinpad.PinEntryResult{Digits: digits, Completion: how})
	}
	for {
		b, c := p.nextKey(ctx)
		if c != nil {
			return *c
		}
		switch b {
		case keys.Masked:
			digits++
			press(emit, pinpad.KeyEvent{Completion: "continue"})
			if digits < high || !r.AutoEnd && !keys.EndsByLength {
				continue
			}
			if !keys.EndsByLength {
				if err := p.o.StopInput(); err != nil {
					return p.Broken(err, api.Failed)
				}
			}
			return done("auto")
		case keys.Back:
			digits = max(0, digits-1)
			press(emit, pinpad.KeyEvent{Completion: "backspace"})
		case keys.Clear:
			digits = 0
			press(emit, pinpad.KeyEvent{Completion: "clear"})
		case keys.Enter:
			press(emit, pinpad.KeyEvent{Completion: "enter"})
			if digits < low {
				_ = p.o.StopInput()
				return api.Fail(api.Failed, pinpad.ErrMinLength, "fewer digits than asked for")
			}
			return done("enter")
		case keys.Cancel:
			press(emit, pinpad.KeyEvent{Completion: "cancel"})
			return sdk.Ok(pinpad.PinEntryResult{Digits: 0, Completion: "cancel"})
		case keys.Timeout:
			return timedOut()
		}
	}
}

// nextKey waits for a key; the completion is set when the entry ended otherwise.
func (p *Pad) nextKey(ctx context.Context) (int, *api.Completion) {
	var c api.Completion
	select {
	case b := <-p.keys:
		return int(b), nil
	case <-p.lost:
		c = api.Completion{Outcome: api.Failed, Code: api.HardwareError, Description: "the port went away during the entry"}
	case <-p.line.Stopped():
		c = api.Refuse(api.DeviceNotReady, "the driver ends")
	case <-ctx.Done():
		if err := p.o.StopInput(); err != nil {
			c = p.Broken(err, api.Failed)
		} else {
			c = sdk.Ended(ctx)
		}
	}
	return 0, &c
}

// dataEntry reads keys in the clear, for amounts.
func (p *Pad) dataEntry(ctx context.Context, r pinpad.DataEntry, emit func(api.Event)) api.Completion {
	if r.MaxLen < 0 || r.MaxLen > 32 {
		return api.Refuse(api.InvalidData, "maxLen must be 0 to 32")
	}
	high := r.MaxLen
	if high == 0 {
		high = 32
	}
	p.ForgetPin()
	if err := p.o.StartData(ctx, high); err != nil {
		return p.Broken(err, api.NotStarted)
	}
	emit(api.Event{Name: pinpad.EvEnterData})
	typed, how, keys := "", "", p.o.Keys
	for how == "" {
		b, c := p.nextKey(ctx)
		if c != nil {
			return *c
		}
		switch {
		case b >= '0' && b <= '9', b == '.', b == keys.Double0:
			k := string(rune(b))
			if b == keys.Double0 {
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
		case b == keys.Back:
			typed = typed[:max(0, len(typed)-1)]
			press(emit, pinpad.KeyEvent{Completion: "backspace"})
		case b == keys.Clear:
			typed = ""
			press(emit, pinpad.KeyEvent{Completion: "clear"})
		case b == keys.Enter:
			how = "enter"
		case b == keys.Cancel:
			how, typed = "cancel", ""
		case b == keys.Timeout:
			return timedOut()
		}
	}
	if how == "auto" || keys.Stays {
		if err := p.o.StopInput(); err != nil {
			return p.Broken(err, api.Failed)
		}
	}
	if how != "auto" {
		press(emit, pinpad.KeyEvent{Completion: how})
	}
	return sdk.Ok(pinpad.DataEntryResult{Keys: len(typed), Data: typed, Completion: how})
}
