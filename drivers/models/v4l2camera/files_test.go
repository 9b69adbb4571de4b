package v4l2camera

import (
	"testing"

	"zhigui/sim/device/pictures"
)

func FuzzWhole(f *testing.F) {
	b, err := pictures.Picture(1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Add([]byte{0xFF, 0xD8, 0xFF, 0xD9})
	f.Fuzz(func(t *testing.T, b []byte) {
		if whole(b) == nil && (len(b) < 4 || b[0] != 0xFF || b[1] != 0xD8) {
			t.Fatalf("% X is no JPEG", b)
		}
	})
}

func TestHalfAPictureIsNone(t *testing.T) {
	b, err := pictures.Picture(1)
	if err != nil || whole(b) != nil {
		t.Fatal(err)
	}
	if whole(b[:len(b)/2]) == nil {
		t.Error("half a picture was taken")
	}
}
