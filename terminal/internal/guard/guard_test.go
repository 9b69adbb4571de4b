package guard

import (
	"errors"
	"testing"
)

func good() Facts {
	var f Facts
	f.Txn.Type, f.Txn.Host, f.Txn.Amount = "withdrawal", "approved", 30000
	f.Request.Amount, f.Request.Notes = 30000, 3
	f.Device.State, f.Device.Exit, f.Device.Transport, f.Device.Stacker = "online", "empty", "empty", ""
	f.Session.Same, f.Session.CardGone = true, true
	f.Book.CountsKnown, f.Book.Enough = true, true
	f.Limit.PadOver, f.Limit.MaxNotes = 500000, 40
	return f
}

// req: T-09, UX-03
func TestEachBuiltInRuleRefusesItsOwnViolation(t *testing.T) {
	g, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Check(good()); err != nil {
		t.Fatalf("a proper withdrawal is refused: %v", err)
	}
	for _, c := range []struct {
		rule  string
		spoil func(*Facts)
	}{
		{"same-session", func(f *Facts) { f.Session.Same = false }},
		{"host-approved", func(f *Facts) { f.Txn.Host = "unknown" }},
		{"host-approved", func(f *Facts) { f.Txn.Host = "declined" }},
		{"withdrawal", func(f *Facts) { f.Txn.Type = "balance" }},
		{"amount-equal", func(f *Facts) { f.Request.Amount = 40000 }},
		{"once", func(f *Facts) { f.Txn.Cash = "taken" }},
		{"once", func(f *Facts) { f.Txn.Cash = "notDispensed" }},
		{"not-settled", func(f *Facts) { f.Txn.Settled = true }},
		{"card-first", func(f *Facts) { f.Session.CardGone = false }},
		{"pad-approved", func(f *Facts) { f.Limit.PadOver = 20000 }},
		{"nothing-left", func(f *Facts) { f.Device.Exit = "notEmpty" }},
		{"nothing-left", func(f *Facts) { f.Device.Transport = "unknown" }},
		{"device-ready", func(f *Facts) { f.Device.State = "hardwareError" }},
		{"counts-known", func(f *Facts) { f.Book.CountsKnown = false }},
		{"enough", func(f *Facts) { f.Book.Enough = false }},
		{"limits", func(f *Facts) { f.Limit.MaxNotes = 2 }},
	} {
		t.Run(c.rule, func(t *testing.T) {
			f := good()
			c.spoil(&f)
			var r *Refusal
			if err := g.Check(f); !errors.As(err, &r) || r.Rule.Name != c.rule {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestConfigurationAddsRulesAndErrorsNameThem(t *testing.T) {
	g, err := New(Rule{"night", "request.amount <= 10000", "at night"})
	if err != nil {
		t.Fatal(err)
	}
	var r *Refusal
	if err := g.Check(good()); !errors.As(err, &r) || r.Rule.Name != "night" {
		t.Errorf("got %v", err)
	}
	if _, err := New(Rule{"typo", "request.amuont > 0", ""}); err == nil {
		t.Error("a rule over an unknown fact compiles")
	}
}
