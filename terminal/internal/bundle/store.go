// Package bundle keeps the flow bundles of a terminal: verified against the release key,
// unpacked into immutable folders named by their digest, with one small record that says
// which is current and which was before. A version whose signature or files are wrong
// never becomes current; going back is one write. platformd changes the store, the shell
// reads it.
package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"zhigui/keeper/api/release"
)

// Ref names one version of a bundle.
type Ref struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Digest  string `json:"digest"` // SHA-256 of the archive
}

// Record is what is current. It is replaced as a whole.
type Record struct {
	Current  Ref `json:"current"`
	Previous Ref `json:"previous,omitzero"`
	// Refused is the digest of the last assigned bundle that was refused, and why, so that
	// it is not fetched again and again.
	Refused string `json:"refused,omitempty"`
	Why     string `json:"why,omitempty"`
}

// Store is a folder of bundles. Methods are safe for concurrent use by one process;
// readers in other processes see whole records only.
type Store struct {
	dir string
	key *release.PublicKey
	mu  sync.Mutex // one change at a time
}

// ErrBad is a bundle that fails a check: fetching it again would not help.
var ErrBad = errors.New("bundle refused")

// Limits of an archive.
const (
	maxFiles = 5000
	maxBytes = 512 << 20
)

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Open opens the store in dir. key may be nil for a reader.
func Open(dir string, key *release.PublicKey) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(dir, "store"), 0o755); err != nil {
		return nil, fmt.Errorf("bundle store: %w", err)
	}
	return &Store{dir: dir, key: key}, nil
}

// Record reads what is current; an empty record when nothing is.
func (s *Store) Record() (Record, error) {
	var r Record
	b, err := os.ReadFile(filepath.Join(s.dir, "current.json"))
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(b, &r)
}

// Path is the folder of a stored bundle; an error if it is not stored.
func (s *Store) Path(digest string) (string, error) {
	if !digestForm.MatchString(digest) {
		return "", fmt.Errorf("bundle digest %q is not 64 hexadecimal digits", digest)
	}
	p := filepath.Join(s.dir, "store", digest)
	if _, err := os.Stat(filepath.Join(p, release.ManifestName)); err != nil {
		return "", fmt.Errorf("bundle %s is not stored: %w", digest[:12], err)
	}
	return p, nil
}

// Add verifies an archive (.tar.gz with the manifest and its signature) and stores it.
// Nothing of an archive that fails any check stays.
func (s *Store) Add(archive []byte, digest string) (Ref, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ref, m, files, err := s.verify(archive, digest)
	if err != nil {
		return Ref{}, fmt.Errorf("%w: %w", ErrBad, err)
	}
	if _, err := s.Path(digest); err == nil {
		return ref, nil
	}
	return ref, s.unfold(digest, m, files)
}

// verify checks digest, signature and every file, and unpacks into memory.
func (s *Store) verify(archive []byte, digest string) (Ref, *release.Manifest, map[string][]byte, error) {
	if s.key == nil {
		return Ref{}, nil, nil, errors.New("no release key is configured (setting release.key): nothing can be verified")
	}
	a, err := release.Read(bytes.NewReader(archive), s.key)
	if err != nil {
		return Ref{}, nil, nil, err
	}
	if a.Digest != digest {
		return Ref{}, nil, nil, errors.New("the archive is not the one that was assigned (digest differs)")
	}
	files, err := unpack(archive)
	return Ref{Name: a.Manifest.Name, Version: a.Manifest.Version, Digest: digest}, a.Manifest, files, err
}

// unfold writes a verified bundle to its folder, durably, and gives it its name last.
func (s *Store) unfold(digest string, m *release.Manifest, files map[string][]byte) error {
	stage, err := os.MkdirTemp(s.dir, ".stage-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	for _, f := range m.Files {
		if err := writeSynced(filepath.Join(stage, filepath.FromSlash(f.Path)), files[f.Path]); err != nil {
			return err
		}
	}
	// The manifest is written last: a folder that has one is complete.
	for _, n := range []string{release.SignatureName, release.ManifestName} {
		if err := writeSynced(filepath.Join(stage, n), files[n]); err != nil {
			return err
		}
	}
	if err := os.Chmod(stage, 0o755); err != nil {
		return err
	}
	if err := syncDir(stage); err != nil {
		return err
	}
	if err := os.Rename(stage, filepath.Join(s.dir, "store", digest)); err != nil {
		return err
	}
	return syncDir(filepath.Join(s.dir, "store"))
}

// Activate makes a stored bundle current and remembers the one before.
func (s *Store) Activate(ref Ref) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.activate(ref)
}

func (s *Store) activate(ref Ref) error {
	if _, err := s.Path(ref.Digest); err != nil {
		return err
	}
	r, err := s.Record()
	if err != nil {
		return err
	}
	if r.Current.Digest == ref.Digest {
		return nil
	}
	return s.write(Record{Current: ref, Previous: r.Current})
}

// Back makes the previous bundle current again.
func (s *Store) Back() (Ref, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.Record()
	if err != nil {
		return Ref{}, err
	}
	if r.Previous.Digest == "" {
		return Ref{}, errors.New("bundle: there is no previous version")
	}
	return r.Previous, s.activate(r.Previous)
}

// Refuse remembers that an assigned bundle must not be used.
func (s *Store) Refuse(digest, why string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.Record()
	if err != nil {
		return err
	}
	r.Refused, r.Why = digest, why
	return s.write(r)
}

// write replaces the record in one rename.
func (s *Store) write(r Record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	tmp := filepath.Join(s.dir, "current.json.new")
	if err := writeSynced(tmp, b); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(s.dir, "current.json")); err != nil {
		return err
	}
	return syncDir(s.dir)
}

// unpack reads an archive into memory, bounded, with clean paths only.
func unpack(archive []byte) (map[string][]byte, error) {
	gz, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, fmt.Errorf("bundle: not a .tar.gz: %w", err)
	}
	files := map[string][]byte{}
	total := int64(0)
	for tr := tar.NewReader(gz); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("bundle: %w", err)
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		name := filepath.ToSlash(filepath.Clean(h.Name))
		if h.Typeflag != tar.TypeReg || !filepath.IsLocal(name) || files[name] != nil {
			return nil, fmt.Errorf("bundle: entry %q is not a plain file inside the bundle", h.Name)
		}
		if total += h.Size; total > maxBytes || len(files) >= maxFiles {
			return nil, errors.New("bundle: too large")
		}
		b, err := io.ReadAll(io.LimitReader(tr, h.Size))
		if err != nil {
			return nil, fmt.Errorf("bundle: %w", err)
		}
		if b == nil {
			b = []byte{}
		}
		files[name] = b
	}
}

func writeSynced(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
