package web

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"zhigui/server/internal/product"
)

// What people read of a transaction, its product and the fields of its messages, is in words in both languages.
func TestEveryProductAndEveryFieldOfAnISO8583DialectHasWordsInBothLanguages(t *testing.T) {
	fields := map[string]bool{}
	files, err := filepath.Glob("../api/message/dialects/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // our own source
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\{n: \d+, name: (\w+)`).FindAllSubmatch(text, -1) {
			fields[string(m[1])] = true
		}
	}
	if len(fields) < 60 {
		t.Fatalf("%d fields", len(fields))
	}
	for _, lang := range []string{"zh-CN", "en"} {
		text, err := os.ReadFile("console/src/locales/" + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var words struct{ Kind, Field map[string]string }
		if err := json.Unmarshal(text, &words); err != nil {
			t.Fatal(err)
		}
		for _, p := range product.Builtin().All() {
			if words.Kind[p.Name] == "" {
				t.Errorf("%s has no word for the product %s", lang, p.Name)
			}
		}
		for f := range fields {
			if words.Field[f] == "" {
				t.Errorf("%s has no word for the field %s", lang, f)
			}
		}
	}
}
