package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func TestEveryPageAnswersBuiltOrNot(t *testing.T) {
	for name, built := range map[string]bool{"as it is": false, "with a built console": true} {
		t.Run(name, func(t *testing.T) {
			p := Pages()
			if built {
				p = append(layers{fstest.MapFS{"console/index.html": {Data: []byte("<p>the console")}}}, Pages().(layers)...)
			}
			s := httptest.NewServer(http.FileServerFS(p))
			defer s.Close()
			for path, want := range map[string]string{"/": "/console/", "/console/": "<", "/pad/": "<"} {
				if built && path == "/console/" {
					want = "the console"
				}
				r, err := http.Get(s.URL + path)
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(r.Body)
				_ = r.Body.Close()
				if err != nil || r.StatusCode != 200 || !strings.Contains(string(b), want) {
					t.Errorf("%s: %d %v, %q is not in %q", path, r.StatusCode, err, want, b)
				}
			}
		})
	}
}
