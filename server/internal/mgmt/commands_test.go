package mgmt_test

import (
	"encoding/json"
	"testing"
	"time"

	acc "zhigui/server/api/access"
	"zhigui/server/internal/store"
)

type command struct{ ID, State, By, Second, Result string }

// beat reports results as the terminal does and answers the commands that came with it.
func (r *rig) beat(results ...acc.CommandResult) []acc.Command {
	r.t.Helper()
	var a acc.BeatAnswer
	if st := r.terminal("POST", acc.PathBeat, acc.Beat{Boot: "b", At: time.Now(), Results: results}, &a); st != 200 {
		r.t.Fatal("beat:", st)
	}
	return a.Commands
}

func TestACommandAboutMoneyTakesTwoPersonsAndIsRepeatedUntilItsResult(t *testing.T) {
	r := newRig(t)
	olga, otto := r.as("olga"), r.as("otto")
	const path = "/terminals/00000001/commands"
	var c command
	body := map[string]any{"kind": "resolve", "note": "counted", "args": map[string]any{"txn": "000001/000012", "paid": 20000}}
	if st, code := olga.do("POST", path, body, &c); st != 200 || c.State != "proposed" {
		t.Fatalf("%d %s %+v", st, code, c)
	}
	if got := r.beat(); len(got) > 0 {
		t.Fatal("one person's word is handed out", got)
	}
	if _, code := olga.do("POST", path+"/"+c.ID+"/agree", nil, nil); code != "SecondPersonNeeded" {
		t.Fatal(code)
	}
	if _, code := r.as("anna").do("POST", path+"/"+c.ID+"/agree", nil, nil); code != "Forbidden" {
		t.Error("a lobby manager agrees", code)
	}
	if st, code := otto.do("POST", path+"/"+c.ID+"/agree", nil, &c); st != 200 || c.State != "ready" || c.Second != "otto" {
		t.Fatalf("%d %s %+v", st, code, c)
	}
	for range 2 {
		got := r.beat()
		var args struct {
			Txn, By string
			Paid    int64
		}
		if len(got) != 1 || got[0].ID != c.ID || got[0].Kind != "resolve" || json.Unmarshal(got[0].Args, &args) != nil || args.By != "olga, otto" || args.Paid != 20000 || args.Txn != "000001/000012" {
			t.Fatalf("%+v %+v", got, args)
		}
	}
	if _, code := olga.do("POST", path+"/"+c.ID+"/withdraw", nil, nil); code != "Conflict" {
		t.Error("what the terminal may have done is withdrawn", code)
	}
	if got := r.beat(acc.CommandResult{ID: c.ID, Done: true}, acc.CommandResult{ID: "nobody's"}); len(got) > 0 {
		t.Error("it is repeated after its result", got)
	}
	r.beat(acc.CommandResult{ID: c.ID, Note: "again, otherwise"}) // the first word counts
	var list []command
	if olga.do("GET", path, nil, &list); len(list) != 1 || list[0].State != "done" || list[0].Result != "" {
		t.Errorf("%+v", list)
	}
	audits, err := r.st.Audits(t.Context(), 3)
	if err != nil || len(audits) != 3 || audits[0].Action != "command.done" || audits[1].Action != "command.agree" || audits[2].Action != "command.resolve" {
		t.Errorf("%+v %v", audits, err)
	}
}

func TestWhoMayGiveWhichCommand(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		who, kind string
		args      any
		status    int
		state     string
	}{
		{"olga", "suspend", nil, 200, "ready"}, {"olga", "resume", nil, 200, "ready"}, {"root", "previousBundle", nil, 200, "ready"},
		{"olga", "previousBundle", nil, 403, ""}, {"anna", "suspend", nil, 403, ""},
		{"olga", "boxEmptied", nil, 200, "proposed"}, {"root", "setCounts", map[string]any{"units": map[string]any{"unit1": map[string]any{"currency": "CNY", "value": 10000, "count": 480}}}, 200, "proposed"},
		{"olga", "setCounts", nil, 400, ""}, {"olga", "suspend", map[string]any{"paid": 1}, 400, ""}, {"olga", "resolve", map[string]any{"txn": "000001/000012"}, 400, ""},
		{"olga", "dance", nil, 422, ""},
	} {
		body := map[string]any{"kind": c.kind, "note": "test"}
		if c.args != nil {
			body["args"] = c.args
		}
		var got command
		if st, code := r.as(c.who).do("POST", "/terminals/00000001/commands", body, &got); st != c.status || got.State != c.state {
			t.Errorf("%s gives %s %v: %d %s %+v", c.who, c.kind, c.args, st, code, got)
		}
	}
	if st, _ := r.as("olga").do("POST", "/terminals/00000009/commands", map[string]any{"kind": "suspend", "note": "x"}, nil); st != 404 {
		t.Error("a command for a terminal that is not there", st)
	}
	if st, _ := r.as("carl").do("GET", "/terminals/00000001/commands", nil, nil); st != 404 {
		t.Error("a manager of another branch reads them", st)
	}
}

func TestACommandThatWasMeantForNowIsNotDoneLater(t *testing.T) {
	r := newRig(t)
	old := time.Now().Add(-2 * time.Hour)
	for id, state := range map[string]string{"late": store.CommandReady, "alone": store.CommandProposed} {
		if err := r.st.AddCommand(t.Context(), &store.Command{ID: id, Terminal: "00000001", Kind: "suspend", Args: "{}", State: state, By: "olga", Created: old, Expires: old.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.beat(); len(got) > 0 {
		t.Errorf("%+v", got)
	}
	if _, code := r.as("otto").do("POST", "/terminals/00000001/commands/alone/agree", nil, nil); code != "Conflict" {
		t.Error(code)
	}
	var list []command
	r.as("olga").do("GET", "/terminals/00000001/commands", nil, &list)
	for _, c := range list {
		if c.State != "expired" {
			t.Errorf("%+v", c)
		}
	}
	var c command
	olga := r.as("olga")
	olga.do("POST", "/terminals/00000001/commands", map[string]any{"kind": "suspend", "note": "x"}, &c)
	if st, _ := olga.do("POST", "/terminals/00000001/commands/"+c.ID+"/withdraw", nil, &c); st != 200 || c.State != "withdrawn" {
		t.Errorf("%+v", c)
	}
	if got := r.beat(); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}
