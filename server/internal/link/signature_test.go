package link_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	stdx509 "crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tjfoc/gmsm/sm2"
	"github.com/tjfoc/gmsm/x509"

	"zhigui/server/api/message"
	"zhigui/server/api/message/format"
	"zhigui/server/api/paycrypto/sign"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/conformance"
	"zhigui/server/internal/link"
)

// other signs and verifies by other libraries than the platform's: the partner.
type other struct {
	alg sign.Alg
	rsa *rsa.PrivateKey
	sm2 *sm2.PrivateKey
	pub []byte // ours, PEM
}

func (o *other) sign(t *testing.T, body []byte) string {
	t.Helper()
	var sig []byte
	var err error
	digest := sha256.Sum256(body)
	switch o.alg {
	case sign.SM2:
		sig, err = o.sm2.Sign(rand.Reader, body, nil)
	case sign.PSS:
		sig, err = rsa.SignPSS(rand.Reader, o.rsa, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 32})
	default:
		sig, err = rsa.SignPKCS1v15(rand.Reader, o.rsa, crypto.SHA256, digest[:])
	}
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(sig)
}

func (o *other) verifies(t *testing.T, body []byte, text string) bool {
	t.Helper()
	sig, _ := base64.StdEncoding.DecodeString(text)
	b, _ := pem.Decode(o.pub)
	if o.alg == sign.SM2 {
		k, err := x509.ParseSm2PublicKey(b.Bytes)
		return err == nil && k.Verify(body, sig)
	}
	k, err := stdx509.ParsePKIXPublicKey(b.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(body)
	if o.alg == sign.PSS {
		return rsa.VerifyPSS(k.(*rsa.PublicKey), crypto.SHA256, digest[:], sig, nil) == nil
	}
	return rsa.VerifyPKCS1v15(k.(*rsa.PublicKey), crypto.SHA256, digest[:], sig) == nil
}

// echo answers 0210 to anything it can read.
type echo struct{ c *link.Codec }

func (e echo) Handle(_ context.Context, body, dst []byte) ([]byte, bool) {
	q, a := message.New(e.c.Model()), message.New(e.c.Model())
	if _, err := e.c.Unpack(q, body); err != nil {
		return nil, false
	}
	a.ReplyTo(q)
	for _, n := range []int{3, 7, 11, 41} {
		if q.Has(n) {
			_ = a.Set(n, q.Get(n))
		}
	}
	_ = a.SetString(39, "00")
	out, err := e.c.Pack(dst, a, nil)
	return out, err == nil
}

// partners are our module and a partner with keys of alg, and what a link needs to know.
func partners(t *testing.T, alg sign.Alg) (*other, *link.Signature) {
	t.Helper()
	s, err := hsm.NewSoft(bytes.Repeat([]byte{7}, 32), conformance.NewMemory())
	if err != nil {
		t.Fatal(err)
	}
	pub, err := s.CreateSigner("partner", alg)
	if err != nil {
		t.Fatal(err)
	}
	o := &other{alg: alg}
	o.pub, _ = sign.PEM(pub)
	var der []byte
	if alg == sign.SM2 {
		if o.sm2, err = sm2.GenerateKey(rand.Reader); err == nil {
			der, err = x509.MarshalSm2PublicKey(&o.sm2.PublicKey)
		}
	} else if o.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err == nil {
		der, err = stdx509.MarshalPKIXPublicKey(&o.rsa.PublicKey)
	}
	file := filepath.Join(t.TempDir(), "partner.pem")
	if err != nil || os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600) != nil {
		t.Fatal(err)
	}
	return o, &link.Signature{Alg: alg, Owner: "partner", Partner: file, Module: s}
}

func jsonCodec(t *testing.T) *link.Codec {
	t.Helper()
	d, err := format.Builtin("corejson")
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Builtin("cups128")
	if err != nil {
		t.Fatal(err)
	}
	return link.NewCodec(d, m)
}

