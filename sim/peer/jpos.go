package peer

import (
	"bufio"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

//go:embed jpos.txt
var jposJars string

//go:embed jpos.bsh
var jposScript []byte

// JPOS packs and unpacks ISO 8583 messages with the Java library of that name.
type JPOS struct {
	mu  sync.Mutex
	in  io.Writer
	out *bufio.Scanner
}

// StartJPOS starts it with the XML of a GenericPackager; it ends with the test.
func StartJPOS(t testing.TB, packager string) *JPOS {
	t.Helper()
	dir := t.TempDir()
	script, conf := filepath.Join(dir, "jpos.bsh"), filepath.Join(dir, "packager.xml")
	if err := errors.Join(os.WriteFile(script, jposScript, 0o600), os.WriteFile(conf, []byte(packager), 0o600)); err != nil {
		t.Fatal(err)
	}
	args := append(java(t, jposJars), "bsh.Interpreter", script, conf)
	c := exec.Command(args[0], args[1:]...)
	c.Stderr, c.Dir = os.Stderr, dir
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = c.Wait()
	})
	s := bufio.NewScanner(out)
	s.Buffer(nil, 1<<20)
	return &JPOS{in: in, out: s}
}

func (j *JPOS) ask(line string) (string, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := fmt.Fprintln(j.in, line); err != nil {
		return "", fmt.Errorf("peer: jpos: %w", err)
	}
	if !j.out.Scan() {
		return "", fmt.Errorf("peer: jpos has ended: %w", errors.Join(j.out.Err(), io.ErrUnexpectedEOF))
	}
	if a, ok := strings.CutPrefix(j.out.Text(), "ok"); ok {
		return strings.TrimSpace(a), nil
	}
	return "", fmt.Errorf("peer: jpos: %s", j.out.Text())
}

// Unpack answers the fields of a message; 0 is the type.
func (j *JPOS) Unpack(msg []byte) (map[int]string, error) {
	a, err := j.ask("unpack " + hex.EncodeToString(msg))
	if err != nil {
		return nil, err
	}
	out := map[int]string{}
	for f := range strings.FieldsSeq(a) {
		name, v, _ := strings.Cut(f, "=")
		n, err1 := strconv.Atoi(name)
		b, err2 := hex.DecodeString(v)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("peer: jpos said %q: %w", f, err)
		}
		out[n] = string(b)
	}
	return out, nil
}

// Pack makes a message of fields; 0 is the type.
func (j *JPOS) Pack(fields map[int]string) ([]byte, error) {
	line := "pack"
	var ns []int
	for n := range fields {
		ns = append(ns, n)
	}
	slices.Sort(ns)
	for _, n := range ns {
		line += fmt.Sprintf(" %d=%x", n, fields[n])
	}
	a, err := j.ask(line)
	if err != nil {
		return nil, err
	}
	b, err := hex.DecodeString(a)
	if err != nil {
		return nil, fmt.Errorf("peer: jpos said %q: %w", a, err)
	}
	return b, nil
}
