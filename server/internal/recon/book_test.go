package recon

import (
	"bytes"
	"strings"
	"testing"

	"zhigui/server/api/message/format"
)

const good = "000000000001|000001|1122010203|00000001|100.00|D|N|ATM|\n000000000002|000002|1122010203|00000001|0.50|C|N|x|\nTRAILER 1122 00000002 +000000000009950\n"

func load(t testing.TB, name string) *format.Dialect {
	t.Helper()
	d, err := Format(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestABookIsReadWholeOrNotAtAll(t *testing.T) {
	d := load(t, "core")
	rows, digest, err := Read(strings.NewReader(good), d, "20261122")
	if err != nil || len(rows) != 2 || rows[0].Amount != 10000 || rows[1].Amount != -50 || len(digest) != 64 {
		t.Fatal(rows, digest, err)
	}
	for want, text := range map[string]string{
		"ends at line 3 without a trailer": strings.SplitAfter(good, "x|\n")[0],
		"of day 1123, not of":              strings.Replace(good, "TRAILER 1122", "TRAILER 1123", 1),
		"its trailer says 2 and":           strings.SplitAfterN(good, "\n", 2)[1],
		"2 lines with a sum of 9951":       strings.Replace(good, "100.00", "100.01", 1),
		"line 1: ":                         strings.Replace(good, "|D|", "|D", 1),
		"line 1: sign":                     strings.Replace(good, "|D|", "|X|", 1),
		"something behind the trailer":     good + "x",
		"want TRAILER":                     "TRAILER 1122\n",
		"count or sum":                     "TRAILER 1122 a 1\n",
		"too long":                         strings.Repeat("x", 1<<17),
	} {
		if rows, _, err := Read(strings.NewReader(text), d, "20261122"); err == nil || !strings.Contains(err.Error(), want) || rows != nil {
			t.Errorf("%q: %v", want, err)
		}
	}
	if _, err := Format("morse"); err == nil || !strings.Contains(err.Error(), "want core, cups") {
		t.Error(err)
	}
}

func FuzzBook(f *testing.F) {
	f.Add([]byte(good), true)
	f.Add([]byte("99992900    99990000    000001 1122010203 6225880000000001    000000010000 D N 00000001 000000000001\nTRAILER 1122 00000001 +000000000010000\n"), false)
	core, cups := load(f, "core"), load(f, "cups")
	f.Fuzz(func(t *testing.T, b []byte, c bool) {
		d := cups
		if c {
			d = core
		}
		rows, digest, err := Read(bytes.NewReader(b), d, "20261122")
		if err == nil && (digest == "" || bytes.Count(b, []byte("\n")) != len(rows)+1) {
			t.Errorf("%d rows out of %q", len(rows), b)
		}
	})
}
