package bankhost

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/moov-io/iso8583"
)

// random fills out with fields that the table allows.
func random(r *rand.Rand, pinBytes int) (out [129]string) {
	out[0] = []string{"0200", "0210", "0420", "0430", "0820"}[r.IntN(5)]
	digits := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "0123456789=ABCDEF|; "[r.IntN(20)]
		}
		return string(b)
	}
	for n, l := range fixedFields {
		if r.IntN(3) > 0 {
			out[n] = digits(l)
		}
	}
	for _, m := range []map[int]int{llFields, lllFields} {
		for n, l := range m {
			if r.IntN(3) == 0 {
				out[n] = digits(1 + r.IntN(l))
			}
		}
	}
	for n, l := range map[int]int{52: pinBytes, 55: 1 + r.IntN(255)} {
		if r.IntN(2) == 0 {
			b := make([]byte, l)
			for i := range b {
				b[i] = byte(r.Uint32())
			}
			out[n] = string(b)
		}
	}
	out[128] = "0123ABCD"
	return out
}

func compare(t *testing.T, slow moov, quick *fast, msg []byte) {
	t.Helper()
	a, err1 := slow.unpack(msg)
	b, err2 := quick.unpack(msg)
	if (err1 == nil) != (err2 == nil) {
		t.Fatalf("%x: moov %v, fast %v", msg, err1, err2)
	}
	if err1 != nil {
		return
	}
	for n := range 129 {
		if n == 1 {
			continue
		}
		if a.text(n) != b.text(n) && n != 52 && n != 55 || !bytes.Equal(a.raw(n), b.raw(n)) {
			t.Fatalf("%x: field %d: moov %q, fast %q", msg, n, a.raw(n), b.raw(n))
		}
	}
}

// moov's binary fields take bytes, not text: the answers of the host have none.
func moovPack(t *testing.T, slow moov, out [129]string) []byte {
	t.Helper()
	m := iso8583.NewMessage(slow.spec)
	m.MTI(out[0])
	for n := 2; n < 129; n++ {
		var err error
		switch {
		case out[n] == "":
		case n == 52 || n == 55:
			err = m.BinaryField(n, []byte(out[n]))
		default:
			err = m.Field(n, out[n])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheFastCodecEqualsMoovByteForByte(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, pinBytes := range []int{8, 16} {
		slow := moov{spec(pinBytes)}
		quick := newFast(slow, pinBytes)
		for range 1000 {
			out := random(r, pinBytes)
			want := moovPack(t, slow, out)
			got, err := quick.pack(&out)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("pack: %v\nfast %x\nmoov %x", err, got, want)
			}
			if err := quick.walk(&fastMessage{b: want}); err != nil {
				t.Fatalf("a good message is not read: %x", want)
			}
			compare(t, slow, quick, want)
			broken := bytes.Clone(want)
			switch at := r.IntN(len(broken)); r.IntN(4) {
			case 0:
				broken = broken[:at]
			case 1:
				broken[at] ^= 1 << r.IntN(8)
			case 2:
				binary.BigEndian.PutUint64(broken[4:], r.Uint64())
			case 3:
				broken = append(broken, '0')
			}
			compare(t, slow, quick, broken)
		}
	}
}

func TestBothCodecsRefuseFieldsOfAWrongLength(t *testing.T) {
	slow := moov{spec(8)}
	for n, v := range map[int]string{3: "01000", 39: "000", 2: strings.Repeat("6", 20), 62: strings.Repeat("x", 513), 9: "1"} {
		out := [129]string{0: "0210", 128: "00000000"}
		out[n] = v
		_, err1 := slow.pack(&out)
		_, err2 := newFast(slow, 8).pack(&out)
		if err1 == nil || err2 == nil {
			t.Errorf("field %s: moov %v, fast %v", strconv.Itoa(n), err1, err2)
		}
	}
}
