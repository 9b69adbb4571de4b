package sdk

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"zhigui/drivers/api"
)

// The operation journal of a driver: append-only frames of length, CRC-32C and JSON. A torn
// tail is cut off at opening. Only the last keepOps operations are kept by a rotation.
const (
	journalFile  = "ops.journal"
	frameHead    = 8
	maxFrame     = 1 << 20
	rotateAt     = 512 << 10
	keepOps      = 256
	kindIntent   = "intent" // durable before the driver is called
	kindMoving   = "moving" // durable before the first byte that can move something
	kindResult   = "result"
	kindRecovery = "recovery" // what Recover proved later
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type entry struct {
	Kind       string          `json:"kind"`
	Op         api.OpID        `json:"op"`
	Name       string          `json:"name,omitempty"`
	Txn        string          `json:"txn,omitempty"`
	At         time.Time       `json:"at"`
	Payload    json.RawMessage `json:"payload,omitempty"`
	Completion *api.Completion `json:"completion,omitempty"`
}

type op struct {
	rec     api.OpRecord
	payload json.RawMessage
	moved   bool
	entries []entry // for rotation
}

type journal struct {
	mu    sync.Mutex
	path  string
	f     *os.File
	size  int64
	ops   map[api.OpID]*op
	order []api.OpID
	now   func() time.Time
}

func openJournal(dir string, now func() time.Time) (*journal, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	j := &journal{path: filepath.Join(dir, journalFile), ops: map[api.OpID]*op{}, now: now}
	f, err := os.OpenFile(j.path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("operation journal: %w", err)
	}
	good, err := j.replay(f)
	if err == nil {
		err = tornOnly(f, good)
	}
	if err == nil {
		err = f.Truncate(good)
	}
	if err == nil {
		_, err = f.Seek(good, io.SeekStart)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("operation journal: %w", err)
	}
	j.f, j.size = f, good
	for _, id := range j.order {
		o := j.ops[id]
		if o.rec.Completion == nil {
			o.rec.State = api.OpUnresolved
		}
	}
	return j, nil
}

// replay reads whole frames and returns the length of what is good.
func (j *journal) replay(r io.Reader) (int64, error) {
	var good int64
	head := make([]byte, frameHead)
	for {
		if _, err := io.ReadFull(r, head); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return good, nil
			}
			return 0, err
		}
		n := binary.LittleEndian.Uint32(head)
		if n == 0 || n > maxFrame {
			return good, nil
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(r, body); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return good, nil
			}
			return 0, err
		}
		if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
			return good, nil
		}
		var e entry
		if json.Unmarshal(body, &e) != nil {
			return good, nil
		}
		j.apply(e)
		good += int64(frameHead) + int64(n)
	}
}

// tornOnly refuses a journal in which whole frames follow one that is not: a power loss cuts
// off the last one only, and forgetting an operation would say that it never moved.
func tornOnly(r io.ReaderAt, good int64) error {
	b, err := io.ReadAll(io.NewSectionReader(r, good+1, 1<<62))
	if err != nil {
		return err
	}
	for ; len(b) > frameHead; b = b[1:] {
		n := binary.LittleEndian.Uint32(b)
		if n == 0 || n > maxFrame || int(n) > len(b)-frameHead {
			continue
		}
		if crc32.Checksum(b[frameHead:frameHead+int(n)], castagnoli) == binary.LittleEndian.Uint32(b[4:]) {
			return fmt.Errorf("damaged at byte %d, and whole records follow: a person must look before anything moves", good)
		}
	}
	return nil
}

func (j *journal) apply(e entry) {
	o := j.ops[e.Op]
	if o == nil {
		o = &op{rec: api.OpRecord{Op: e.Op, Name: e.Name, Txn: e.Txn, State: api.OpIntent, Started: e.At}, payload: e.Payload}
		j.ops[e.Op] = o
		j.order = append(j.order, e.Op)
	}
	o.entries = append(o.entries, e)
	switch e.Kind {
	case kindMoving:
		o.moved, o.rec.State = true, api.OpRunning
	case kindResult:
		o.rec.State, o.rec.Completion = api.OpCompleted, e.Completion
	case kindRecovery:
		o.rec.State, o.rec.Completion = api.OpUnresolved, e.Completion
	}
}

