// Package logfile keeps plain text logs in files that change by day and by size, are compressed into the
// folder backup when they are done, and go after their time. The server's own log is one; messagelog, whose lines
// are sealed and chained, compresses its files with it.
//
// Requirements: LG-08, LG-09, LG-11 to LG-14.
package logfile

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"zhigui/server/internal/flock"
)

// Files that are done lie in this folder beside the one that is written, compressed.
const (
	Backup = "backup"
	Packed = ".gz"
)

// Options of Open.
type Options struct {
	Dir, Name string        // files are Dir/Name-day-number.log
	Keep      time.Duration // files go when their last line is so old
	Size      int64         // bytes of a file at most
	Now       func() time.Time
}

// File is an open log. It is safe for concurrent use; a Write is one line.
type File struct {
	o    Options
	mu   sync.Mutex
	f    *os.File
	day  string
	size int64
	wg   sync.WaitGroup
	one  sync.Mutex // that compresses
	lock *os.File
}

// Open makes the folder, and compresses what an earlier process has left. Lines go to a file of their own. A log is
// one process's: another would put away the file that is written.
func Open(o Options) (*File, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("logs: %w", err)
	}
	lock, err := flock.Take(filepath.Join(o.Dir, o.Name+".lock"))
	if err != nil {
		return nil, fmt.Errorf("logs: %w", err)
	}
	f := &File{o: o, lock: lock}
	if err := f.turn(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return f, nil
}

// Write implements io.Writer.
func (f *File) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.f == nil || f.day != f.o.Now().Format("20060102") || f.size+int64(len(line)) > f.o.Size {
		if err := f.turn(); err != nil {
			return 0, err
		}
	}
	n, err := f.f.Write(line)
	f.size += int64(n)
	return n, err
}

// Close ends the log; the last file stays as it is until the next process.
func (f *File) Close() error {
	f.wg.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.lock.Close()
	if f.f == nil {
		return err
	}
	return errors.Join(err, f.f.Sync(), f.f.Close())
}

// turn begins another file; those before it are compressed, and the oldest go.
func (f *File) turn() error {
	if f.f != nil {
		_ = f.f.Close() // every line is written
	}
	f.f, f.day, f.size = nil, f.o.Now().Format("20060102"), 0
	for n := 1; ; n++ {
		base := fmt.Sprintf("%s-%s-%06d.log", f.o.Name, f.day, n)
		if _, err := os.Lstat(filepath.Join(f.o.Dir, Backup, base+Packed)); err == nil {
			continue
		}
		file, err := os.OpenFile(filepath.Join(f.o.Dir, base), os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o600)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("logs: %w", err)
		}
		f.f = file
		break
	}
	now, at := f.o.Now(), f.f.Name()
	f.wg.Go(func() {
		f.one.Lock()
		defer f.one.Unlock()
		f.tidy(now, at)
	})
	return nil
}

// tidy compresses what is done and removes what is too old. What cannot be done now is done at the next turn.
func (f *File) tidy(now time.Time, current string) {
	open, _ := filepath.Glob(filepath.Join(f.o.Dir, f.o.Name+"-????????-??????.log"))
	slices.Sort(open)
	for _, name := range open {
		if name < current {
			_ = Pack(name)
		}
	}
	done, _ := filepath.Glob(filepath.Join(f.o.Dir, Backup, f.o.Name+"-????????-??????.log"+Packed))
	for _, name := range done {
		if fi, err := os.Stat(name); err == nil && now.Sub(fi.ModTime()) > f.o.Keep {
			_ = os.Remove(name)
		}
	}
}

// Pack compresses a file that is done into the folder Backup beside it; it keeps its age. The original goes only when the other is whole and
// durable: a process that dies in the midst of it leaves both or either.
func Pack(name string) (err error) {
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // reading
	fi, err := in.Stat()
	if err != nil {
		return err
	}
	dir := filepath.Join(filepath.Dir(name), Backup)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	to := filepath.Join(dir, filepath.Base(name)+Packed)
	out, err := os.OpenFile(to+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(out)
	_, err = io.Copy(z, in)
	err = errors.Join(err, z.Close(), out.Sync(), out.Close(), os.Chtimes(to+".new", fi.ModTime(), fi.ModTime())) // its age is that of its last entry
	if err == nil {
		err = os.Rename(to+".new", to)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return err
	}
	return os.Remove(name)
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Unpacked is where a compressed file was before.
func Unpacked(name string) string {
	return filepath.Join(filepath.Dir(filepath.Dir(name)), strings.TrimSuffix(filepath.Base(name), Packed))
}
