package main

import (
	"slices"
	"testing"

	"zhigui/server/internal/store"
)

func TestPeopleAndTerminalsOfTheCommandLineAreInTheAuditTrail(t *testing.T) {
	b := newBank(t, "data: data\n")
	for _, role := range []string{"operator", "admin"} {
		if _, err := b.do("a password\n", "user", "add", "--name", "olga", "--role", role); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.do("", "terminal", "add", "--id", "00000007", "--remote"); err != nil {
		t.Fatal(err)
	}
	st, _, err := open(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the test's end
	as, err := st.Audits(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []store.Audit{{Action: "user.add", Target: "olga", Note: "operator"}, {Action: "user.replace", Target: "olga", Note: "admin"},
		{Action: "terminal.add", Target: "00000007", Note: "1 of zone 3des, merchant 102290000000001, branch 0001"}} {
		if !slices.ContainsFunc(as, func(a store.Audit) bool {
			return a.Action == want.Action && a.Note == want.Note && a.Target == want.Target && a.User == "serverctl"
		}) {
			t.Errorf("no %+v in %+v", want, as)
		}
	}
}
