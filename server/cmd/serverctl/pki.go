package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// writeNew writes a file that must not exist yet.
func writeNew(path string, mode os.FileMode, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

func zoneKeysCmd(args []string) error {
	fs := flag.NewFlagSet("zone keys", flag.ContinueOnError)
	out := fs.String("out", "run/zone.keys", "file to write, mode 0600")
	if err := fs.Parse(args); err != nil {
		return err
	}
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return err
	}
	return writeNew(*out, 0o600, fmt.Appendf(nil, "%s\n%s\n", hex.EncodeToString(b[:16]), hex.EncodeToString(b[16:])))
}

func pkiInit(args []string) error {
	fs := flag.NewFlagSet("pki init", flag.ContinueOnError)
	dir := fs.String("dir", "run/pki", "folder to write")
	hosts := fs.String("host", "localhost,127.0.0.1", "names and addresses of the server")
	if err := fs.Parse(args); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := template("ZhiGui development CA", 10)
	ca.IsCA, ca.BasicConstraintsValid = true, true
	ca.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	if err := issue(*dir, "ca", ca, ca, key, key); err != nil {
		return err
	}
	srv := template("server", 2)
	srv.KeyUsage, srv.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for h := range strings.SplitSeq(*hosts, ",") {
		if ip := net.ParseIP(h); ip != nil {
			srv.IPAddresses = append(srv.IPAddresses, ip)
		} else {
			srv.DNSNames = append(srv.DNSNames, h)
		}
	}
	return issueUnder(*dir, "server", srv)
}

func pkiIssue(args []string) error {
	fs := flag.NewFlagSet("pki issue", flag.ContinueOnError)
	dir := fs.String("dir", "run/pki", "folder of the CA")
	id := fs.String("terminal", "", "terminal number, 8 characters")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if len(*id) != 8 || strings.ContainsAny(*id, `/\ .`) {
		return errors.New("--terminal: 8 characters are wanted")
	}
	t := template(*id, 2)
	t.Subject.OrganizationalUnit = []string{"terminal"}
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return issueUnder(*dir, "terminal-"+*id, t)
}

func template(cn string, years int) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: cn, Organization: []string{"ZhiGui"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(years, 0, 0)}
}

// issueUnder signs t with the CA of dir.
func issueUnder(dir, name string, t *x509.Certificate) error {
	certPEM, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		return err
	}
	keyPEM, err := os.ReadFile(filepath.Join(dir, "ca.key"))
	if err != nil {
		return err
	}
	cb, _ := pem.Decode(certPEM)
	kb, _ := pem.Decode(keyPEM)
	if cb == nil || kb == nil {
		return errors.New("the CA's files are not PEM")
	}
	ca, err := x509.ParseCertificate(cb.Bytes)
	if err != nil {
		return err
	}
	caKey, err := x509.ParsePKCS8PrivateKey(kb.Bytes)
	if err != nil {
		return err
	}
	signer, ok := caKey.(crypto.Signer)
	if !ok {
		return errors.New("the CA's key cannot sign")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return issue(dir, name, t, ca, key, signer)
}

func issue(dir, name string, t, parent *x509.Certificate, key *ecdsa.PrivateKey, signer crypto.Signer) error {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), signer)
	if err != nil {
		return err
	}
	p8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writeNew(filepath.Join(dir, name+".key"), 0o600, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: p8})); err != nil {
		return err
	}
	return writeNew(filepath.Join(dir, name+".pem"), 0o644, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
