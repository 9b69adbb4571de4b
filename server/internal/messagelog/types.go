package messagelog

import (
	"cmp"
	"errors"
	"iter"
	"path/filepath"
	"slices"
)

// Types of data, each in a folder of its own.
const (
	Channels = "channels" // messages from and to terminals and partners
	Hosts    = "hosts"    // messages to hosts, and their answers
)

// Types are all of them.
var Types = []string{Channels, Hosts}

// TypeOf is the type that an entry of this way belongs to.
func TypeOf(way string) string {
	if way == "host" || way == "answer" {
		return Hosts
	}
	return Channels
}

// Folders are those of a server's log: one for each type that has files, and dir itself where a version before had all in one.
func Folders(dir string) (folders []string, err error) {
	for _, x := range append([]string{""}, Types...) {
		folder := filepath.Join(dir, x)
		if x == "" {
			folder = dir
		}
		files, err := Files(folder)
		if err != nil {
			return nil, err
		}
		if len(files) > 0 {
			folders = append(folders, folder)
		}
	}
	return folders, nil
}

// ReadAll is Read for all types together: what was written first comes first.
func ReadAll(dir string, s Sealer, f func(kind string, number int64, e Entry) error) error {
	folders, err := Folders(dir)
	if err != nil {
		return err
	}
	var open []*source
	for _, folder := range folders {
		more, stop := iter.Pull2(entries(folder, s))
		defer stop()
		x := &source{more: more}
		if folder != dir {
			x.kind = filepath.Base(folder)
		}
		open = append(open, x)
	}
	step := func(x *source) (over bool) {
		var ok bool
		var bad error
		x.at, bad, ok = x.more()
		err = errors.Join(err, bad)
		return !ok
	}
	open = slices.DeleteFunc(open, step)
	for len(open) > 0 && err == nil {
		x := slices.MinFunc(open, func(a, b *source) int { return a.at.At.Compare(b.at.At) })
		if err := f(cmp.Or(x.kind, TypeOf(x.at.Way)), x.at.number, x.at.Entry); err != nil {
			return err
		}
		if step(x) {
			open = slices.DeleteFunc(open, func(y *source) bool { return y == x })
		}
	}
	return err
}

// source is a folder as it is read.
type source struct {
	kind string // empty: all in one
	more func() (numbered, error, bool)
	at   numbered
}

// numbered is an entry and its number.
type numbered struct {
	number int64
	Entry
}

var errEnough = errors.New("messages: enough")

// entries are those of a folder; the last may be an error.
func entries(folder string, s Sealer) iter.Seq2[numbered, error] {
	return func(yield func(numbered, error) bool) {
		err := Read(folder, s, func(number int64, e Entry) error {
			if !yield(numbered{number, e}, nil) {
				return errEnough
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(numbered{}, err)
		}
	}
}
