package paycrypto

import (
	"bytes"
	"encoding/hex"
	"os/exec"
	"testing"

	"zhigui/sim/peer"
)

// Every block cipher of the list, as another implementation has it.
// req: TX-23
func TestOpensslAgreesWithEveryCipher(t *testing.T) {
	openssl := peer.Program(t, "openssl", "openssl")
	plain := []byte("forty-eight bytes of text for three blocks of it")
	for name, x := range map[string]struct {
		alg  Alg
		size int
		more []string
	}{
		"des-cbc": {DES, 8, []string{"-provider", "legacy", "-provider", "default"}}, "des-ede-cbc": {DES, 16, nil}, "des-ede3-cbc": {DES, 24, nil},
		"aes-128-cbc": {AES, 16, nil}, "aes-192-cbc": {AES, 24, nil}, "aes-256-cbc": {AES, 32, nil}, "sm4-cbc": {SM4, 16, nil},
	} {
		t.Run(name, func(t *testing.T) {
			raw := make([]byte, x.size)
			for i := range raw {
				raw[i] = byte(0x1F*i + 7)
			}
			k, err := NewKey(x.alg, raw)
			if err != nil {
				t.Fatal(err)
			}
			iv := bytes.Repeat([]byte{0x5C}, k.BlockSize())
			c := exec.Command(openssl, append([]string{"enc", "-" + name, "-K", hex.EncodeToString(raw), "-iv", hex.EncodeToString(iv), "-nopad"}, x.more...)...)
			c.Stdin = bytes.NewReader(plain)
			var stderr bytes.Buffer
			c.Stderr = &stderr
			want, err := c.Output()
			if err != nil {
				t.Fatalf("%v: %s", err, stderr.String())
			}
			got, err := k.CBC(nil, iv, plain, false)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%X, openssl %X (%v)", got, want, err)
			}
			if back, err := k.CBC(nil, iv, want, true); err != nil || !bytes.Equal(back, plain) {
				t.Errorf("back: %q (%v)", back, err)
			}
		})
	}
}
