package mgmt_test

import (
	"strings"
	"testing"
	"time"

	acc "zhigui/server/api/access"
	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/store"
)

func steps(c *acc.Case) string {
	text := c.State + ":"
	for _, s := range c.Steps {
		text += " " + s.Name + "=" + s.State
	}
	return text
}

// A large transfer begins at one terminal, is reviewed by a remote teller and signed by two managers, and
// goes on at another terminal of the branch.
// req: TX-19
func TestACaseIsDoneByItsPeopleInItsOrder(t *testing.T) {
	r := newRig(t)
	for _, x := range []store.Terminal{{ID: "00000002", Branch: "0001"}, {ID: "00000003", Branch: "0002"}} {
		x.Merchant, x.Zone, x.Enabled, x.Created = "102290000000001", "3des", true, time.Now()
		if err := r.st.AddTerminal(t.Context(), &x); err != nil {
			t.Fatal(err)
		}
	}
	var c acc.Case
	q := acc.CaseRequest{Request: "r1", Kind: "largeTransfer", Amount: 30_000_000, PAN: "622588******0001", Private: "6225880000000005", Fields: map[string]string{"receiver": "李四"}}
	for name, bad := range map[string]func(*acc.CaseRequest){"no such kind": func(x *acc.CaseRequest) { x.Kind = "x" }, "a whole card number": func(x *acc.CaseRequest) { x.PAN = "6225880000000001" },
		"no number": func(x *acc.CaseRequest) { x.Request = "" }, "a negative amount": func(x *acc.CaseRequest) { x.Amount = -1 }, "too much told": func(x *acc.CaseRequest) { x.Fields = map[string]string{"a": strings.Repeat("x", 7000)} }} {
		x := q
		bad(&x)
		if st := r.terminal("POST", acc.PathCases, x, nil); st != 400 {
			t.Errorf("%s: %d", name, st)
		}
	}
	if st := r.terminal("POST", acc.PathCases, q, &c); st != 200 || steps(&c) != "open: identify=current review=waiting approve=waiting cosign=waiting accept=waiting" || c.Title.ZH != "大额转账" {
		t.Fatal(st, steps(&c))
	}
	var again acc.Case
	if r.terminal("POST", acc.PathCases, q, &again); again.Number != c.Number {
		t.Error("a repeat opened another case")
	}
	other := q
	other.Amount++
	if st := r.terminal("POST", acc.PathCases, other, nil); st != 409 {
		t.Error("a number was used for another case:", st)
	}
	path := acc.PathCases + "/" + c.Number
	if st := r.at("00000002", "GET", path, nil, nil); st != 404 {
		t.Error("another terminal reads it:", st)
	}
	if st := r.terminal("POST", path+"/steps/identify", acc.StepFields{Fields: map[string]string{"name": "张三"}}, nil); st != 400 {
		t.Error("a step without what it wants:", st)
	}
	told := acc.StepFields{Fields: map[string]string{"name": "张三", "document": "110101199001011234"}}
	if st := r.terminal("POST", path+"/steps/identify", told, &c); st != 200 || !strings.Contains(steps(&c), "review=current") {
		t.Fatal(st, steps(&c))
	}
	if st := r.terminal("POST", path+"/steps/identify", told, &c); st != 200 { // the answer was lost
		t.Error("a repeat of a step:", st)
	}

	tess, theo, anna, ben, olga := r.as("tess"), r.as("theo"), r.as("anna"), r.as("ben"), r.as("olga")
	var one api.Case
	if st, _ := theo.do("GET", "/cases/"+c.Number, nil, nil); st != 404 {
		t.Error("a teller of another branch sees it:", st)
	}
	if st, _ := olga.do("GET", "/cases/"+c.Number, nil, &one); st != 200 || one.Data != nil || one.Steps[0].Data != nil || one.Approval != nil {
		t.Error("an operator sees what the customer told:", st, one)
	}
	if st, _ := anna.do("GET", "/cases/"+c.Number, nil, &one); st != 200 || one.Approval != nil {
		t.Error("a manager is asked before the turn:", st, one.Approval)
	}
	if st, _ := tess.do("GET", "/cases/"+c.Number, nil, &one); st != 200 || one.Data["private"] != q.Private || one.Data["receiver"] != "李四" || one.Steps[0].Data["name"] != "张三" || one.Approval == nil {
		t.Fatal(st, one)
	}
	if n := audits(t, r, "case.view"); n != 2 {
		t.Error("views kept:", n)
	}
	yes := api.Approve{Password: "password12", SeenInPerson: true}
	for name, u := range map[string]*client{"a manager": anna, "an operator": olga, "a teller elsewhere": theo} {
		if st, _ := u.do("POST", "/approvals/"+one.Approval.ID+"/approve", yes, nil); st == 200 {
			t.Errorf("%s takes a teller's step", name)
		}
	}
	heard := make(chan acc.Case, 1)
	go func() {
		var c acc.Case
		r.terminal("GET", path+"?wait=20s", nil, &c)
		heard <- c
	}()
	if st, code := tess.do("POST", "/approvals/"+one.Approval.ID+"/approve", api.Approve{Password: "password12"}, nil); st != 200 {
		t.Fatal(st, code)
	}
	if c = <-heard; !strings.Contains(steps(&c), "review=done approve=current") && !strings.Contains(steps(&c), "review=current") { // it may have asked before
		t.Error(steps(&c))
	}
	sign := func(u *client, want int) {
		t.Helper()
		var as []api.Approval
		if u.do("GET", "/approvals?pending=true", nil, &as); len(as) != 1 || as[0].Case != c.Number || as[0].Title == nil {
			t.Fatalf("%+v", as)
		}
		if st, _ := u.do("POST", "/approvals/"+as[0].ID+"/approve", yes, nil); st != want {
			t.Fatal(st)
		}
	}
	sign(anna, 200) // approve
	if st := r.at("00000003", "POST", path+"/move", nil, nil); st != 404 {
		t.Error("it goes on in another branch:", st)
	}
	if st := r.at("00000002", "POST", path+"/move", nil, &c); st != 200 {
		t.Fatal(st)
	}
	var left acc.Case
	if st := r.terminal("GET", path+"?wait=20s", nil, &left); st != 200 || left.State != acc.CaseMoved {
		t.Error("the first terminal is not told at once that it goes on elsewhere:", st, left.State)
	}
	if st := r.terminal("POST", path+"/withdraw", nil, nil); st != 404 {
		t.Error("the first terminal may still end it:", st)
	}
	if st, _ := olga.do("GET", "/cases/"+c.Number, nil, &one); st != 200 || one.Terminal != "00000002" || len(one.Left) != 1 || one.Left[0] != "00000001" {
		t.Error("where it was before:", st, one.Terminal, one.Left)
	}
	sign(anna, 200) // one of two
	sign(anna, 409)
	sign(ben, 200)
	if st := r.at("00000002", "POST", path+"/steps/accept", acc.StepFields{Fields: map[string]string{"signature": "sm3 of what was signed"}}, &c); st != 200 || c.State != "ready" {
		t.Fatal(st, steps(&c))
	}
	var all []api.Case
	if olga.do("GET", "/cases?state=ready", nil, &all); len(all) != 1 || all[0].Number != c.Number {
		t.Error(all)
	}
	if st := r.at("00000002", "POST", path+"/withdraw", nil, &c); st != 200 || c.State != "withdrawn" {
		t.Error(st, c.State)
	}
}

