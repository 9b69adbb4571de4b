package script

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// lookup follows a dotted path.
func lookup(v any, path string) (any, bool) {
	for _, key := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			var ok bool
			if v, ok = x[key]; !ok {
				return nil, false
			}
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}

func text(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case nil:
		return "null"
	case map[string]any, []any:
		b, _ := json.Marshal(x) // it came from JSON or YAML
		return string(b)
	}
	return fmt.Sprint(v)
}

// fits compares a value with what is wanted.
func fits(got, want any) bool {
	s, isText := want.(string)
	for _, op := range []string{">=", "<=", "!="} {
		rest, ok := strings.CutPrefix(s, op)
		if !isText || !ok {
			continue
		}
		rest = strings.TrimSpace(rest)
		if op == "!=" {
			return text(got) != rest
		}
		a, aerr := strconv.ParseFloat(text(got), 64)
		b, berr := strconv.ParseFloat(rest, 64)
		return aerr == nil && berr == nil && (op == ">=" && a >= b || op == "<=" && a <= b)
	}
	return text(got) == text(want)
}

// mismatch says what is not as wanted, "" if all is.
func mismatch(v any, want map[string]any) string {
	var out []string
	for path, w := range want {
		got, ok := lookup(v, path)
		switch {
		case !ok:
			out = append(out, fmt.Sprintf("%s is not there, want %s", path, text(w)))
		case !fits(got, w):
			out = append(out, fmt.Sprintf("%s is %s, want %s", path, text(got), text(w)))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}
