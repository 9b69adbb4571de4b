package envcheck

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func healthy() Probe {
	return Probe{
		FreeMB:    func(context.Context) (uint64, error) { return 4000, nil },
		CPU:       func(context.Context) (float64, error) { return 5, nil },
		DiskMB:    func(context.Context, string) (uint64, error) { return 9000, nil },
		Processes: func(context.Context) ([]string, error) { return []string{"systemd"}, nil },
		Now:       func() time.Time { return time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC) },
		Exists:    func(string) bool { return true },
	}
}

// req: K-02
func TestEachCheckSaysWhatIsWrong(t *testing.T) {
	limits := Limits{MinFreeMB: 256, MaxCPUPercent: 90, MinDiskMB: 512, NotBefore: "2026-01-01", Forbidden: []string{"remote-desktop"}, Files: []string{"driverd"}}
	if fs := limits.Check(context.Background(), healthy(), "."); len(fs) != 0 {
		t.Fatalf("a healthy machine: %+v", fs)
	}
	for _, c := range []struct {
		check, text string
		spoil       func(*Probe)
	}{
		{"memory", "100 MB", func(p *Probe) { p.FreeMB = func(context.Context) (uint64, error) { return 100, nil } }},
		{"memory", "cannot be read", func(p *Probe) { p.FreeMB = func(context.Context) (uint64, error) { return 0, errors.New("x") } }},
		{"cpu", "95 %", func(p *Probe) { p.CPU = func(context.Context) (float64, error) { return 95, nil } }},
		{"disk", "1 MB", func(p *Probe) { p.DiskMB = func(context.Context, string) (uint64, error) { return 1, nil } }},
		{"clock", "1970-01-01", func(p *Probe) { p.Now = func() time.Time { return time.Unix(0, 0).UTC() } }},
		{"files", "driverd", func(p *Probe) { p.Exists = func(string) bool { return false } }},
		{"programs", "Remote-Desktop runs", func(p *Probe) {
			p.Processes = func(context.Context) ([]string, error) { return []string{"Remote-Desktop"}, nil }
		}},
	} {
		t.Run(c.check+" "+c.text, func(t *testing.T) {
			p := healthy()
			c.spoil(&p)
			fs := limits.Check(context.Background(), p, ".")
			if len(fs) != 1 || fs[0].Check != c.check || !strings.Contains(fs[0].Text, c.text) {
				t.Fatalf("%+v", fs)
			}
			if Mandatory(fs) == nil {
				t.Error("the start is not refused")
			}
			soft := limits
			soft.Advisory = []string{c.check}
			if err := Mandatory(soft.Check(context.Background(), p, ".")); err != nil {
				t.Errorf("advisory, and yet %v", err)
			}
		})
	}
}

func TestTheRealMachineCanBeRead(t *testing.T) {
	p := System()
	if n, err := p.FreeMB(context.Background()); err != nil || n == 0 {
		t.Errorf("memory %d, %v", n, err)
	}
	if n, err := p.DiskMB(context.Background(), t.TempDir()); err != nil || n == 0 {
		t.Errorf("disk %d, %v", n, err)
	}
}
