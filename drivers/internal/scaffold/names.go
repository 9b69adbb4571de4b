package scaffold

import (
	"fmt"
	"go/token"
	"go/types"
	"regexp"
	"strings"

	"zhigui/drivers/api"
)

var word = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{0,23}$`)

// named checks what was asked for.
func named(class, maker, model string) (names, error) {
	k, ok := classes[api.Class(class)]
	if !ok {
		return names{}, fmt.Errorf("class %q is none of %s", class, strings.Join(Classes(), ", "))
	}
	for what, s := range map[string]string{"maker": maker, "model": model} {
		if !word.MatchString(s) {
			return names{}, fmt.Errorf("%s %q: want a letter and then up to 23 letters or digits, nothing else", what, s)
		}
	}
	n := names{kind: k, Maker: maker, Model: model, ClassName: class,
		Pkg: strings.ToLower(maker + model), Sim: strings.ToLower(model), Title: upper(maker) + upper(model), Field: upper(maker) + upper(model)}
	for _, s := range []string{n.Pkg, n.Sim} {
		if token.IsKeyword(s) || types.Universe.Lookup(s) != nil {
			return names{}, fmt.Errorf("model %q: %q means something in Go and cannot be a package", model, s)
		}
	}
	return n, nil
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
