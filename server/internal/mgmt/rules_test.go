package mgmt_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// The rules of the reference document for the interface between pages and server (6.3.2), read off the
// description that the server itself serves.
// req: AP-01 AP-02 AP-03 AP-06 AP-07
func TestThePathsAndAnswersOfTheAPIFollowItsRules(t *testing.T) {
	r := newRig(t)
	a, err := http.Get(r.web.URL + "/v2/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close() //nolint:errcheck // test
	raw, _ := io.ReadAll(a.Body)
	type schema struct {
		Ref        string            `json:"$ref"`
		Properties map[string]schema `json:"properties"`
	}
	var d struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ In string }
			Responses  map[string]struct {
				Content map[string]struct{ Schema schema }
			}
		}
		Components struct{ Schemas map[string]schema }
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	of := func(s schema) schema {
		if s.Ref != "" {
			return d.Components.Schemas[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]]
		}
		return s
	}
	checked, pages := 0, 0
	for path, methods := range d.Paths {
		if strings.Count(path, "{") > 3 || !strings.HasPrefix(path, "/v2/api/") || strings.HasPrefix(path, "/v2/api/{") {
			t.Errorf("%s: it begins with /v2/api and a resource, and has three ids at most", path)
		}
		for method, op := range methods {
			for status, x := range op.Responses {
				c, ok := x.Content["application/json"]
				if !ok && status[0] == '2' && len(x.Content) > 0 {
					t.Errorf("%s %s: the answer is no JSON", method, path)
				}
				if !ok || status[0] != '2' {
					continue
				}
				s := of(c.Schema)
				checked++
				for _, name := range []string{"code", "message", "data"} {
					if _, ok := s.Properties[name]; !ok {
						t.Errorf("%s %s: the answer has no %s", method, path, name)
					}
				}
				if p := of(s.Properties["data"]).Properties; hasAll(p, "items", "total") {
					pages++
					if !hasAll(p, "page", "size", "total", "pages", "items") {
						t.Errorf("%s %s: a page of a list has page, size, total, pages and items", method, path)
					}
				}
			}
		}
	}
	if checked < 30 || pages < 2 {
		t.Errorf("only %d answers and %d pages were looked at", checked, pages)
	}
}

func hasAll[T any](m map[string]T, names ...string) bool {
	for _, n := range names {
		if _, ok := m[n]; !ok {
			return false
		}
	}
	return true
}
