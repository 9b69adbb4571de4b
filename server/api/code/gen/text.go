package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/format"
)

type entry struct {
	Number    int    `json:"number"`
	Name      string `json:"name"`
	Response  string `json:"response,omitempty"`
	ZH        string `json:"zh"`
	EN        string `json:"en"`
	Help      string `json:"help"`
	Customer  bool   `json:"customer"`
	Capture   bool   `json:"capture"`
	Retriable bool   `json:"retriable"`
}

// check refuses what would make two codes one, or a code without text.
func check(all []entry) error {
	seen := map[any]bool{}
	for _, e := range all {
		if e.Number == 0 || e.Name == "" || e.ZH == "" || e.EN == "" {
			return fmt.Errorf("code %d %s is not complete", e.Number, e.Name)
		}
		keys := []any{e.Number, e.Name}
		if e.Response != "" {
			keys = append(keys, "F39 "+e.Response)
		}
		for _, k := range keys {
			if seen[k] {
				return fmt.Errorf("%v is given twice", k)
			}
			seen[k] = true
		}
	}
	return nil
}

// outputs returns the generated files by their path from the root.
func outputs(all []entry) map[string][]byte {
	return map[string][]byte{"server/api/code/codes.gen.go": goText(all), "server/web/kit/src/codes.gen.ts": tsText(all), "docs/codes.md": mdText(all)}
}

func goText(all []entry) []byte {
	var b bytes.Buffer
	b.WriteString("// Code generated from codes.json; DO NOT EDIT.\n\npackage code\n\n// Names of the codes.\nconst (\n")
	for _, e := range all {
		fmt.Fprintf(&b, "\t%s = %q // %d: %s\n", e.Name, e.Name, e.Number, e.EN)
	}
	b.WriteString(")\n")
	out, err := format.Source(b.Bytes())
	if err != nil {
		panic(err)
	}
	return out
}

func tsText(all []entry) []byte {
	var b bytes.Buffer
	b.WriteString("// Code generated from server/api/code/codes.json; DO NOT EDIT.\n\nexport interface Code {\n  number: number; name: string; response?: string; zh: string; en: string; help: string\n  customer: boolean; capture: boolean; retriable: boolean\n}\n\nexport const codes: readonly Code[] = [\n")
	for _, e := range all {
		line, err := json.Marshal(e)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&b, "  %s,\n", line)
	}
	b.WriteString("]\n\nexport const codeByName: Readonly<Record<string, Code>> = Object.fromEntries(codes.map((c) => [c.name, c]))\nexport const codeByResponse: Readonly<Record<string, Code>> = Object.fromEntries(codes.filter((c) => c.response).map((c) => [c.response as string, c]))\n")
	return b.Bytes()
}

func mdText(all []entry) []byte {
	var b bytes.Buffer
	b.WriteString("# Codes\n\nGenerated from `server/api/code/codes.json`; do not edit.\n\n| Number | Name | Field 39 | 中文 | English | Customer sees it | Card kept | Try again | Help |\n|---|---|---|---|---|---|---|---|---|\n")
	yes := map[bool]string{true: "yes"}
	for _, e := range all {
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s | %s | %s | %s |\n", e.Number, e.Name, e.Response, e.ZH, e.EN, yes[e.Customer], yes[e.Capture], yes[e.Retriable], e.Help)
	}
	return b.Bytes()
}
