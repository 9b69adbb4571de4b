package link

import (
	"bufio"
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/pbkdf2"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm3"
	"github.com/emmansun/gmsm/sm4"

	"zhigui/server/internal/link/linktest"
	programs "zhigui/sim/peer"
)

// output collects what a program says.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) { o.mu.Lock(); defer o.mu.Unlock(); return o.b.Write(b) }

func (o *output) has(s string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Contains(o.b.String(), s)
}

// locked is a private key under a password as GmSSL wants it: PBES2 with PBKDF2 by SM3, and SM4 in CBC.
func locked(t *testing.T, key []byte, password string) []byte {
	t.Helper()
	type algorithm struct {
		ID     asn1.ObjectIdentifier
		Params asn1.RawValue `asn1:"optional"`
	}
	with := func(id asn1.ObjectIdentifier, params any) algorithm {
		b, err := asn1.Marshal(params)
		if err != nil {
			t.Fatal(err)
		}
		return algorithm{id, asn1.RawValue{FullBytes: b}}
	}
	salt, iv := []byte("saltsalt"), []byte("0123456789abcdef")
	k, err := pbkdf2.Key(sm3.New, password, salt, 65536, 16)
	if err != nil {
		t.Fatal(err)
	}
	c, err := sm4.NewCipher(k)
	if err != nil {
		t.Fatal(err)
	}
	pad := 16 - len(key)%16
	data := append(bytes.Clone(key), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(c, iv).CryptBlocks(data, data)
	kdf := with(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}, struct {
		Salt  []byte
		Times int
		PRF   algorithm
	}{salt, 65536, algorithm{ID: asn1.ObjectIdentifier{1, 2, 156, 10197, 1, 401, 2}}})
	out, err := asn1.Marshal(struct {
		Algorithm algorithm
		Data      []byte
	}{with(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}, struct{ KDF, Cipher algorithm }{kdf, with(asn1.ObjectIdentifier{1, 2, 156, 10197, 1, 104, 2}, iv)}), data})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// forGmSSL writes a name's keys under a password, which GmSSL wants, and its chain in one file.
func forGmSSL(t *testing.T, dir, name string) {
	t.Helper()
	for _, kind := range []string{"sign", "enc"} {
		b, err := os.ReadFile(filepath.Join(dir, name+"-"+kind+".key"))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(b)
		der := locked(t, block.Bytes, "1234")
		if err := os.WriteFile(filepath.Join(dir, name+"-"+kind+".epk"), pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	join := func(to string, from ...string) {
		t.Helper()
		var all []byte
		for _, f := range from {
			b, err := os.ReadFile(filepath.Join(dir, f))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b...)
		}
		if err := os.WriteFile(filepath.Join(dir, to), all, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	join(name+"-both.pem", name+"-sign.pem", name+"-enc.pem", "ca.pem")
	join(name+"-one.pem", name+"-sign.pem", "ca.pem")
}

// gmssl runs the program until the test ends.
func gmssl(t *testing.T, in io.Reader, args ...string) *output {
	t.Helper()
	var o output
	c := exec.Command(programs.GmSSL(t), args...)
	c.Stdin, c.Stdout, c.Stderr = in, &o, &o
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("gmssl %s:\n%s", args[0], o.b.String())
		}
	})
	return &o
}

// GmSSL is the server: our client speaks TLCP with it, both sides with certificates.
//
// req: TX-32
func TestOurTLCPClientAtGmSSL(t *testing.T) {
	programs.GmSSL(t)
	dir := t.TempDir()
	linktest.SM2PKI(t, dir, "bank", "switch")
	forGmSSL(t, dir, "bank")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	f := func(s string) string { return filepath.Join(dir, s) }
	gmssl(t, nil, "tlcp_server", "-port", port, "-cert", f("bank-both.pem"), "-key", f("bank-sign.epk"), "-pass", "1234", "-ex_key", f("bank-enc.epk"), "-ex_pass", "1234", "-cacert", f("ca.pem"))
	sec, err := tlcpOf(dir, "switch", "bank").open()
	if err != nil {
		t.Fatal(err)
	}
	var c net.Conn
	for end := time.Now().Add(20 * time.Second); c == nil && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		c, _ = net.Dial("tcp", "127.0.0.1:"+port)
	}
	if c == nil {
		t.Fatal("gmssl does not listen")
	}
	defer c.Close() //nolint:errcheck // test
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := sec.Client(ctx, c, "bank")
	if err != nil {
		t.Fatal(err)
	}
	_ = s.SetDeadline(time.Now().Add(10 * time.Second))
	for _, text := range []string{"a", "0123456789abcdef", strings.Repeat("x", 900)} { // it sends back what it gets
		if _, err := io.WriteString(s, text); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, len(text))
		if _, err := io.ReadFull(s, b); err != nil || string(b) != text {
			t.Fatalf("%q: %q, %v", text, b, err)
		}
	}
}

// GmSSL is the client of our server, with a certificate of its own.
//
// req: TX-32
func TestGmSSLAtOurTLCPServer(t *testing.T) {
	programs.GmSSL(t)
	dir := t.TempDir()
	linktest.SM2PKI(t, dir, "bank", "switch")
	forGmSSL(t, dir, "switch")
	sec, err := tlcpOf(dir, "bank", "").open()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := sec.Server(plain)
	defer ln.Close() //nolint:errcheck // test
	got := make(chan string, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close() //nolint:errcheck // test
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil {
			got <- err.Error()
			return
		}
		_, _ = io.WriteString(c, "answer to "+line)
		got <- line
		_, _ = io.Copy(io.Discard, c)
	}()
	_, port, _ := net.SplitHostPort(plain.Addr().String())
	f := func(s string) string { return filepath.Join(dir, s) }
	in, out := io.Pipe()
	defer out.Close()                                           //nolint:errcheck // test
	go func() { _, _ = io.WriteString(out, "hello\nmore\n") }() // it reads one record after each line
	o := gmssl(t, in, "tlcp_client", "-host", "127.0.0.1", "-port", port, "-cacert", f("ca.pem"), "-cert", f("switch-one.pem"), "-key", f("switch-sign.epk"), "-pass", "1234")
	select {
	case s := <-got:
		if s != "hello\n" {
			t.Fatalf("our server got %q", s)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came")
	}
	for end := time.Now().Add(10 * time.Second); !o.has("nswer to hello"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the answer did not arrive")
		}
	}
}
