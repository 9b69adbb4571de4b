package product

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhigui/server/api/message"
)

func TestTheCatalogueOfThePlatformLoads(t *testing.T) {
	c := Builtin()
	w := c.Find("0200", []byte("010000"))
	if w == nil || w.Name != "withdrawal" || !w.Undone() || w.Ends() || !w.Amount() || c.Find("0200", []byte("999999")) != nil || c.Find("0200", []byte("01")) != nil {
		t.Fatalf("%+v", w)
	}
	for _, p := range c.All() {
		if p.Title.ZH == "" || p.Title.EN == "" {
			t.Errorf("%s has no title in both languages", p.Name)
		}
		if (p.Pays != Unsaid) != (p.Moves == Money && p.Ends()) || (p.Pays == Merchant) != (p.Name == "purchase") {
			t.Errorf("%s pays %q", p.Name, p.Pays)
		}
	}
}

func TestABanksOwnCatalogueAddsAProductWithoutCode(t *testing.T) {
	f := filepath.Join(t.TempDir(), "products.yaml")
	write := func(s string) {
		if err := os.WriteFile(f, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("products:\n- {name: waterBill, title: {zh: 水费, en: Water bill}, type: '0200', code: '500001', moves: money, fields: [amount, private], steps: [limits], channels: [mobile]}\n")
	c, err := Load(f, []string{"limits", "pin"})
	if err != nil {
		t.Fatal(err)
	}
	p := c.Find("0200", []byte("500001"))
	if p == nil || p.For("terminals") || !p.For("mobile") || !p.Ends() || p.Needs()[1] != message.Private || c.Named("waterBill") != p {
		t.Fatalf("%+v", p)
	}
	for want, text := range map[string]string{
		`products.yaml:2:4: unknown field "steeps"`: "products:\n- {steeps: [x]}\n",
		"2:34: product a1: want six digits":         "products:\n- {name: a1, type: '0200', code: '1'}\n",
		`is no step; steps are limits, pin`:         "products:\n- {name: a1, type: '0200', code: '111111', steps: [magic]}\n",
		"is no canonical field":                     "products:\n- {name: a1, type: '0200', code: '111111', fields: [magic]}\n",
		"needs the field amount":                    "products:\n- {name: a1, type: '0200', code: '111111', moves: money}\n",
		"a1 has this type and code":                 "products:\n- {name: a1, type: '0200', code: '111111'}\n- {name: a2, type: '0200', code: '111111'}\n",
		"want money, thing":                         "products:\n- {name: a1, type: '0200', code: '111111', moves: mountains}\n",
		"want merchant, party, other or customer":   "products:\n- {name: a1, type: '0200', code: '111111', moves: money, fields: [amount], pays: me}\n",
		"2:50: product a1: is said of what moves":   "products:\n- {name: a1, type: '0200', code: '111111', pays: merchant}\n",
		"ends with the host's approval":             "products:\n- {name: a1, type: '0200', code: '111111', moves: money, confirm: true, fields: [amount], pays: other}\n",
		"is said of what pays a party":              "products:\n- {name: a1, type: '0200', code: '111111', moves: money, fields: [amount], pays: other, party: water}\n",
		"of at most 14 letters":                     "products:\n- {name: a1, type: '0200', code: '111111', moves: money, fields: [amount], pays: party, party: '102290000000001'}\n",
		"2:10: product waterAndPowerOf1: a third":   "products:\n- {name: waterAndPowerOf1, type: '0200', code: '111111', moves: money, fields: [amount], pays: party}\n",
		"no products":                               "products: []\n",
	} {
		write(text)
		if _, err := Load(f, []string{"limits", "pin"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

var update = flag.Bool("update", false, "write docs/products.md anew")

// The table of products and messages in the documents is the catalogue's.
func TestTheDocumentsShowEveryProductWithItsMessages(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Products and their messages\n\nWritten by `go test ./server/internal/product -update` out of `server/internal/product/catalogue.yaml`; a bank's own catalogue (`products:` in server.yaml) replaces it without code. The answer has the type plus ten. *Reversed* means that an outcome in doubt is taken back (0420); *confirmed*, that the channel tells afterwards what happened (0220). *Pays* (`pays:`) is whose the money is: the *merchant* of the terminal, to whom it is cleared, the third *party* with this number, to whom it is cleared, an *other* whom the message names, or the *customer*, whose account is credited.\n\n| Group | Product | | Message | Fields beside the standard ones | Steps before the host | In doubt | Afterwards | Pays |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, p := range Builtin().All() {
		doubt, after, pays := "–", "–", "–"
		if p.Pays != Unsaid {
			pays = strings.TrimSpace(string(p.Pays) + " " + p.Party)
		}
		if p.Undone() {
			doubt = "reversed"
		}
		if p.Confirm {
			after = "confirmed"
		}
		fmt.Fprintf(&b, "| %s | %s | %s · %s | %s %s | %s | %s | %s | %s | %s |\n", p.Group, p.Name, p.Title.ZH, p.Title.EN, p.Type, p.Code, strings.Join(p.Fields, ", "), strings.Join(p.Steps, ", "), doubt, after, pays)
	}
	const file = "../../../docs/products.md"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != b.String() {
		t.Errorf("docs/products.md is not the catalogue's (-update writes it anew): %v", err)
	}
}
