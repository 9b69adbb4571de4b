package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// maxManifest bounds what Read takes into memory, maxFile one file of a bundle.
const (
	maxManifest = 4 << 20
	maxFile     = 1 << 30
)

// Pack writes dir as a signed bundle: a gzipped tar with the manifest, its signature, and
// the files in the order of the manifest. It returns the SHA-256 of the archive, hexadecimal.
func Pack(w io.Writer, dir, name, version string, key *PrivateKey) (digest string, err error) {
	m := Manifest{Name: name, Version: version, Created: time.Now().UTC().Truncate(time.Second)}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("release: %w", err)
	}
	defer root.Close() //nolint:errcheck // reading
	err = fs.WalkDir(root.FS(), ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if !e.Type().IsRegular() {
			return fmt.Errorf("release: %s is not a regular file", p)
		}
		f, err := root.Open(p)
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // reading
		h := sha256.New()
		n, err := io.Copy(h, f)
		m.Files = append(m.Files, File{Path: filepath.ToSlash(p), Size: n, SHA256: hex.EncodeToString(h.Sum(nil))})
		return err
	})
	if err != nil {
		return "", fmt.Errorf("release: %w", err)
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return "", fmt.Errorf("release: %w", err)
	}
	if _, err := Parse(text); err != nil {
		return "", err
	}
	sig, err := key.Sign(text)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	zw := gzip.NewWriter(io.MultiWriter(w, sum))
	tw := tar.NewWriter(zw)
	put := func(name string, size int64, r io.Reader) error {
		if err := tw.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, ModTime: m.Created, Format: tar.FormatPAX}); err != nil {
			return err
		}
		_, err := io.Copy(tw, r)
		return err
	}
	err = errors.Join(put(ManifestName, int64(len(text)), bytes.NewReader(text)), put(SignatureName, int64(len(sig)), bytes.NewReader(sig)))
	for _, f := range m.Files {
		if err != nil {
			break
		}
		r, e := root.Open(filepath.FromSlash(f.Path))
		if err = e; err == nil {
			err = errors.Join(put(f.Path, f.Size, r), r.Close())
		}
	}
	if err = errors.Join(err, tw.Close(), zw.Close()); err != nil {
		return "", fmt.Errorf("release: pack: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Archive is what Read learnt about a bundle archive.
type Archive struct {
	Manifest  *Manifest
	Text      []byte // the manifest as signed
	Signature []byte
	Digest    string // SHA-256 of the archive, hexadecimal
	Size      int64
}

// Read checks a whole archive: signature first, then that exactly the files of the manifest
// are there with their sizes and hashes. Nothing is written anywhere.
func Read(r io.Reader, key *PublicKey) (*Archive, error) {
	sum := sha256.New()
	count := new(counter)
	tee := io.TeeReader(r, io.MultiWriter(sum, count))
	zr, err := gzip.NewReader(tee)
	if err != nil {
		return nil, fmt.Errorf("%w: not a gzip archive", ErrFile)
	}
	tr := tar.NewReader(zr)
	a := &Archive{}
	if a.Text, err = lead(tr, ManifestName); err != nil {
		return nil, err
	}
	if a.Signature, err = lead(tr, SignatureName); err != nil {
		return nil, err
	}
	if a.Manifest, err = key.Verify(a.Text, a.Signature); err != nil {
		return nil, err
	}
	left := map[string]File{}
	for _, f := range a.Manifest.Files {
		left[f.Path] = f
	}
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: broken archive", ErrFile)
		}
		f, ok := left[h.Name]
		if !ok || h.Typeflag != tar.TypeReg || f.Size > maxFile {
			return nil, fmt.Errorf("%w: %s is not in the manifest", ErrFile, h.Name)
		}
		delete(left, h.Name)
		if err := f.Check(tr); err != nil {
			return nil, err
		}
	}
	for p := range left {
		return nil, fmt.Errorf("%w: %s is missing", ErrFile, p)
	}
	if _, err := io.Copy(io.Discard, tee); err != nil {
		return nil, fmt.Errorf("release: read: %w", err)
	}
	a.Digest, a.Size = hex.EncodeToString(sum.Sum(nil)), int64(*count)
	return a, nil
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

func lead(tr *tar.Reader, name string) ([]byte, error) {
	h, err := tr.Next()
	if err != nil || h.Name != name || h.Size > maxManifest {
		return nil, fmt.Errorf("%w: %s does not come first", ErrManifest, name)
	}
	return io.ReadAll(io.LimitReader(tr, maxManifest))
}
