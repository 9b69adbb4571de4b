package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhigui/server/internal/config"
)

func TestASecondServerIsRefusedByFolderAndBySQLiteFile(t *testing.T) {
	dir := t.TempDir()
	one, two := config.Default(), config.Default()
	one.Data, two.Data = t.TempDir(), t.TempDir()
	one.Store.DSN, two.Store.DSN = filepath.Join(dir, "db"), "sqlite:"+filepath.Join(dir, "db")
	unlock, err := alone(&one, "trade")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := alone(&one, "trade"); err == nil || !strings.Contains(err.Error(), "runs in the data folder "+one.Data) {
		t.Error(err)
	}
	if _, err := alone(&two, "trade"); err == nil || !strings.Contains(err.Error(), "SQLite is one server's") || !strings.Contains(err.Error(), filepath.Join(dir, "db")) {
		t.Error(err)
	}
	other, err := alone(&two, "access")
	if err != nil {
		t.Error("another role is refused:", err)
	} else {
		other()
	}
	unlock()
	if unlock, err = alone(&two, "trade"); err != nil {
		t.Error("refused after the first has ended:", err)
	} else {
		unlock()
	}
	two.Store.DSN = "postgres://zhigui@db/zhigui" // a network engine takes several, each with a folder of its own
	if unlock, err = alone(&one, "trade"); err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if unlock, err = alone(&two, "trade"); err != nil {
		t.Error(err)
	} else {
		unlock()
	}
}

// A store is opened under this name, whose lease is no reason to leave the schema as it is.
func TestOnlyTheRoleTradeHasTheNameOfItsFolder(t *testing.T) {
	c := config.Default()
	c.Data = t.TempDir()
	name, err := nameOf(&c, map[string]bool{"access": true, "manage": true})
	if _, e := os.Stat(filepath.Join(c.Data, "server.name")); name != "" || err != nil || e == nil {
		t.Errorf("%q %v %v", name, err, e)
	}
	name, err = nameOf(&c, map[string]bool{"trade": true, "manage": true})
	if err != nil || name == "" {
		t.Fatalf("%q %v", name, err)
	}
	if again, err := nameOf(&c, map[string]bool{"trade": true}); again != name || err != nil {
		t.Errorf("%q %v, want %q", again, err, name)
	}
	if beside, err := nameOf(&c, map[string]bool{"manage": true}); beside != "" || err != nil {
		t.Errorf("%q %v: a server with the role trade may be alive under it", beside, err)
	}
}

func TestAServerThatIsRefusedLeavesTheLogOfTheOneThatRuns(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "server.yaml")
	if err := os.WriteFile(file, []byte("data: data\nlogs: {folder: logs}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	unlock, err := alone(c, "manage")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	_, say, end, err := openLog(c, "manage", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	say("before")
	if err := run(file, "manage", false); err == nil {
		t.Fatal("a second one runs in the same folder")
	}
	say("after")
	names, _ := filepath.Glob(filepath.Join(c.Logs.Folder, "server-*.log"))
	if len(names) != 1 {
		t.Fatal(names)
	}
	if text, err := os.ReadFile(names[0]); err != nil || !strings.Contains(string(text), "before") || !strings.Contains(string(text), "after") {
		t.Errorf("%s %v", text, err)
	}
}

// A container has another host name at each start: its alarms are known by its folder's name.
func TestAServerIsKnownByItsFolderAndItsRoles(t *testing.T) {
	t.Parallel()
	roles, alone := map[string]bool{"trade": true, "access": true}, map[string]bool{"access": true}
	one, two := config.Default(), config.Default()
	one.Data, two.Data = t.TempDir(), t.TempDir()
	if a, b := ownName(&one, "till", roles), ownName(&two, "till", roles); a != b || a != "till access,trade" {
		t.Errorf("%q and %q", a, b)
	}
	names := map[string]bool{ownName(&one, "till", roles): true, ownName(&one, "", alone): true, ownName(&two, "", alone): true, ownName(&one, "other", roles): true}
	if len(names) != 4 {
		t.Errorf("%v", names)
	}
}
