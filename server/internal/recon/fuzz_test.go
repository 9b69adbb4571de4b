package recon

import (
	"testing"

	"zhigui/server/internal/store"
)

// What a terminal uploads is not ours.
func FuzzRecordsOfATransaction(f *testing.F) {
	for _, s := range []string{`{"kind":"HOST_INTENT","data":{}}`, `{"kind":"COMMIT","data":{"paid":10000}}`, `{"kind":"SUSPENSE"}`, `{"kind":"COMMIT","data":{"paid":1e99}}`, `{}`, ``} {
		f.Add([]byte(s), []byte(`{"kind":"RESOLVED","data":{"paid":-1}}`))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		s, err := read([]store.Record{{Seq: 1, Body: a}, {Seq: 2, Body: b}})
		if err == nil && (s.clear && s.doubt || !s.known && (s.clear || s.doubt)) {
			t.Fatalf("%+v", s)
		}
	})
}
