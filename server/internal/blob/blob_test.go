package blob

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhigui/server/internal/hsm"
)

var name, other = strings.Repeat("a1", 32), strings.Repeat("b2", 32)

func TestABlobIsKeptOnceSealedAndUnderItsOwnName(t *testing.T) {
	v, err := hsm.NewVault(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := Sealed{Folder(dir), v}
	for range 2 {
		if err := s.Put(name, []byte("strokes of a name")); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Get(name)
	if err != nil || string(got) != "strokes of a name" {
		t.Fatalf("%q %v", got, err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, name[:2], name))
	if err != nil || bytes.Contains(raw, []byte("strokes")) {
		t.Errorf("not sealed: %q %v", raw, err)
	}
	if err := Folder(dir).Put(other, raw); err != nil { // moved to another name
		t.Fatal(err)
	}
	if _, err := s.Get(other); err == nil {
		t.Error("a blob is taken for another")
	}
}

func TestWhatIsNoDigestIsNoName(t *testing.T) {
	s := Folder(t.TempDir())
	for _, n := range []string{"", "..", "../../etc/passwd", strings.ToUpper(name), name + "0"} {
		if err := s.Put(n, nil); err == nil {
			t.Errorf("%q is kept", n)
		}
		if _, err := s.Get(n); err == nil || errors.Is(err, ErrNotFound) {
			t.Errorf("%q is looked up: %v", n, err)
		}
	}
	if _, err := s.Get(name); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}
