// Package peer starts independent programs on the other side of the server's own: a broker, an 8583
// library, another TLCP. They come from Maven Central and PyPI, pinned by version and digest. Tests import it.
package peer

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// central is where the jars are.
const central = "https://repo1.maven.org/maven2/"

// errAway: the place where programs come from cannot be reached.
var errAway = errors.New("peer: Maven Central cannot be reached")

// jars fetches the files of a list (lines of SHA-256 and path) that are not in the cache, and answers a
// class path.
func jars(ctx context.Context, list string) (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	dir = filepath.Join(dir, "zhigui", "jars")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("peer: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(list), "\n")
	files := make([]string, len(lines))
	errs := make([]error, len(lines))
	slots := make(chan struct{}, 4)
	var wg sync.WaitGroup
	for i, line := range lines {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			sum, path, _ := strings.Cut(line, " ")
			files[i] = filepath.Join(dir, sum[:16]+"-"+filepath.Base(path))
			errs[i] = fetch(ctx, central+path, sum, files[i])
		})
	}
	wg.Wait()
	return strings.Join(files, string(os.PathListSeparator)), errors.Join(errs...)
}

// fetch makes sure that file has the content of a digest.
func fetch(ctx context.Context, url, sum, file string) error {
	if b, err := os.ReadFile(file); err == nil && digest(b) == sum {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return errAway
	}
	defer r.Body.Close() //nolint:errcheck // reading
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		return errAway
	}
	if got := digest(b); got != sum {
		return fmt.Errorf("peer: %s has the digest %s, want %s", url, got, sum)
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), "new")
	if err == nil {
		_, err = tmp.Write(b)
		err = errors.Join(err, tmp.Close())
	}
	if err == nil {
		err = os.Rename(tmp.Name(), file) // another process may do the same
	}
	if err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	return nil
}

func digest(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// java answers how to start a class of the list's jars. Without Java the test is skipped, or fails when
// HOSTS=required; it is skipped when Maven Central is out of reach.
func java(t testing.TB, list string) []string {
	t.Helper()
	program := Program(t, "java", "default-jre-headless")
	path, err := jars(t.Context(), list)
	if errors.Is(err, errAway) {
		t.Skip(errAway)
	}
	if err != nil {
		t.Fatal(err)
	}
	return []string{program, "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", path}
}

// Program finds a program of this machine; without it the test is skipped, or fails in CI and when HOSTS=required.
func Program(t testing.TB, name, debianPackage string) string {
	t.Helper()
	file, err := exec.LookPath(name)
	if err != nil {
		missing(t, name+" is not installed (Debian: "+debianPackage+")")
	}
	return file
}

// missing skips a test for want of something that the machine's packages have, or fails it in CI and when HOSTS=required. What comes
// from elsewhere may be out of reach anywhere: its absence skips.
func missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") != "" || os.Getenv("HOSTS") == "required" {
		t.Fatal(why)
	}
	t.Skip(why)
}
