package motorcard

import (
	"errors"
	"slices"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/sdk"
)

// maxAPDU is the longest command of the short form: five bytes, 255 and Le.
const maxAPDU = 261

// Chip is the model's commands to the chip and their codes.
type Chip struct {
	Place       string            // brings the card to the contacts; empty: it is read there
	Press, Lift string            // the contacts; empty: the place does it
	Cold, Warm  string            // the answer's data: the protocol, and the ATR; no Warm: it has none
	Off         string            //
	IO          map[string]string // protocol → what a command to the chip is sent with
	// Codes are the XFS4IoT errors of commands to the chip; the others are Table.Class.
	Codes map[string]string
	// Dead are the codes of a chip that has no power any more, Mute the ones of one that does not
	// answer its reset and Bad of a chip, or none, that cannot be used.
	Dead, Mute, Bad []string
	// NoATR and NoAnswer stand for answers that are too short.
	NoATR, NoAnswer string
}

// chipFailed is the completion of a command to the chip that did not succeed. Nothing moved.
func (r *Reader) chipFailed(err error, power bool) api.Completion {
	c := r.Broken(err, api.Failed)
	var f *Fault
	if !errors.As(err, &f) {
		// Nobody knows what the chip was told: it is off until its next reset.
		r.setChip(false)
		return c
	}
	if code := r.o.Chip.Codes[f.Code]; code != "" {
		c.Code, c.ErrorCode = api.CommandErrorCode, code
	}
	if power && slices.Contains(r.o.Chip.Mute, f.Code) {
		c.ErrorCode = card.ErrATRNotObtained
	}
	if slices.Contains(r.o.Chip.Dead, f.Code) {
		r.setChip(false)
	}
	return c
}

func (r *Reader) setChip(on bool) {
	r.mu.Lock()
	r.chip = on
	r.mu.Unlock()
	r.o.Env.StatusChanged()
}

func (r *Reader) chipOn() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.chip
}

// wake presses the contacts and resets the chip; it answers the ATR.
func (r *Reader) wake(warm bool) ([]byte, error) {
	cmd := r.o.Chip.Cold
	if warm {
		cmd = r.o.Chip.Warm
	} else {
		if r.o.Chip.Press != "" {
			if _, err := r.Do(r.o.Chip.Press, true); err != nil {
				return nil, err
			}
		}
		r.mu.Lock()
		r.pressed = true
		r.mu.Unlock()
	}
	a, err := r.Do(cmd, true)
	if err != nil {
		return nil, err
	}
	if len(a.Data) < 3 {
		return nil, &Fault{Cmd: cmd[:3], Code: r.o.Chip.NoATR, Name: "no ATR"}
	}
	r.setChip(true)
	return a.Data[1:], nil // the first character is the protocol
}

// release switches the chip off and lifts the contacts, before the card is moved.
func (r *Reader) release() error {
	r.mu.Lock()
	pressed := r.pressed
	r.pressed = false
	r.mu.Unlock()
	if !pressed {
		return nil
	}
	r.setChip(false)
	_, err := r.Do(r.o.Chip.Off, true)
	if r.o.Chip.Lift != "" { // lifting them takes the power away too
		_, err = r.Do(r.o.Chip.Lift, true)
	}
	var f *Fault
	if errors.As(err, &f) { // no card any more, or the move says what is wrong
		return nil
	}
	return err
}

func (r *Reader) chipPower(q card.ChipPower) api.Completion {
	defer r.Take()()
	if c := r.cardForChip(); c != nil {
		if r.o.Air != nil && c.ErrorCode == card.ErrNoMedia && slices.Contains([]string{card.Cold, card.Warm, card.Off}, q.ChipPower) {
			return r.airPower(q.ChipPower)
		}
		return *c
	}
	if q.ChipPower == card.Warm && r.o.Chip.Warm == "" {
		return api.Fail(api.NotStarted, card.ErrChipPower, "this reader has no warm reset")
	}
	switch q.ChipPower {
	case card.Off:
		if err := r.release(); err != nil {
			return r.Broken(err, api.Failed)
		}
		return sdk.Ok(nil)
	case card.Cold, card.Warm:
		warm := q.ChipPower == card.Warm && r.chipOn()
		if place := r.o.Chip.Place; place != "" && !warm {
			if _, err := r.Do(place, false); err != nil {
				return r.Broken(err, api.Failed)
			}
		}
		atr, err := r.wake(warm)
		if err != nil {
			return r.chipFailed(err, true)
		}
		return sdk.Ok(card.ChipPowerResult{ChipData: atr})
	}
	return api.Refuse(api.InvalidData, "ChipPower: chipPower must be cold, warm or off")
}

// cardForChip asks whether a card is inside.
func (r *Reader) cardForChip() *api.Completion {
	a, err := r.Do(r.o.Look, true)
	c := api.Fail(api.NotStarted, card.ErrNoMedia, "no card is inside")
	switch {
	case err != nil:
		c = r.Broken(err, api.NotStarted)
	case a.At == Inside:
		return nil
	}
	return &c
}

func (r *Reader) chipIO(q card.ChipIO) api.Completion {
	cmd := r.o.Chip.IO[q.ChipProtocol]
	air := r.o.Air != nil && r.o.Air.IO[q.ChipProtocol] != ""
	switch {
	case cmd == "" && !air:
		return api.Fail(api.NotStarted, card.ErrProtocolNotSupported, "no chip of this reader speaks that protocol")
	case len(q.ChipData) < 4 || len(q.ChipData) > maxAPDU:
		return api.Fail(api.NotStarted, card.ErrInvalidData, "a command has 4 to 261 bytes")
	}
	defer r.Take()()
	switch {
	case air:
		return r.airIO(q, q.ChipProtocol)
	case q.ChipProtocol == card.NotRequired && r.onAir() != "":
		return r.airIO(q, "")
	}
	if !r.chipOn() {
		if c := r.cardForChip(); c != nil {
			return *c
		}
		return api.Fail(api.NotStarted, card.ErrATRNotObtained, "the chip has no power")
	}
	// Never sent again: a chip counts what it is asked.
	a, err := r.Do(cmd+string(q.ChipData), false)
	if err != nil {
		return r.chipFailed(err, false)
	}
	if len(a.Data) < 2 {
		return r.chipFailed(&Fault{Cmd: cmd, Code: r.o.Chip.NoAnswer, Name: "an answer without a status word"}, false)
	}
	return sdk.Ok(card.ChipIO{ChipProtocol: q.ChipProtocol, ChipData: a.Data})
}

// atr is the chip's part of ReadRawData; the chip stays on. The fault says why the card has no
// chip that can be used.
func (r *Reader) atr() (card.Data, *Fault, *api.Completion) {
	b, err := r.wake(false)
	if err == nil {
		return card.Data{Data: b}, nil, nil
	}
	var f *Fault
	if errors.As(err, &f) && (slices.Contains(r.o.Chip.Mute, f.Code) || slices.Contains(r.o.Chip.Bad, f.Code)) && r.release() == nil {
		if slices.Contains(r.o.Chip.Mute, f.Code) {
			return card.Data{Status: "dataMissing"}, f, nil
		}
		return card.Data{Status: "dataInvalid"}, f, nil
	}
	c := r.chipFailed(err, true)
	return card.Data{}, nil, &c
}
