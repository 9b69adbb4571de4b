// Command conform runs the conformance suite and prints a table model × rule.
//
//	go run ./bench/cmd/conform        # every model
//	go run ./bench/cmd/conform gm65   # those whose name has the word
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// event is one line of go test -json.
type event struct {
	Action, Package, Test, Output string
}

// sheet collects results by model and rule; both keep the order in which they began.
type sheet struct {
	models, rules []string
	result        map[[2]string]string // pass, fail, skip
	said          map[[2]string]string // what a test printed
	why, left     []string             // what whole tests printed, and those that were left out
}

func (s *sheet) add(e event) {
	part := strings.Split(e.Test, "/")
	if len(part) == 1 && strings.HasSuffix(e.Test, "Conforms") {
		s.whole(e)
	}
	if len(part) != 3 || !strings.HasSuffix(part[0], "Conforms") {
		return
	}
	key := [2]string{part[1], strings.ReplaceAll(part[2], "_", " ")}
	switch e.Action {
	case "output":
		s.said[key] += e.Output
	case "run": // in order, while results come as they may
		if !slices.Contains(s.models, key[0]) {
			s.models = append(s.models, key[0])
		}
		if !slices.Contains(s.rules, key[1]) {
			s.rules = append(s.rules, key[1])
		}
	case "pass", "fail", "skip":
		s.result[key] = e.Action
	}
}

// whole notes a test that was skipped before its model came, with what it said.
func (s *sheet) whole(e event) {
	switch e.Action {
	case "run":
		s.why = nil
	case "output":
		if said := strings.TrimSpace(e.Output); !strings.HasPrefix(said, "===") && !strings.HasPrefix(said, "---") {
			s.why = append(s.why, said)
		}
	case "skip":
		s.left = append(s.left, e.Test+": "+strings.Join(s.why, " "))
	}
}

var marks = map[string]string{"pass": "✔", "fail": "✘", "skip": "–", "": " "}

// print writes the table, then what the failed ones said; it returns how many failed.
func (s *sheet) print(w io.Writer) (failed int) {
	slices.Sort(s.models)
	for i, r := range s.rules {
		fmt.Fprintf(w, "%3d  %s\n", i+1, r)
	}
	fmt.Fprintf(w, "\n%-18s", "model")
	for i := range s.rules {
		fmt.Fprintf(w, "%3d", i+1)
	}
	fmt.Fprintln(w)
	for _, m := range s.models {
		fmt.Fprintf(w, "%-18s", m)
		for _, r := range s.rules {
			fmt.Fprintf(w, "%3s", marks[s.result[[2]string{m, r}]])
		}
		fmt.Fprintln(w)
	}
	for _, l := range s.left {
		fmt.Fprintf(w, "\nleft out: %s\n", l)
	}
	for _, m := range s.models {
		for _, r := range s.rules {
			if k := [2]string{m, r}; s.result[k] == "fail" {
				failed++
				fmt.Fprintf(w, "\n%s: %s\n%s", m, r, s.said[k])
			}
		}
	}
	return failed
}

func main() {
	run := "Conforms$"
	if len(os.Args) > 1 {
		run += "/" + os.Args[1]
	}
	cmd := exec.Command("go", "test", "-json", "-count=1", "-run", run, "./drivers/conformance")
	out, err := cmd.StdoutPipe()
	if err == nil {
		cmd.Stderr = os.Stderr
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "conform:", err)
		os.Exit(1)
	}
	s := &sheet{result: map[[2]string]string{}, said: map[[2]string]string{}}
	begin := time.Now()
	var broken strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		if e.Action == "build-output" {
			broken.WriteString(e.Output)
		}
		before := len(s.models)
		s.add(e)
		if len(s.models) > before {
			fmt.Fprintf(os.Stderr, "\r%d models, %s … ", len(s.models), time.Since(begin).Round(time.Second))
		}
	}
	failed := cmd.Wait()
	fmt.Fprint(os.Stderr, "\r\033[K")
	n := s.print(os.Stdout)
	fmt.Printf("\n%d models, %d rules, %d failed\n", len(s.models), len(s.rules), n)
	if failed != nil || len(s.models) == 0 {
		fmt.Print(broken.String())
		os.Exit(1)
	}
}
