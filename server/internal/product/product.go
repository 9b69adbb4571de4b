// Package product is the catalogue of transactions: a data file says what a channel may ask for and
// which steps are taken, so that a product is added or changed without code. trade runs them,
// server/cmd loads a bank's own catalogue, mgmt shows it.
//
// Requirements: TX-34 (a transaction's steps are configuration), BZ-15 (products are packaged from
// modules and flows).
package product

import (
	_ "embed"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"zhigui/server/api/datafile"
	"zhigui/server/api/message"
)

// Moves is what a product moves.
type Moves string

// What a product moves. Money and things are taken back when their outcome is unknown.
const (
	Nothing Moves = ""
	Money   Moves = "money"
	Thing   Moves = "thing"
)

// Pays is whom a product's money is for.
type Pays string

// Whom a product's money is for. What says merchant is cleared to the merchant of the terminal, what says party to the
// product's third party; a customer's is a credit of the card's account.
const (
	Unsaid   Pays = ""
	Merchant Pays = "merchant"
	Party    Pays = "party"
	Other    Pays = "other"
	Customer Pays = "customer"
)

// Product is one kind of transaction.
type Product struct {
	Name     string   `yaml:"name"`
	Title    Text     `yaml:"title"`
	Type     string   `yaml:"type"`
	Code     string   `yaml:"code"`
	Moves    Moves    `yaml:"moves"`
	Confirm  bool     `yaml:"confirm"`
	Credit   bool     `yaml:"credit"`
	Pays     Pays     `yaml:"pays"`
	Party    string   `yaml:"party"` // third party of Pays Party; none: the product's name
	Fields   []string `yaml:"fields"`
	Steps    []string `yaml:"steps"`
	MCC      string   `yaml:"mcc"`
	Group    string   `yaml:"group"`    // of the business catalogue
	Channels []string `yaml:"channels"` // that may ask for it; none: all

	needs []message.Canon
}

// Text is for people, in both languages.
type Text struct {
	ZH string `yaml:"zh" json:"zh"`
	EN string `yaml:"en" json:"en"`
}

// Undone reports whether an outcome in doubt has to be reversed.
func (p *Product) Undone() bool { return p.Moves != Nothing }

// Ends reports whether the host's approval is the end: nothing is confirmed afterwards.
func (p *Product) Ends() bool { return !p.Confirm }

// Needs are the fields that the request must have.
func (p *Product) Needs() []message.Canon { return p.needs }

// Amount reports whether the request carries an amount.
func (p *Product) Amount() bool { return slices.Contains(p.needs, message.Amount) }

// For reports whether a channel may ask for it.
func (p *Product) For(channel string) bool {
	return len(p.Channels) == 0 || slices.Contains(p.Channels, channel)
}

// Catalogue is a validated list of products. It is immutable and safe for concurrent use.
type Catalogue struct {
	list  []*Product
	asked map[[10]byte]*Product
	named map[string]*Product
}

//go:embed catalogue.yaml
var builtin []byte

// Builtin is the catalogue that comes with the platform.
func Builtin() *Catalogue {
	c, err := parse("catalogue.yaml", builtin, nil)
	if err != nil {
		panic(err) // a test loads it
	}
	return c
}

// Load reads a bank's catalogue, which replaces the platform's. known are the names of the steps.
func Load(path string, known []string) (*Catalogue, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("products: %w", err)
	}
	return parse(path, data, known)
}

// IsParty tells a third party's number in the register of merchants from a merchant's, which has the 15 characters of
// field 42.
func IsParty(number string) bool { return len(number) < 15 && name.MatchString(number) }

var name = regexp.MustCompile(`^[a-z][A-Za-z0-9]{1,31}$`)

