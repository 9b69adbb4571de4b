package sign

import (
	"crypto/dsa" //nolint:staticcheck // partners that have nothing else
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm2"

	"zhigui/sim/peer"
)

// req: TX-26
func TestASignatureFitsItsMessageItsKeyAndItsUserOnly(t *testing.T) {
	msg := []byte(`{"amount":30000}`)
	for _, a := range []Alg{PKCS1, PSS, SM2, SHA512, SHA1, MD5, DSA} {
		key, err := a.Generate()
		if err != nil {
			t.Fatal(err)
		}
		other, _ := a.Generate()
		text, err := PEM(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		pub, err := Public(text)
		if err != nil {
			t.Fatal(err)
		}
		der, err := Marshal(key)
		if err != nil {
			t.Fatal(err)
		}
		if key, err = Parse(der); err != nil {
			t.Fatal(err)
		}
		sig, err := a.Sign(key, "bank0001", msg)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Verify(pub, "bank0001", msg, sig); err != nil {
			t.Errorf("%s: %v", a, err)
		}
		if a == SM2 && a.Verify(pub, "", msg, sig) == nil {
			t.Error("another user's signature is taken")
		}
		if err := a.Verify(other.Public(), "bank0001", msg, sig); a != SM2 && !errors.Is(err, ErrSignature) || err == nil {
			t.Errorf("%s: another key: %v", a, err)
		}
		if err := a.Verify(pub, "bank0001", append(msg[:len(msg):len(msg)], ' '), sig); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: another message: %v", a, err)
		}
		if err := a.Verify(pub, "bank0001", msg, nil); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: no signature: %v", a, err)
		}
		for _, b := range []Alg{PKCS1, PSS, SM2, SHA512, SHA1, MD5, DSA, "none"} {
			if b != a && b.Verify(pub, "bank0001", msg, sig) == nil {
				t.Errorf("%s taken as %s", a, b)
			}
		}
	}
}

// GB/T 32918.5 A.2.
func TestTheSignatureOfTheStandardVerifies(t *testing.T) {
	xy, _ := hex.DecodeString("0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13")
	pub, err := sm2.NewPublicKey(xy)
	if err != nil {
		t.Fatal(err)
	}
	n := func(s string) *big.Int { v, _ := new(big.Int).SetString(s, 16); return v }
	sig, _ := asn1.Marshal(struct{ R, S *big.Int }{n("F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"), n("B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA")})
	if err := SM2.Verify(pub, "", []byte("message digest"), sig); err != nil {
		t.Error(err)
	}
}

// Digests and signatures of the list that partners may ask for: openssl reads each.
// req: TX-23 TX-26
func TestOpensslVerifiesWhatIsSigned(t *testing.T) {
	openssl := peer.Program(t, "openssl", "openssl")
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	msg := []byte("<message>0200</message>")
	for a, args := range map[Alg][]string{
		PKCS1: {"-digest", "sha256"},
		PSS:   {"-digest", "sha256", "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:32"},
		SM2:   {"-digest", "sm3", "-pkeyopt", "distid:" + DefaultUser},

		SHA512: {"-digest", "sha512"},
		SHA1:   {"-digest", "sha1"},
		MD5:    {"-digest", "md5"},
		DSA:    {"-digest", "sha256"},
	} {
		key, err := a.Generate()
		if err != nil {
			t.Fatal(err)
		}
		text, _ := PEM(key.Public())
		sig, err := a.Sign(key, "", msg)
		if err != nil {
			t.Fatal(err)
		}
		run := func(m []byte) (string, error) {
			cmd := exec.Command(openssl, append([]string{"pkeyutl", "-verify", "-pubin", "-inkey", file("pub", text), "-rawin", "-in", file("msg", m), "-sigfile", file("sig", sig)}, args...)...)
			out, err := cmd.CombinedOutput()
			return string(out), err
		}
		if out, err := run(msg); err != nil || !strings.Contains(out, "Verified Successfully") {
			t.Errorf("%s: %s", a, out)
		}
		if out, err := run(append(msg, 'x')); err == nil {
			t.Errorf("%s: openssl takes another message: %s", a, out)
		}
	}
}

// What openssl has made, with keys of its own, is verified here.
func TestASignatureOfOpensslIsTaken(t *testing.T) {
	openssl := peer.Program(t, "openssl", "openssl")
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		c := exec.Command(openssl, args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("openssl %v: %s", args, out)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "msg"), []byte("a message"), 0o600); err != nil {
		t.Fatal(err)
	}
	run("dsaparam", "-out", "params", "2048")
	run("genpkey", "-paramfile", "params", "-out", "key")
	run("pkey", "-in", "key", "-pubout", "-out", "pub")
	run("dgst", "-sha256", "-sign", "key", "-out", "sig", "msg")
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	pub, err := Public(read("pub"))
	if err != nil {
		t.Fatal(err)
	}
	if err := DSA.Verify(pub, "", []byte("a message"), read("sig")); err != nil {
		t.Error(err)
	}
	if err := DSA.Verify(pub, "", []byte("another"), read("sig")); !errors.Is(err, ErrSignature) {
		t.Error(err)
	}
	b, _ := pem.Decode(read("key")) // PKCS #8
	key, err := Parse(b.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := DSA.Sign(key, "", []byte("from here"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ours"), sig, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "msg"), []byte("from here"), 0o600); err != nil {
		t.Fatal(err)
	}
	run("dgst", "-sha256", "-verify", "pub", "-signature", "ours", "msg")
}

func FuzzPublicKey(f *testing.F) {
	for _, a := range []Alg{PKCS1, SM2} {
		key, err := a.Generate()
		if err != nil {
			f.Fatal(err)
		}
		text, _ := PEM(key.Public())
		b, _ := pem.Decode(text)
		f.Add(b.Bytes)
	}
	params := dsa.Parameters{P: new(big.Int).SetBytes([]byte(strings.Repeat("p", 256))), Q: new(big.Int).SetBytes([]byte(strings.Repeat("q", 32))), G: big.NewInt(2)}
	text, err := PEM(&dsa.PublicKey{Parameters: params, Y: big.NewInt(3)})
	if err != nil {
		f.Fatal(err)
	}
	b, _ := pem.Decode(text)
	f.Add(b.Bytes)
	f.Fuzz(func(t *testing.T, der []byte) {
		pub, err := Public(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		if err != nil {
			return
		}
		for _, a := range []Alg{PKCS1, PSS, SM2, MD5, DSA} {
			if a.Verify(pub, "", []byte("m"), der) == nil {
				t.Errorf("%s takes its own key as a signature", a)
			}
		}
	})
}
