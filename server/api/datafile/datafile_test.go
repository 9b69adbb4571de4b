package datafile

import "testing"

func TestEachErrorNamesFileLineAndColumn(t *testing.T) {
	const text = "list:\n  - {name: a, n: 1}\n  - name: b\n    n: 2\n"
	var v struct {
		List []struct {
			Name string `yaml:"name"`
			N    int    `yaml:"n"`
		} `yaml:"list"`
	}
	if err := Decode("f.yaml", []byte(text), &v); err != nil || len(v.List) != 2 || v.List[1].N != 2 {
		t.Fatal(v, err)
	}
	for bad, want := range map[string]string{
		"list:\n  - {name: a, m: 1}\n": `f.yaml:2:15: unknown field "m"`,
		"list: [":                      "f.yaml:1:7: sequence end token ']' not found",
		"\x00: \x01":                   "",
	} {
		if err := Decode("f.yaml", []byte(bad), &v); err == nil || want != "" && err.Error() != want {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for key, want := range map[string]string{"list[1].n": "f.yaml:4:8: two of them", "list[7].n": "f.yaml:1:1: two of them", "[": "f.yaml:1:1: two of them", "list": "f.yaml:2:3: two of them"} {
		if err := Wrong("f.yaml", []byte(text), key, "%s of them", "two"); err.Error() != want {
			t.Errorf("%s: %v, want %s", key, err, want)
		}
	}
}
