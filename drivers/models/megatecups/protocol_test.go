package megatecups

import (
	"errors"
	"testing"
	"time"

	"zhigui/drivers/internal/dialog"
	"zhigui/drivers/internal/golden"
)

// The first line is the protocol document's example.
func TestAReadingIsTakenApart(t *testing.T) {
	b, err := readQ1(golden.Next([]byte("\xff(208.(208.4 140.0 208.4 034 59.9 2.05 35.0 00110000\r")))
	if err != nil {
		t.Fatal(err)
	}
	r, err := parse(string(b))
	if err != nil || *r.in != 208.4 || *r.fault != 140 || *r.load != 34 || *r.battery != 2.05 || *r.celsius != 35 || !r.bypass || !r.failed || r.utilityFail || r.beeper {
		t.Errorf("%+v %v", r, err)
	}
	if r, err := parse("220.0 220.0 220.0 010 50.0 27.3 --.- 10001001"); err != nil || r.celsius != nil || !r.utilityFail || !r.standby || !r.beeper {
		t.Errorf("%+v %v", r, err)
	}
	for _, bad := range []string{"", "220.0 220.0 220.0 010 50.0 27.3 25.0", "220.0 220.0 220.0 010 50.0 27.3 25.0 1000100", "220.0 22x.0 220.0 010 50.0 27.3 25.0 10001001", "1 1 1 1 1 1 1 12345678"} {
		if _, err := parse(bad); !errors.Is(err, dialog.ErrDamaged) {
			t.Errorf("%q was taken: %v", bad, err)
		}
	}
}

func TestOrdersHaveTheDocumentsForm(t *testing.T) {
	for _, tc := range []struct {
		after   time.Duration
		restore int
		want    string
	}{{12 * time.Second, 0, "S.2R0000"}, {54 * time.Second, 3, "S.9R0003"}, {time.Minute, 0, "S01R0000"}, {10 * time.Minute, 9999, "S10R9999"}, {90 * time.Second, 0, ""}, {5 * time.Second, 0, ""}, {time.Minute, -1, ""}} {
		if got, err := shutdown(tc.after, tc.restore); got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%v: %q %v", tc, got, err)
		}
	}
	for d, want := range map[time.Duration]string{0: "T", 5 * time.Minute: "T05", 90 * time.Second: "", 100 * time.Minute: ""} {
		if got, err := test(d); got != want || (err == nil) != (want != "") {
			t.Errorf("%v: %q %v", d, got, err)
		}
	}
}

func FuzzReading(f *testing.F) {
	f.Add([]byte("(208.4 140.0 208.4 034 59.9 2.05 35.0 00110000\r"))
	f.Add([]byte("(--.- - . 034 59.9 2.05 35.0 00110000\r"))
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := readQ1(golden.Next(b))
		if err == nil {
			r, err := parse(string(out))
			if err != nil {
				t.Fatal(err)
			}
			r.info()
		}
	})
}
