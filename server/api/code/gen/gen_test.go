package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// req: DB-21
func TestGeneratedFilesAreInSyncWithTheData(t *testing.T) {
	root := "../../../.."
	data, err := os.ReadFile(filepath.Join(root, "server/api/code/codes.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []entry
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if err := check(all); err != nil {
		t.Fatal(err)
	}
	for path, want := range outputs(all) {
		got, err := os.ReadFile(filepath.Join(root, path))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is out of step: run go generate in server/api/code", path)
		}
	}
}

func TestACodeGivenTwiceIsRefused(t *testing.T) {
	e := entry{Number: 1, Name: "A", ZH: "a", EN: "a"}
	if check([]entry{e, e}) == nil {
		t.Fatal("accepted")
	}
}
