// Package receipt turns a form's name and its fields into a receipt that a printer
// driver can print. Forms are data (forms.yaml), in both languages; card numbers arrive
// masked. Only the native platform imports it.
package receipt

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"

	"github.com/goccy/go-yaml"

	"zhigui/drivers/api/printer"
)

//go:embed forms.yaml
var builtin []byte

// line of a form. Text and Right may hold {field}; Each repeats the line for every
// element of a list field, whose members are then fields.
type line struct {
	ZH    string `yaml:"zh"`
	EN    string `yaml:"en"`
	Right string `yaml:"right"`
	Align string `yaml:"align"`
	Bold  bool   `yaml:"bold"`
	Big   bool   `yaml:"big"`
	Rule  bool   `yaml:"rule"`
	If    string `yaml:"if"` // only when this field is there and not empty
	Each  string `yaml:"each"`
}

// Forms holds the forms. Safe for concurrent use.
type Forms struct{ forms map[string][]line }

// Load reads the built-in forms, or those in data when it is not empty.
func Load(data []byte) (*Forms, error) {
	if len(data) == 0 {
		data = builtin
	}
	f := &Forms{}
	if err := yaml.UnmarshalWithOptions(data, &f.forms, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("receipt forms: %w", err)
	}
	return f, nil
}

// Names of the forms.
func (f *Forms) Names() []string {
	var names []string
	for n := range f.forms {
		names = append(names, n)
	}
	return names
}

// Fields of a form, in the order in which they appear; false: there is no such form.
func (f *Forms) Fields(name string) (fields []string, ok bool) {
	form, ok := f.forms[name]
	add := func(s string) {
		if s != "" && !slices.Contains(fields, s) {
			fields = append(fields, s)
		}
	}
	for _, l := range form {
		if l.Each != "" { // its placeholders are members of the list's elements
			add(l.Each)
			continue
		}
		for _, text := range []string{l.ZH, l.EN, l.Right} {
			for _, p := range placeholder.FindAllStringSubmatch(text, -1) {
				add(p[1])
			}
		}
	}
	return fields, ok
}

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

func fill(s string, fields map[string]any) string {
	return placeholder.ReplaceAllStringFunc(s, func(p string) string {
		v, ok := fields[p[1:len(p)-1]]
		if !ok || v == nil {
			return ""
		}
		return fmt.Sprint(v)
	})
}

// Compose renders a form; an unknown name is an error.
func (f *Forms) Compose(name, lang string, fields map[string]any) (printer.Receipt, error) {
	form, ok := f.forms[name]
	if !ok {
		return printer.Receipt{}, fmt.Errorf("no form %q", name)
	}
	r := printer.Receipt{Cut: true}
	add := func(l line, fields map[string]any) {
		text := l.ZH
		if lang == "en" {
			text = l.EN
		}
		r.Lines = append(r.Lines, printer.Line{Text: fill(text, fields), Right: fill(l.Right, fields), Align: l.Align, Bold: l.Bold, Big: l.Big, Rule: l.Rule})
	}
	for _, l := range form {
		if l.If != "" && (fields[l.If] == nil || fmt.Sprint(fields[l.If]) == "") {
			continue
		}
		if l.Each == "" {
			add(l, fields)
			continue
		}
		list, _ := fields[l.Each].([]any)
		for _, e := range list {
			if m, ok := e.(map[string]any); ok {
				add(l, m)
			}
		}
	}
	return r, nil
}
