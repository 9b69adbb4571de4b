package device

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"zhigui/sim/device/crt350n"
	"zhigui/sim/device/escpos"
	"zhigui/sim/device/lcdm2000"
)

// Scene is a set of devices that one process runs.
type Scene struct {
	// State is the folder of all state; each device gets a folder below it unless it names
	// its own. Relative paths begin at the scene file.
	State   string   `yaml:"state"`
	Devices []Config `yaml:"devices"`
}

// LoadScene reads a scene file. Errors name file, line and column; unknown keys are errors.
func LoadScene(path string) (Scene, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Scene{}, err
	}
	s, err := ParseScene(path, b)
	if err != nil {
		return Scene{}, err
	}
	dir := filepath.Dir(path)
	at := func(p string) string {
		if p == "" || filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(dir, p)
	}
	s.State = at(s.State)
	for i := range s.Devices {
		c := &s.Devices[i]
		c.Link, c.StateDir = at(c.Link), at(c.StateDir)
	}
	return s.withDefaults(), nil
}

// ParseScene decodes and checks a scene; name is used in errors.
func ParseScene(name string, b []byte) (s Scene, err error) {
	defer func() { // the YAML library panics on some malformed input (found by FuzzParseScene)
		if r := recover(); r != nil {
			err = fmt.Errorf("%s:1:1: malformed YAML: %v", name, r)
		}
	}()
	file, err := parser.ParseBytes(b, 0)
	if err != nil {
		return s, positioned(name, err)
	}
	if err := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(&s); err != nil && !errors.Is(err, io.EOF) { // an empty file has no devices
		return s, positioned(name, err)
	}
	ids := map[string]bool{}
	if len(s.Devices) == 0 {
		return s, fmt.Errorf("%s:1:1: devices: there are none", name)
	}
	for i, c := range s.Devices {
		err := c.Validate()
		if c.ID == "" {
			c.ID = usualID(c.Model)
		}
		if err == nil && ids[c.ID] {
			err = fmt.Errorf("id: %q is there twice", c.ID)
		}
		ids[c.ID] = true
		if err != nil {
			line, col := position(file, fmt.Sprintf("$.devices[%d]", i))
			return s, fmt.Errorf("%s:%d:%d: %w", name, line, col, err)
		}
	}
	return s, nil
}

func positioned(name string, err error) error {
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil {
		p := y.GetToken().Position
		return fmt.Errorf("%s:%d:%d: %s", name, p.Line, p.Column, y.GetMessage())
	}
	return fmt.Errorf("%s:1:1: %w", name, err)
}

func position(f *ast.File, path string) (line, col int) {
	p, err := yaml.PathString(path)
	if err != nil {
		return 1, 1
	}
	n, err := p.FilterFile(f)
	if err != nil || n == nil || n.GetToken() == nil {
		return 1, 1
	}
	t := n.GetToken()
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		t = m.Values[0].Key.GetToken()
	}
	return t.Position.Line, t.Position.Column
}

func (s Scene) withDefaults() Scene {
	if s.State == "" {
		s.State = "simstate"
	}
	for i := range s.Devices {
		c := &s.Devices[i]
		if c.ID == "" {
			c.ID = usualID(c.Model)
		}
		if c.StateDir == "" {
			c.StateDir = filepath.Join(s.State, c.ID)
		}
		*c = c.withDefaults()
	}
	return s
}

// DemoCards are synthetic cards; no such accounts exist. The bank host simulator knows them.
func DemoCards() []crt350n.CardData {
	card := func(n, note, expiry, holder string) crt350n.CardData {
		pan := "622588000000000" + n
		return crt350n.CardData{Name: "demo-" + n, Note: note, IC: true,
			Track1: "B" + pan + "^" + holder + "^" + expiry + "2010000012300000",
			Track2: pan + "=" + expiry + "2010000012300000"}
	}
	return []crt350n.CardData{
		card("1", "张三：正常", "4912", "ZHANG/SAN"),
		card("2", "余额不足", "4912", "LI/SI"),
		card("3", "冻结卡", "4912", "WANG/WU"),
		card("4", "过期卡", "2001", "ZHAO/LIU"),
		card("5", "国密区演示", "4912", "SUN/QI"),
	}
}

// DefaultScene is the four devices with demo cards and filled cassettes, at real speed.
func DefaultScene(state string) Scene {
	return Scene{State: state, Devices: []Config{
		{Model: "crt350n", Pace: 1, Reader: &crt350n.Config{Cards: DemoCards(), MotionMs: 600}},
		{Model: "lcdm2000", Pace: 1, Dispenser: &lcdm2000.Config{NoteMs: 140,
			Upper: lcdm2000.CassetteConfig{Count: 500, Value: 100, Near: 30}, Lower: lcdm2000.CassetteConfig{Count: 500, Value: 50, Near: 30}}},
		{Model: "zt598", Pace: 1}, {Model: "escpos", Pace: 1, Printer: &escpos.Config{LineMs: 20}},
	}}.withDefaults()
}
