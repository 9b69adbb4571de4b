// Package journal writes the electronic journal: append-only segments, each record on
// disk (fsync) before Append returns. Only the native platform imports it; it is the one
// writer of a terminal. The format and its verifier are in terminal/api/journal.
package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	ej "zhigui/terminal/api/journal"
)

// Signer seals a finished segment; nil leaves segments unsealed.
type Signer interface {
	// Sign returns the signature over the digest text of a seal.
	Sign(text []byte) ([]byte, error)
}

// Options of a writer.
type Options struct {
	// Epoch names this incarnation of the process.
	Epoch string
	// SegmentSize in bytes after which a new segment begins; 0 means 4 MiB.
	SegmentSize int64
	Now         func() time.Time // nil means time.Now
	Signer      Signer
	// Snapshot gives the state that opens a new segment.
	Snapshot func() (json.RawMessage, error)
}

// ErrBroken is returned by every Append after one that failed: what is on disk is then
// uncertain, so nothing may be announced any more. Restart the process.
var ErrBroken = errors.New("the journal is broken: restart the platform, and look at the disk")

// ErrDamaged: whole records follow one that is not. A power loss does not do that; cutting
// them off would forget what was paid, so a person has to look.
var ErrDamaged = errors.New("the journal is damaged in the middle: restore it before cash moves again")

// Writer appends to the journal. Safe for concurrent use.
type Writer struct {
	mu     sync.Mutex
	dir    string
	opt    Options
	f      *os.File
	size   int64
	first  uint64 // sequence number of the segment's first record
	seq    uint64
	prev   string
	broken bool
	buf    []byte
}

// Open opens the journal in dir, cuts off a torn tail, and calls replay for every record
// from the newest snapshot on. The chain of those records is verified; ErrChain means
// somebody or something damaged it.
func Open(dir string, opt Options, replay func(ej.Record) error) (*Writer, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.SegmentSize == 0 {
		opt.SegmentSize = 4 << 20
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("journal folder: %w", err)
	}
	w := &Writer{dir: dir, opt: opt}
	segs, err := Segments(dir)
	if err != nil {
		return nil, err
	}
	// A segment that was begun but whose snapshot never reached the disk is empty: the one
	// before it is the newest then.
	for len(segs) > 0 {
		last := segs[len(segs)-1]
		whole, err := w.load(last, replay)
		if err != nil {
			return nil, fmt.Errorf("journal %s: %w", filepath.Base(last), err)
		}
		if whole > 0 {
			break
		}
		if err := os.Remove(last); err != nil {
			return nil, err
		}
		segs = segs[:len(segs)-1]
	}
	if w.f == nil {
		if err := w.begin(1); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// load replays one segment and opens it for appending; it returns how many bytes are whole.
func (w *Writer) load(path string, replay func(ej.Record) error) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	v := &ej.Verifier{}
	whole, err := ej.Segment(data, v, func(r ej.Record, _ []byte) error { return replay(r) })
	if err != nil && !errors.Is(err, ej.ErrTorn) {
		return 0, err
	}
	if whole < len(data) && ej.FrameIn(data[whole+1:]) {
		return 0, fmt.Errorf("%w at byte %d", ErrDamaged, whole)
	}
	if whole == 0 {
		return 0, nil
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return 0, err
	}
	if whole < len(data) {
		if err := errors.Join(f.Truncate(int64(whole)), f.Sync()); err != nil {
			f.Close()
			return 0, fmt.Errorf("cut the torn tail: %w", err)
		}
	}
	if _, err := f.Seek(int64(whole), 0); err != nil {
		f.Close()
		return 0, err
	}
	w.f, w.size, w.seq, w.prev, w.first = f, int64(whole), v.Seq, v.Prev, firstOf(path)
	return whole, nil
}

// Append stamps, chains, writes and syncs one record; when it returns without an error
// the record survives a power cut.
func (w *Writer) Append(r ej.Record) (ej.Record, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken {
		return r, ErrBroken
	}
	if w.size >= w.opt.SegmentSize && w.opt.Snapshot != nil {
		if err := w.rotate(); err != nil {
			w.broken = true
			return r, fmt.Errorf("%w: %w", ErrBroken, err)
		}
	}
	return w.write(r)
}

func (w *Writer) write(r ej.Record) (ej.Record, error) {
	r.Seq, r.Prev, r.Epoch, r.Time = w.seq+1, w.prev, w.opt.Epoch, w.opt.Now().UTC()
	body, err := json.Marshal(r)
	if err != nil {
		return r, fmt.Errorf("journal record %s: %w", r.Kind, err)
	}
	if len(body) > ej.MaxBody {
		return r, fmt.Errorf("journal record %s is too large (%d bytes)", r.Kind, len(body))
	}
	w.buf = ej.AppendFrame(w.buf[:0], body)
	if _, err = w.f.Write(w.buf); err == nil {
		err = w.f.Sync()
	}
	if err != nil {
		w.broken = true // an fsync error leaves the file's state unknown: never go on
		return r, fmt.Errorf("%w: %w", ErrBroken, err)
	}
	w.size += int64(len(w.buf))
	w.seq, w.prev = r.Seq, ej.Hash(body)
	return r, nil
}

// rotate seals the segment and begins the next with a snapshot.
func (w *Writer) rotate() error {
	snap, err := w.opt.Snapshot()
	if err != nil {
		return err
	}
	if err := w.seal(); err != nil {
		return err
	}
	if err := w.f.Close(); err != nil {
		return err
	}
	if err := w.begin(w.seq + 1); err != nil {
		return err
	}
	_, err = w.write(ej.Record{Kind: ej.Snapshot, Data: snap})
	return err
}

// Seal is the content of a seal file.
type Seal struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	Hash  string `json:"hash"` // chain hash of the last record
	Sign  []byte `json:"sign"` // SM2 over Text()
}

