package link

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"zhigui/server/api/message"
	"zhigui/server/api/message/format"
	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/keyblock"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/conformance"
	programs "zhigui/sim/peer"
)

var cipherKEK = []byte("a key that two people have formed"[:32])

// module is a software module with data keys of owner "p".
func module(t testing.TB, alg paycrypto.Alg, keys ...byte) *hsm.Soft {
	t.Helper()
	return moduleOn(t, conformance.NewMemory(), alg, keys...)
}

// moduleOn is one whose keys are in store.
func moduleOn(t testing.TB, store *conformance.Memory, alg paycrypto.Alg, keys ...byte) *hsm.Soft {
	t.Helper()
	s, err := hsm.NewSoft(make([]byte, 32), store)
	if err != nil {
		t.Fatal(err)
	}
	other := bytes.Repeat([]byte{0x3C}, 32)
	share := bytes.Clone(cipherKEK)
	for i := range share {
		share[i] ^= 0x3C
	}
	for i, x := range [][]byte{share, other} {
		if _, err := s.EnterComponent(hsm.Component{Owner: "k", Alg: paycrypto.AES, Number: i + 1, By: fmt.Sprint(i)}, x); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.FormKEK("k", 2, nil); err != nil {
		t.Fatal(err)
	}
	for _, b := range keys {
		addKeys(t, s, alg, b)
	}
	return s
}

func rawKey(b byte) []byte {
	out := make([]byte, 16)
	for i := range out {
		out[i] = b + byte(i*5)
	}
	return out
}

func addKeys(t testing.TB, s *hsm.Soft, alg paycrypto.Alg, b byte) {
	t.Helper()
	wrap := func(u hsm.Use, raw []byte) string {
		x, err := keyblock.Wrap(cipherKEK, hsm.BlockHeader(paycrypto.AES, alg, u), raw)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	if _, err := s.ImportData("p", "k", wrap(hsm.UseTDK, rawKey(b)), wrap(hsm.UseMAC, rawKey(b^0x5A))); err != nil {
		t.Fatal(err)
	}
}

func builtinCodec(t testing.TB, name, model string) *Codec {
	t.Helper()
	d, err := format.Builtin(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := message.Builtin(model)
	if err != nil {
		t.Fatal(err)
	}
	return NewCodec(d, m)
}

// What is on the line is what openssl makes of the same key, IV and text; the MAC and the check value are its, too.
// req: TX-28
func TestOpensslAgreesWithAnEnvelope(t *testing.T) {
	openssl := programs.Program(t, "openssl", "openssl")
	run := func(in []byte, args ...string) []byte {
		t.Helper()
		c := exec.Command(openssl, args...)
		c.Stdin = bytes.NewReader(in)
		var stderr bytes.Buffer
		c.Stderr = &stderr
		out, err := c.Output()
		if err != nil {
			t.Fatalf("openssl %v: %v %s", args[:2], err, stderr.String())
		}
		return out
	}
	for _, x := range []struct {
		alg   paycrypto.Alg
		cbc   string
		block int
		check string
	}{{paycrypto.SM4, "-sm4-cbc", 16, "-sm4-ecb"}, {paycrypto.AES, "-aes-128-cbc", 16, ""}, {paycrypto.DES, "-des-ede-cbc", 8, "-des-ede-ecb"}} {
		t.Run(x.cbc, func(t *testing.T) {
			s := module(t, x.alg, 0x31)
			v := &vault{m: s, owner: "p"}
			plain := []byte("6225880000000001, and a name: 张三")
			env, err := v.seal(hsm.Ref{}, plain)
			if err != nil {
				t.Fatal(err)
			}
			p := strings.Split(string(env), ".")
			body, err := base64.StdEncoding.DecodeString(p[3])
			if err != nil {
				t.Fatal(err)
			}
			n := x.block
			iv, secret, mac := body[:n], body[n:len(body)-n], body[len(body)-n:]
			key := hex.EncodeToString(rawKey(0x31))
			text := run(secret, "enc", "-d", x.cbc, "-K", key, "-iv", hex.EncodeToString(iv), "-nopad")
			want := append(bytes.Clone(plain), 0x80)
			if !bytes.Equal(bytes.TrimRight(text, "\x00"), want) {
				t.Errorf("openssl reads %q", text)
			}
			cover := binaryCover(p[1][0], p[2], body[:len(body)-n])
			padded := append(bytes.Clone(cover), make([]byte, (n-len(cover)%n)%n)...)
			mk := hex.EncodeToString(rawKey(0x31 ^ 0x5A))
			zero := strings.Repeat("00", n)
			switch x.alg {
			case paycrypto.SM4:
				out := run(padded, "enc", x.cbc, "-K", mk, "-iv", zero, "-nopad")
				if !bytes.Equal(out[len(out)-n:], mac) {
					t.Errorf("MAC %X, openssl %X", mac, out[len(out)-n:])
				}
			case paycrypto.AES:
				out := run(cover, "mac", "-cipher", "AES-128-CBC", "-macopt", "hexkey:"+mk, "CMAC")
				if got := strings.TrimSpace(string(out)); !strings.EqualFold(got, hex.EncodeToString(mac)) {
					t.Errorf("MAC %X, openssl %s", mac, got)
				}
			}
			if x.check != "" {
				kcv := run(make([]byte, n), "enc", x.check, "-K", key, "-nopad")
				if fmt.Sprintf("%X", kcv[:3]) != p[2] {
					t.Errorf("the key is named %s, openssl %X", p[2], kcv[:3])
				}
			}
			// And the other way: what openssl has encrypted is read here.
			iv2 := bytes.Repeat([]byte{0xA7}, n)
			filled := append([]byte("from the other side"), 0x80)
			filled = append(filled, make([]byte, (n-len(filled)%n)%n)...)
			theirs := append(bytes.Clone(iv2), run(filled, "enc", x.cbc, "-K", key, "-iv", hex.EncodeToString(iv2), "-nopad")...)
			ref, _ := s.Current("p")
			m, err := s.AppendMAC(nil, ref, binaryCover(p[1][0], p[2], theirs))
			if err != nil {
				t.Fatal(err)
			}
			back, _, err := v.open([]byte(strings.Join(p[:3], ".") + "." + base64.StdEncoding.EncodeToString(append(theirs, m...))))
			if err != nil || string(back) != "from the other side" {
				t.Errorf("%q %v", back, err)
			}
		})
	}
}

// binaryCover is what the MAC covers, written once more.
func binaryCover(alg byte, id string, body []byte) []byte {
	raw, _ := hex.DecodeString(id)
	out := fmt.Appendf(nil, "%c%c%c%cZE1%c%s\x00\x00\x00\x00\x00", byte(len(body)>>24), byte(len(body)>>16), byte(len(body)>>8), byte(len(body)), alg, raw)
	return append(out, body...)
}

func TestAnEnvelopeOpensUnderItsKeyOnly(t *testing.T) {
	for _, carry := range []string{"base64", "hex", "binary"} {
		t.Run(carry, func(t *testing.T) {
			s := module(t, paycrypto.SM4, 0x11, 0x22)
			v := &vault{m: s, owner: "p", carry: carry}
			old, now := hsm.Ref{Owner: "p", Version: 1}, hsm.Ref{Owner: "p", Version: 2}
			for _, ref := range []hsm.Ref{old, now} {
				env, err := v.seal(ref, []byte("text"))
				if err != nil {
					t.Fatal(err)
				}
				if plain, under, err := v.open(env); err != nil || string(plain) != "text" || under != ref {
					t.Errorf("%q under %v: %v", plain, under, err)
				}
				for i := range env {
					bad := bytes.Clone(env)
					bad[i] ^= 1
					if plain, _, err := v.open(bad); err == nil && carry == "binary" {
						t.Fatalf("byte %d changed: opened as %q", i, plain)
					} else if err == nil && !strings.EqualFold(string(bad), string(env)) {
						t.Fatalf("character %d changed: opened as %q", i, plain)
					}
					if _, _, err := v.open(env[:i]); err == nil {
						t.Fatalf("cut at %d: opened", i)
					}
				}
			}
			again, _ := v.seal(now, []byte("text"))
			if one, _ := v.seal(now, []byte("text")); bytes.Equal(one, again) {
				t.Error("two envelopes of one text are equal")
			}
			first, _ := v.seal(old, []byte("text"))
			addKeys(t, s, paycrypto.SM4, 0x33) // the oldest goes
			if _, _, err := v.open(first); !errors.Is(err, ErrOtherKey) {
				t.Error("two changes ago: ", err)
			}
			if _, _, err := v.open(again); err != nil {
				t.Error("one change ago: ", err)
			}
		})
	}
}

// What packFields takes out of a message is there again after it, and a message's own answer is under its key.
func TestPackingLeavesTheMessageAsItWas(t *testing.T) {
	s := module(t, paycrypto.SM4, 0x11, 0x22)
	c, err := builtinCodec(t, "cups128", "cups128").Encrypted(&Cipher{Owner: "p", Fields: []string{"pan", "track2", "private"}}, s, false)
	if err != nil {
		t.Fatal(err)
	}
	make1 := func() *message.Message {
		m := message.New(c.Model())
		_ = m.SetMTI("0200")
		for n, v := range map[int]string{2: "6225880000000001", 3: "010000", 7: "1122030405", 11: "000001", 35: "6225880000000001=3012101123456789", 41: "00000001", 62: "secret"} {
			if err := m.SetString(n, v); err != nil {
				t.Fatal(err)
			}
		}
		return m
	}
	m := make1()
	sign := func([]byte) ([]byte, error) { return []byte("12345678"), nil }
	frame, err := c.Answer(nil, m, sign, Seal{key: hsm.Ref{Owner: "p", Version: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for n := 2; n <= 128; n++ {
		if n != c.Model().MAC && m.String(n) != make1().String(n) {
			t.Errorf("field %d became %q", n, m.String(n))
		}
	}
	for _, secret := range []string{"6225880000000001", "3012101123456789", "secret"} {
		if bytes.Contains(frame, []byte(secret)) {
			t.Errorf("%q is on the line", secret)
		}
	}
	back := message.New(c.Model())
	seal, err := c.Unpack(back, c.Strip(frame))
	if err != nil || seal.key.Version != 1 {
		t.Fatal(seal.key, err)
	}
	for _, n := range []int{2, 35, 62} {
		if back.String(n) != m.String(n) {
			t.Errorf("field %d came as %q", n, back.String(n))
		}
	}
	if bytes.Contains(seal.Cover(), []byte("secret")) || seal.Cover() == nil {
		t.Error("the MAC is not over what travels")
	}
	empty := message.New(c.Model()) // nothing to encrypt
	_ = empty.SetMTI("0820")
	_ = empty.SetString(70, "301")
	if frame, err = c.Pack(nil, empty, sign); err != nil || bytes.Contains(frame, []byte(magic)) {
		t.Error("an echo has an envelope: ", err)
	}
}

func TestACipherThatCannotWorkIsRefusedAtTheStart(t *testing.T) {
	s := module(t, paycrypto.SM4, 0x11)
	for name, x := range map[string]struct {
		dialect string
		c       Cipher
		want    string
	}{
		"no keys":                  {"cups128", Cipher{Owner: "nobody", Body: true}, "no such key"},
		"a field that routes":      {"cups128", Cipher{Owner: "p", Fields: []string{"stan"}}, "stays in the clear"},
		"a pairing field":          {"cups128", Cipher{Owner: "p", Fields: []string{"transmitTime"}}, "stays in the clear"},
		"a MAC":                    {"cups128", Cipher{Owner: "p", Fields: []string{"mac"}}, "stays in the clear"},
		"an unknown field":         {"cups128", Cipher{Owner: "p", Fields: []string{"shoeSize"}}, `no field "shoeSize"`},
		"a MAC over chosen fields": {"cups128mab", Cipher{Owner: "p", Fields: []string{"track2"}}, "no MAC over all"},
		"no place for it":          {"mainframe", Cipher{Owner: "p", Fields: []string{"track2"}}, "has no field private"},
		"what must be there":       {"corejson", Cipher{Owner: "p", Fields: []string{"procCode"}, Into: "merchantName"}, "stays in the clear"},
		"bytes in a JSON text":     {"corejson", Cipher{Owner: "p", Fields: []string{"pinBlock"}, Into: "merchantName"}, "stays in the clear"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := builtinCodec(t, x.dialect, "cups128").Encrypted(&x.c, s, false); err == nil || !strings.Contains(err.Error(), x.want) {
				t.Errorf("%v, want %s", err, x.want)
			}
		})
	}
	for want, c := range map[string]Cipher{"owner": {Body: true}, "fields": {Owner: "p"}, "carry": {Owner: "p", Fields: []string{"pan"}, Carry: "binary"}, "as": {Owner: "p", Fields: []string{"pan"}, As: "json"}, "into": {Owner: "p", Body: true, Into: "private"}} {
		if key, _ := c.Validate(); key != want {
			t.Errorf("%+v: %q is wrong, want %q", c, key, want)
		}
	}
}

// A reader of envelopes never panics, and opens nothing that was not sealed under the owner's keys.
func FuzzSealedEnvelope(f *testing.F) {
	s := module(f, paycrypto.SM4, 0x11)
	for _, carry := range []string{"base64", "hex", "binary"} {
		for _, as := range []string{"text", "json", "xml"} {
			v := &vault{m: s, owner: "p", carry: carry}
			env, err := v.seal(hsm.Ref{}, []byte("something"))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(box(as, env))
			f.Add(box(as, env[:len(env)/2]))
		}
	}
	f.Add([]byte("ZE1.S.000000."))
	f.Add([]byte(`{"envelope":"ZE1.A.FFFFFF.AAAA"}`))
	f.Add([]byte("<?xml version=\"1.0\"?><envelope></envelope>"))
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, carry := range []string{"base64", "hex", "binary"} {
			v := &vault{m: s, owner: "p", carry: carry}
			for _, as := range []string{"text", "json", "xml"} {
				env, err := unbox(as, in)
				if err != nil {
					continue
				}
				if plain, _, err := v.open(env); err == nil && string(plain) != "something" {
					t.Errorf("opened %q", plain)
				}
			}
		}
	})
}
