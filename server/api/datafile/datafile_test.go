package datafile

import (
	"testing"
	"time"
)

func TestEachErrorNamesFileLineAndColumn(t *testing.T) {
	const text = "list:\n  - {name: a, n: 1}\n  - name: b\n    n: 2\n"
	var v struct {
		List []struct {
			Name string `yaml:"name"`
			N    int    `yaml:"n"`
			On   *bool  `yaml:"on"`
			D    time.Duration
		} `yaml:"list"`
	}
	if err := Decode("f.yaml", []byte(text), &v); err != nil || len(v.List) != 2 || v.List[1].N != 2 {
		t.Fatal(v, err)
	}
	for bad, want := range map[string]string{
		"list:\n  - {name: a, m: 1}\n": `f.yaml:2:15: unknown field "m"`,
		"list:\n  - {n: many}\n":       "f.yaml:2:9: want a whole number",
		"list:\n  - {d: 10}\n":         "f.yaml:2:9: want a time with its unit, such as 500ms, 10s or 2m",
		"list:\n  - {on: 3}\n":         "f.yaml:2:10: want true or false",
		"list:\n  - {name: [a]}\n":     "f.yaml:2:12: want a text",
		"list: 3\n":                    "f.yaml:1:7: want a list",
		"list: [":                      "f.yaml:1:7: sequence end token ']' not found",
		"\x00: \x01":                   "",
	} {
		if err := Decode("f.yaml", []byte(bad), &v); err == nil || want != "" && err.Error() != want {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for key, want := range map[string]string{"list[1].n": "f.yaml:4:8: two of them", "list[1].x": "f.yaml:3:9: two of them", "list[7].n": "f.yaml:1:1: two of them", "[": "f.yaml:1:1: two of them", "list": "f.yaml:2:3: two of them"} {
		if err := Wrong("f.yaml", []byte(text), key, "%s of them", "two"); err.Error() != want {
			t.Errorf("%s: %v, want %s", key, err, want)
		}
	}
}