// Text is what the signature covers.
func (s Seal) Text() []byte { return fmt.Appendf(nil, "zhigui-ej|%d|%d|%s", s.First, s.Last, s.Hash) }

func (w *Writer) seal() error {
	if w.opt.Signer == nil {
		return nil
	}
	s := Seal{First: w.first, Last: w.seq, Hash: w.prev}
	var err error
	if s.Sign, err = w.opt.Signer.Sign(s.Text()); err != nil {
		return fmt.Errorf("seal segment: %w", err)
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return writeSynced(strings.TrimSuffix(w.f.Name(), ".ej")+".seal", b)
}

func (w *Writer) begin(first uint64) error {
	f, err := os.OpenFile(filepath.Join(w.dir, fmt.Sprintf("seg-%020d.ej", first)), os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	w.f, w.size, w.first = f, 0, first
	return syncDir(w.dir)
}

// Last is the sequence number of the newest record.
func (w *Writer) Last() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seq
}

// Close closes the file; everything appended is on disk already.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = true
	return w.f.Close()
}

// Since returns up to max record bodies with a sequence number above after, in order.
func (w *Writer) Since(after uint64, max int) ([]json.RawMessage, error) {
	segs, err := Segments(w.dir)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	last := w.seq
	w.mu.Unlock()
	var out []json.RawMessage
	for i, s := range segs {
		if i+1 < len(segs) && firstOf(segs[i+1]) <= after+1 {
			continue
		}
		data, err := os.ReadFile(s)
		if err != nil {
			return nil, err
		}
		_, err = ej.Segment(data, &ej.Verifier{}, func(r ej.Record, body []byte) error {
			if r.Seq > after && r.Seq <= last && len(out) < max {
				out = append(out, append(json.RawMessage(nil), body...))
			}
			return nil
		})
		if err != nil && !errors.Is(err, ej.ErrTorn) { // a frame being written looks torn
			return nil, err
		}
		if len(out) >= max {
			break
		}
	}
	return out, nil
}

// Segments lists the segment files in order.
func Segments(dir string) ([]string, error) {
	segs, err := filepath.Glob(filepath.Join(dir, "seg-*.ej"))
	if err != nil {
		return nil, err
	}
	sort.Strings(segs)
	return segs, nil
}

func firstOf(path string) uint64 {
	n, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "seg-"), ".ej"), 10, 64)
	return n
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
