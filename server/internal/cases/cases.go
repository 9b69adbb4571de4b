// Package cases is the catalogue of business that is done in steps (业务分步): which steps a case takes,
// who takes them, and which transactions need one. It decides nothing itself: store keeps the cases,
// access and mgmt let people take their steps, trade takes a finished case together with its
// transaction. A bank's own file replaces the built-in catalogue without code.
//
// Requirement: TX-19 (VTM and STM: stepwise business, joint sign-off).
package cases

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"

	"zhigui/server/api/datafile"
	"zhigui/server/internal/product"
	"zhigui/server/internal/store"
)

// Who takes a step.
const (
	Terminal = "terminal"
	Teller   = "teller"
	Manager  = "manager"
)

// Kind is one kind of case.
type Kind struct {
	Name     string        `yaml:"name"`
	Title    product.Text  `yaml:"title"`
	Products []string      `yaml:"products"`
	Channels []string      `yaml:"channels"` // none: those of terminals, which have keys of their own
	Over     int64         `yaml:"over"`     // minor units; 0: always
	Expires  time.Duration `yaml:"expires"`
	Anywhere bool          `yaml:"anywhere"`
	Steps    []Step        `yaml:"steps"`
}

// Step is one step of a case.
type Step struct {
	Name    string       `yaml:"name"`
	Title   product.Text `yaml:"title"`
	By      string       `yaml:"by"`
	Signers int          `yaml:"signers"` // 0 = 1
	Over    int64        `yaml:"over"`    // minor units; left out up to that amount
	Fields  []string     `yaml:"fields"`
}

// Plan is what a case of this kind and amount has to go through.
func (k *Kind) Plan(amount int64) []store.CaseStep {
	var out []store.CaseStep
	for _, s := range k.Steps {
		if s.Over == 0 || amount > s.Over {
			out = append(out, store.CaseStep{Name: s.Name, By: s.By, Signers: max(1, s.Signers), Fields: s.Fields})
		}
	}
	return out
}

// Step finds a step by name, nil when there is none.
func (k *Kind) Step(name string) *Step {
	for i := range k.Steps {
		if k.Steps[i].Name == name {
			return &k.Steps[i]
		}
	}
	return nil
}

// Catalogue is a validated list of kinds. It is immutable and safe for concurrent use; a nil one is empty.
type Catalogue struct{ list []*Kind }

// Vault seals what terminals tell about customers; hsm.HSM is one.
type Vault interface {
	Seal(dst, plain, aad []byte) []byte
	Open(dst, sealed, aad []byte) ([]byte, error)
}

// Data is the additional data under which a step's fields are sealed; the opening has step "".
func Data(number int64, step string) []byte { return fmt.Appendf(nil, "case|%d|%s", number, step) }

// Bound is the digest of what a transaction carries in F62, as it stands there (GB18030): the account
// that gets a transfer. A case is bound to it when it is opened.
func Bound(private []byte) string {
	d := sha256.Sum256(private)
	return hex.EncodeToString(d[:])
}

//go:embed cases.yaml
var builtin []byte

// Builtin is the catalogue that comes with the platform.
func Builtin() *Catalogue {
	c, err := parse("cases.yaml", builtin, product.Builtin())
	if err != nil {
		panic(err) // a test loads it
	}
	return c
}

// Load reads a bank's catalogue, which replaces the platform's. Errors tell file, line and column.
func Load(path string, products *product.Catalogue) (*Catalogue, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cases: %w", err)
	}
	return parse(path, data, products)
}

// All lists the kinds in the order of the file.
func (c *Catalogue) All() []*Kind {
	if c == nil {
		return nil
	}
	return c.list
}

// Named returns a kind by its name, nil when there is none.
func (c *Catalogue) Named(name string) *Kind {
	for _, k := range c.All() {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// For is the kind of case that a transaction needs, nil when it needs none. own: the channel's terminals
// have keys of their own, they are the bank's counters and not a partner.
func (c *Catalogue) For(product, channel string, own bool, amount int64) *Kind {
	for _, k := range c.All() {
		if (k.Over == 0 || amount > k.Over) && slices.Contains(k.Products, product) && (len(k.Channels) == 0 && own || slices.Contains(k.Channels, channel)) {
			return k
		}
	}
	return nil
}

var name = regexp.MustCompile(`^[a-z][A-Za-z0-9]{1,31}$`)

func parse(path string, data []byte, products *product.Catalogue) (*Catalogue, error) {
	var f struct {
		Cases []*Kind `yaml:"cases"`
	}
	if err := datafile.Decode(path, data, &f); err != nil {
		return nil, err
	}
	c := &Catalogue{}
	for i, k := range f.Cases {
		key, reason := c.wrong(k, products)
		if reason == "" {
			c.list = append(c.list, k)
			continue
		}
		return nil, datafile.Wrong(path, data, fmt.Sprintf("cases[%d].%s", i, key), "case %s: %s", k.Name, reason)
	}
	return c, nil
}

// wrong tells what is wrong with k, and where.
func (c *Catalogue) wrong(k *Kind, products *product.Catalogue) (key, reason string) {
	switch {
	case !name.MatchString(k.Name):
		return "name", "want a short name of letters and digits"
	case c.Named(k.Name) != nil:
		return "name", "there is one with this name"
	case k.Expires < time.Minute || k.Expires > 30*24*time.Hour:
		return "expires", "want a minute to thirty days"
	case k.Over < 0:
		return "over", "want an amount in minor units"
	case len(k.Steps) == 0:
		return "steps", "a case has steps"
	}
	for i, n := range k.Products {
		at := fmt.Sprintf("products[%d]", i)
		p := products.Named(n)
		if p == nil {
			return at, fmt.Sprintf("there is no product %q", n)
		}
		if k.Over > 0 && !p.Amount() {
			return "over", n + " has no amount"
		}
		for _, other := range c.list {
			if slices.Contains(other.Products, n) {
				return at, n + " needs a case " + other.Name + " already"
			}
		}
	}
	seen := map[string]bool{}
	always := false
	for i := range k.Steps {
		s, at := &k.Steps[i], fmt.Sprintf("steps[%d].", i)
		switch {
		case !name.MatchString(s.Name) || seen[s.Name]:
			return at + "name", "want a short name of its own, letters and digits"
		case s.By != Terminal && s.By != Teller && s.By != Manager:
			return at + "by", "want terminal, teller or manager"
		case s.Signers < 0 || s.Signers > 1 && s.By == Terminal || s.Signers > 5:
			return at + "signers", "want 1 to 5 people, tellers or managers"
		case s.Over < 0:
			return at + "over", "want an amount in minor units"
		case len(s.Fields) > 0 && s.By != Terminal:
			return at + "fields", "only a terminal tells fields"
		}
		if len(s.Fields) > 12 {
			return at + "fields", "want 12 at most"
		}
		for j, f := range s.Fields {
			if !name.MatchString(f) {
				return fmt.Sprintf("%sfields[%d]", at, j), "want a short name of letters and digits"
			}
		}
		seen[s.Name] = true
		always = always || s.Over == 0
	}
	if !always {
		return "steps", "one step at least is taken whatever the amount"
	}
	return "", ""
}
