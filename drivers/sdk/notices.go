package sdk

import (
	"bytes"
	"context"
	"encoding/json"

	"zhigui/drivers/api"
)

type members = map[string]map[string]json.RawMessage

// flatten turns a status object into its members by interface.
func flatten(status json.RawMessage) members {
	out := members{}
	_ = json.Unmarshal(status, &out) // it was encoded a moment ago
	return out
}

// changes are the members of now that differ from before.
func changes(before, now members) members {
	out := members{}
	for class, m := range now {
		for k, v := range m {
			if !bytes.Equal(before[class][k], v) {
				if out[class] == nil {
					out[class] = map[string]json.RawMessage{}
				}
				out[class][k] = v
			}
		}
	}
	return out
}

func (e *Engine) notify(ev api.Event) { e.ring.add(api.Notice{Event: &ev}) }

// statusChanged sends the members that differ from the last that were sent.
func (e *Engine) statusChanged() {
	d, err := e.opened()
	if err != nil {
		return
	}
	e.statusMu.Lock()
	defer e.statusMu.Unlock()
	raw := mustJSON(d.Status())
	if bytes.Equal(raw, e.lastJSON) {
		return
	}
	e.lastJSON = raw
	now := flatten(raw)
	if delta := changes(e.last, now); len(delta) > 0 {
		e.last = now
		e.ring.add(api.Notice{Status: &api.Status{Classes: mustJSON(delta)}})
	}
}

// Status implements api.Device: the full status, whose place in the stream is the newest
// notice that it includes.
func (e *Engine) Status(context.Context) (api.Status, error) { return e.full(), nil }

func (e *Engine) full() api.Status {
	e.statusChanged()
	e.statusMu.Lock()
	defer e.statusMu.Unlock()
	epoch, seq := e.ring.place()
	classes := e.lastJSON
	if classes == nil {
		classes = mustJSON(map[string]any{"common": map[string]any{"device": api.Starting}})
	}
	return api.Status{Epoch: epoch, Seq: seq, Full: true, Classes: classes}
}

// Watch implements api.Device.
func (e *Engine) Watch(ctx context.Context, epoch string, after uint64, f func(api.Notice)) error {
	return e.ring.watch(ctx, epoch, after, e.full, func(n api.Notice) error { f(n); return nil })
}
