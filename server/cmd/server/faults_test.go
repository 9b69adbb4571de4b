package main

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"zhigui/server/api/code"
	"zhigui/server/internal/mgmt"
	"zhigui/server/internal/store"
)

// An error that appears in the log is an alarm within a second, each kind once, with where it came from; it ends by itself
// when there were none of its kind for a while, also after a restart. Warnings are none.
//
// req: LG-03
func TestAnErrorInTheLogIsAnAlarmUntilItsKindIsOver(t *testing.T) {
	st, err := store.Open(t.Context(), store.Options{DSN: filepath.Join(t.TempDir(), "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the test's end
	var written page
	seen := newFaults()
	log := slog.New(seen.over(slog.NewTextHandler(&written, nil)))
	s := &services{st: st, name: "one trade", log: log, broker: mgmt.NewBroker()}
	open := func() (details []string) {
		t.Helper()
		as, err := st.Alarms(t.Context(), "", false, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range as {
			if a.Code != code.LogErrors {
				t.Errorf("%+v", a)
			}
			details = append(details, a.Detail)
		}
		return details
	}
	tell := func(now time.Time) {
		t.Helper()
		if err := s.tellFaults(t.Context(), seen, now); err != nil {
			t.Fatal(err)
		}
	}
	log.Warn("slow", "error", "5s")
	tell(time.Now())
	if got := open(); len(got) != 0 {
		t.Errorf("a warning is an alarm: %v", got)
	}
	for range 3 {
		log.With("host", "core").Error("answer not checked", "error", "wrong MAC")
		log.With("host", "cards").Error("answer not checked", "error", "wrong MAC")
		tell(time.Now())
	}
	if got := strings.Join(open(), "\n"); strings.Count(got, "answer not checked") != 2 || !strings.Contains(got, "host=core error=wrong MAC") || !strings.Contains(got, "host=cards") {
		t.Errorf("open: %s", got)
	}
	if n := len(written.lines("")); n != 7 {
		t.Errorf("%d lines are in the log", n)
	}
	log.With("host", "cards").Error("answer not checked", "error", "wrong MAC")
	seen.of["answer not checked host=core"].last = time.Now().Add(-faultsCalm)
	tell(time.Now())
	if got := open(); len(got) != 1 || !strings.Contains(got[0], "host=cards") {
		t.Errorf("open when one is over: %v", got)
	}
	log.With("host", "core").Error("answer not checked", "error", "another time")
	tell(time.Now())
	if got := open(); len(got) != 2 {
		t.Errorf("it came back: %v", got)
	}
	other := &services{st: st, name: "another trade", log: log, broker: mgmt.NewBroker()}
	for _, x := range []struct {
		s    *services
		left int
	}{{other, 2}, {s, 0}} { // what is another's stays
		f, now := newFaults(), time.Now()
		if err := x.s.adoptFaults(t.Context(), f, now); err != nil {
			t.Fatal(err)
		}
		for _, at := range []time.Duration{0, faultsCalm} {
			if err := x.s.tellFaults(t.Context(), f, now.Add(at)); err != nil {
				t.Fatal(err)
			}
			if want := x.left; at == 0 && len(open()) != 2 || at > 0 && len(open()) != want {
				t.Errorf("%s, %v after a restart: %v", x.s.name, at, open())
			}
		}
	}
}

// What an error quotes is of any length, and need not be text.
func TestAnErrorThatQuotesBytesIsStoredInEveryDatabase(t *testing.T) {
	t.Parallel()
	seen := newFaults()
	slog.New(seen.over(slog.NewTextHandler(io.Discard, nil))).Error("bad", "error", "a\x00b\xff"+strings.Repeat("字", 100_000))
	detail := seen.of["bad"].detail
	if !utf8.ValidString(detail) || strings.Contains(detail, "\x00") || len(detail) > faultsText+10 || !strings.HasPrefix(detail, "bad error=a?b?字") {
		t.Errorf("%d bytes: %.40q", len(detail), detail)
	}
}

// The database takes its time to store the alarm: whoever logs an error meanwhile goes on.
func TestWhoLogsAnErrorDoesNotWaitForTheAlarmOfTheOneBefore(t *testing.T) {
	st, err := store.Open(t.Context(), store.Options{DSN: filepath.Join(t.TempDir(), "x.db"), FsyncDelay: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the test's end
	seen := newFaults()
	log := slog.New(seen.over(slog.NewTextHandler(io.Discard, nil)))
	s := &services{st: st, name: "one", log: log, broker: mgmt.NewBroker()}
	log.Error("first")
	told := make(chan error, 1)
	go func() { told <- s.tellFaults(t.Context(), seen, time.Now()) }()
	for i := 0; ; i++ {
		log.Error("journal refuses", "number", i)
		select {
		case err := <-told:
			if err != nil || i < 10 {
				t.Errorf("%d lines while one alarm was stored, %v", i, err)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// TestMain is the server itself when a test has started this binary as one.
func TestMain(m *testing.M) {
	if os.Getenv("SERVER_CHILD") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// The program, with files for its log: an error is in the file, and open as an alarm; its console has the start and the end.
//
// req: LG-03 LG-10
func TestAServerInProductionTellsItsErrorsToPeopleAndNotToItsConsole(t *testing.T) {
	dir := t.TempDir()
	text := `data: data
logs: {folder: logs}
manage: {listen: "127.0.0.1:0"}
access: {listen: "127.0.0.1:0"}
hosts:
- {name: core, link: {kind: http, address: "http://127.0.0.1:1/", signature: {alg: rsaPss, owner: us, partner: partner.pem}}}
`
	for name, b := range map[string]string{"server.yaml": text, "partner.pem": "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var console bytes.Buffer
	c := exec.Command(os.Args[0], "-config", filepath.Join(dir, "server.yaml"), "-roles", "manage")
	c.Env = append(os.Environ(), "SERVER_CHILD=1")
	c.Stdout, c.Stderr = &console, &console
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	const said = "partner.pem"
	file, alarm, polls := false, false, 0
	for !file || !alarm {
		select {
		case err := <-ended:
			t.Fatal("it has ended: ", err, console.String())
		case <-time.After(50 * time.Millisecond):
		}
		if polls++; polls == 1200 {
			t.Fatal("nothing is told: in the file ", file, ", an alarm ", alarm)
		}
		if !file {
			files, _ := filepath.Glob(filepath.Join(dir, "logs", "server-manage-*.log"))
			for _, f := range files {
				b, _ := os.ReadFile(f)
				file = file || bytes.Contains(b, []byte(said)) && bytes.Contains(b, []byte(`"ERROR"`))
			}
			continue
		}
		st, err := store.Open(t.Context(), store.Options{DSN: filepath.Join(dir, "data", "server.db"), Tool: true, Force: true})
		if err != nil {
			t.Fatal(err)
		}
		as, err := st.Alarms(t.Context(), "", false, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range as {
			alarm = alarm || a.Code == code.LogErrors && strings.Contains(a.Detail, said)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.Process.Signal(syscall.SIGTERM)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	lines := strings.Split(strings.TrimSpace(console.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "server is up") || !strings.Contains(lines[1], "server is going down") {
		t.Errorf("on the console:\n%s", console.String())
	}
}