func TestARefusedCaseTellsTheTerminalWhy(t *testing.T) {
	r := newRig(t)
	var c acc.Case
	r.terminal("POST", acc.PathCases, acc.CaseRequest{Request: "r1", Kind: "largeTransfer", Amount: 6_000_000, PAN: "622588******0001"}, &c)
	path := acc.PathCases + "/" + c.Number
	r.terminal("POST", path+"/steps/identify", acc.StepFields{Fields: map[string]string{"name": "张三", "document": "1"}}, &c)
	tess := r.as("tess")
	var as []api.Approval
	tess.do("GET", "/approvals?pending=true", nil, &as)
	if st, _ := tess.do("POST", "/approvals/"+as[0].ID+"/reject", api.Reject{Code: "ReasonOther"}, nil); st != 200 {
		t.Fatal(st)
	}
	if st := r.terminal("GET", path+"?wait=20s", nil, &c); st != 200 || c.State != "refused" || c.Steps[1].State != "refused" || c.Steps[1].Reason == nil {
		t.Fatal(st, steps(&c))
	}
	if st := r.terminal("POST", path+"/steps/accept", acc.StepFields{Fields: map[string]string{"signature": "x"}}, nil); st != 409 {
		t.Error("it goes on:", st)
	}
}

// audits counts what was kept of an action.
func audits(t *testing.T, r *rig, action string) (n int) {
	t.Helper()
	all, err := r.st.Audits(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.Action == action {
			n++
		}
	}
	return n
}
