// Package certificate looks after the certificates that the server has as files: key files that others may
// read are refused, a replaced pair is served from the next handshake on, and what expires is told in
// time. The commands and access use it.
package certificate

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/emmansun/gmsm/smx509"
)

// Soon is how long before its end a certificate is told of.
const Soon = 30 * 24 * time.Hour

// Private refuses a file with a key or a password that others than its owner may read.
func Private(path string) error {
	fi, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("certificate: secret file: %w", err)
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("certificate: %s may be read by others; set mode 0600", path)
	}
	return nil
}

// Pair serves a certificate with its key. Both files are read again when one of them has changed; a pair that does
// not fit leaves the one before in use.
type Pair struct {
	cert, key string
	mu        sync.Mutex
	seen      [2]time.Time
	now       *tls.Certificate
	failed    func(error)
}

// Open reads a pair. failed, which may be nil, is told of a new pair that cannot be used.
func Open(cert, key string, failed func(error)) (*Pair, error) {
	p := &Pair{cert: cert, key: key, failed: failed}
	if err := p.read(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Pair) times() (out [2]time.Time) {
	for i, f := range [2]string{p.cert, p.key} {
		if fi, err := os.Stat(f); err == nil {
			out[i] = fi.ModTime()
		}
	}
	return out
}

func (p *Pair) read() error {
	at := p.times()
	if err := Private(p.key); err != nil {
		return err
	}
	c, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	p.seen, p.now = at, &c
	return nil
}

// Get is tls.Config.GetCertificate.
func (p *Pair) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := p.times(); at != p.seen {
		if err := p.read(); err != nil {
			p.seen = at // once for each change
			if p.failed != nil {
				p.failed(err)
			}
		}
	}
	return p.now, nil
}

// Info is a certificate of a file.
type Info struct {
	File, Subject, Issuer string
	From, Until           time.Time
	Digest                string // SHA-256
}

// Read answers the certificates of a PEM file; none of a file that holds a bare public key.
func Read(path string) (out []Info, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			return out, nil
		}
		if b.Type != "CERTIFICATE" {
			continue
		}
		c, err := smx509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate: %s: %w", path, err)
		}
		d := sha256.Sum256(b.Bytes)
		out = append(out, Info{path, c.Subject.String(), c.Issuer.String(), c.NotBefore, c.NotAfter, hex.EncodeToString(d[:])})
	}
}

// Ending are those of files that end before now and Soon, and the files that cannot be read.
func Ending(files []string, now time.Time) (ending []Info, unread []error) {
	for _, f := range files {
		all, err := Read(f)
		if err != nil {
			unread = append(unread, err)
		}
		for _, c := range all {
			if c.Until.Before(now.Add(Soon)) {
				ending = append(ending, c)
			}
		}
	}
	return ending, unread
}
