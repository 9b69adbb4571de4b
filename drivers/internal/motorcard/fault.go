package motorcard

import (
	"cmp"
	"errors"
	"fmt"

	"zhigui/drivers/api"
	"zhigui/drivers/api/card"
	"zhigui/drivers/internal/line"
)

// Fault is an answer that says that a command failed.
type Fault struct{ Cmd, Code, Name string }

func (f *Fault) Error() string {
	return fmt.Sprintf("device error %s (%s) in %+q", f.Code, cmp.Or(f.Name, "unknown error"), f.Cmd)
}

// Failed is the completion of a command that the reader says failed.
func (r *Reader) Failed(o api.Outcome, f *Fault) api.Completion {
	v, known := r.o.Vendor[r.o.Step(f.Cmd)+":"+f.Code]
	if !known {
		v, known = r.o.Vendor["any:"+f.Code]
	}
	if !known {
		v = api.VendorError{Code: f.Code, Name: cmp.Or(f.Name, "unknown error")}
	}
	c := api.Completion{Outcome: o, Code: api.HardwareError, Vendor: &v, Description: f.Error()}
	if code := r.o.Class[f.Code]; code != "" {
		c.Code, c.ErrorCode = api.CommandErrorCode, code
	}
	return c
}

// Broken is the completion after an exchange that failed; Indeterminate says that the card may
// have moved by it.
func (r *Reader) Broken(err error, o api.Outcome) api.Completion {
	var f *Fault
	if errors.As(err, &f) {
		if o == api.Indeterminate {
			o = api.Failed // the device itself says so
		}
		r.mu.Lock()
		r.jammed = r.jammed || r.o.Class[f.Code] == card.ErrMediaJam
		r.mu.Unlock()
		r.o.Env.StatusChanged()
		return r.Failed(o, f)
	}
	if errors.Is(err, line.ErrRefused) {
		o = api.NotStarted
	}
	return api.Completion{Outcome: o, Code: api.HardwareError, Description: err.Error()}
}
