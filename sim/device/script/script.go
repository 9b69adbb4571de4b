// Package script runs written test cases against virtual devices: actions under the names
// that panel and command line use, waits for a state or an event, programs, checks of the
// physical state. Imported by sim/cmd/simctl and tests.
package script

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// Script is a test case.
type Script struct {
	Name string `yaml:"name"`
	// Scene is a scene file, relative to the script; its devices are started for the script,
	// with fresh state. Without one the devices are those that run.
	Scene string `yaml:"scene"`
	Steps []Step `yaml:"steps"`

	file string
}

// Step is one thing to do; exactly one member beside Name is set.
type Step struct {
	Name  string `yaml:"name"`
	Act   string `yaml:"act"` // "card insertCard card=demo-1", as on the command line
	Wait  *Until `yaml:"wait"`
	Check *State `yaml:"check"`
	Run   *Run   `yaml:"run"`
	Join  string `yaml:"join"` // a program that was started before
	Pause *Pause `yaml:"pause"`

	line, column int
}

// State is what a device's state must be: dotted path into what simctl <device> state
// prints, and the value; ">= 3", "<= 3" and "!= x" compare.
type State struct {
	Device string         `yaml:"device"`
	State  map[string]any `yaml:"state"`
}

// Until waits for a state, or for an event that came after the last action.
type Until struct {
	Device string         `yaml:"device"`
	State  map[string]any `yaml:"state"`
	Event  map[string]any `yaml:"event"`  // paths into what simctl events prints
	Within string         `yaml:"within"` // 10s unless set
}

// Run is a program, such as driverctl or a client of the platform.
type Run struct {
	Command []string `yaml:"command"`
	Says    string   `yaml:"says"`  // what it must print
	Fails   bool     `yaml:"fails"` // it must end with another code than 0
	Start   string   `yaml:"start"` // goes on in the background under this name
}

// Pause is the only way to let time pass, and it says why.
type Pause struct {
	For     string `yaml:"for"`
	Because string `yaml:"because"`
}

// what names the step in reports.
func (s Step) what() string {
	switch {
	case s.Name != "":
		return s.Name
	case s.Act != "":
		return s.Act
	case s.Wait != nil:
		return "wait for " + s.Wait.Device
	case s.Check != nil:
		return "check " + s.Check.Device
	case s.Run != nil:
		return "run " + strings.Join(s.Run.Command, " ")
	case s.Join != "":
		return "join " + s.Join
	}
	return "pause: " + s.Pause.Because
}

// Load reads a script. Errors name file, line and column.
func Load(path string) (Script, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Script{}, err
	}
	return Parse(path, b)
}

// Parse decodes and checks a script; file is used in errors and to find the scene.
func Parse(file string, b []byte) (s Script, err error) {
	defer func() { // the YAML library panics on some malformed input
		if r := recover(); r != nil {
			err = fmt.Errorf("%s:1:1: malformed YAML: %v", file, r)
		}
	}()
	tree, err := parser.ParseBytes(b, 0)
	if err == nil {
		err = yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(&s)
	}
	var y yaml.Error
	switch {
	case errors.As(err, &y) && y.GetToken() != nil:
		p := y.GetToken().Position
		return s, fmt.Errorf("%s:%d:%d: %s", file, p.Line, p.Column, y.GetMessage())
	case err != nil:
		return s, fmt.Errorf("%s:1:1: %w", file, err)
	case len(s.Steps) == 0:
		return s, fmt.Errorf("%s:1:1: steps: there are none", file)
	}
	s.file = file
	if s.Scene != "" && !filepath.IsAbs(s.Scene) {
		s.Scene = filepath.Join(filepath.Dir(file), s.Scene)
	}
	for i := range s.Steps {
		st := &s.Steps[i]
		st.line, st.column = 1, 1
		if p, perr := yaml.PathString(fmt.Sprintf("$.steps[%d]", i)); perr == nil {
			if n, ferr := p.FilterFile(tree); ferr == nil && n != nil && n.GetToken() != nil {
				at := n.GetToken()
				if at.Prev != nil && at.Value == ":" { // a mapping's own token is its first colon
					at = at.Prev
				}
				st.line, st.column = at.Position.Line, at.Position.Column
			}
		}
		if err := st.check(); err != nil {
			return s, fmt.Errorf("%s: %w", s.at(*st), err)
		}
	}
	return s, nil
}

func (s Script) at(st Step) string { return fmt.Sprintf("%s:%d:%d", s.file, st.line, st.column) }

func (s *Step) check() error {
	kinds := 0
	for _, set := range []bool{s.Act != "", s.Wait != nil, s.Check != nil, s.Run != nil, s.Join != "", s.Pause != nil} {
		if set {
			kinds++
		}
	}
	if kinds != 1 {
		return errors.New("a step has exactly one of act, wait, check, run, join, pause")
	}
	switch {
	case s.Act != "":
		_, _, _, err := words(s.Act)
		return err
	case s.Wait != nil && (s.Wait.Device == "" || (len(s.Wait.State) == 0) == (len(s.Wait.Event) == 0)):
		return errors.New("wait: a device, and a state or an event")
	case s.Wait != nil:
		_, err := duration(s.Wait.Within, 10*time.Second)
		return err
	case s.Check != nil && (s.Check.Device == "" || len(s.Check.State) == 0):
		return errors.New("check: a device and a state")
	case s.Run != nil && len(s.Run.Command) == 0:
		return errors.New("run: a command, as a list")
	case s.Pause != nil && s.Pause.Because == "":
		return errors.New("pause: because: say why; to wait for something use wait")
	case s.Pause != nil:
		_, err := duration(s.Pause.For, 0)
		return err
	}
	return nil
}

func duration(s string, def time.Duration) (time.Duration, error) {
	if s == "" && def > 0 {
		return def, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is no time, such as 500ms or 10s", s)
	}
	return d, nil
}

// words splits an action as the command line has it.
func words(s string) (device, action string, args map[string]any, err error) {
	f := strings.Fields(s)
	if len(f) < 2 {
		return "", "", nil, fmt.Errorf("act: %q: want <device> <action> key=value …", s)
	}
	args = map[string]any{}
	for _, a := range f[2:] {
		k, v, ok := strings.Cut(a, "=")
		if !ok {
			return "", "", nil, fmt.Errorf("act: %q: want key=value", a)
		}
		args[k] = v
	}
	return f[0], f[1], args, nil
}
