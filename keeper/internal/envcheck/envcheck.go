// Package envcheck looks at the machine before the terminal's programs start and while
// they run: memory, processor, disk, clock. Each check has a threshold, says in words
// what is wrong, and is mandatory (the start waits) or advisory (an alarm). Only keeperd
// imports it.
package envcheck

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/process"
)

// Limits are the thresholds. Zero switches a check off.
type Limits struct {
	MinFreeMB     uint64   `yaml:"minFreeMB"`     // memory
	MaxCPUPercent float64  `yaml:"maxCPUPercent"` // over one second
	MinDiskMB     uint64   `yaml:"minDiskMB"`     // in the data folder
	NotBefore     string   `yaml:"notBefore"`     // a clock before this date is wrong (2026-01-01)
	Forbidden     []string `yaml:"forbidden"`     // names of programs that must not run
	Files         []string `yaml:"files"`         // files that must exist (driver binary, certificates)
	Advisory      []string `yaml:"advisory"`      // names of checks that only warn
}

// DefaultLimits is what a configuration need not say.
func DefaultLimits() Limits {
	return Limits{MinFreeMB: 256, MaxCPUPercent: 0, MinDiskMB: 512, NotBefore: "2026-01-01"}
}

// Finding is one check that does not hold.
type Finding struct {
	Check     string `json:"check"`
	Text      string `json:"text"`
	Mandatory bool   `json:"mandatory"`
}

// Probe reads the machine; fakes replace it in tests.
type Probe struct {
	FreeMB    func(context.Context) (uint64, error)
	CPU       func(context.Context) (float64, error)
	DiskMB    func(ctx context.Context, dir string) (uint64, error)
	Processes func(context.Context) ([]string, error)
	Now       func() time.Time
	Exists    func(path string) bool
}

// System is the real machine.
func System() Probe {
	return Probe{
		FreeMB: func(ctx context.Context) (uint64, error) {
			m, err := mem.VirtualMemoryWithContext(ctx)
			if err != nil {
				return 0, err
			}
			return m.Available >> 20, nil
		},
		CPU: func(ctx context.Context) (float64, error) {
			v, err := cpu.PercentWithContext(ctx, time.Second, false)
			if err != nil || len(v) == 0 {
				return 0, errors.Join(err, errors.New("no figure"))
			}
			return v[0], nil
		},
		DiskMB: func(ctx context.Context, dir string) (uint64, error) {
			u, err := disk.UsageWithContext(ctx, dir)
			if err != nil {
				return 0, err
			}
			return u.Free >> 20, nil
		},
		Processes: func(ctx context.Context) ([]string, error) {
			ps, err := process.ProcessesWithContext(ctx)
			if err != nil {
				return nil, err
			}
			var names []string
			for _, p := range ps {
				if n, err := p.NameWithContext(ctx); err == nil {
					names = append(names, n)
				}
			}
			return names, nil
		},
		Now:    time.Now,
		Exists: func(p string) bool { _, err := os.Stat(p); return err == nil },
	}
}

// Check runs all checks. A check that cannot be made is a finding too.
func (l Limits) Check(ctx context.Context, p Probe, dataDir string) []Finding {
	var out []Finding
	find := func(check, format string, args ...any) {
		mandatory := true
		for _, a := range l.Advisory {
			mandatory = mandatory && a != check
		}
		out = append(out, Finding{check, fmt.Sprintf(format, args...), mandatory})
	}
	if l.MinFreeMB > 0 {
		switch n, err := p.FreeMB(ctx); {
		case err != nil:
			find("memory", "free memory cannot be read: %v", err)
		case n < l.MinFreeMB:
			find("memory", "%d MB of memory are free, %d are needed", n, l.MinFreeMB)
		}
	}
	if l.MaxCPUPercent > 0 {
		switch v, err := p.CPU(ctx); {
		case err != nil:
			find("cpu", "processor load cannot be read: %v", err)
		case v >= l.MaxCPUPercent:
			find("cpu", "the processor is %.0f %% busy, below %.0f %% is needed", v, l.MaxCPUPercent)
		}
	}
	if l.MinDiskMB > 0 {
		switch n, err := p.DiskMB(ctx, dataDir); {
		case err != nil:
			find("disk", "free disk space cannot be read: %v", err)
		case n < l.MinDiskMB:
			find("disk", "%d MB are free where the data lies, %d are needed", n, l.MinDiskMB)
		}
	}
	if l.NotBefore != "" {
		if t, err := time.Parse(time.DateOnly, l.NotBefore); err != nil {
			find("clock", "setting notBefore %q is not a date", l.NotBefore)
		} else if p.Now().Before(t) {
			find("clock", "the clock says %s, which cannot be", p.Now().Format(time.DateOnly))
		}
	}
	for _, f := range l.Files {
		if !p.Exists(f) {
			find("files", "%s is missing", f)
		}
	}
	if len(l.Forbidden) > 0 {
		names, err := p.Processes(ctx)
		if err != nil {
			find("programs", "the process list cannot be read: %v", err)
		}
		for _, n := range names {
			for _, bad := range l.Forbidden {
				if strings.EqualFold(n, bad) {
					find("programs", "%s runs and must not", n)
				}
			}
		}
	}
	return out
}

// Mandatory joins the mandatory findings to one error; nil when there is none.
func Mandatory(fs []Finding) error {
	var texts []string
	for _, f := range fs {
		if f.Mandatory {
			texts = append(texts, f.Check+": "+f.Text)
		}
	}
	if len(texts) == 0 {
		return nil
	}
	return errors.New(strings.Join(texts, "; "))
}
