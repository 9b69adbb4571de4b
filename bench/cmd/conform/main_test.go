package main

import (
	"strings"
	"testing"
)

func TestTheTableHasARowForEachModelAndSaysWhatFailed(t *testing.T) {
	s := &sheet{result: map[[2]string]string{}, said: map[[2]string]string{}}
	for _, e := range []event{
		{Action: "run", Test: "TestBConforms/b/it_describes_itself"},
		{Action: "run", Test: "TestAConforms/a/it_describes_itself"},
		{Action: "run", Test: "TestAConforms/a/drained"},
		{Action: "pass", Test: "TestAConforms/a/drained"},
		{Action: "pass", Test: "TestBConforms/b/it_describes_itself"},
		{Action: "output", Test: "TestAConforms/a/it_describes_itself", Output: "no maker\n"},
		{Action: "fail", Test: "TestAConforms/a/it_describes_itself"},
		{Action: "pass", Test: "TestAConforms/a/it_describes_itself/deeper"},
		{Action: "run", Test: "TestElse/x/y"},
		{Action: "pass", Test: "TestElse/x/y"},
		{Action: "run", Test: "TestCConforms"},
		{Action: "output", Test: "TestCConforms", Output: "=== RUN   TestCConforms\n"},
		{Action: "output", Test: "TestCConforms", Output: "    tool.go:23: pcscd is not installed\n"},
		{Action: "skip", Test: "TestCConforms"},
	} {
		s.add(e)
	}
	var out strings.Builder
	if n := s.print(&out); n != 1 {
		t.Errorf("%d failed", n)
	}
	want := "  1  it describes itself\n  2  drained\n\nmodel               1  2\na                   ✘  ✔\nb                   ✔   \n\nleft out: TestCConforms: tool.go:23: pcscd is not installed\n\na: it describes itself\nno maker\n"
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}
