package choose

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhigui/server/internal/config"
	"zhigui/server/internal/hsm/conformance"
)

func TestAMasterKeyThatIsAwayIsNotReplacedByANewOne(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"soft", "tcp"} {
		c, keys := config.Default(), conformance.NewMemory()
		c.Data, c.HSM.Kind, c.HSM.Address = t.TempDir(), kind, "127.0.0.1:1"
		file := filepath.Join(c.Data, "master.key")
		if _, err := Open(&c, keys); err != nil {
			t.Fatal(kind, err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(&c, keys); err == nil || !strings.Contains(err.Error(), "is missing") {
			t.Errorf("%s: %v", kind, err)
		}
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a new one was made (%v)", kind, err)
		}
	}
}
