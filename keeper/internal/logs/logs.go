// Package logs keeps the log files of the programs from filling the disk: one that has grown large is
// put aside under the time, and what is too old or too much is removed, oldest first. Only keeperd
// imports it.
package logs

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Policy says what is kept.
type Policy struct {
	MaxMB   int64 `yaml:"maxMB"`   // a file that has grown to this is put aside
	Days    int   `yaml:"days"`    // how long what was put aside is kept, a fortnight at least
	TotalMB int64 `yaml:"totalMB"` // at most this is kept of one program, whatever its age
}

// Default is what a configuration need not say.
func Default() Policy { return Policy{MaxMB: 32, Days: 30, TotalMB: 512} }

// Validate says what is wrong.
func (p Policy) Validate() error {
	if p.MaxMB <= 0 || p.Days <= 0 || p.TotalMB < p.MaxMB {
		return errors.New("logs: maxMB and days must be above zero, totalMB not below maxMB")
	}
	return nil
}

const (
	least = 15 // days: a shorter time is raised to it
	mb    = 1 << 20
	stamp = "20060102T150405.000"
)

// Watch looks after files until ctx ends.
func (p Policy) Watch(ctx context.Context, files []string, every time.Duration, log *slog.Logger) {
	if p.Days < least {
		log.Warn("logs.days is too short and is raised", "days", p.Days, "to", least)
		p.Days = least
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		for _, f := range files {
			if err := p.Look(f, time.Now()); err != nil {
				log.Warn("log file", "file", f, "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// Look looks after one file. Its program goes on writing to it: the file is copied and emptied, not
// renamed. A line that is written between the two is lost.
func (p Policy) Look(file string, now time.Time) error {
	if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() && st.Size() >= p.MaxMB*mb {
		if err := aside(file, file+"."+now.UTC().Format(stamp)); err != nil {
			return err
		}
	}
	old, err := filepath.Glob(file + ".*")
	if err != nil {
		return err
	}
	slices.Sort(old)
	slices.Reverse(old) // newest first
	total := int64(0)
	for _, f := range old {
		at, err := time.Parse(stamp, strings.TrimPrefix(f, file+"."))
		if err != nil {
			continue // not ours
		}
		st, err := os.Stat(f)
		if err != nil {
			return err
		}
		if total += st.Size(); total > (p.TotalMB-p.MaxMB)*mb || now.Sub(at) > time.Duration(p.Days)*24*time.Hour {
			if err := os.Remove(f); err != nil {
				return err
			}
		}
	}
	return nil
}

func aside(file, to string) (err error) {
	in, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, os.Remove(to)) // a full disk: the file stays as it is
	}
	return in.Truncate(0)
}
