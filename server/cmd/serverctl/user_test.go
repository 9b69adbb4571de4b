package main

import (
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"zhigui/server/api/paycrypto"
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

// Of two files neither tells the TMK; together they are it.
func TestATMKIsWrittenWholeOrInTwoParts(t *testing.T) {
	b := newBank(t, "data: data\n")
	name := func(s string) string { return filepath.Join(b.dir, s) }
	read := func(s string) (f tmkFile) {
		t.Helper()
		raw, err := os.ReadFile(name(s))
		if err == nil {
			err = json.Unmarshal(raw, &f)
		}
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, out := range []string{name("a") + "," + name("a"), name("a") + "," + name("b") + "," + name("c")} {
		if _, err := b.do("", "terminal", "add", "--id", "00000001", "--tmk-out", out); err == nil {
			t.Error(out)
		}
	}
	if _, err := b.do("", "terminal", "add", "--id", "00000001", "--zone", "sm4", "--tmk-out", name("one")+","+name("two")); err != nil {
		t.Fatal(err)
	}
	one, two := read("one"), read("two")
	x, err1 := hex.DecodeString(one.Key)
	y, err2 := hex.DecodeString(two.Key)
	if err1 != nil || err2 != nil || one.Part != 1 || two.Part != 2 || one.KCV != two.KCV || len(x) != 16 || one.Terminal != "00000001" {
		t.Fatalf("%+v %+v", one, two)
	}
	subtle.XORBytes(x, x, y)
	check := func(key []byte) string {
		k, err := paycrypto.NewKey(paycrypto.SM4, key)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%X", k.CheckValue(4))
	}
	if got := check(x); got != one.KCV {
		t.Errorf("together they are of check value %s, want %s", got, one.KCV)
	}
	if check(y) == one.KCV {
		t.Error("a part is the key")
	}
	if _, err := b.do("", "terminal", "add", "--id", "00000002", "--zone", "sm4", "--tmk-out", name("three")); err != nil {
		t.Fatal(err)
	}
	if f := read("three"); f.Part != 0 || len(f.Key) != 32 {
		t.Errorf("%+v", f)
	}
}
