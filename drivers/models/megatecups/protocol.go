package megatecups

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"zhigui/drivers/internal/dialog"
)

const maxLine = 120

// line reads an answer that begins with a mark and ends with CR; what comes before the mark
// is noise.
func line(mark byte) func(dialog.Next) ([]byte, error) {
	return func(next dialog.Next) ([]byte, error) {
		var out []byte
		for len(out) < maxLine {
			b, err := next()
			switch {
			case err != nil:
				return nil, err
			case b == mark:
				out = out[:0] // what began before it was noise, too
				out = append(out, b)
			case len(out) == 0:
			case b == '\r':
				return out[1:], nil
			default:
				out = append(out, b)
			}
		}
		return nil, fmt.Errorf("%w: no end in %d bytes", dialog.ErrDamaged, maxLine)
	}
}

// reading is an answer to Q1.
type reading struct {
	in, fault, out, load, hertz, battery, celsius *float64

	utilityFail, batteryLow, bypass, failed, standby, testing, shutdown, beeper bool
}

// number decodes a measurement; nil when the UPS does not make it ("--.-").
func number(s string) (*float64, error) {
	if strings.HasPrefix(s, "-") && strings.Trim(s, "-.") == "" {
		return nil, nil
	}
	if strings.Trim(s, "0123456789.") != "" {
		return nil, fmt.Errorf("%w: %q is no number", dialog.ErrDamaged, s)
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no number", dialog.ErrDamaged, s)
	}
	return &v, nil
}

// parse decodes the answer to Q1 without its bracket.
func parse(s string) (r reading, err error) {
	f := strings.Fields(s)
	if len(f) != 8 {
		return r, fmt.Errorf("%w: %d fields", dialog.ErrDamaged, len(f))
	}
	for i, to := range []**float64{&r.in, &r.fault, &r.out, &r.load, &r.hertz, &r.battery, &r.celsius} {
		if *to, err = number(f[i]); err != nil {
			return r, err
		}
	}
	if len(f[7]) < 8 || strings.Trim(f[7][:8], "01") != "" {
		return r, fmt.Errorf("%w: status bits", dialog.ErrDamaged)
	}
	for i, to := range []*bool{&r.utilityFail, &r.batteryLow, &r.bypass, &r.failed, &r.standby, &r.testing, &r.shutdown, &r.beeper} {
		*to = f[7][i] == '1'
	}
	return r, nil
}

// readQ1 reads and checks an answer to Q1, so that a damaged one is asked for again.
func readQ1(next dialog.Next) ([]byte, error) {
	b, err := line('(')(next)
	if err == nil {
		_, err = parse(string(b))
	}
	return b, err
}

// shutdown is S<n> or S<n>R<mmmm>: n is .2 to .9 or 01 to 10 minutes.
func shutdown(after time.Duration, restore int) (string, error) {
	if after < 12*time.Second || after > 10*time.Minute {
		return "", fmt.Errorf("afterSeconds must be 12 to 600")
	}
	if restore < 0 || restore > 9999 {
		return "", fmt.Errorf("restoreMinutes must be 0 to 9999")
	}
	n := fmt.Sprintf("%02d", int(after/time.Minute))
	if after < time.Minute {
		n = fmt.Sprintf(".%d", int(after/(6*time.Second)))
	} else if after%time.Minute != 0 {
		return "", fmt.Errorf("afterSeconds must be whole minutes from one minute on")
	}
	return fmt.Sprintf("S%sR%04d", n, restore), nil
}

// test is T (10 s) or T<nn> minutes.
func test(d time.Duration) (string, error) {
	switch {
	case d == 0:
		return "T", nil
	case d%time.Minute != 0 || d < 0 || d > 99*time.Minute:
		return "", fmt.Errorf("seconds must be 0 or whole minutes up to 99")
	}
	return fmt.Sprintf("T%02d", int(d/time.Minute)), nil
}
