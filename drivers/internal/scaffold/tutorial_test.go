package scaffold

import (
	"context"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

var block = regexp.MustCompile("(?s)\n```sh\n(.*?)```")

// The tutorial is followed word by word.
func TestTheTutorialIsTrue(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles and runs what a reader would")
	}
	t.Parallel()
	doc, err := os.ReadFile("../../../docs/tutorial-driver.md")
	if err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	script := "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
	blocks := block.FindAllStringSubmatch(string(doc), -1)
	for _, b := range blocks {
		script += b[1]
	}
	if len(blocks) < 8 {
		t.Fatalf("only %d shell blocks were found", len(blocks))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", strings.ReplaceAll(script, "127.0.0.1:8611", addr))
	cmd.Env = goEnv()
	cmd.Dir, cmd.WaitDelay = module(t), 10*time.Second // what it leaves in the background holds its output
	b, err := cmd.CombinedOutput()
	out := string(b)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"one row  drivers/conformance/models_test.go",
		`device answers: Acme acmeeye, firmware "Eye-1.00"`,
		`{"readOutput":[{"barcodeData":"NjkwMTIzNDU2Nzg5Mg=="}]}`,
		"failed, as armed",
		"<- 02 02 52 00",
		"> 02 01 47",
		"the whole trace was played",
		"the same frames in the same order",
		"FAIL: TestWhatCannotBeReadFailsByName",
		"1 models, 11 rules, 0 failed",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