func frame(e entry) ([]byte, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	b := make([]byte, frameHead, frameHead+len(body))
	binary.LittleEndian.PutUint32(b, uint32(len(body)))
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(body, castagnoli))
	return append(b, body...), nil
}

// add makes e durable, then applies it. After an error the file is cut back to what was
// good; if even that fails every later add fails too.
func (j *journal) add(e entry) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.f == nil {
		return errors.New("operation journal is closed")
	}
	e.At = j.now().UTC()
	b, err := frame(e)
	if err != nil {
		return fmt.Errorf("operation journal: %w", err)
	}
	_, err = j.f.Write(b)
	if err == nil {
		err = j.f.Sync()
	}
	if err != nil {
		if j.f.Truncate(j.size) != nil || seekEnd(j.f, j.size) != nil {
			j.f.Close()
			j.f = nil
		}
		return fmt.Errorf("operation journal: %w", err)
	}
	j.size += int64(len(b))
	j.apply(e)
	if j.size > rotateAt && e.Kind == kindResult {
		if err := j.rotate(); err != nil {
			return fmt.Errorf("operation journal rotation: %w", err)
		}
	}
	return nil
}

func seekEnd(f *os.File, n int64) error {
	_, err := f.Seek(n, io.SeekStart)
	return err
}

// rotate writes the newest operations into a new file and puts it in place of the old one.
func (j *journal) rotate() error {
	keep := j.order
	if len(keep) > keepOps {
		keep = keep[len(keep)-keepOps:]
	}
	f, err := os.CreateTemp(filepath.Dir(j.path), journalFile+".new*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	var size int64
	for _, id := range keep {
		for _, e := range j.ops[id].entries {
			b, err := frame(e)
			if err == nil {
				_, err = f.Write(b)
			}
			if err != nil {
				f.Close()
				return err
			}
			size += int64(len(b))
		}
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err := os.Rename(f.Name(), j.path); err != nil {
		f.Close()
		return err
	}
	j.f.Close() // it has no name any more: nothing may be written to it
	j.f, j.size = f, size
	if err := syncDir(filepath.Dir(j.path)); err != nil {
		j.f.Close()
		j.f = nil // which of the two files a power loss leaves is not known: every later add fails
		return err
	}
	for _, id := range j.order[:len(j.order)-len(keep)] {
		delete(j.ops, id)
	}
	j.order = append([]api.OpID(nil), keep...)
	return nil
}

func (j *journal) query(id api.OpID) (api.OpRecord, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	o, ok := j.ops[id]
	if !ok {
		return api.OpRecord{Op: id, State: api.OpUnknown}, false
	}
	return o.rec, true
}

// unsettled are the operations without a trustworthy result: those without any, and the
// newest if it is indeterminate.
func (j *journal) unsettled() []OpenOp {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []OpenOp
	for i, id := range j.order {
		o := j.ops[id]
		last := i == len(j.order)-1
		if o.rec.Completion == nil || last && o.rec.Completion.Outcome == api.Indeterminate {
			out = append(out, OpenOp{OpRecord: o.rec, Moved: o.moved, Payload: o.payload})
		}
	}
	return out
}

// recovered are the operations after the newest that ended in an ordinary way, which a
// Recover settled: repeated in every Recovery until a new operation begins, because the
// platform may have died before it read the answer.
func (j *journal) recovered() []api.OpRecord {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []api.OpRecord
	for i := len(j.order) - 1; i >= 0; i-- {
		o := j.ops[j.order[i]]
		if o.rec.State != api.OpUnresolved || o.rec.Completion == nil {
			break
		}
		out = append([]api.OpRecord{o.rec}, out...)
	}
	return out
}

func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.f != nil {
		j.f.Close()
		j.f = nil
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
