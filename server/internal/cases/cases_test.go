package cases

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/server/internal/product"
)

func TestTheBuiltInCatalogueAsksForMorePeopleTheMoreMoneyMoves(t *testing.T) {
	k := Builtin().Named("largeTransfer")
	for amount, want := range map[int64]string{6_000_000: "identify review approve accept", 20_000_000: "identify review approve accept", 20_000_001: "identify review approve cosign accept"} {
		var got []string
		for _, s := range k.Plan(amount) {
			got = append(got, s.Name)
		}
		if d := cmp.Diff(want, strings.Join(got, " ")); d != "" {
			t.Error(amount, d)
		}
	}
	for _, c := range []struct {
		product string
		own     bool
		amount  int64
		want    bool
	}{{"transfer", true, 5_000_000, false}, {"transfer", true, 5_000_001, true}, {"transfer", false, 5_000_001, false}, {"remittance", true, 9_000_000, true}, {"withdrawal", true, 9_000_000, false}} {
		if got := Builtin().For(c.product, "terminals", c.own, c.amount) != nil; got != c.want {
			t.Error(c.product, c.amount, got)
		}
	}
	always, err := parse("c.yaml", []byte("cases: [{name: close, products: [accountClose], expires: 30m, steps: [{name: look, by: teller}]}]"), product.Builtin())
	if err != nil || always.For("accountClose", "terminals", true, 0) == nil {
		t.Error("business without an amount needs no case:", err)
	}
	var none *Catalogue
	if none.For("transfer", "x", true, 1<<40) != nil || none.Named("largeTransfer") != nil {
		t.Error("an empty catalogue asks for a case")
	}
}

func TestAWrongCatalogueIsToldWithItsPlace(t *testing.T) {
	const good = "cases:\n  - name: big\n    title: {zh: 大, en: Big}\n    products: [transfer]\n    over: 100\n    expires: 30m\n    steps:\n      - {name: look, by: teller, signers: 2}\n"
	load := func(text string) error {
		p := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(p, product.Builtin())
		return err
	}
	if err := load(good); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ from, to, place, says string }{
		"an unknown key":                  {"over:", "above:", ":5:", "unknown field"},
		"no such product":                 {"[transfer]", "[fly]", ":4:16:", `no product "fly"`},
		"an amount of what has none":      {"[transfer]", "[balance]", ":5:11:", "balance has no amount"},
		"a person who is none":            {"teller", "wizard", ":8:26:", "want terminal, teller or manager"},
		"two customers":                   {"teller", "terminal", ":", "1 to 5 people"},
		"too short a time":                {"30m", "3s", ":6:14:", "a minute to thirty days"},
		"no step whatever the amount":     {"signers: 2", "over: 500", ":", "whatever the amount"},
		"fields of a teller":              {"signers: 2", "fields: [a1]", ":", "only a terminal"},
		"a name that is none":             {"name: big", "name: Big!", ":2:11:", "short name"},
		"two kinds of the same product":   {good, good + strings.ReplaceAll(good[7:], "big", "big2"), ":", "needs a case big already"},
		"a step twice":                    {good, good + "      - {name: look, by: teller}\n", ":9:16:", "of its own"},
		"a negative amount from which on": {"over: 100", "over: -1", ":5:11:", "minor units"},
	} {
		t.Run(name, func(t *testing.T) {
			err := load(strings.Replace(good, c.from, c.to, 1))
			if err == nil || !strings.Contains(err.Error(), "c.yaml"+c.place) || !strings.Contains(err.Error(), c.says) {
				t.Error(err)
			}
		})
	}
}
