package release

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func manifest(t *testing.T, path string) []byte {
	t.Helper()
	b, err := json.Marshal(Manifest{Name: "flows", Version: "1.2.0", Created: time.Unix(0, 0).UTC(),
		Files: []File{{Path: path, SHA256: emptyHash}}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestASignatureVerifiesAndAnyChangeBreaksIt(t *testing.T) {
	private, public, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	sk, err := ParsePrivate(private)
	if err != nil {
		t.Fatal(err)
	}
	pk, err := ParsePublic(public)
	if err != nil {
		t.Fatal(err)
	}
	m := manifest(t, "index.html")
	sig, err := sk.Sign(m)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := pk.Verify(m, sig); err != nil || got.Files[0].Path != "index.html" {
		t.Fatal(err)
	}
	if _, err := pk.Verify([]byte(strings.Replace(string(m), "1.2.0", "1.2.1", 1)), sig); !errors.Is(err, ErrSignature) {
		t.Errorf("changed manifest: %v", err)
	}
	_, other, _ := NewKey()
	ok, _ := ParsePublic(other)
	if _, err := ok.Verify(m, sig); !errors.Is(err, ErrSignature) {
		t.Errorf("other key: %v", err)
	}
}

func TestPathsThatLeaveTheBundleAreRefused(t *testing.T) {
	for _, p := range []string{"../x", "/etc/passwd", "a/../../b", "a//b", `a\b`, "c:x", "", "manifest.json", "a/./b"} {
		if _, err := Parse(manifest(t, p)); !errors.Is(err, ErrManifest) {
			t.Errorf("%q: %v", p, err)
		}
	}
}

func TestAFileMustHaveItsSizeAndHash(t *testing.T) {
	f := File{Path: "a", SHA256: emptyHash}
	if err := f.Check(strings.NewReader("")); err != nil {
		t.Fatal(err)
	}
	if err := f.Check(strings.NewReader("x")); !errors.Is(err, ErrFile) {
		t.Fatal(err)
	}
}
