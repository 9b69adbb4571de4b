package main

import (
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"zhigui/drivers/conformance"
	"zhigui/drivers/models"
	"zhigui/sim/device"
)

func TestTheTraceShowsTheBytesBothWays(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "gm65"})
	out, err := ctl(t, "reset\ntrace 4\ntrace nonsense", "run", "gm65", sim.Port())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"-> 7E 00 08 01 00 02 00", "<- 02 00 00 01 00 33 31", "bytes sent", "want: trace"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestWordsAreCompleted(t *testing.T) {
	m, _ := models.Find("creatorcrt350n")
	var listed strings.Builder
	s := &session{o: options{model: m}, out: &locked{w: &listed}}
	for _, tc := range []struct{ line, want string }{
		{"st", "status "},
		{"cardreader.m", "CardReader.Move "},
		{"MO", "Move "},
		{"Card", "CardReader."},
		{"nothing", ""},
		{"Move {", ""},
	} {
		if got, pos, ok := s.complete(tc.line, len(tc.line)); got != tc.want || ok != (tc.want != "") || ok && pos != len(got) {
			t.Errorf("%q: %q %d %v", tc.line, got, pos, ok)
		}
	}
	if _, _, ok := s.complete("re", 2); ok || !strings.Contains(listed.String(), "Reset") || !strings.Contains(listed.String(), "recover") {
		t.Errorf("%q", listed.String())
	}
}

// screen collects what a terminal shows.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func (s *screen) fill(r io.Reader) {
	b := make([]byte, 4096)
	for {
		n, err := r.Read(b)
		s.mu.Lock()
		s.text.Write(b[:n])
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (s *screen) await(t *testing.T, what string) {
	t.Helper()
	limit := time.After(conformance.Patience)
	for {
		s.mu.Lock()
		text := s.text.String()
		s.mu.Unlock()
		if strings.Contains(text, what) {
			return
		}
		select {
		case <-s.more:
		case <-limit:
			t.Fatalf("no %q on the screen:\n%s", what, text)
		}
	}
}

// In a terminal TAB completes, a command that waits leaves the prompt free, events come as
// they happen.
func TestThePromptInATerminal(t *testing.T) {
	sim := device.MustStart(t, device.Config{Model: "gm65"})
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	s := &screen{more: make(chan struct{}, 1)}
	go s.fill(master)
	ended := make(chan error, 1)
	go func() { ended <- run(t.Context(), []string{"run", "gm65", sim.Port()}, slave, slave) }()
	press := func(keys string) {
		if _, err := master.WriteString(keys); err != nil {
			t.Error(err)
		}
	}
	s.await(t, "TAB completes it")
	press("rea\t")
	s.await(t, "Read ")
	press("\r")
	s.await(t, "X-PresentCodeEvent")
	press("status\r")
	s.await(t, `"scanner":"on"`)
	press("cancel\r")
	s.await(t, "canceled")
	press("trace on\r")
	s.await(t, "they may be secret")
	press("reset\r")
	s.await(t, "-> 7E 00 08 01 00 02 00")
	sim.PowerCut()
	s.await(t, `"device":"offline"`)
	press("quit\r")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(sim.Port()); err != nil {
		t.Error(err)
	}
}
