package hsm_test

import (
	"bytes"
	"encoding/hex"
	"os/exec"
	"testing"

	"zhigui/server/api/paycrypto"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/hsm/conformance"
	"zhigui/sim/peer"
)

func TestOpensslDecryptsWhatTheModuleEncrypts(t *testing.T) {
	openssl := peer.Program(t, "openssl", "openssl")
	for name, alg := range map[string]paycrypto.Alg{"-des-ede-cbc": paycrypto.DES, "-sm4-cbc": paycrypto.SM4, "-aes-128-cbc": paycrypto.AES} {
		s := soft(t, conformance.NewMemory())
		raw, _, err := s.CreateTMK("T", alg)
		if err != nil {
			t.Fatal(err)
		}
		w, err := s.NewWorking("T", true)
		if err != nil {
			t.Fatal(err)
		}
		tmk, _ := paycrypto.NewKey(alg, raw)
		tdk, _ := paycrypto.Unwrap(tmk, w.TDK)
		iv := bytes.Repeat([]byte{0x3C}, tmk.BlockSize())
		plain := []byte("document|phone|name, in whole blocks, 48 bytes..")
		secret, err := s.EncryptData(nil, hsm.Ref{Owner: "T", Version: 1}, iv, plain)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(openssl, "enc", "-d", name, "-nopad", "-K", hex.EncodeToString(tdk), "-iv", hex.EncodeToString(iv))
		cmd.Stdin = bytes.NewReader(secret)
		if out, err := cmd.Output(); err != nil || !bytes.Equal(out, plain) {
			t.Errorf("%s: %q %v", name, out, err)
		}
	}
}
