package access

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"zhigui/server/internal/cases"
	"zhigui/server/internal/product"
	"zhigui/server/internal/store"
)

func TestAKindOfCaseForOneChannelIsAnnouncedToItsTerminals(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cases.yaml")
	if err := os.WriteFile(file, []byte("cases: [{name: large, products: [transfer], channels: [counters], over: 5000000, expires: 30m, steps: [{name: look, by: teller}]}]"), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := cases.Load(file, product.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cases       *cases.Catalogue
		zone, query string
		want        string
	}{
		{k, "3des", "amount=6000000", "large"},
		{k, "3des", "amount=5000000", ""},
		{k, "sm4", "amount=6000000", ""},
		{cases.Builtin(), "sm4", "amount=6000000", "largeTransfer"},
		{cases.Builtin(), "other", "amount=6000000", "largeTransfer"},
	} {
		s := &Service{o: Options{Cases: c.cases, Channels: map[string][]string{"3des": {"branches", "counters"}, "sm4": {"mobile"}}}}
		w := httptest.NewRecorder()
		if err := s.needsCase(&store.Terminal{Zone: c.zone}, w, httptest.NewRequest("GET", "/?product=transfer&"+c.query, nil)); err != nil {
			t.Fatal(err)
		}
		if want := `{"kind":"` + c.want + `"}`; w.Body.String() != want && w.Body.String() != want+"\n" {
			t.Errorf("%s %s: %s, want %s", c.zone, c.query, w.Body, want)
		}
	}
}
