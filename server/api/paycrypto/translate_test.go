package paycrypto

import (
	"errors"
	"testing"
)

// req: TX-27
func TestABlockBoundToACardIsNeverSetFree(t *testing.T) {
	k := key(t, DES, "1111111111111111222222222222222A")
	pan := []byte("6225880000000001")
	for _, c := range []struct {
		from, to Format
		ok       bool
	}{
		{ISO0, ISO0, true}, {ISO0, ISO3, true}, {ISO3, ISO0, true}, {ISO3, ISO3, true}, {ISO1, ISO0, true}, {ISO1, ISO3, true}, {ISO1, ISO1, true}, {X98, ISO0, true},
		{ISO0, ISO1, false}, {ISO3, ISO1, false}, {ISO0, X98, false}, {ISO3, X98, false}, {ISO0, ISO2, false}, {ISO1, ISO2, false}, {ISO2, ISO0, false}, {ISO2, ISO2, false},
	} {
		enc, err := EncryptPIN(k, c.from, []byte("135790"), pan)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Translate(k, c.from, k, c.to, enc, pan)
		if c.ok != (err == nil) || !c.ok && (!errors.Is(err, ErrTranslation) || out != nil) {
			t.Errorf("%d to %d: %v", c.from, c.to, err)
		}
	}
	for _, f := range []Format{ISO0, ISO3, ISO1, SM4Block} {
		if !f.Translatable(ISO4) || ISO4.Translatable(ISO1) || ISO4.Translatable(Format(99)) || Format(99).Translatable(ISO0) {
			t.Error("format 4", f)
		}
	}
}
