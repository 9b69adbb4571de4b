// Package messagelog keeps the messages of transactions for those who may read them: every entry is masked,
// sealed under the data key (SM4 by default) and chained to the one before by SM3, so that what was changed,
// taken out or put in shows. Files change by day and by size, are compressed when they are done, and go after their time. trade gives it
// messages through server/cmd; serverctl verifies and reads.
//
// Each type of data has a folder, with files and a chain of its own.
//
// Requirements: TX-30, LG-04, LG-06, LG-07, LG-11 to LG-15.
package messagelog

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"zhigui/server/internal/flock"
)

// Sealer seals and opens entries: the security module.
type Sealer interface {
	Seal(dst, plain, aad []byte) []byte
	Open(dst, sealed, aad []byte) ([]byte, error)
}

// Entry is one message.
type Entry struct {
	At       time.Time `json:"at"`
	Terminal string    `json:"terminal,omitempty"`
	Way      string    `json:"way"` // from, to: the terminal or partner; host: asked; answer: of the host
	Text     string    `json:"text"`
}

// Options of Open.
type Options struct {
	Dir   string
	Keep  time.Duration // files go when their last entry is so old
	Size  int64         // bytes of a file at most
	Queue int           // entries that may wait; 0 = 8192. More are counted, and the count is an entry
	// Anchor is told where the chain stands, at the end of a file and of the process and once an hour, to
	// keep it elsewhere: a tail that was cut off does not show by itself.
	Anchor func(file string, number int64, hash string)
	Failed func(error)
	Now    func() time.Time
}

// Log is an open message log. It is safe for concurrent use; Add never waits.
type Log struct {
	o    Options
	s    Sealer
	ch   chan Entry
	lost atomic.Int64
	wg   sync.WaitGroup
	done chan struct{}
	once sync.Once
	lock *os.File

	f        *os.File
	w        *bufio.Writer
	day      string
	size     int64
	number   int64
	hash     string
	anchored time.Time
	packing  sync.Mutex
	broken   time.Time // since when the disk takes nothing; zero: it does
	reached  int64     // number of the last entry before that: some may not be on the disk
}

// AnchorAction is the action of the audit lines that hold anchors: number, hash, file.
const AnchorAction = "messages.head"

// AnchorTarget is the target of those lines: each server has a log of its own.
func AnchorTarget(dir string) string {
	host, _ := os.Hostname()
	return host + ":" + dir
}

const (
	prefix = "messages-"
	header = "# messages 1 "
	start  = "0000000000000000000000000000000000000000000000000000000000000000"
)

func aad(number int64) []byte { return fmt.Appendf(nil, "message %d", number) }

func link(before, line string) string {
	h := sm3.Sum([]byte(before + line))
	return hex.EncodeToString(h[:])
}

// Open goes on with the chain of a folder; a last line that was cut off by a crash is dropped. A folder is one
// process's: two would break the chain.
func Open(s Sealer, o Options) (*Log, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Queue == 0 {
		o.Queue = 8192
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	lock, err := flock.Take(filepath.Join(o.Dir, "messages.lock"))
	if err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	l := &Log{o: o, s: s, ch: make(chan Entry, o.Queue), done: make(chan struct{}), lock: lock, hash: start, anchored: o.Now()}
	if err := l.resume(); err != nil {
		return nil, errors.Join(fmt.Errorf("messages: %w (serverctl messages verify says more)", err), lock.Close())
	}
	l.wg.Go(l.run)
	l.wg.Go(l.pack) // what a process that died has left
	return l, nil
}

// resume takes the chain up where the last file has left it.
func (l *Log) resume() error {
	files, err := Files(l.o.Dir)
	if err != nil || len(files) == 0 {
		return err
	}
	last := files[len(files)-1]
	good, err := walk(last, func(x line) error {
		l.number, l.hash = x.number, x.hash
		return nil
	})
	switch {
	case good.before == "" && (err == nil || errors.Is(err, errCut)): // not even its head was written
		if err := os.Remove(last); err != nil {
			return err
		}
		l.number, l.hash = 0, start
		return l.resume()
	case err != nil && !errors.Is(err, errCut):
		return err
	}
	if good.number == 0 {
		first, err := strconv.ParseInt(strings.TrimSuffix(number(last), ".log"), 10, 64)
		if err != nil {
			return fmt.Errorf("%s: no name of a message log", last)
		}
		l.number, l.hash = first-1, good.before
	}
	if strings.HasSuffix(last, packed) { // it was done: nothing is cut off
		return nil
	}
	return os.Truncate(last, good.end)
}

// Add puts an entry into the log. It does not wait: when too many do, the entry is counted only.
func (l *Log) Add(e Entry) {
	select {
	case l.ch <- e:
	default:
		l.lost.Add(1)
	}
}

// Close writes what waits. What is added later is lost.
func (l *Log) Close() {
	l.once.Do(func() { close(l.done) })
	l.wg.Wait()
	_ = l.lock.Close()
}

func (l *Log) run() {
	defer func() { l.fail(l.end()) }()
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case e := <-l.ch:
			if l.write(e); len(l.ch) == 0 && l.w != nil { // a killed process has lost nothing then
				l.fail(l.w.Flush())
			}
		case <-l.done:
			for {
				select {
				case e := <-l.ch:
					l.write(e)
				default:
					return
				}
			}
		case <-t.C:
			if n := l.lost.Load(); n > 0 && (l.broken.IsZero() || l.o.Now().Sub(l.broken) >= pause) {
				l.lost.Add(-n)
				if l.write(Entry{At: l.o.Now(), Way: "lost", Text: fmt.Sprintf("%d messages could not be written", n)}); l.w != nil {
					l.fail(l.w.Flush())
				} else {
					l.lost.Add(n - 1) // the entry itself was counted
				}
			}
			if l.f != nil && l.o.Now().Sub(l.anchored) > time.Hour {
				l.fail(errors.Join(l.w.Flush(), l.f.Sync())) // what is anchored must not be lost with the power
				l.anchor()
			}
		}
	}
}

