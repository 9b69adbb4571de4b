package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"zhigui/server/api/message"
	"zhigui/server/api/message/format"
)

// codec measures what a message costs in each dialect of the runs: 8583 in place, as the switch takes it
// on its hot path, and every format by way of the canonical transaction. The least of five blocks counts.
func codec(_ context.Context, _ options, fs *figures) error {
	payment := format.NewTransaction("0200")
	payment.Values = map[string]string{"procCode": "000000", "pan": "6225881000000001", "stan": "000001", "localTime": "154841", "localDate": "1122", "terminal": "00000001", "merchant": "102290000000001",
		"amount": "000000000100", "currency": "156", "pinBlock": "12345678"}
	sign := func([]byte) ([]byte, error) { return make([]byte, 8), nil }
	worst, allocs, each := 0.0, 0.0, vs{"goalMax": 0.5}
	generic := vs{}
	for _, name := range []string{"pos64", "cups128", "corexml", "corejson", "corefixed", "coredelimited"} {
		d, err := format.Builtin(name)
		if err != nil {
			return err
		}
		frame, err := d.Pack(nil, payment, sign)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		body, ok := d.Frame.Strip(slices.Clone(frame))
		if !ok {
			return errors.New(name + ": no frame")
		}
		if iso := d.ISO(); iso != nil {
			m := message.New(iso)
			us, n := perMessage(func() error {
				if err := m.Unpack(iso, body); err != nil {
					return err
				}
				frame, _, err = m.Pack(frame[:0])
				return err
			})
			each[name], worst, allocs = us, max(worst, us), max(allocs, n)
		}
		us, _ := perMessage(func() error {
			t, _, err := d.Unpack(body)
			if err != nil {
				return err
			}
			frame, err = d.Pack(frame[:0], t, sign)
			return err
		})
		generic[name] = us
	}
	fs.add("codec.8583.us", worst, "µs", each, "a message read or written in place, without its MAC: half of reading one and writing it again, the dearer dialect")
	fs.add("codec.8583.allocations", allocs, "", vs{"goalMax": 0}, "on that way")
	fs.add("codec.canonical.us", slices.Max([]float64{generic["corexml"], generic["corejson"], generic["corefixed"], generic["coredelimited"]}), "µs", generic, "the same by way of the canonical transaction, the dearest of XML, JSON, fixed and delimited; without the MAC")
	return nil
}

// perMessage is the time of half of f, which reads a message and writes it, in µs, and f's allocations.
func perMessage(f func() error) (us, allocations float64) {
	us = 1e9
	for range 5 {
		r := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
		us = min(us, float64(r.NsPerOp())/2000)
		allocations = float64(r.AllocsPerOp())
	}
	return us, allocations
}
