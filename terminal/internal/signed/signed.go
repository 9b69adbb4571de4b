// Package signed keeps what customers have signed on the glass until the server has it, and a
// while longer. A file is named by the SM3 of its content, which the journal has, too; it holds
// personal data and appears in no log. Only the native platform imports it.
package signed

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm3"
)

// What a file's name says: not acknowledged yet, acknowledged, or not what its name says it is.
const (
	waits = ".json"
	sent  = ".sent"
	bad   = ".bad"
)

// ErrUnknown is the server's word that the terminal's journal, as far as it has it, names no such
// signature: it is told again, as the journal may be on its way.
var ErrUnknown = errors.New("the journal at the server does not name it yet")

// Folder of signatures. Safe for concurrent use, as each file is written once.
type Folder struct {
	Dir string
	// Retain is how long a file stays that the server has; one that no journal names goes then, too.
	Retain time.Duration
	Now    func() time.Time // nil: time.Now
}

func (f *Folder) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}

// Digest is the name of a content.
func Digest(content []byte) string {
	sum := sm3.Sum(content)
	return hex.EncodeToString(sum[:])
}

// Keep writes a content; it is on the disk, whole, when this returns.
func (f *Folder) Keep(content []byte) error {
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(f.Dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // gone after the rename
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), filepath.Join(f.Dir, Digest(content)+waits)); err != nil {
		return err
	}
	return f.sync()
}

func (f *Folder) sync() error {
	d, err := os.Open(f.Dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// names are the digests of files of a kind.
func (f *Folder) names(kind string) ([]string, error) {
	all, err := os.ReadDir(f.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, e := range all {
		if name, ok := strings.CutSuffix(e.Name(), kind); ok && len(name) == 2*sm3.Size {
			out = append(out, name)
		}
	}
	return out, err
}

// Send hands each waiting content to up, and marks it when up returns nil: the server has it for
// good. It answers how many wait, and the first error that is not ErrUnknown. What is damaged is
// put aside under its own name, and said in the error; what is past its time goes.
func (f *Folder) Send(ctx context.Context, up func(ctx context.Context, digest string, content []byte) error) (left int, err error) {
	names, err := f.names(waits)
	if err != nil {
		return 0, err
	}
	var damaged error
	for i, name := range names {
		path := filepath.Join(f.Dir, name)
		content, err := os.ReadFile(path + waits)
		if err != nil {
			return len(names) - i + left, err
		}
		if Digest(content) != name {
			damaged = errors.Join(damaged, fmt.Errorf("%w: %s", ErrDamaged, name), os.Rename(path+waits, path+bad))
			continue
		}
		switch err := up(ctx, name, content); {
		case errors.Is(err, ErrUnknown):
			if f.old(path + waits) {
				err = os.Remove(path + waits) // written before a stop, and never said in the journal
			} else {
				left++
			}
		case err != nil:
			return len(names) - i + left, errors.Join(err, damaged)
		default:
			now := f.now()
			if err := errors.Join(os.Chtimes(path+waits, now, now), os.Rename(path+waits, path+sent), f.sync()); err != nil {
				return len(names) - i + left, err
			}
		}
	}
	return left, errors.Join(damaged, f.clean())
}

// ErrDamaged: a file does not hold what the journal says.
var ErrDamaged = errors.New("signature file is damaged")

func (f *Folder) old(path string) bool {
	st, err := os.Stat(path)
	return err == nil && f.now().Sub(st.ModTime()) > f.Retain
}

// clean removes what the server has had for long enough.
func (f *Folder) clean() error {
	names, err := f.names(sent)
	for _, name := range names {
		if path := filepath.Join(f.Dir, name+sent); f.old(path) {
			err = errors.Join(err, os.Remove(path))
		}
	}
	return err
}
