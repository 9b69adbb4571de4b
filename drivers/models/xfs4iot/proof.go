package xfs4iot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"zhigui/drivers/api"
	"zhigui/drivers/api/cash"
	"zhigui/drivers/internal/record"
	"zhigui/drivers/sdk"
)

// counts are the notes that left each unit, by where they went (presented, rejected, …).
type counts map[string]map[string]int

func countsOf(units map[string]unit) counts {
	out := counts{}
	for name, u := range units {
		m := map[string]int{}
		for where, i := range u.Cash.Status.Out {
			m[where] = i.total()
		}
		out[name] = m
	}
	return out
}

// witness is what the service provider says of a dispense, beside its completion.
type witness struct {
	moved   counts         // since before
	exact   bool           // the counts can be believed
	state   string         // presentState; "" if it was not answered
	present map[string]int // values of the present status
}

func (x *dispenser) witness(ctx context.Context, o order) (w witness, err error) {
	units, err := x.storage(ctx)
	if err != nil {
		return w, err
	}
	w.moved, w.exact = counts{}, true
	after := countsOf(units)
	for name := range o.Asked {
		u, ok := units[name]
		w.exact = w.exact && ok && u.exact()
		w.moved[name] = map[string]int{}
		for where, n := range after[name] {
			if n -= o.Before[name][where]; n != 0 {
				w.moved[name][where] = n
			}
			// Counts that fall were reset (what lies on stacker and transport comes and goes); notes
			// that went nobody knows where are no proof.
			w.exact = w.exact && (n >= 0 || where == "stacked" || where == "transport") && (where != "unknown" || n == 0)
		}
	}
	var ps struct {
		PresentState string
		Denomination struct{ Values map[string]int }
	}
	if x.ask(ctx, cash.CmdGetPresentStatus, map[string]string{"position": x.p.Exit}, &ps) == nil {
		w.state, w.present = ps.PresentState, maps.Clone(ps.Denomination.Values)
		maps.DeleteFunc(w.present, func(_ string, n int) bool { return n == 0 })
	}
	return w, nil
}

// presented is what the counts say of the exit.
func (w witness) presented() map[string]int {
	out := map[string]int{}
	for name, m := range w.moved {
		if n := m["presented"]; n != 0 {
			out[name] = n
		}
	}
	return out
}

// still: the counts show no note that moved.
func (w witness) still() bool {
	for _, m := range w.moved {
		if len(m) > 0 {
			return false
		}
	}
	return true
}

// prove turns the end of a dispense into what is certain of it.
func (x *dispenser) prove(ctx context.Context, o order, done api.Completion, began bool) api.Completion {
	ctx = context.WithoutCancel(ctx)
	unknown := sdk.With(done, cash.Moved{Unknown: true})
	if done.Outcome == api.Indeterminate && !x.idle(ctx) {
		return unknown
	}
	w, err := x.witness(ctx, o)
	if err != nil {
		if done.Outcome == api.Done {
			unknown.Outcome = api.Indeterminate
		}
		unknown.Code, unknown.Description = api.HardwareError, "what was dispensed cannot be asked: "+err.Error()
		return unknown
	}
	agree := maps.Equal(w.presented(), o.Asked)
	counted := w.exact && agree
	said := w.state == "presented" && maps.Equal(w.present, o.Asked)
	// One that denies what the other says takes the proof away.
	denied := w.state == "notPresented" || w.state == "presented" && !said
	switch {
	case counted && !denied, done.Outcome == api.Done && said && (w.still() || agree):
		if w.still() { // a service provider that does not count
			for name, n := range o.Asked {
				w.moved[name] = map[string]int{"presented": n}
			}
		}
		done.Outcome, done.Code, done.ErrorCode = api.Done, api.Success, ""
		return sdk.With(done, x.movedOf(w))
	case done.Outcome == api.Indeterminate:
		return unknown
	case done.Outcome == api.Done:
		unknown.Outcome, unknown.Code = api.Failed, api.HardwareError
		unknown.Description = fmt.Sprintf("the service provider says done, but its counts and its present status (%q) do not say the same", w.state)
		return unknown
	}
	none := len(w.presented()) == 0
	switch {
	case w.exact && w.still() && !began, // it never began: the present status is of an earlier one
		w.exact && none && w.state == "notPresented",
		w.exact && !none && w.state == "presented" && maps.Equal(w.present, w.presented()):
		return sdk.With(done, x.movedOf(w))
	}
	return unknown
}

// movedOf is the witness in our words.
func (x *dispenser) movedOf(w witness) cash.Moved {
	m := cash.Moved{Units: map[string]cash.UnitMoved{}}
	for name, n := range w.moved {
		m.Units[x.p.ours(name)] = cash.UnitMoved{Presented: n["presented"], Stacked: n["stacked"], Rejected: n["rejected"] + n["diverted"]}
		m.Uncounted = m.Uncounted || n["transport"] > 0
	}
	return m
}

// The order is on the disk before it is sent: counts prove something only beside those of
// before.

func (x *dispenser) orderFile() string { return filepath.Join(x.env.StateDir, "order.json") }

func (x *dispenser) remember(o order) error { return record.Save(x.orderFile(), o) }

func (x *dispenser) remembered() (o order, ok bool) {
	err := record.Load(x.orderFile(), &o)
	return o, err == nil && o.Op != ""
}

func (x *dispenser) forget() {
	if err := os.Remove(x.orderFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		x.env.Log.Warn("counts of the last dispense", "error", err)
	}
}
