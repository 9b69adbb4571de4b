package web

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What a terminal raises an alarm about is told to people in words, not by the name it has in the code.
func TestEveryKindOfAlarmOfATerminalHasWordsInBothLanguages(t *testing.T) {
	raised := regexp.MustCompile(`[aA]larm\("(\w+)"`)
	kinds := map[string]bool{}
	err := filepath.WalkDir("../../terminal/internal", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path) //nolint:gosec // our own source
		for _, m := range raised.FindAllSubmatch(src, -1) {
			kinds[string(m[1])] = true
		}
		return err
	})
	if err != nil || len(kinds) < 25 {
		t.Fatalf("%d kinds, %v", len(kinds), err)
	}
	for _, lang := range []string{"zh-CN", "en"} {
		text, err := os.ReadFile("console/src/locales/" + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var words struct{ AlarmCode map[string]string }
		if err := json.Unmarshal(text, &words); err != nil {
			t.Fatal(err)
		}
		for k := range kinds {
			if words.AlarmCode[k] == "" {
				t.Errorf("%s has no word for %s", lang, k)
			}
		}
	}
}
