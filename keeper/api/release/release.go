// Package release defines what a release bundle is: a manifest that names every file with
// its size and SHA-256, and a detached SM2 signature over the manifest's digest. Pure
// functions; keeperd, the shell, the server and serverctl import it.
//
// The signed bytes are exactly those of the manifest file as it travels (no re-encoding):
// Digest hashes them with SHA-256, and the signature is SM2 with SM3 and the default user
// id over that digest (GB/T 32918, ASN.1 DER form).
package release

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"
)

// Names of the two files that lead a bundle archive.
const (
	ManifestName  = "manifest.json"
	SignatureName = "manifest.sig"
)

// Errors of this package.
var (
	ErrSignature = errors.New("release: signature does not fit the manifest")
	ErrManifest  = errors.New("release: manifest is not valid")
	ErrFile      = errors.New("release: file differs from the manifest")
)

// Manifest lists the files of a bundle.
type Manifest struct {
	Name    string    `json:"name"`    // letters, digits, hyphen
	Version string    `json:"version"` // letters, digits, dot, hyphen, plus
	Files   []File    `json:"files"`
	Created time.Time `json:"created"`
}

// File is one file of a bundle. Path is relative, with forward slashes, inside the bundle.
type File struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // hexadecimal, lower case
}

var (
	nameForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,63}$`)
	versionForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+-]{0,63}$`)
	hashForm    = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Parse reads and checks a manifest: names, unique clean paths, hashes, sizes.
func Parse(data []byte) (*Manifest, error) {
	m := &Manifest{}
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: text after the end", ErrManifest)
	}
	if !nameForm.MatchString(m.Name) || !versionForm.MatchString(m.Version) || len(m.Files) == 0 {
		return nil, fmt.Errorf("%w: name, version or files", ErrManifest)
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		low := strings.ToLower(f.Path)
		switch {
		case f.Path == "" || path.Clean("/"+f.Path) != "/"+f.Path || strings.ContainsAny(f.Path, "\\:\x00"):
			return nil, fmt.Errorf("%w: path %q", ErrManifest, f.Path)
		case seen[low] || f.Path == ManifestName || f.Path == SignatureName:
			return nil, fmt.Errorf("%w: path %q twice or reserved", ErrManifest, f.Path)
		case f.Size < 0 || !hashForm.MatchString(f.SHA256):
			return nil, fmt.Errorf("%w: size or hash of %q", ErrManifest, f.Path)
		}
		seen[low] = true
	}
	return m, nil
}

// Digest is the SHA-256 of the manifest's bytes.
func Digest(manifest []byte) [32]byte { return sha256.Sum256(manifest) }

// Check reads r to its end and compares it with f.
func (f File) Check(r io.Reader) error {
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, f.Size+1))
	if err != nil {
		return fmt.Errorf("release: read %s: %w", f.Path, err)
	}
	if n != f.Size || hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("%w: %s", ErrFile, f.Path)
	}
	return nil
}

// PrivateKey signs releases. PublicKey verifies them.
type (
	PrivateKey struct{ k *sm2.PrivateKey }
	PublicKey  struct{ der []byte }
)

// NewKey makes a signing key and returns both halves as PEM (PKCS#8 and PKIX).
func NewKey() (private, public []byte, err error) {
	k, err := sm2.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("release: generate: %w", err)
	}
	p8, err := smx509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, nil, fmt.Errorf("release: encode: %w", err)
	}
	px, err := smx509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		return nil, nil, fmt.Errorf("release: encode: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: p8}),
		pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: px}), nil
}

// ParsePrivate reads a signing key as NewKey writes it.
func ParsePrivate(data []byte) (*PrivateKey, error) {
	b, _ := pem.Decode(data)
	if b == nil || b.Type != "PRIVATE KEY" {
		return nil, errors.New("release: not a PEM private key")
	}
	k, err := smx509.ParsePKCS8PrivateKey(b.Bytes)
	if err != nil {
		return nil, errors.New("release: not a PKCS#8 key")
	}
	s, ok := k.(*sm2.PrivateKey)
	if !ok {
		return nil, errors.New("release: not an SM2 key")
	}
	return &PrivateKey{s}, nil
}

// Sign signs the manifest's bytes.
func (p *PrivateKey) Sign(manifest []byte) ([]byte, error) {
	d := Digest(manifest)
	sig, err := p.k.SignWithSM2(rand.Reader, nil, d[:])
	if err != nil {
		return nil, fmt.Errorf("release: sign: %w", err)
	}
	return sig, nil
}
