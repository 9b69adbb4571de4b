package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"zhigui/keeper/api/release"
)

type signer struct {
	priv *release.PrivateKey
	pub  *release.PublicKey
}

func newSigner(t *testing.T) signer {
	t.Helper()
	priv, pub, err := release.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	sk, _ := release.ParsePrivate(priv)
	pk, err := release.ParsePublic(pub)
	if err != nil {
		t.Fatal(err)
	}
	return signer{sk, pk}
}

// archive builds a signed bundle; spoil may change what goes into the archive.
func (s signer) archive(t *testing.T, version string, spoil func(files map[string][]byte)) ([]byte, string) {
	t.Helper()
	index := []byte("<h1>" + version + "</h1>")
	h := sha256.Sum256(index)
	m, _ := json.Marshal(release.Manifest{Name: "flows", Version: version, Created: time.Unix(0, 0).UTC(),
		Files: []release.File{{Path: "index.html", Size: int64(len(index)), SHA256: hex.EncodeToString(h[:])}}})
	sig, err := s.priv.Sign(m)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"index.html": index, release.ManifestName: m, release.SignatureName: sig}
	if spoil != nil {
		spoil(files)
	}
	var buf bytes.Buffer
	gz := gzip.NewWriter(&buf)
	tw := tar.NewWriter(gz)
	names := []string{release.ManifestName, release.SignatureName}
	for n := range files {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	for _, n := range names {
		b := files[n]
		tw.WriteHeader(&tar.Header{Name: n, Typeflag: tar.TypeReg, Size: int64(len(b)), Mode: 0o644})
		tw.Write(b)
	}
	tw.Close()
	gz.Close()
	d := sha256.Sum256(buf.Bytes())
	return buf.Bytes(), hex.EncodeToString(d[:])
}

func TestTheNewVersionBecomesCurrentAndTheOldOneComesBack(t *testing.T) {
	s := newSigner(t)
	st, err := Open(t.TempDir(), s.pub)
	if err != nil {
		t.Fatal(err)
	}
	var refs []Ref
	for _, v := range []string{"1.0.0", "1.1.0"} {
		a, d := s.archive(t, v, nil)
		ref, err := st.Add(a, d)
		if err != nil {
			t.Fatal(err)
		}
		if err := st.Activate(ref); err != nil {
			t.Fatal(err)
		}
		refs = append(refs, ref)
	}
	back, err := st.Back()
	if err != nil || back != refs[0] {
		t.Fatalf("back to %+v, %v", back, err)
	}
	if r, _ := st.Record(); r.Current != refs[0] || r.Previous != refs[1] {
		t.Errorf("record %+v", r)
	}
	// A version that was left on purpose stays refused until another one is activated.
	if err := st.Refuse(refs[1].Digest, "taken back"); err != nil {
		t.Fatal(err)
	}
	if r, _ := st.Record(); r.Refused != refs[1].Digest || r.Current != refs[0] {
		t.Errorf("record %+v", r)
	}
	p, _ := st.Path(back.Digest)
	if b, _ := os.ReadFile(filepath.Join(p, "index.html")); string(b) != "<h1>1.0.0</h1>" {
		t.Errorf("content %q", b)
	}
}

func TestABadArchiveLeavesNothingBehind(t *testing.T) {
	s, other := newSigner(t), newSigner(t)
	for name, make := range map[string]func() ([]byte, string){
		"signed with another key": func() ([]byte, string) { return other.archive(t, "2.0.0", nil) },
		"a file changed": func() ([]byte, string) {
			return s.archive(t, "2.0.0", func(f map[string][]byte) { f["index.html"] = []byte("<h1>2.0.1</h1>") })
		},
		"a file more": func() ([]byte, string) {
			return s.archive(t, "2.0.0", func(f map[string][]byte) { f["extra.js"] = []byte("x") })
		},
		"a file missing": func() ([]byte, string) {
			return s.archive(t, "2.0.0", func(f map[string][]byte) { delete(f, "index.html") })
		},
		"a path that leaves": func() ([]byte, string) {
			return s.archive(t, "2.0.0", func(f map[string][]byte) { f["../../evil"] = []byte("x") })
		},
		"not an archive": func() ([]byte, string) { d := sha256.Sum256([]byte("x")); return []byte("x"), hex.EncodeToString(d[:]) },
		"another digest": func() ([]byte, string) { a, _ := s.archive(t, "2.0.0", nil); return a, hex.EncodeToString(make32()) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			st, _ := Open(dir, s.pub)
			a, d := make()
			if _, err := st.Add(a, d); err == nil {
				t.Fatal("accepted")
			}
			left, _ := filepath.Glob(filepath.Join(dir, "store", "*"))
			stages, _ := filepath.Glob(filepath.Join(dir, ".stage*"))
			if len(left)+len(stages) != 0 {
				t.Errorf("left %v %v", left, stages)
			}
		})
	}
}

func make32() []byte { return bytes.Repeat([]byte{7}, 32) }

func FuzzUnpack(f *testing.F) {
	f.Add([]byte{0x1f, 0x8b})
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = unpack(b) })
}

func TestWithoutAReleaseKeyNothingIsTaken(t *testing.T) {
	s, err := Open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, digest := newSigner(t).archive(t, "1.0.0", nil)
	if _, err := s.Add(a, digest); !errors.Is(err, ErrBad) {
		t.Errorf("%v", err)
	}
}
