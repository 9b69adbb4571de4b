package bankhost

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func FuzzBothCodecsReadTheSame(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	quick := newFast(moov{spec(8)}, 8)
	for range 8 {
		out := random(r, 8)
		b, err := quick.pack(&out)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		for _, pinBytes := range []int{8, 16} {
			slow := moov{spec(pinBytes)}
			compare(t, slow, newFast(slow, pinBytes), msg)
		}
	})
}

func FuzzParseChip(f *testing.F) {
	f.Add([]byte{0x9F, 0x26, 0x02, 1, 2, 0x82, 0x81, 0x01, 3})
	f.Add([]byte{0x9F, 0x26, 0x88})
	f.Fuzz(func(t *testing.T, b []byte) {
		d, ok := parseChip(b)
		n := 0
		for _, v := range d {
			n += len(v)
		}
		if ok && n > len(b) {
			t.Fatalf("%d bytes of values out of %d", n, len(b))
		}
	})
}

func FuzzOpenAnEnvelope(f *testing.F) {
	ciphers := map[string]*Cipher{}
	for _, carry := range []string{"binary", "hex", "base64"} {
		for _, alg := range []byte("SAT") {
			c := &Cipher{Carry: carry}
			c.Use(DataKeys{Alg: alg, Data: bytes.Repeat([]byte{1, 2}, 8), MAC: bytes.Repeat([]byte{3, 4}, 8)})
			ciphers[carry+string(alg)] = c
			f.Add(c.Seal([]byte("a name"), nil))
			f.Add(c.Seal(nil, nil))
		}
	}
	f.Fuzz(func(t *testing.T, env []byte) {
		for name, c := range ciphers {
			plain, id, err := c.Open(env)
			if err != nil {
				continue
			}
			if again, _, err := c.Open(c.Seal(plain, id)); err != nil || !bytes.Equal(again, plain) || len(plain) > len(env) {
				t.Fatalf("%s: %x, sealed and opened again %x, %v", name, plain, again, err)
			}
		}
	})
}
