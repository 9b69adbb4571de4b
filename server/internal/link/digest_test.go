package link_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tjfoc/gmsm/sm3"

	"zhigui/server/api/paycrypto/sign"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/conformance"
	"zhigui/server/internal/link"
)

// keyed makes a partner's digest by another library than the platform's.
func keyed(alg sign.Alg, key, body []byte) string {
	h := sha256.New
	if alg == sign.HMACSM3 {
		h = func() hash.Hash { return sm3.New() }
	}
	m := hmac.New(h, key)
	m.Write(body)
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// A channel whose partner has agreed on keyed digests: nothing else is read, and answers have one. A new key is
// taken at once, the one before until the next.
// req: TX-26
func TestAChannelReadsNothingWithoutThePartnersKeyedDigest(t *testing.T) {
	for _, alg := range []sign.Alg{sign.HMACSM3, sign.HMACSHA256} {
		module, err := hsm.NewSoft(bytes.Repeat([]byte{7}, 32), conformance.NewMemory())
		if err != nil {
			t.Fatal(err)
		}
		first, second := bytes.Repeat([]byte{0x11}, 32), bytes.Repeat([]byte{0x22}, 40)
		spec := &link.Spec{Kind: "http", Listen: "127.0.0.1:0/trade", Signature: &link.Signature{Alg: alg, Owner: "partner", Header: "X-Digest", Module: module}}
		if key, reason := spec.Validate(true); reason != "" {
			t.Fatal(key, reason)
		}
		c, asked := jsonCodec(t), 0
		h := handlerFunc(func(ctx context.Context, body, dst []byte) ([]byte, bool) {
			asked++
			return echo{c}.Handle(ctx, body, dst)
		})
		if _, err := link.Serve(spec, c, h, slog.New(slog.DiscardHandler)); !errors.Is(err, hsm.ErrNoKey) {
			t.Errorf("%s: it starts without a key: %v", alg, err)
		}
		if _, err := module.SetDigestKey("partner", alg, first, false); err != nil {
			t.Fatal(err)
		}
		srv, err := link.Serve(spec, c, h, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		_, frame := inquiry(t, c)
		body := c.Strip(frame)
		post := func(digest string, body []byte) (int, string, []byte) {
			t.Helper()
			q, _ := http.NewRequestWithContext(t.Context(), "POST", "http://"+srv.(*link.HTTPServer).Addr().String()+"/trade", bytes.NewReader(body))
			q.Header.Set("X-Digest", digest)
			r, err := http.DefaultClient.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close() //nolint:errcheck // test
			out, _ := io.ReadAll(r.Body)
			return r.StatusCode, r.Header.Get("X-Digest"), out
		}
		good, _ := base64.StdEncoding.DecodeString(keyed(alg, first, body))
		other := sign.HMACSM3
		if alg == other {
			other = sign.HMACSHA256
		}
		for what, digest := range map[string]string{"none": "", "no base64": "***", "of another key": keyed(alg, second, body), "of another algorithm": keyed(other, first, body), "of another message": keyed(alg, first, append(body, ' ')),
			"cut off": base64.StdEncoding.EncodeToString(good[:16]), "longer": base64.StdEncoding.EncodeToString(append(good, 0))} {
			if st, _, _ := post(digest, body); st != http.StatusUnauthorized {
				t.Errorf("%s, %s: %d", alg, what, st)
			}
		}
		if asked != 0 {
			t.Errorf("%s: %d were read", alg, asked)
		}
		answered := func(key, by []byte, want int) {
			t.Helper()
			st, digest, out := post(keyed(alg, key, body), body)
			if st != want || want == 200 && digest != keyed(alg, by, out) {
				t.Errorf("%s: %d, want %d, the answer's digest is %q", alg, st, want, digest)
			}
		}
		answered(first, first, 200)
		if _, err := module.SetDigestKey("partner", alg, second, false); err != nil {
			t.Fatal(err)
		}
		answered(first, second, 200)
		answered(second, second, 200)
		if _, err := module.SetDigestKey("partner", alg, second, true); err != nil {
			t.Fatal(err)
		}
		answered(first, nil, 401)
		answered(second, second, 200)
		srv.Close(t.Context())
	}
}

// req: TX-26
func TestAHostsAnswerWithoutItsKeyedDigestIsNone(t *testing.T) {
	for _, alg := range []sign.Alg{sign.HMACSM3, sign.HMACSHA256} {
		module, err := hsm.NewSoft(bytes.Repeat([]byte{7}, 32), conformance.NewMemory())
		if err != nil {
			t.Fatal(err)
		}
		key, _, err := module.MakeDigestKey("host", alg, false)
		if err != nil {
			t.Fatal(err)
		}
		c, tamper := jsonCodec(t), ""
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if r.Header.Get("X-Signature") != keyed(alg, key, body) {
				t.Errorf("%s: the host makes another digest of our message", alg)
			}
			out, _ := echo{c}.Handle(r.Context(), body, nil)
			answer := c.Strip(out)
			switch w.Header().Set("X-Signature", keyed(alg, key, answer)); tamper {
			case "without":
				w.Header().Del("X-Signature")
			case "changed":
				answer = bytes.Replace(answer, []byte("00"), []byte("01"), 1)
			case "our own request": // its digest is right: its kind is none of an answer
				answer = body
				w.Header().Set("X-Signature", r.Header.Get("X-Signature"))
			}
			_, _ = w.Write(answer)
		}))
		client, err := link.Open(&link.Spec{Kind: "http", Address: srv.URL, Signature: &link.Signature{Alg: alg, Owner: "host", Module: module}}, c, nil, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for _, tamper = range []string{"", "without", "changed", "our own request"} {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			k, frame := inquiry(t, c)
			a, err := client.Send(ctx, k, frame)
			if tamper == "" && (err != nil || a.Msg.String(39) != "00") || tamper != "" && (err == nil || errors.Is(err, link.ErrNotSent)) {
				t.Errorf("%s, %q: %v", alg, tamper, err)
			}
			cancel()
		}
		client.Close()
		srv.Close()
	}
}

// signsOnly is a module that makes signatures and no digests.
type signsOnly struct{}

func (signsOnly) Sign(string, sign.Alg, string, []byte) ([]byte, error) { return nil, nil }

func TestAKeyedDigestWantsItsModuleAndNothingOfASignature(t *testing.T) {
	good := link.Signature{Alg: sign.HMACSM3, Owner: "x", Module: signsOnly{}}
	if _, err := link.Open(&link.Spec{Kind: "http", Address: "http://127.0.0.1:1/", Signature: &good}, jsonCodec(t), nil, nil, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a module without digests is taken")
	}
	for want, change := range map[string]func(*link.Signature){"signature.owner": func(s *link.Signature) { s.Owner = "" }, "signature.partner": func(s *link.Signature) { s.Partner = "partner.pem" }} {
		s := good
		change(&s)
		if key, _ := (&link.Spec{Kind: "http", Address: "http://127.0.0.1:1/", Signature: &s}).Validate(false); key != want {
			t.Errorf("%q, want %s", key, want)
		}
	}
}
