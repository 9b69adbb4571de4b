// Package npm runs another party's host, a program of Node.js with modules from npm, for a
// test: it says a line of JSON to what it is told in a line. Only bench/peers imports it.
package npm

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Start runs peer.js of the test's folder on a port; what it says comes through lines, which
// is closed when it ends.
func Start[L any](t *testing.T, port string) (in io.Writer, lines <-chan L) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), install(t), "peer.js", port)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan L, 1024)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(said)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			var l L
			if json.Unmarshal(sc.Bytes(), &l) == nil {
				said <- l
			}
		}
	}()
	t.Cleanup(func() {
		_ = stdin.Close()
		<-ended
		_ = cmd.Wait()
		if t.Failed() && stderr.Len() > 0 {
			t.Logf("the peer wrote:\n%s", stderr.String())
		}
	})
	return stdin, said
}

// install makes the peer's modules; without Node or a registry the test is skipped, except
// in CI, where both are there.
func install(t *testing.T) string {
	t.Helper()
	missing := func(why string) {
		if os.Getenv("CI") != "" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing("no Node.js")
	}
	lock, err := os.Stat("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if have, err := os.Stat("node_modules/.package-lock.json"); err == nil && !have.ModTime().Before(lock.ModTime()) {
		return node
	}
	if out, err := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error").CombinedOutput(); err != nil {
		missing(fmt.Sprintf("npm ci: %v\n%s", err, out))
	}
	return node
}
