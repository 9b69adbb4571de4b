package serialport_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"zhigui/drivers/internal/serialport"
)

// line is a pseudo terminal behind a link.
func line(t *testing.T) (master *os.File, link string, relink func() *os.File) {
	t.Helper()
	link = filepath.Join(t.TempDir(), "port")
	relink = func() *os.File {
		m, s, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close(); s.Close() })
		if err := os.Symlink(s.Name(), link+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link+".new", link); err != nil {
			t.Fatal(err)
		}
		s.Close()
		return m
	}
	return relink(), link, relink
}

func open(t *testing.T, path string) *serialport.Port {
	t.Helper()
	p, err := serialport.Open(path, serialport.Mode{Baud: 9600})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func TestBytesPassBothWaysUntouchedAndADeadlineIsATimeOut(t *testing.T) {
	m, link, _ := line(t)
	p := open(t, link)
	all := []byte{0x00, 0x03, 0x04, 0x0A, 0x0D, 0x11, 0x13, 0x1A, 0x1C, 0x7F, 0x80, 0xFF}
	if _, err := m.Write(all); err != nil {
		t.Fatal(err)
	}
	for _, want := range all {
		b, err := p.Byte(time.Now().Add(5 * time.Second))
		if err != nil || b != want {
			t.Fatalf("%02X, %v; want %02X", b, err, want)
		}
	}
	if _, err := p.Byte(time.Now()); !errors.Is(err, serialport.ErrTimeout) {
		t.Fatalf("nothing there: %v", err)
	}
	if err := p.Write(all); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(all))
	for n := 0; n < len(got); {
		k, err := m.Read(got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += k
	}
	if string(got) != string(all) {
		t.Errorf("% X", got)
	}
}

func TestAPortThatVanishedIsOpenedAgainThroughItsLink(t *testing.T) {
	m, link, relink := line(t)
	p := open(t, link)
	m.Close()
	if _, err := p.Byte(time.Now().Add(5 * time.Second)); !errors.Is(err, serialport.ErrGone) || !p.Gone() {
		t.Fatalf("after the hang-up: %v", err)
	}
	m = relink()
	if err := p.Reopen(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Write([]byte{0x55}); err != nil {
		t.Fatal(err)
	}
	if b, err := p.Byte(time.Now().Add(5 * time.Second)); err != nil || b != 0x55 {
		t.Fatalf("%02X, %v", b, err)
	}
}

func TestALineThatTakesNoBytesIsATimeOutNotAHang(t *testing.T) {
	_, link, _ := line(t)
	p := open(t, link)
	if err := p.Write(make([]byte, 1<<20)); !errors.Is(err, serialport.ErrTimeout) {
		t.Fatalf("%v", err)
	}
	if !p.Gone() {
		t.Error("the port still counts as good")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Write([]byte{1}); !errors.Is(err, serialport.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
}

func TestMissingPortsAreNamedAndModemLinesAreOptional(t *testing.T) {
	if _, err := serialport.Open(filepath.Join(t.TempDir(), "none"), serialport.Mode{Baud: 9600}); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("%v", err)
	}
	_, link, _ := line(t)
	if err := open(t, link).DTR(true); err != nil {
		t.Errorf("modem lines on a pseudo terminal: %v", err)
	}
}
