package mgmt_test

import (
	"strings"
	"testing"

	acc "zhigui/server/api/access"
	api "zhigui/server/api/mgmt"
)

// One administrator is one person: who is added needs a second one's word, and a password that the first does not know.
func TestAPersonIsAddedByTwoAndChoosesThePassword(t *testing.T) {
	r := newRig(t)
	root, olga := r.as("root"), r.as("olga")
	signIn := func(name, password, to string) (int, string) {
		t.Helper()
		return r.as("").do("POST", "/session", api.SignIn{Name: name, Password: password, New: to}, nil)
	}
	want := func(what string, status int, code string) func(int, string) {
		return func(st int, c string) {
			t.Helper()
			if st != status || c != code {
				t.Errorf("%s: %d %s, want %d %s", what, st, c, status, code)
			}
		}
	}
	state := func(name string) string {
		t.Helper()
		var all []api.User
		if st, code := root.do("GET", "/users", nil, &all); st != 200 {
			t.Fatal(st, code)
		}
		for _, u := range all {
			if u.Name == name {
				return u.State + u.By
			}
		}
		return ""
	}
	for _, name := range []string{"ruth", "eve"} {
		want("added", 200, "OK")(root.do("POST", "/users", api.NewUser{Name: name, Role: "admin", Password: "first password"}, nil))
	}
	if got := state("ruth"); got != "waitingroot" {
		t.Error(got)
	}
	want("one who waits does not sign in", 401, "WrongPassword")(signIn("ruth", "first password", ""))
	want("nor with a password of her own", 401, "WrongPassword")(signIn("ruth", "first password", "my own password"))
	seen := api.AgreeUser{Role: "admin"}
	want("not by who added her", 409, "Conflict")(root.do("POST", "/users/ruth/agree", seen, nil))
	want("not by an operator", 403, "Forbidden")(olga.do("POST", "/users/ruth/agree", seen, nil))
	want("nobody", 404, "NotFound")(root.do("POST", "/users/nobody/agree", seen, nil))

	rita := r.as("rita")
	for _, other := range []api.AgreeUser{{Role: "teller", Branch: "*"}, {Role: "admin", Branch: "0001"}} {
		want("another than was seen", 409, "Conflict")(rita.do("POST", "/users/ruth/agree", other, nil))
	}
	var second api.AgreedUser
	want("agreed", 200, "OK")(rita.do("POST", "/users/ruth/agree", seen, &second))
	if len(second.Code) != 10 {
		t.Fatalf("%d characters", len(second.Code))
	}
	want("once", 409, "Conflict")(rita.do("POST", "/users/ruth/agree", seen, nil))
	if got := state("ruth"); got != "first" {
		t.Error(got)
	}
	want("in use, so she stays", 409, "Conflict")(rita.do("DELETE", "/users/ruth", nil, nil))
	want("eve was a mistake", 200, "OK")(root.do("DELETE", "/users/eve", nil, nil))
	if got := state("eve"); got != "" {
		t.Error(got)
	}

	first := "first password" + second.Code
	want("who added her has one half", 401, "WrongPassword")(signIn("ruth", "first password", "a password of root's"))
	want("in small letters", 403, "FirstPassword")(signIn("ruth", "first password"+strings.ToLower(second.Code), ""))
	want("who agreed has the other", 401, "WrongPassword")(signIn("ruth", second.Code, "a password of rita's"))
	want("another code", 401, "WrongPassword")(signIn("ruth", "first password"+"2"+second.Code[1:9]+"I", "a password of root's"))
	want("the first password opens nothing", 403, "FirstPassword")(signIn("ruth", first, ""))
	var who acc.Operator
	if st := r.terminal("POST", acc.PathOperators, acc.OperatorSignIn{Name: "ruth", Password: first}, &who); st != 403 {
		t.Errorf("at a counter: %d", st)
	}
	want("the same once more", 400, "WeakPassword")(signIn("ruth", first, first))
	want("a wrong one", 401, "WrongPassword")(signIn("ruth", "not her password", "my own password"))
	want("a short one", 422, "BadRequest")(signIn("ruth", first, "short"))
	want("her own", 200, "OK")(signIn("ruth", first, "my own password"))
	want("the first is gone", 401, "WrongPassword")(signIn("ruth", first, ""))
	want("she signs in", 200, "OK")(signIn("ruth", "my own password", ""))
	if got := state("ruth"); got != "on" {
		t.Error(got)
	}
	// Anybody may change the own password, and other sessions end with it.
	want("olga changes hers", 200, "OK")(signIn("olga", "password12", "another one of mine"))
	want("her session of before", 401, "NotSignedIn")(olga.do("GET", "/terminals", nil, nil))
}
