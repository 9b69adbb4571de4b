package epp

import (
	"bytes"
	"path/filepath"
	"testing"
)

// FuzzImportKeyToken: nothing that the bank has not signed is taken, and nothing makes the pad fall.
func FuzzImportKeyToken(f *testing.F) {
	f.Add([]byte{0x30, 0x04, 0x30, 0x00, 0x04, 0x00})
	f.Add([]byte{0x30, 0x1d, 0x30, 0x17, 0x02, 0x01, 0x01, 0x0c, 0x01, 'S', 0x04, 0x01, 1, 0x02, 0x01, 0x01, 0x04, 0x04, 1, 2, 3, 4, 0x04, 0x01, 5, 0x04, 0x02, 1, 2})
	dir := f.TempDir()
	b, err := Origin{Maker: dir}.Open(filepath.Join(dir, "identity.json"), "SIM00001")
	if err != nil {
		f.Fatal(err)
	}
	for zone := 1; zone <= 2; zone++ { // its own keys as the bank's: any will do
		der, _ := b.Zone(zone).public(0)
		if err := b.Zone(zone).PinHost(der); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, token []byte) {
		for zone := 1; zone <= 2; zone++ {
			if b.Write(0, token) != nil {
				return
			}
			if _, _, err := b.Take(zone); err == nil {
				t.Error("taken")
			}
		}
	})
}

func TestAPadKeepsItsIdentityAndItsMakerItsCA(t *testing.T) {
	dir := t.TempDir()
	o := Origin{Maker: filepath.Join(dir, "maker")}
	open := func() *Items {
		t.Helper()
		b, err := o.Open(filepath.Join(dir, "identity.json"), "SIM00001")
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	one, two := open(), open()
	for zone := 1; zone <= 2; zone++ {
		a, _ := one.Zone(zone).Certificates()
		b, _ := two.Zone(zone).Certificates()
		if a == nil || !bytes.Equal(a, b) {
			t.Error("another certificate after a restart")
		}
	}
	m, err := OpenMaker(o.Maker)
	if err != nil {
		t.Fatal(err)
	}
	again, err := OpenMaker(o.Maker)
	if err != nil || !bytes.Equal(m.CA(), again.CA()) {
		t.Error("another CA after a restart", err)
	}
	if b, err := (Origin{}).Open("", "X"); b != nil || err != nil {
		t.Error("an identity without a maker")
	}
}
