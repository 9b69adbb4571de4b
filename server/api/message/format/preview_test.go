package format

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheTextOfEveryBuiltInDialectLoadsAgain(t *testing.T) {
	for _, name := range Builtins() {
		text, err := BuiltinText(name)
		if err != nil {
			t.Fatal(err)
		}
		d, err := Parse([]byte(text))
		if err != nil || d.Name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"", "x", "../load", "dialects/pos64", ".yaml"} {
		if _, err := BuiltinText(name); err == nil {
			t.Errorf("%q has a text", name)
		}
	}
}

func TestAHostileFileIsRefusedSoon(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x]\n"
	for _, c := range "bcdefghij" {
		p := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+p+",", 9) + "*" + p + "]\n"
	}
	rows := "kind: delimited\nname: x\ncharset: utf-8\nx0: &x0 {name: f, max: 1}\n"
	for i := range 8 {
		rows += "x" + string(rune('1'+i)) + ": &x" + string(rune('1'+i)) + " {name: f, max: 1, rows: [" + strings.TrimSuffix(strings.Repeat("*x"+string(rune('0'+i))+",", 50), ",") + "]}\n"
	}
	wide := 60_000
	for name, text := range map[string]string{
		"aliases": bomb, "rows by alias": rows + "table: [*x8]\n", "itself": "a: &a [*a]\n", "merge": "a: &a {b: 1}\nc: {<<: *a}\n",
		"brackets": strings.Repeat("[", wide), "braces": strings.Repeat("{a: ", wide/4), "dashes": strings.Repeat("- ", wide/2), "questions": strings.Repeat("? ", wide/2),
		"indent": func() string {
			var b strings.Builder
			for i := range 340 {
				b.WriteString(strings.Repeat(" ", i) + "a:\n")
			}
			return b.String()
		}(),
		"too long": strings.Repeat("#", 70_000), "nothing": "", "zero": "name: \x00", "no text": "name: \xff\xfe", "a list": "- 1\n- 2\n", "itself extended": "name: x\nextends: format\n", "a way out": "name: x\nextends: ../../../etc/passwd\n",
		"keys": strings.Repeat("name: x\n", wide/8), "quotes": "name: \"" + strings.Repeat("\\n", wide/3), "colons": strings.Repeat("a: ", wide/3), "tags": strings.Repeat("!!str ", wide/6), "documents": strings.Repeat("---\n", wide/4),
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), ":") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATransactionWrittenByPeopleHasItsBytesInHexadecimal(t *testing.T) {
	d := load(t, "pos64")
	tx, err := d.ParseTransaction([]byte(`{"type": "0200", "values": {"pan": "6225880000000005", "pinBlock": "A935832EF8704115"}}`))
	if err != nil || tx.Values["pinBlock"] != "\xA9\x35\x83\x2E\xF8\x70\x41\x15" {
		t.Errorf("%v %+v", err, tx)
	}
	for _, bad := range []string{``, `[]`, `{"values": {"pinBlock": "zz"}}`, `{"type": "0200"} {}`, `{"kind": 1}`, `{"values": {"pan": 5}}`, `null x`} {
		if _, err := d.ParseTransaction([]byte(bad)); err == nil || strings.Contains(err.Error(), "zz") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if tx, err := d.ParseTransaction([]byte(`null`)); err != nil || tx.Values == nil {
		t.Errorf("%v %+v", err, tx)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range Builtins() {
		text, _ := BuiltinText(name)
		f.Add([]byte(text))
	}
	f.Add([]byte("name: x\nextends: pos64\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		frame, err := d.Pack(nil, d.only(cases["withdrawal"]), testSign)
		if err == nil {
			_, _ = d.Print(bytes.Clone(frame))
		}
	})
}

// What the console takes as right, the server loads: both know the built-in dialects that a file extends.
func TestAFileMayExtendABuiltInDialectOrOneBesideIt(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"mine": "name: mine\nextends: cups128\n", "mine2": "name: mine2\nextends: mine\n", "strange": "name: strange\nextends: nowhere\n"} {
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{"mine": true, "mine2": true, "strange": false, "cups128": false} {
		d, err := LoadFile(filepath.Join(dir, name+".yaml"))
		if (err == nil) != want || want && d.Name != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}
