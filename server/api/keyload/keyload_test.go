package keyload

import (
	"errors"
	"testing"
)

func FuzzParse(f *testing.F) {
	good, err := Seal(Body{Serial: "SIM00001", Nonce: make([]byte, NonceLen), Algorithm: SM4, KCV: []byte{1, 2, 3, 4}, Envelope: []byte{5}}, func(d []byte) ([]byte, error) { return d[:4], nil })
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{0x30, 0x04, 0x30, 0x00, 0x04, 0x00})
	wrong := errors.New("wrong")
	f.Fuzz(func(t *testing.T, token []byte) {
		if b, err := Parse(token, func(_, _ []byte) error { return wrong }); b != nil || err == nil {
			t.Error("believed without a signature")
		}
		_, _ = Parse(token, func(_, _ []byte) error { return nil })
	})
}
