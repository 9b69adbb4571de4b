// Package xfs4iot checks payloads against the messages of XFS4IoT 2024-3 (names, types,
// enums and patterns of the published message definitions). Members whose names begin with
// "X-" are extensions and pass. Imported by tests only.
package xfs4iot

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed messages.json
var raw []byte

var messages = sync.OnceValue(func() map[string]map[string]any {
	var out map[string]map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
})

// Check says what is wrong with the payload of a message; kind is command, completion, event
// or unsolicited. A message that the standard does not know is a problem unless it is an
// extension.
func Check(kind, name string, payload []byte) (problems []string) {
	if strings.HasPrefix(name, "X-") || strings.Contains(name, ".X-") {
		return nil
	}
	m, ok := messages()[name]
	if !ok {
		return []string{name + " is no message of XFS4IoT 2024-3"}
	}
	def, ok := m[kind]
	if !ok {
		return []string{fmt.Sprintf("%s is no %s", name, kind)}
	}
	if len(payload) == 0 {
		return nil
	}
	var v any
	if err := json.Unmarshal(payload, &v); err != nil {
		return []string{name + ": " + err.Error()}
	}
	members, _ := def.(map[string]any) // null: no members
	c := checker{}
	c.object(name, members, v)
	return c.problems
}

type checker struct{ problems []string }

func (c *checker) bad(at, format string, args ...any) {
	c.problems = append(c.problems, at+": "+fmt.Sprintf(format, args...))
}

func (c *checker) object(at string, members map[string]any, v any) {
	o, ok := v.(map[string]any)
	if !ok {
		c.bad(at, "%T is no object", v)
		return
	}
	for k, x := range o {
		def, known := members[k]
		if !known {
			def, known = members["*"]
		}
		switch {
		case strings.HasPrefix(k, "X-"):
		case !known:
			c.bad(at, "the standard has no member %q", k)
		default:
			c.value(at+"."+k, def, x)
		}
	}
}

func (c *checker) value(at string, def, v any) {
	if v == nil {
		return
	}
	if t, ok := def.(string); ok {
		c.scalar(at, t, nil, v)
		return
	}
	d, _ := def.(map[string]any)
	switch {
	case d["object"] != nil:
		members, _ := d["object"].(map[string]any)
		c.object(at, members, v)
	case d["map"] != nil:
		o, ok := v.(map[string]any)
		if !ok {
			c.bad(at, "%T is no object", v)
			return
		}
		for k, x := range o {
			c.value(at+"."+k, d["map"], x)
		}
	case d["array"] != nil:
		a, ok := v.([]any)
		if !ok {
			c.bad(at, "%T is no array", v)
			return
		}
		for i, x := range a {
			c.value(fmt.Sprintf("%s[%d]", at, i), d["array"], x)
		}
	case d["enum"] != nil:
		list, _ := d["enum"].([]any)
		if s, ok := v.(string); !ok || !strings.HasPrefix(s, "X-") && !slices.Contains(list, any(s)) {
			c.bad(at, "%v is none of %v", v, list)
		}
	case isMap(d["type"]):
		c.value(at, d["type"], v)
	default:
		t, _ := d["type"].(string)
		c.scalar(at, t, d, v)
	}
}

func isMap(v any) bool { _, ok := v.(map[string]any); return ok }

func (c *checker) scalar(at, t string, d map[string]any, v any) {
	switch t {
	case "string", "base64":
		s, ok := v.(string)
		if !ok {
			c.bad(at, "%v is no string", v)
			return
		}
		if _, err := base64.StdEncoding.DecodeString(s); t == "base64" && err != nil {
			c.bad(at, "not base64")
		}
		p, _ := d["Pattern"].(string)
		if re, err := regexp.Compile(p); t == "string" && p != "" && err == nil && !re.MatchString(s) {
			c.bad(at, "%q does not match %s", s, p)
		}
	case "integer", "number":
		n, ok := v.(float64)
		if !ok || t == "integer" && n != math.Trunc(n) {
			c.bad(at, "%v is no %s", v, t)
			return
		}
		var low float64
		if s, ok := d["Minimum"].(string); ok {
			if _, err := fmt.Sscan(s, &low); err == nil && n < low {
				c.bad(at, "%v is below %s", n, s)
			}
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			c.bad(at, "%v is no boolean", v)
		}
	}
}
