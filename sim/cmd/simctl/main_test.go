package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// output collects what a command prints and tells when a text has appeared.
type output struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	seen chan string
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Write(b)
	if _, rest, ok := strings.Cut(o.buf.String(), "panel http://"); ok && strings.Contains(rest, "/") {
		select {
		case o.seen <- strings.TrimSuffix(strings.Fields(rest)[0], "/"):
		default:
		}
	}
	return len(b), nil
}

// req: UX-36 VD-14
func TestDevicesAreRunListedHandledAndEnded(t *testing.T) {
	out := &output{seen: make(chan string, 1)}
	ended := make(chan error, 1)
	go func() {
		ended <- run(t.Context(), []string{"devices", "--state", filepath.Join(t.TempDir(), "s"), "--addr", "127.0.0.1:0"}, out, io.Discard)
	}()
	addr := <-out.seen
	do := func(args ...string) (string, error) {
		var b bytes.Buffer
		err := run(t.Context(), append(args, "--addr="+addr), &b, io.Discard)
		return b.String(), err
	}
	for _, c := range []struct{ cmd, says, fails string }{
		{"list", "lcdm2000", ""},
		{"cash fillUnit unit=upper count=9", "ok: cash", ""},
		{"cash state", `"count": 9`, ""},
		{"cash takeCash", "", "no notes lie at the exit (409)"},
		{"cash takeCash nonsense", "", "want key=value"},
		{"card faults", "1283     card jammed on eject", ""},
		{"card actions", "insertCard", ""},
		{"card trace", "", ""},
		{"cash armFault code=33 stage=mid-motion times=2", "ok", ""},
		{"nobody state", "", "no device"},
		{"card exitProgram", "ok", ""}, {"cash exitProgram", "ok", ""}, {"pinpad exitProgram", "ok", ""}, {"printer exitProgram", "", ""},
	} {
		got, err := do(strings.Fields(c.cmd)...)
		switch {
		case c.cmd == "printer exitProgram": // the last one may take the server along
		case c.fails == "" && err != nil, c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
			t.Errorf("%s: %v, want %q", c.cmd, err, c.fails)
		case !strings.Contains(got, c.says):
			t.Errorf("%s: %s", c.cmd, got)
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestNoArgumentsShowTheUsage(t *testing.T) {
	var errs bytes.Buffer
	if err := run(context.Background(), nil, io.Discard, &errs); !errors.Is(err, errUsage) || !strings.Contains(errs.String(), "simctl devices") {
		t.Errorf("%v %s", err, errs.String())
	}
}
