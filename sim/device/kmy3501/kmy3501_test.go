package kmy3501

import (
	"bytes"
	"crypto/des"
	"encoding/hex"
	"testing"
)

func feed(b []byte) func() (byte, bool) {
	return func() (byte, bool) {
		if len(b) == 0 {
			return 0, false
		}
		c := b[0]
		b = b[1:]
		return c, true
	}
}

func FuzzTake(f *testing.F) {
	f.Add([]byte("013031\x03"))
	f.Add([]byte("0346003075\x03"))
	f.Add([]byte("01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		body, raw, err := take(feed(b))
		if err == nil && !bytes.Equal(answer(body[0], body[1:]), raw) {
			t.Errorf("% X read from %q", body, raw)
		}
	})
}

// The values were computed by openssl.
func TestTheCryptographyIsTheOneThatOthersCompute(t *testing.T) {
	key, _ := hex.DecodeString("0123456789ABCDEFFEDCBA9876543210")
	c, err := two(key)
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(blocks(c.Encrypt, make([]byte, 8))); got != "08d7b4fb629d0885" {
		t.Errorf("check value %s", got)
	}
	if got := hex.EncodeToString(isoZero("1234", "987654321098")); got != "0412ac89abcdef67" {
		t.Errorf("clear block %s", got)
	}
	// X9.19 step by step, with one block and with two and a half.
	for _, data := range []string{"12345678", "a message of twenty."} {
		left, _ := des.NewCipher(key[:8])
		right, _ := des.NewCipher(key[8:])
		x := make([]byte, 8)
		pad := append([]byte(data), make([]byte, (8-len(data)%8)%8)...)
		for at := 0; at < len(pad); at += 8 {
			for i := range x {
				x[i] ^= pad[at+i]
			}
			left.Encrypt(x, x)
		}
		right.Decrypt(x, x)
		left.Encrypt(x, x)
		if got, err := retail(key, []byte(data)); err != nil || !bytes.Equal(got, x) {
			t.Errorf("%q: %X, want %X", data, got, x)
		}
	}
}
