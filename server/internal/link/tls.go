package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"

	"zhigui/server/internal/certificate"
)

// TLS protects a link. Certificates are PEM files.
type TLS struct {
	Kind    string `yaml:"kind"`    // tls (default) or tlcp (GB/T 38636, SM2 double certificates)
	CA      string `yaml:"ca"`      // who may have signed the peer's certificate
	Cert    string `yaml:"cert"`    // ours; of a client it may be empty
	Key     string `yaml:"key"`     // ours
	EncCert string `yaml:"encCert"` // tlcp: our second pair, for encryption
	EncKey  string `yaml:"encKey"`
	Name    string `yaml:"name"`   // expected in the peer's certificate; empty: the host of the address
	Any     bool   `yaml:"anyone"` // a server that does not ask clients for certificates
}

func (t *TLS) validate(server bool) (key, reason string) {
	switch {
	case t.Kind != "" && t.Kind != "tls" && t.Kind != "tlcp":
		return "kind", "want tls or tlcp"
	case t.CA == "" && !t.Any:
		return "ca", "want the file of the certificates that may have signed the peer's"
	case (t.Cert == "") != (t.Key == ""):
		return "key", "cert and key go together"
	case server && t.Cert == "":
		return "cert", "a server needs a certificate"
	case t.Kind == "tlcp" && t.Cert != "" && (t.EncCert == "" || t.EncKey == ""):
		return "encCert", "TLCP needs two certificates: to sign (cert, key) and to encrypt (encCert, encKey)"
	}
	return "", ""
}

// Files are the paths in t, for a configuration that resolves them.
func (t *TLS) Files() []*string { return []*string{&t.CA, &t.Cert, &t.Key, &t.EncCert, &t.EncKey} }

func (t *TLS) open() (*Security, error) {
	if t == nil {
		return nil, nil
	}
	if t.Kind == "tlcp" {
		return t.tlcp()
	}
	pool, err := t.pool()
	if err != nil {
		return nil, err
	}
	// The files are read at every handshake, so that a new certificate needs no restart.
	cert := func() (*tls.Certificate, error) {
		if t.Cert == "" {
			return &tls.Certificate{}, nil
		}
		if err := certificate.Private(t.Key); err != nil {
			return nil, fmt.Errorf("link: %w", err)
		}
		c, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("link: certificate: %w", err)
		}
		return &c, nil
	}
	if _, err := cert(); err != nil {
		return nil, err
	}
	server := &tls.Config{MinVersion: tls.VersionTLS12, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert() }}
	if t.Any {
		server.ClientAuth = tls.NoClientCert
	}
	return &Security{Name: "tls",
		Client: func(ctx context.Context, c net.Conn, host string) (net.Conn, error) {
			s := tls.Client(c, t.client(pool, cert, host))
			return s, s.HandshakeContext(ctx)
		},
		Server: func(l net.Listener) net.Listener { return tls.NewListener(l, server) },
		client: func(host string) *tls.Config { return t.client(pool, cert, host) },
	}, nil
}

func (t *TLS) client(pool *x509.CertPool, cert func() (*tls.Certificate, error), host string) *tls.Config {
	if t.Name != "" {
		host = t.Name
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, ServerName: host,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert() }}
}

func (t *TLS) pool() (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if t.CA == "" {
		return pool, nil
	}
	pem, err := os.ReadFile(t.CA)
	if err != nil {
		return nil, fmt.Errorf("link: CA: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("link: CA: %s has no certificate", t.CA)
	}
	return pool, nil
}
