// Package branch puts a whole branch of real programs into a test: bank host, server, virtual
// devices, keeper, platform and pages, on free ports and in a folder of its own. Only tests of
// bench import it.
package branch

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"zhigui/bench/robot"
	"zhigui/sim/scene"
)

// programs are what a branch runs.
var programs = []string{"drivers/cmd/driverd", "terminal", "terminal/cmd/platformd", "keeper/cmd/keeperd", "server/cmd/server", "server/cmd/serverctl", "sim/cmd/simctl", "sim/cmd/simbank"}

// Build builds the programs into a folder. Tags may be "failpoint" (comma-separated list).
func Build(dir, tags string) error {
	args := []string{"build", "-tags", tags, "-o", dir + "/"}
	for _, p := range programs {
		args = append(args, "zhigui/"+p)
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

// Branch is one that runs.
type Branch struct {
	*scene.Scene
	Bin  string     // the programs
	Dir  string     // all data of the scene
	Desk robot.Desk // a customer's hands
}

// Start prepares and starts a fast branch with these options; folder, ports and pages are its
// own. bin is a folder that Build filled; "" builds. The branch ends with the test, and its
// folder stays if the test has failed.
func Start(t *testing.T, bin string, o scene.Options) *Branch {
	t.Helper()
	root, err := os.MkdirTemp("", "br") // short: sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("left for you to look at: %s", root)
			return
		}
		os.RemoveAll(root)
	})
	if bin == "" {
		bin = filepath.Join(root, "bin")
		if err := Build(bin, ""); err != nil {
			t.Fatal(err)
		}
	}
	o.Dir, o.Bin, o.Flows, o.Fast = filepath.Join(root, "s"), bin, filepath.Join(root, "flows"), true
	if err := os.MkdirAll(o.Flows, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.Flows, "index.html"), []byte("<!doctype html>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if o.Ports, err = scene.FreePorts(); err != nil {
		t.Fatal(err)
	}
	s, err := scene.Prepare(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Logf("stop: %v", err)
		}
	})
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	b := &Branch{Scene: s, Bin: bin, Dir: o.Dir}
	b.Desk = robot.Desk{XFS: fmt.Sprintf("ws://127.0.0.1:%d", o.Ports.XFS), Token: b.Token("flow"),
		Devices: robot.Devices{URL: fmt.Sprintf("http://127.0.0.1:%d", o.Ports.Devices)}}
	return b
}

// Token is the file of the token of a role: flow, xfs or operator.
func (b *Branch) Token(role string) string {
	return filepath.Join(b.Dir, "terminal", "run", role+".token")
}
