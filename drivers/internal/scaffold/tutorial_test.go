package scaffold

import (
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var block = regexp.MustCompile("(?s)\n```sh\n(.*?)```")

// The tutorial is followed word by word.
func TestTheTutorialIsTrue(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles and runs what a reader would")
	}
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
	script := "set -euo pipefail\n"
	blocks := block.FindAllStringSubmatch(string(doc), -1)
	for _, b := range blocks {
		script += b[1]
	}
	if len(blocks) < 8 {
		t.Fatalf("only %d shell blocks were found", len(blocks))
	}
	cmd := exec.Command("bash", "-c", strings.ReplaceAll(script, "127.0.0.1:8611", addr))
	cmd.Dir = module(t)
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
		"FAIL: TestWhatCannotBeReadFailsByName",
		"1 models, 11 rules, 0 failed",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}
