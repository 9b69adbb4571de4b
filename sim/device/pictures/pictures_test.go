package pictures

import (
	"bytes"
	"image/jpeg"
	"testing"
)

func TestTestPicturesArePicturesAndDiffer(t *testing.T) {
	var last []byte
	for i := range 4 {
		b, err := Picture(i)
		if err != nil || bytes.Equal(b, last) {
			t.Fatal(i, err)
		}
		if c, err := jpeg.DecodeConfig(bytes.NewReader(b)); err != nil || c.Width != 320 {
			t.Errorf("%+v %v", c, err)
		}
		last = b
	}
}
