package format

import (
	"testing"
)

// A payment request in each built-in dialect, as the bench of the switch sends it.
func BenchmarkPayment(b *testing.B) {
	for _, name := range []string{"corexml", "corejson", "corefixed", "coredelimited", "pos64"} {
		d, err := Builtin(name)
		if err != nil {
			b.Fatal(err)
		}
		q := NewTransaction("0200")
		q.Values = map[string]string{"procCode": "000000", "pan": "6225881000000001", "stan": "000001", "localTime": "154841", "localDate": "1122", "terminal": "00000001", "merchant": "123456789012345",
			"amount": "000000000100", "currency": "156", "pinBlock": "12345678"}
		sign := func([]byte) ([]byte, error) { return make([]byte, 8), nil }
		frame, err := d.Pack(nil, q, sign)
		if err != nil {
			b.Fatal(err)
		}
		body, _ := d.Frame.Strip(frame)
		b.Run(name+"/pack", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if frame, err = d.Pack(frame[:0], q, sign); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/unpack", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := d.Unpack(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
