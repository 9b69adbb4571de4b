// Package record keeps what goes over a device's line: it writes a trace while driver and
// device talk, stands in for the device with a trace, and compares two traces. Imported by
// sim/cmd/simctl and tests.
package record

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Entry is what went over the line at once.
type Entry struct {
	At   time.Duration // since the beginning
	Host bool          // from the driver; else from the device
	Data []byte
	Line int // of the file, when it was read from one
}

// Hex is the data as traces and reports show it.
func (e Entry) Hex() string {
	s := strings.ToUpper(hex.EncodeToString(e.Data))
	var b strings.Builder
	for i := 0; i < len(s); i += 2 {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s[i : i+2])
	}
	return b.String()
}

func (e Entry) arrow() byte {
	if e.Host {
		return '>'
	}
	return '<'
}

// String is the entry's line in a file.
func (e Entry) String() string {
	return fmt.Sprintf("%.6f %c %s", e.At.Seconds(), e.arrow(), e.Hex())
}

const head = "# zhigui trace 1: seconds, > from the driver or < from the device, bytes"

// Writer writes a trace.
type Writer struct {
	w io.Writer
}

// NewWriter begins a trace; remarks become comments at its head.
func NewWriter(w io.Writer, remarks ...string) (*Writer, error) {
	text := head + "\n"
	for _, r := range remarks {
		text += "# " + r + "\n"
	}
	_, err := io.WriteString(w, text)
	return &Writer{w}, err
}

// Add writes an entry.
func (w *Writer) Add(e Entry) error {
	_, err := fmt.Fprintln(w.w, e)
	return err
}

// Read reads a trace; errors name file, line and column.
func Read(name string, r io.Reader) ([]Entry, error) {
	var out []Entry
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<24)
	for n := 1; lines.Scan(); n++ {
		text := lines.Text()
		if n == 1 && !strings.HasPrefix(text, "# zhigui trace 1") {
			return nil, fmt.Errorf("%s:1:1: this is no trace: it does not begin with %q", name, "# zhigui trace 1")
		}
		if text = strings.TrimSpace(text); text == "" || text[0] == '#' {
			continue
		}
		e, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d:%w", name, n, err)
		}
		e.Line = n
		out = append(out, e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s:1:1: the trace is empty", name)
	}
	return out, nil
}

// parse reads one line; its errors begin with the column.
func parse(text string) (e Entry, err error) {
	at, rest, _ := strings.Cut(text, " ")
	sec, err := strconv.ParseFloat(at, 64)
	if err != nil || sec < 0 || sec > 1e7 {
		return e, fmt.Errorf("1: %q is no time in seconds", at)
	}
	dir, rest, _ := strings.Cut(rest, " ")
	if dir != ">" && dir != "<" {
		return e, fmt.Errorf("%d: %q is neither > nor <", len(at)+2, dir)
	}
	e = Entry{At: time.Duration(sec * float64(time.Second)), Host: dir == ">"}
	if e.Data, err = hex.DecodeString(strings.ReplaceAll(rest, " ", "")); err != nil || len(e.Data) == 0 {
		return e, fmt.Errorf("%d: %q are no bytes in hex", len(at)+4, rest)
	}
	return e, nil
}

// polls are the driver's frames that it sends again and again: at least three times, or
// twice with only one answer between.
func polls(es []Entry) map[string]bool {
	count, out, last := map[string]int{}, map[string]bool{}, ""
	for _, e := range es {
		if !e.Host {
			continue
		}
		k := string(e.Data)
		if count[k]++; count[k] >= 3 || k == last {
			out[k] = true
		}
		last = k
	}
	return out
}

// split takes frames of the driver apart that were read at once, where the first of them is
// seen alone elsewhere (an ACK and the next request).
func split(es []Entry) []Entry {
	alone := map[string]bool{}
	for _, e := range es {
		if e.Host {
			alone[string(e.Data)] = true
		}
	}
	var out []Entry
	for _, e := range es {
		for cut := true; e.Host && cut; {
			cut = false
			for n := 1; n < len(e.Data); n++ {
				if alone[string(e.Data[:n])] {
					first := e
					first.Data, e.Data, cut = e.Data[:n], e.Data[n:], true
					out = append(out, first)
					break
				}
			}
		}
		out = append(out, e)
	}
	return out
}