func parse(path string, data []byte, known []string) (*Catalogue, error) {
	var f struct {
		Products []*Product `yaml:"products"`
	}
	if err := datafile.Decode(path, data, &f); err != nil {
		return nil, err
	}
	c := &Catalogue{list: f.Products, asked: map[[10]byte]*Product{}, named: map[string]*Product{}}
	for i, p := range c.list {
		if key, reason := c.add(p, known); reason != "" {
			return nil, datafile.Wrong(path, data, strings.TrimSuffix(fmt.Sprintf("products[%d].%s", i, key), "."), "product %s: %s", p.Name, reason)
		}
	}
	if len(c.list) == 0 {
		return nil, fmt.Errorf("%s:1:1: no products", path)
	}
	return c, nil
}

func (c *Catalogue) add(p *Product, known []string) (key, reason string) {
	digits := func(s string, n int) bool { return len(s) == n && strings.Trim(s, "0123456789") == "" }
	switch {
	case !name.MatchString(p.Name):
		return "name", "want a short name of letters and digits"
	case c.named[p.Name] != nil:
		return "name", "there is one with this name"
	case p.Type != "0100" && p.Type != "0200":
		return "type", "want 0100 or 0200"
	case !digits(p.Code, 6):
		return "code", "want six digits"
	case c.asked[key10(p.Type, p.Code)] != nil:
		return "code", c.asked[key10(p.Type, p.Code)].Name + " has this type and code"
	case p.Moves != Nothing && p.Moves != Money && p.Moves != Thing:
		return "moves", "want money, thing or nothing at all"
	case p.Credit && (!p.Confirm || p.Moves != Nothing):
		return "credit", "a credit is confirmed, and its opening moves nothing"
	case p.Pays != Unsaid && p.Pays != Merchant && p.Pays != Party && p.Pays != Other && p.Pays != Customer:
		return "pays", "want merchant, party, other or customer"
	case p.Pays != Unsaid && (p.Moves != Money || p.Confirm):
		return "pays", "is said of what moves money and ends with the host's approval"
	case p.MCC != "" && !digits(p.MCC, 4):
		return "mcc", "want four digits"
	case p.Party != "" && p.Pays != Party:
		return "party", "is said of what pays a party"
	}
	if p.Pays == Party {
		key := "party"
		if p.Party == "" {
			key, p.Party = "name", p.Name
		}
		if !IsParty(p.Party) {
			return key, "a third party's number is a short name of at most 14 letters and digits (party)"
		}
	}
	for i, f := range p.Fields {
		n := message.CanonByName(f)
		if n == message.CanonNone {
			return fmt.Sprintf("fields[%d]", i), fmt.Sprintf("%q is no canonical field", f)
		}
		p.needs = append(p.needs, n)
	}
	if p.Moves == Money && !p.Amount() {
		return "fields", "what moves money needs the field amount"
	}
	for i, s := range p.Steps {
		if known != nil && !slices.Contains(known, s) {
			return fmt.Sprintf("steps[%d]", i), fmt.Sprintf("%q is no step; steps are %s", s, strings.Join(known, ", "))
		}
	}
	c.asked[key10(p.Type, p.Code)], c.named[p.Name] = p, p
	return "", ""
}

func key10(typ, code string) (k [10]byte) {
	copy(k[:4], typ)
	copy(k[4:], code)
	return k
}

// Find returns the product that a message type and a processing code ask for, nil when there is none.
func (c *Catalogue) Find(typ string, code []byte) *Product {
	if len(code) != 6 {
		return nil
	}
	var k [10]byte
	copy(k[:4], typ)
	copy(k[4:], code)
	return c.asked[k]
}

// Named returns a product by its name, nil when there is none.
func (c *Catalogue) Named(name string) *Product { return c.named[name] }

// Unsaid are the names of the products that move money, end with the host's approval and do not say whom they
// pay: their payments are cleared to nobody.
func (c *Catalogue) Unsaid() (names []string) {
	for _, p := range c.list {
		if p.Moves == Money && p.Ends() && p.Pays == Unsaid {
			names = append(names, p.Name)
		}
	}
	return names
}

// All lists the products in the order of the file.
func (c *Catalogue) All() []*Product { return c.list }