// fail reports an error of the disk. The file is left as it is, and taken up again after a while: until then
// entries are counted only.
func (l *Log) fail(err error) {
	if err == nil {
		return
	}
	if l.o.Failed != nil {
		l.o.Failed(fmt.Errorf("messages: %w", err))
	}
	if l.f != nil {
		_ = l.f.Close()
	}
	if l.broken.IsZero() {
		l.reached = l.number
	}
	l.f, l.w, l.broken = nil, nil, l.o.Now()
}

// pause is how long a broken file is left alone.
const pause = 5 * time.Second

func (l *Log) write(e Entry) {
	if !l.broken.IsZero() {
		if l.o.Now().Sub(l.broken) < pause {
			l.lost.Add(1)
			return
		}
		if err := l.resume(); err != nil {
			l.lost.Add(1)
			l.fail(err)
			return
		}
		l.lost.Add(l.reached - l.number)
		l.broken = time.Time{}
	}
	plain, err := json.Marshal(e)
	if err == nil {
		err = l.turn(e.At)
	}
	if err != nil {
		l.lost.Add(1)
		l.fail(err)
		return
	}
	n := l.number + 1
	text := fmt.Sprintf("%d %d %s", n, e.At.UnixMilli(), base64.StdEncoding.EncodeToString(l.s.Seal(nil, plain, aad(n))))
	hash := link(l.hash, text)
	k, err := fmt.Fprintf(l.w, "%s %s\n", text, hash)
	if err != nil {
		l.lost.Add(1)
		l.fail(err)
		return
	}
	l.number, l.hash, l.size = n, hash, l.size+int64(k)
}

// turn begins another file with the day and with the size.
func (l *Log) turn(at time.Time) error {
	day := at.Format("20060102")
	if l.f != nil && l.day == day && l.size < l.o.Size {
		return nil
	}
	if err := l.end(); err != nil {
		return err
	}
	name := filepath.Join(l.o.Dir, fmt.Sprintf("%s%s-%012d.log", prefix, day, l.number+1))
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) { // of a process that had written nothing yet
		f, err = os.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0o600)
	}
	if err != nil {
		return err
	}
	l.f, l.w, l.day, l.size = f, bufio.NewWriterSize(f, 64<<10), day, 0
	_, err = fmt.Fprintf(l.w, "%s%s\n", header, l.hash)
	if err = errors.Join(err, l.w.Flush()); err != nil { // a file without its head says nothing of the chain
		return err
	}
	l.wg.Go(l.pack)
	return Expire(l.o.Dir, l.o.Keep, at)
}

// Expire removes the files of a folder whose time is over; the last stays, as the chain goes on from it.
func Expire(dir string, keep time.Duration, now time.Time) error {
	files, err := Files(dir)
	for _, f := range files[:max(0, len(files)-1)] {
		if fi, err := os.Stat(f); err == nil && now.Sub(fi.ModTime()) > keep {
			if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return err
}

func (l *Log) end() error {
	if l.f == nil {
		return nil
	}
	err := errors.Join(l.w.Flush(), l.f.Sync(), l.f.Close())
	if err == nil {
		l.anchor()
	}
	l.f, l.w = nil, nil
	return err
}

func (l *Log) anchor() {
	l.anchored = l.o.Now()
	if l.o.Anchor != nil && l.f != nil {
		l.o.Anchor(filepath.Base(l.f.Name()), l.number, l.hash)
	}
}
