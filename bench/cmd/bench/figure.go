package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
)

// figure is one JSON line of the result.
type figure struct {
	Name  string             `json:"name"`
	Value float64            `json:"value"`
	Unit  string             `json:"unit"`
	VS    map[string]float64 `json:"vs"`
	Note  string             `json:"note,omitempty"`
}

// vs is what stands beside a figure. Its keys: goalMin, goalMax (met when the value is not
// less, not more), reference (the published figure of the system to beat), others by name.
type vs = map[string]float64

// met says whether a figure reaches its goal; known is false when it has none.
func (f figure) met() (met, known bool) {
	if g, ok := f.VS["goalMin"]; ok {
		return f.Value >= g, true
	}
	if g, ok := f.VS["goalMax"]; ok {
		return f.Value <= g, true
	}
	return false, false
}

// figures are printed as they come and written at the end.
type figures struct {
	enc       *json.Encoder
	all       []figure
	timelines []timeline
	compared  []compared
}

func (fs *figures) add(name string, value float64, unit string, beside vs, note string) {
	if beside == nil {
		beside = vs{}
	}
	f := figure{Name: name, Value: round(value), Unit: unit, VS: beside, Note: note}
	for k, v := range beside {
		beside[k] = round(v)
	}
	fs.all = append(fs.all, f)
	_ = fs.enc.Encode(f)
}

// round keeps four significant digits or all before the point.
func round(v float64) float64 {
	for _, scale := range []float64{1, 10, 100, 1000} {
		if v*scale >= 1000 || v*scale <= -1000 || scale == 1000 {
			if v < 0 {
				return float64(int64(v*scale-0.5)) / scale
			}
			return float64(int64(v*scale+0.5)) / scale
		}
	}
	return v
}

func (fs *figures) write(o options) error {
	if len(fs.all) == 0 {
		return nil
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	return errors.Join(lines(filepath.Join(o.out, "figures.jsonl"), fs.all), lines(filepath.Join(o.out, "timelines.jsonl"), fs.timelines), report(filepath.Join(o.out, "report.html"), fs, o))
}

// lines writes a JSON line for each of all.
func lines[T any](path string, all []T) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(f)
	for _, x := range all {
		err = errors.Join(err, enc.Encode(x))
	}
	return errors.Join(err, f.Close())
}
