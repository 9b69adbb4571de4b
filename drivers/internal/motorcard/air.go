package motorcard

import (
	"errors"
	"slices"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/sdk"
)

// Air is the model's commands to a card that is held to its antenna, and their codes.
type Air struct {
	On, Off string
	IO      map[string]string // protocol → what a command to the card is sent with
	// Open takes the answer to On apart: the protocol, and the card's answer to select (type A) or to
	// the request (type B). An error is a card that no commands can be sent to.
	Open func([]byte) (protocol string, id []byte, err error)
	// None are the codes of On where there is no card, Many of more than one.
	None, Many []string
	// Codes are the XFS4IoT errors of commands over the antenna; the others are Table.Class.
	Codes map[string]string
}

// tap is a card that answered over the antenna.
type tap struct {
	protocol string
	id       []byte
}

// setAir notes whom the antenna talks to; "" is nobody.
func (r *Reader) setAir(protocol string) {
	r.mu.Lock()
	r.air = protocol
	r.mu.Unlock()
	r.o.Env.StatusChanged()
}

func (r *Reader) onAir() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.air
}

// hush ends the talk to the card at the antenna.
func (r *Reader) hush() error {
	if r.onAir() == "" {
		return nil
	}
	r.setAir("")
	_, err := r.Do(r.o.Air.Off, true)
	var f *Fault
	if errors.As(err, &f) { // it is gone already
		return nil
	}
	return err
}

// feel activates the card at the antenna; both results are nil when there is none.
func (r *Reader) feel() (*tap, *api.Completion) {
	air := r.o.Air
	a, err := r.Do(air.On, true)
	var f *Fault
	switch {
	case errors.As(err, &f) && slices.Contains(air.None, f.Code):
		return nil, nil
	case errors.As(err, &f) && slices.Contains(air.Many, f.Code):
		c := r.Failed(api.Failed, f)
		c.Code, c.ErrorCode = api.CommandErrorCode, card.ErrCollision
		return nil, &c
	case err != nil:
		c := r.Broken(err, api.Failed)
		return nil, &c
	}
	protocol, id, err := air.Open(a.Data)
	if err != nil {
		_, _ = r.Do(air.Off, true)
		c := api.Fail(api.Failed, card.ErrInvalidMedia, err.Error())
		return nil, &c
	}
	r.setAir(protocol)
	return &tap{protocol, id}, nil
}

// tapped is the completion of ReadRawData for a card at the antenna: it has no stripe to read.
func (t *tap) tapped(q card.ReadRawData) api.Completion {
	out := card.ReadRawDataResult{Chip: []card.Data{{Data: t.id}}, Protocol: t.protocol}
	for to, want := range map[**card.Data]bool{&out.Track1: q.Track1, &out.Track2: q.Track2, &out.Track3: q.Track3} {
		if want {
			*to = &card.Data{Status: "dataSourceMissing"}
		}
	}
	return sdk.Ok(out)
}

// airPower is ChipPower for the card at the antenna: a reset is a new activation.
func (r *Reader) airPower(how string) api.Completion {
	if how == card.Off {
		if err := r.hush(); err != nil {
			return r.Broken(err, api.Failed)
		}
		return sdk.Ok(nil)
	}
	if err := r.hush(); err != nil {
		return r.Broken(err, api.Failed)
	}
	t, c := r.feel()
	switch {
	case c != nil && c.ErrorCode == card.ErrCollision: // no error of this command
		c.ErrorCode = card.ErrInvalidMedia
		return *c
	case c != nil:
		return *c
	case t == nil:
		return api.Fail(api.NotStarted, card.ErrNoMedia, "no card is inside or at the antenna")
	}
	return sdk.Ok(card.ChipPowerResult{ChipData: t.id})
}

// airIO is ChipIO for the card at the antenna; the line is taken. Never sent again: a chip counts
// what it is asked.
func (r *Reader) airIO(q card.ChipIO, protocol string) api.Completion {
	now := r.onAir()
	if protocol == "" {
		protocol = now
	}
	switch {
	case now == "":
		return api.Fail(api.NotStarted, card.ErrATRNotObtained, "no card at the antenna was activated")
	case protocol != now:
		return api.Fail(api.NotStarted, card.ErrProtocolNotSupported, "the card at the antenna speaks another protocol")
	}
	a, err := r.Do(r.o.Air.IO[protocol]+string(q.ChipData), false)
	if err == nil && len(a.Data) < 2 {
		err = &Fault{Cmd: r.o.Air.IO[protocol], Code: r.o.Chip.NoAnswer, Name: "an answer without a status word"}
	}
	if err != nil {
		r.setAir("") // gone, or nobody knows what it was told
		c := r.Broken(err, api.Failed)
		var f *Fault
		if errors.As(err, &f) && r.o.Air.Codes[f.Code] != "" {
			c.Code, c.ErrorCode = api.CommandErrorCode, r.o.Air.Codes[f.Code]
		}
		return c
	}
	return sdk.Ok(card.ChipIO{ChipProtocol: protocol, ChipData: a.Data})
}
