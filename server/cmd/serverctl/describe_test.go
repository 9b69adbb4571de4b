package main

import (
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"zhigui/server/api/message/format"
)

// req: G-38
func TestTheTutorialOfANewDialectIsTrue(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash")
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "tutorial-dialect.md"))
	if err != nil {
		t.Fatal(err)
	}
	bin, dir := t.TempDir(), t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	blocks := regexp.MustCompile("(?s)```(sh|text)\n(.*?)```").FindAllStringSubmatch(string(doc), -1)
	if len(blocks) < 10 {
		t.Fatalf("only %d blocks", len(blocks))
	}
	var printed string
	for i, b := range blocks {
		if b[1] == "text" {
			if printed != b[2] {
				t.Errorf("block %d prints\n%s\nthe page says\n%s", i, printed, b[2])
			}
			continue
		}
		c := exec.Command("bash", "-e", "-o", "pipefail", "-c", b[2])
		c.Dir, c.Env = dir, append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		out, err := c.Output()
		if err != nil {
			t.Fatalf("block %d: %v\n%s", i, err, b[2])
		}
		printed = string(out)
	}
}

func TestDescribeTakesHexadecimalAndTheMessageItselfWithOrWithoutItsFrame(t *testing.T) {
	d, err := format.Builtin("corejson")
	if err != nil {
		t.Fatal(err)
	}
	body := `{"head":{"code":"1001","serial":"000017","mac":"0011223344556677"},"body":{"account":{"no":"6225880000000001"}}}`
	frame := "\x00\x00\x00" + string(rune(len(body))) + body
	for name, in := range map[string]string{
		"as it is": body, "with a newline": body + "\n", "in hexadecimal": hex.EncodeToString([]byte(body)),
		"framed": frame, "framed, in hexadecimal, in lines": strings.Join([]string{hex.EncodeToString([]byte(frame))[:20], hex.EncodeToString([]byte(frame))[20:]}, "\n"),
	} {
		s, err := describeText(d, []byte(in))
		if err != nil || !strings.Contains(s, "622588******0001") || !strings.Contains(s, "8 bytes, over 37 bytes") {
			t.Errorf("%s: %v\n%s", name, err, s)
		}
	}
	if _, err := describeText(d, []byte("\n")); err == nil || !strings.HasPrefix(err.Error(), "no message") {
		t.Errorf("nothing: %v", err)
	}
}

// Without a dialect each built-in one is tried: its own messages are known for what they are.
func TestDescribeKnowsAMessageWithoutBeingToldItsDialect(t *testing.T) {
	for _, name := range format.Builtins() {
		d, err := format.Builtin(name)
		if err != nil {
			t.Fatal(err)
		}
		q := format.NewTransaction("0200")
		q.Values = map[string]string{"pan": "6225880000000001", "procCode": "010000", "amount": "000000030000", "stan": "000017", "localTime": "154841", "localDate": "1122", "terminal": "T0000001", "merchant": "102290000000001", "currency": "156"}
		frame, err := d.Pack(nil, q, func([]byte) ([]byte, error) { return make([]byte, 32), nil })
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text, also, err := recognise([]byte(hex.EncodeToString(frame)))
		if got, _, _ := strings.Cut(text, " "); err != nil || got != name && !slices.Contains(also, name) || !strings.Contains(text, "622588******0001") {
			t.Errorf("%s: %v, read as\n%salso %v", name, err, text, also)
		}
	}
	if _, _, err := recognise([]byte("hello")); err == nil {
		t.Error("what is no message is read")
	}
}