func inquiry(t *testing.T, c *link.Codec) (link.Key, []byte) {
	t.Helper()
	m := message.New(c.Model())
	_ = m.SetMTI("0200")
	for n, v := range map[int]string{3: "310000", 7: "1122101500", 11: "000007", 41: "00000001"} {
		if err := m.SetString(n, v); err != nil {
			t.Fatal(err)
		}
	}
	frame, err := c.Pack(nil, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Key(m), frame
}

// req: TX-26
func TestAHostsMessagesAreSignedBothWaysAndAWrongSignatureIsNoAnswer(t *testing.T) {
	for _, alg := range []sign.Alg{sign.PKCS1, sign.PSS, sign.SM2} {
		o, spec := partners(t, alg)
		c := jsonCodec(t)
		tamper := ""
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if !o.verifies(t, body, r.Header.Get("X-Signature")) || o.verifies(t, append(body, ' '), r.Header.Get("X-Signature")) {
				t.Errorf("%s: the partner's library does not verify our signature", alg)
			}
			out, _ := echo{c}.Handle(r.Context(), body, nil)
			answer := c.Strip(out)
			if tamper != "unsigned" {
				w.Header().Set("X-Signature", o.sign(t, answer))
			}
			if tamper == "changed" {
				answer = bytes.Replace(answer, []byte("00"), []byte("01"), 1)
			}
			_, _ = w.Write(answer)
		}))
		client, err := link.Open(&link.Spec{Kind: "http", Address: srv.URL, Signature: spec}, c, nil, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for _, tamper = range []string{"", "unsigned", "changed"} {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			key, frame := inquiry(t, c)
			a, err := client.Send(ctx, key, frame)
			switch {
			case tamper == "" && (err != nil || a.Msg.String(39) != "00"):
				t.Errorf("%s: %v", alg, err)
			case tamper != "" && (err == nil || errors.Is(err, link.ErrNotSent)):
				t.Errorf("%s, %s: %v", alg, tamper, err)
			}
			cancel()
		}
		client.Close()
		srv.Close()
	}
}

// req: TX-26
func TestAChannelReadsNothingThatIsNotSignedByItsPartner(t *testing.T) {
	for _, alg := range []sign.Alg{sign.PSS, sign.SM2} {
		o, spec := partners(t, alg)
		c := jsonCodec(t)
		asked := 0
		h := handlerFunc(func(ctx context.Context, body, dst []byte) ([]byte, bool) {
			asked++
			return echo{c}.Handle(ctx, body, dst)
		})
		srv, err := link.Serve(&link.Spec{Kind: "http", Listen: "127.0.0.1:0/trade", Signature: spec}, c, h, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		_, frame := inquiry(t, c)
		body := c.Strip(frame)
		post := func(sig string, body []byte) (*http.Response, []byte) {
			q, _ := http.NewRequestWithContext(t.Context(), "POST", "http://"+srv.(*link.HTTPServer).Addr().String()+"/trade", bytes.NewReader(body))
			q.Header.Set("X-Signature", sig)
			r, err := http.DefaultClient.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			out, _ := io.ReadAll(r.Body)
			return r, out
		}
		good := o.sign(t, body)
		stranger, _ := partners(t, alg)
		for what, sig := range map[string]string{"none": "", "no base64": "***", "a stranger's": stranger.sign(t, body), "of another message": o.sign(t, []byte("x"))} {
			if r, _ := post(sig, body); r.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s, %s: %d", alg, what, r.StatusCode)
			}
		}
		if asked != 0 {
			t.Errorf("%d unsigned messages were read", asked)
		}
		if st := srv.Stats(); st.Unsigned != 4 || st.Garbage != 0 || st.Fault != link.FaultSignature || time.Since(st.FaultAt) > time.Minute {
			t.Errorf("%s: %+v", alg, st)
		}
		r, out := post(good, body)
		if r.StatusCode != 200 || asked != 1 || !o.verifies(t, out, r.Header.Get("X-Signature")) {
			t.Errorf("%s: %d, %d asked, the answer's signature %q", alg, r.StatusCode, asked, r.Header.Get("X-Signature"))
		}
		srv.Close(t.Context())
	}
}

func TestASignatureWithoutAModuleOrAKeyFileIsRefusedAtTheStart(t *testing.T) {
	_, spec := partners(t, sign.SM2)
	c := jsonCodec(t)
	for what, change := range map[string]func(*link.Signature){
		"no module": func(s *link.Signature) { s.Module = nil }, "no file": func(s *link.Signature) { s.Partner += "x" },
	} {
		s := *spec
		change(&s)
		if _, err := link.Open(&link.Spec{Kind: "http", Address: "http://127.0.0.1:1/", Signature: &s}, c, nil, nil, slog.New(slog.DiscardHandler)); err == nil {
			t.Error(what)
		}
	}
	bad := &link.Spec{Kind: "short", Address: "127.0.0.1:1", Signature: spec}
	if key, _ := bad.Validate(false); key != "signature" {
		t.Error("a signature on a link without headers:", key)
	}
	good := &link.Spec{Kind: "http", Address: "http://127.0.0.1:1/", Signature: &link.Signature{Alg: "md5"}}
	if key, _ := good.Validate(false); !strings.HasPrefix(key, "signature.alg") {
		t.Error(key)
	}
}

type handlerFunc func(ctx context.Context, body, dst []byte) ([]byte, bool)

func (f handlerFunc) Handle(ctx context.Context, body, dst []byte) ([]byte, bool) {
	return f(ctx, body, dst)
}
