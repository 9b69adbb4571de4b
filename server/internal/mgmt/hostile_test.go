package mgmt_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const secretPAN = "6225880000000099"

var hostileTexts = []string{"", " ", "x", "20269999", "00000000", "-1", "99999999999999999999", "9223372036854775807", "-9223372036854775808", "1e308", "NaN", "'; DROP TABLE TX_ON_JOURNAL;--", "%", "_%_",
	strings.Repeat("9", 41), strings.Repeat("字", 600), "a\x00b", "\xff\xfe", "../../etc/passwd", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "<script>", secretPAN}

var hostileValues = func() (all []any) {
	for _, v := range hostileTexts {
		all = append(all, v)
	}
	for _, v := range []string{`null`, `true`, `0`, `-1`, `9223372036854775807`, `-9223372036854775808`, `1e400`, `0.5`, `[]`, `{}`, `[[[[]]]]`, `{"a":{"b":{}}}`, strings.Repeat("[", 20000) + strings.Repeat("]", 20000)} {
		all = append(all, json.RawMessage(v))
	}
	return all
}()

// Whatever somebody who may do anything sends, wherever: it is an answer in the envelope that says what was wrong with
// it, never that the server failed, and repeats no card number.
func TestNoRequestMakesTheServerFail(t *testing.T) {
	r := newRig(t)
	x := r.everything()
	described, err := r.mgmt.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In string }
		}
	}
	if err := json.Unmarshal(described, &spec); err != nil {
		t.Fatal(err)
	}
	root := r.as("root")
	sent := 0
	send := func(method, path, contentType, body string) {
		t.Helper()
		q, err := http.NewRequestWithContext(t.Context(), method, r.web.URL+"/v2/api"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", contentType)
		a, err := root.c.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close() //nolint:errcheck // test
		text, _ := io.ReadAll(a.Body)
		sent++
		var env struct{ Code string }
		if short := body[:min(len(body), 300)]; a.StatusCode >= 500 || json.Unmarshal(text, &env) != nil || env.Code == "" {
			t.Errorf("%s %.200s %q: %d %.300s", method, path, short, a.StatusCode, text)
		} else if a.StatusCode != 200 && strings.Contains(string(text), secretPAN) {
			t.Errorf("%s %.200s %q repeats a card number: %.300s", method, path, short, text)
		}
	}
	for path, methods := range spec.Paths {
		route := strings.TrimPrefix(path, "/v2/api")
		for method, op := range methods {
			method = strings.ToUpper(method)
			if route == "/session" {
				continue // ends who sends; sign-ins are limited
			}
			right := x.fill.Replace(route)
			for _, p := range op.Parameters {
				for _, v := range hostileTexts {
					body := ""
					if b := x.bodies[method+" "+route]; b != nil {
						body = encoded(t, b)
					}
					switch {
					case p.In == "path" && v != "":
						at := strings.NewReplacer("{"+p.Name+"}", url.PathEscape(v))
						send(method, x.fill.Replace(at.Replace(route)), "application/json", body)
					case p.In == "query":
						of, _ := url.ParseQuery(strings.TrimPrefix(x.query[method+" "+route], "?"))
						of.Set(p.Name, v)
						send(method, right+"?"+of.Encode(), "application/json", body)
					}
				}
			}
			whole, ok := x.bodies[method+" "+route]
			if !ok {
				continue
			}
			for _, body := range []string{"", "null", "[]", "{", `"x"`, "\xff", "{\"a\":1}", strings.Repeat(`{"a":`, 20000), strings.Repeat("x", 2<<20), `{"note":"a","note":"b"}`} {
				send(method, right+x.query[method+" "+route], "application/json", body)
				send(method, right+x.query[method+" "+route], "text/plain", body)
			}
			var fields map[string]any
			if json.Unmarshal([]byte(encoded(t, whole)), &fields) != nil {
				continue
			}
			for name := range r.propertiesOf(described, path, method) {
				for _, v := range hostileValues {
					of := maps.Clone(fields)
					of[name] = v
					send(method, right+x.query[method+" "+route], "application/json", encoded(t, of))
				}
			}
		}
	}
	if sent < 2000 {
		t.Errorf("only %d requests", sent)
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	if raw, ok := v.([]byte); ok {
		return string(raw)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "{" // a number that Go does not write
	}
	return string(b)
}

// propertiesOf are those of a route's body.
func (r *rig) propertiesOf(described []byte, path, method string) map[string]any {
	r.t.Helper()
	var spec struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					}
				}
			}
		}
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(described, &spec); err != nil {
		r.t.Fatal(err)
	}
	ref := spec.Paths[path][strings.ToLower(method)].RequestBody.Content["application/json"].Schema.Ref
	p := spec.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")].Properties
	delete(p, "$schema")
	return p
}
