package paycrypto

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"zhigui/sim/peer"
)

// Independent implementations on the machine: openssl, and psec where a Python has it
// (PSEC_PYTHON names the interpreter).

func TestCMACAgreesWithOpenSSL(t *testing.T) {
	bin := peer.Program(t, "openssl", "openssl")
	for _, c := range []struct {
		alg    Alg
		cipher string
		key    string
	}{
		{SM4, "SM4-CBC", gbKey}, {AES, "AES-128-CBC", gbKey}, {AES, "AES-256-CBC", gbKey + "00112233445566778899AABBCCDDEEFF"},
		{DES, "DES-EDE3-CBC", gbKey + "1122334455667788"},
	} {
		for _, n := range []int{0, 1, 7, 8, 9, 15, 16, 17, 200} {
			data := bytes.Repeat([]byte{0x5A, byte(n)}, n)[:n]
			cmd := exec.Command(bin, "mac", "-cipher", c.cipher, "-macopt", "hexkey:"+c.key, "CMAC") //nolint:gosec // fixed words
			cmd.Stdin = bytes.NewReader(data)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("CMAC of %s: %v", c.cipher, err)
			}
			got, _ := AppendMAC(nil, CMAC, key(t, c.alg, c.key), data)
			if want := strings.TrimSpace(string(out)); !strings.EqualFold(hex.EncodeToString(got), want) {
				t.Errorf("%s, %d bytes: got %X, openssl %s", c.cipher, n, got, want)
			}
		}
	}
}

func TestPINBlocksAndMACsAgreeWithPsec(t *testing.T) {
	py := peer.Psec(t)
	k := "00112233445566778899AABBCCDDEEFF"
	des, aes := key(t, DES, k), key(t, AES, k)
	var script strings.Builder
	script.WriteString("import psec\nb=bytes.fromhex\np=psec.pinblock\nm=psec.mac\n")
	var want []string
	for _, c := range []struct{ call, text string }{ // vectors 22 and 23
		{"p.encode_pinblock_iso_0('1234','5555555551234567').hex().upper()", "041261AAAAEDCBA9"},
		{"p.encode_pinblock_iso_0('123456789012','5555555551234567').hex().upper()", "0C1261032D8226A9"},
		{"p.encode_pinblock_iso_2('1234').hex().upper()", "241234FFFFFFFFFF"},
		{"p.decode_pinblock_iso_3(b('341261AAAAEDCBA9'),'5555555551234567')", "1234"},
	} {
		fmt.Fprintf(&script, "print(%s)\n", c.call)
		want = append(want, c.text)
	}
	for _, pan := range []string{"1234567890123", "6225880000000001", "6225880000000000017"} {
		for _, pin := range []string{"1234", "98765", "123456789012"} {
			b0, _ := EncodePIN(ISO0, []byte(pin), []byte(pan))
			b3, _ := EncodePIN(ISO3, []byte(pin), []byte(pan))
			b4, _ := EncryptPIN(aes, ISO4, []byte(pin), []byte(pan))
			fmt.Fprintf(&script, "print(p.decode_pinblock_iso_0(b('%X'),'%s'))\n", b0, pan)
			fmt.Fprintf(&script, "print(p.decode_pinblock_iso_3(b('%X'),'%s'))\n", b3, pan)
			fmt.Fprintf(&script, "print(p.decipher_pinblock_iso_4(b('%s'),b('%X'),'%s'))\n", k, b4, pan)
			want = append(want, pin, pin, pin)
		}
	}
	for n := 1; n < 40; n += 5 {
		data := bytes.Repeat([]byte{byte(n)}, n)
		for alg, pad := range map[MACAlg]int{X919: 1, X919M2: 2} {
			got, _ := AppendMAC(nil, alg, des, data)
			fmt.Fprintf(&script, "print(m.generate_retail_mac(b('%s'),b('%s'),b('%X'),%d).hex().upper())\n", k[:16], k[16:], data, pad)
			want = append(want, fmt.Sprintf("%X", got))
		}
		got, _ := AppendMAC(nil, X99M2, des, data)
		fmt.Fprintf(&script, "print(m.generate_cbc_mac(b('%s'),b('%X'),2).hex().upper())\n", k, data)
		want = append(want, fmt.Sprintf("%X", got))
	}
	out, err := exec.Command(py, "-W", "ignore", "-c", script.String()).CombinedOutput() //nolint:gosec // our own words
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := strings.Fields(string(out))
	if len(got) != len(want) {
		t.Fatalf("%d answers to %d questions\n%s", len(got), len(want), out)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("answer %d: psec says %s, want %s", i, got[i], want[i])
		}
	}
}
