package signed

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type server struct {
	has  map[string]string
	fail error
}

func (s *server) up(_ context.Context, digest string, content []byte) error {
	if s.fail != nil {
		return s.fail
	}
	s.has[digest] = string(content)
	return nil
}

func kept(t *testing.T, contents ...string) *Folder {
	t.Helper()
	f := &Folder{Dir: filepath.Join(t.TempDir(), "signatures"), Retain: time.Hour}
	for _, c := range contents {
		if err := f.Keep([]byte(c)); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func (f *Folder) list(t *testing.T) string {
	t.Helper()
	all, err := os.ReadDir(f.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range all {
		out = append(out, filepath.Ext(e.Name()))
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s may be read by others", e.Name())
		}
	}
	return strings.Join(out, " ")
}

func TestASignatureStaysUntilTheServerHasItAndAWhileLonger(t *testing.T) {
	f, s := kept(t, "one", "two"), &server{has: map[string]string{}, fail: errors.New("no line")}
	now := time.Now()
	f.Now = func() time.Time { return now }
	if left, err := f.Send(t.Context(), s.up); left != 2 || err == nil || f.list(t) != ".json .json" {
		t.Errorf("%d left, %v, %s", left, err, f.list(t))
	}
	s.fail = nil
	for range 2 { // the second time there is nothing to send
		if left, err := f.Send(t.Context(), s.up); left != 0 || err != nil || f.list(t) != ".sent .sent" || s.has[Digest([]byte("one"))] != "one" {
			t.Errorf("%d left, %v, %s, %v", left, err, f.list(t), s.has)
		}
		s.fail = errors.New("it is sent again")
	}
	now = now.Add(time.Hour + time.Second)
	if _, err := f.Send(t.Context(), s.up); err != nil || f.list(t) != "" {
		t.Errorf("%v, %s", err, f.list(t))
	}
}

func TestWhatTheJournalHasNotSaidYetIsToldAgainAndGoesInTheEnd(t *testing.T) {
	f, s := kept(t, "one"), &server{has: map[string]string{}, fail: ErrUnknown}
	if left, err := f.Send(t.Context(), s.up); left != 1 || err != nil {
		t.Errorf("%d left, %v", left, err)
	}
	f.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	if left, err := f.Send(t.Context(), s.up); left != 0 || err != nil || f.list(t) != "" {
		t.Errorf("%d left, %v, %s", left, err, f.list(t))
	}
}

func TestAStopBetweenAnswerAndMarkSendsItOnceMore(t *testing.T) {
	f, s := kept(t, "one"), &server{has: map[string]string{}}
	name := filepath.Join(f.Dir, Digest([]byte("one")))
	if _, err := f.Send(t.Context(), s.up); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+sent, name+waits); err != nil { // as the disk was before the mark
		t.Fatal(err)
	}
	if left, err := f.Send(t.Context(), s.up); left != 0 || err != nil || f.list(t) != ".sent" {
		t.Errorf("%d left, %v, %s", left, err, f.list(t))
	}
}

func TestADamagedFileIsNotSentAndNotLost(t *testing.T) {
	f, s := kept(t, "one", "two"), &server{has: map[string]string{}}
	if err := os.WriteFile(filepath.Join(f.Dir, Digest([]byte("one"))+waits), []byte("onf"), 0o600); err != nil {
		t.Fatal(err)
	}
	left, err := f.Send(t.Context(), s.up)
	if left != 0 || !errors.Is(err, ErrDamaged) || len(s.has) != 1 || s.has[Digest([]byte("two"))] != "two" {
		t.Errorf("%d left, %v, %v", left, err, s.has)
	}
	if _, err := f.Send(t.Context(), s.up); err != nil { // it is said once
		t.Error(err)
	}
	if raw, err := os.ReadFile(filepath.Join(f.Dir, Digest([]byte("one"))+bad)); err != nil || string(raw) != "onf" {
		t.Error(err)
	}
}
