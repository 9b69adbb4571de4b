package sign

import (
	"bytes"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"hash"
	"os/exec"
	"strings"
	"testing"

	tjfoc "github.com/tjfoc/gmsm/sm3"

	"zhigui/sim/peer"
)

// Known answers of RFC 4231 (section 4.2 to 4.8; 4.6 is truncated there) and of GM/T 0042-2015, appendix D.3.
var known = []struct {
	alg             Alg
	key, data, want string // hexadecimal
}{
	{HMACSHA256, strings.Repeat("0b", 20), hex.EncodeToString([]byte("Hi There")), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	{HMACSHA256, hex.EncodeToString([]byte("Jefe")), hex.EncodeToString([]byte("what do ya want for nothing?")), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{HMACSHA256, strings.Repeat("aa", 20), strings.Repeat("dd", 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
	{HMACSHA256, "0102030405060708090a0b0c0d0e0f10111213141516171819", strings.Repeat("cd", 50), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
	{HMACSHA256, strings.Repeat("0c", 20), hex.EncodeToString([]byte("Test With Truncation")), "a3b6167473100ee06e0c796c2955552b"},
	{HMACSHA256, strings.Repeat("aa", 131), hex.EncodeToString([]byte("Test Using Larger Than Block-Size Key - Hash Key First")), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	{HMACSHA256, strings.Repeat("aa", 131), hex.EncodeToString([]byte("This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.")), "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
	{HMACSM3, "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20", hex.EncodeToString([]byte(strings.Repeat("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 2))), "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a"},
	{HMACSM3, "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425", strings.Repeat("cd", 50), "220bf579ded555393f0159f66c99877822a3ecf610d1552154b41d44b94db3ae"},
	{HMACSM3, strings.Repeat("0b", 32), hex.EncodeToString([]byte("Hi There")), "c0ba18c68b90c88bc07de794bfc7d2c8d19ec31ed8773bc2b390c9604e0be11e"},
	{HMACSM3, hex.EncodeToString([]byte("Jefe")), hex.EncodeToString([]byte("what do ya want for nothing?")), "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882"},
}

func TestKeyedDigestsAreThoseOfTheStandards(t *testing.T) {
	for i, x := range known {
		key, _ := hex.DecodeString(x.key)
		data, _ := hex.DecodeString(x.data)
		got, err := x.alg.Digest(key, data)
		if err != nil || !strings.HasPrefix(hex.EncodeToString(got), x.want) || len(got) != 32 || !x.alg.Keyed() || !x.alg.Valid() {
			t.Errorf("%d, %s: %x (%v), want %s", i, x.alg, got, err, x.want)
		}
	}
	if _, err := SM2.Digest([]byte("key"), nil); !errors.Is(err, ErrKey) || SM2.Keyed() {
		t.Error(err)
	}
}

// Other implementations, over lengths on both sides of a block.
func TestKeyedDigestsAreThoseOfOthers(t *testing.T) {
	openssl := peer.Program(t, "openssl", "openssl")
	for _, n := range []int{0, 1, 63, 64, 65, 1000} {
		key, data := bytes.Repeat([]byte{0x5A}, 32+n%33), bytes.Repeat([]byte{0xA7}, n)
		m := hmac.New(func() hash.Hash { return tjfoc.New() }, key)
		m.Write(data)
		if got, _ := HMACSM3.Digest(key, data); !bytes.Equal(got, m.Sum(nil)) {
			t.Errorf("%d bytes: %x, tjfoc's %x", n, got, m.Sum(nil))
		}
		for alg, name := range map[Alg]string{HMACSHA256: "SHA256", HMACSM3: "SM3"} {
			c := exec.Command(openssl, "mac", "-digest", name, "-macopt", "hexkey:"+hex.EncodeToString(key), "HMAC")
			c.Stdin = bytes.NewReader(data)
			out, err := c.Output()
			got, _ := alg.Digest(key, data)
			if err != nil || !strings.EqualFold(strings.TrimSpace(string(out)), hex.EncodeToString(got)) {
				t.Errorf("%s of %d bytes: %x, openssl %s (%v)", alg, n, got, out, err)
			}
		}
	}
}
