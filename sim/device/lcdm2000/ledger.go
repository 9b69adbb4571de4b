package lcdm2000

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Place is where a note can be.
type Place string

// The places. A note comes from Outside into a cassette and ends with the customer or the
// operator.
const (
	Outside  Place = "outside"
	Cassette Place = "cassette"
	Chk      Place = "chk" // at the pick-up sensors
	Div      Place = "div" // at the diverter
	Ejt      Place = "ejt" // before the exit
	Exit     Place = "exit"
	Reject   Place = "reject"
	Customer Place = "customer"
	Operator Place = "operator"
)

// Units are the two cassettes.
var Units = []string{"upper", "lower"}

// Entry is one line of the ledger. Kind is move (N notes of Unit went From … To), command
// (a command that moves notes begins), result (it ended) or set (a setting of the mechanism
// changed). The ledger is the device's only memory: its state is the sum of the entries.
type Entry struct {
	Seq   int       `json:"seq"`
	At    time.Time `json:"at"`
	Kind  string    `json:"kind"`
	Cmd   int       `json:"cmd,omitempty"` // serial number of the command that moved the notes
	Name  string    `json:"name,omitempty"`
	Unit  string    `json:"unit,omitempty"`
	N     int       `json:"n,omitempty"`
	From  Place     `json:"from,omitempty"`
	To    Place     `json:"to,omitempty"`
	Why   string    `json:"why,omitempty"`
	Upper int       `json:"upper,omitempty"` // of a command: notes asked for; of a result: notes the exit sensor counted
	Lower int       `json:"lower,omitempty"`
	Err   string    `json:"err,omitempty"` // of a result: error byte in hex
	// Value of a command is the DISPENSEID it pays under; of a purge, that notes were drawn in.
	Value string `json:"value,omitempty"`
}

// Ledger is the durable list of everything that moved. An entry is on the disk before its
// notes count as moved.
type Ledger struct {
	mu   sync.Mutex
	f    *os.File
	seq  int
	path string
}

// OpenLedger reads the ledger, drops a torn last line, and hands each entry to apply.
func OpenLedger(path string, apply func(Entry) error) (*Ledger, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	l := &Ledger{f: f, path: path}
	good, err := readEntries(f, func(e Entry) error {
		l.seq = e.Seq
		return apply(e)
	})
	if err == nil {
		err = f.Truncate(good)
	}
	if err == nil {
		_, err = f.Seek(good, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("ledger %s: %w", path, err)
	}
	return l, nil
}

// ReadLedger reads a ledger of a device that may be at work.
func ReadLedger(path string) ([]Entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []Entry
	_, err = readEntries(f, func(e Entry) error { list = append(list, e); return nil })
	return list, err
}

// readEntries answers how many bytes are whole entries. A last line without its newline is
// torn; a bad line before that is an error.
func readEntries(r io.Reader, f func(Entry) error) (int64, error) {
	br := bufio.NewReader(r)
	var good int64
	for {
		line, err := br.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return good, nil
		}
		if err != nil {
			return good, err
		}
		var e Entry
		if err := json.Unmarshal(bytes.TrimSpace(line), &e); err != nil {
			return good, fmt.Errorf("entry at byte %d: %w", good, err)
		}
		if err := f(e); err != nil {
			return good, fmt.Errorf("entry %d: %w", e.Seq, err)
		}
		good += int64(len(line))
	}
}

// Append numbers the entries and writes them together; they survive the process, as engine.SaveJSON has it.
func (l *Ledger) Append(list []Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var buf bytes.Buffer
	for i := range list {
		list[i].Seq = l.seq + i + 1
		b, err := json.Marshal(list[i])
		if err != nil {
			return err
		}
		buf.Write(b)
		buf.WriteByte('\n')
	}
	if _, err := l.f.Write(buf.Bytes()); err != nil {
		return fmt.Errorf("ledger %s: %w", l.path, err)
	}
	l.seq += len(list)
	return nil
}

// Close closes the file.
func (l *Ledger) Close() error { return l.f.Close() }
