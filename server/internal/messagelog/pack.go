package messagelog

import (
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"zhigui/server/internal/logfile"
)

// Files that are done lie in this folder beside the one that is written, compressed.
const (
	backup = logfile.Backup
	packed = logfile.Packed
)

// pack compresses the files that are done: all but the last.
func (l *Log) pack() {
	l.packing.Lock()
	defer l.packing.Unlock()
	files, err := filepath.Glob(filepath.Join(l.o.Dir, prefix+"*.log"))
	byNumber(files)
	for _, f := range files[:max(0, len(files)-1)] {
		if err = logfile.Pack(f); err != nil {
			break
		}
	}
	if err != nil && l.o.Failed != nil {
		l.o.Failed(fmt.Errorf("messages: compress: %w", err)) // it stays as it is until the next file is done
	}
}

// Files are those of a folder, oldest first: what is done, compressed, and what is not yet.
func Files(dir string) ([]string, error) {
	open, err := filepath.Glob(filepath.Join(dir, prefix+"*.log"))
	if err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	done, err := filepath.Glob(filepath.Join(dir, backup, prefix+"*.log"+packed))
	if err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	for _, f := range done {
		if !slices.Contains(open, logfile.Unpacked(f)) { // it is being compressed just now
			open = append(open, f)
		}
	}
	byNumber(open)
	return open, nil
}

func byNumber(files []string) {
	slices.SortFunc(files, func(a, b string) int { // of two with one number the older has no entry: its process ended with its head
		return cmp.Or(strings.Compare(number(a), number(b)), strings.Compare(filepath.Base(a), filepath.Base(b)))
	})
}

// number is the part of a file's name that rises.
func number(name string) string {
	_, n, _ := strings.Cut(strings.TrimPrefix(filepath.Base(name), prefix), "-")
	return strings.TrimSuffix(n, packed)
}

// open reads a file, compressed or not; one that was compressed meanwhile is found where it is now.
func open(name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) && !strings.HasSuffix(name, packed) {
		name = filepath.Join(filepath.Dir(name), backup, filepath.Base(name)+packed)
		f, err = os.Open(name)
	}
	if err != nil || !strings.HasSuffix(name, packed) {
		return f, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", filepath.Base(name), err), f.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{z, f}, nil
}
