package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/tjfoc/gmsm/gmtls"
	"github.com/tjfoc/gmsm/x509"

	"zhigui/server/internal/certificate"
)

// tlcp is GB/T 38636 (GM/T 0024): SM2 with one certificate to sign and one to encrypt, SM4, SM3. The
// files are read at every handshake, so that new certificates need no restart.
func (t *TLS) tlcp() (*Security, error) {
	config := func() (*gmtls.Config, error) {
		c := &gmtls.Config{GMSupport: gmtls.NewGMSupport(), MinVersion: gmtls.VersionGMSSL}
		if t.Cert != "" {
			if err := errors.Join(certificate.Private(t.Key), certificate.Private(t.EncKey)); err != nil {
				return nil, fmt.Errorf("link: %w", err)
			}
			sign, err := gmtls.LoadX509KeyPair(t.Cert, t.Key)
			if err != nil {
				return nil, fmt.Errorf("link: signature certificate: %w", err)
			}
			enc, err := gmtls.LoadX509KeyPair(t.EncCert, t.EncKey)
			if err != nil {
				return nil, fmt.Errorf("link: encryption certificate: %w", err)
			}
			c.Certificates = []gmtls.Certificate{sign, enc}
		}
		if t.CA != "" {
			pem, err := os.ReadFile(t.CA)
			if err != nil {
				return nil, fmt.Errorf("link: CA: %w", err)
			}
			pool := x509.NewCertPool()
			if !pool.AppendCertsFromPEM(pem) {
				return nil, fmt.Errorf("link: CA: %s has no certificate", t.CA)
			}
			c.RootCAs, c.ClientCAs = pool, pool
		}
		if !t.Any {
			c.ClientAuth = gmtls.RequireAndVerifyClientCert
		}
		return c, nil
	}
	if _, err := config(); err != nil {
		return nil, err
	}
	shake := func(ctx context.Context, c *gmtls.Conn) (net.Conn, error) {
		stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
		defer stop()
		if err := c.Handshake(); err != nil {
			return nil, fmt.Errorf("link: TLCP: %w", err)
		}
		return c, nil
	}
	return &Security{Name: "tlcp",
		Client: func(ctx context.Context, c net.Conn, host string) (net.Conn, error) {
			conf, err := config()
			if err != nil {
				return nil, err
			}
			if conf.ServerName = host; t.Name != "" {
				conf.ServerName = t.Name
			}
			conf.InsecureSkipVerify = true // the library would ask every CA of the chain for the server's name
			conf.VerifyPeerCertificate = func(raw [][]byte, _ [][]*x509.Certificate) error { return pairOf(raw, conf.RootCAs, conf.ServerName) }
			return shake(ctx, gmtls.Client(c, conf))
		},
		Server: func(l net.Listener) net.Listener { return &tlcpListener{l, config} },
	}, nil
}

// pairOf verifies a server's certificates: the one that signs, the one that encrypts, and what leads from
// them to a root.
func pairOf(raw [][]byte, roots *x509.CertPool, name string) error {
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), DNSName: name, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if roots == nil {
		o.Roots = x509.NewCertPool()
	}
	if len(raw) < 2 {
		return errors.New("link: the server has no two certificates")
	}
	for i, der := range slices.Backward(raw) {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("link: certificate %d: %w", i, err)
		}
		if i > 1 {
			o.Intermediates.AddCert(c)
			continue
		}
		if _, err := c.Verify(o); err != nil {
			return fmt.Errorf("link: certificate %d: %w", i, err)
		}
	}
	return nil
}

// tlcpListener makes connections whose handshake happens at their first read.
type tlcpListener struct {
	net.Listener
	config func() (*gmtls.Config, error)
}

func (l *tlcpListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conf, err := l.config()
	if err != nil { // a certificate that is being replaced: this one is refused, the next may succeed
		_ = c.Close()
		return c, nil //nolint:nilerr // the reader finds it closed
	}
	return gmtls.Server(c, conf), nil
}
