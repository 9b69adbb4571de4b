package platform

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheTerminalKeepsItsKeyThroughAPowerLossAtTheFirstStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "terminal.key")
	if err := os.WriteFile(path+".new", []byte("cut off"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := loadSigner(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := loadSigner(path)
	if err != nil || !a.key.Equal(b.key) {
		t.Errorf("another key at the second start (%v)", err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st, err)
	}
	if _, err := os.Stat(path + ".new"); err == nil {
		t.Error("a second copy of the key is left")
	}
}
