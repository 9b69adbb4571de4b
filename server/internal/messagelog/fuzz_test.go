package messagelog

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A file of the log may have been changed by others: as far as it is taken, it chains.
func FuzzWalkAFile(f *testing.F) {
	one := "1 2026-11-23T00:00:00Z c2VhbGVk"
	good := header + start + "\n" + one + " " + link(start, one) + "\n"
	f.Add([]byte(good))
	f.Add([]byte(good + "2 x y z\n"))
	f.Add([]byte(good[:len(good)-3]))
	f.Add([]byte(header + "\n"))
	name := filepath.Join(f.TempDir(), "messages.log")
	f.Fuzz(func(t *testing.T, b []byte) {
		name := fmt.Sprintf("%s.%d", name, os.Getpid())
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		hash, last := "", int64(0)
		g, err := walk(name, func(x line) error {
			if last > 0 && x.number != last+1 || x.hash == hash {
				t.Fatalf("entry %d after %d", x.number, last)
			}
			hash, last = x.hash, x.number
			return nil
		})
		if g.number != last || g.end > int64(len(b)) || err == nil && g.end != int64(len(b)) {
			t.Fatalf("%+v of %d bytes, entry %d: %v", g, len(b), last, err)
		}
	})
}
