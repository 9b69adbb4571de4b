// Package code is the one list of error and response codes with their texts. codes.json is
// the source; codes.gen.go, the web kit's codes.gen.ts and docs/codes.md are generated from
// it. Text for people comes only from here. Anybody may import it.
package code

import (
	_ "embed"
	"encoding/json"
	"sync"
)

//go:generate go run ./gen ../../..

//go:embed codes.json
var data []byte

// Code is one error or response code.
type Code struct {
	Number    int    `json:"number"`
	Name      string `json:"name"`
	Response  string `json:"response,omitempty"` // value of field 39; empty for errors of the APIs
	ZH        string `json:"zh"`
	EN        string `json:"en"`
	Help      string `json:"help"`      // for engineers
	Customer  bool   `json:"customer"`  // the text may be shown to a customer
	Capture   bool   `json:"capture"`   // the terminal keeps the card
	Retriable bool   `json:"retriable"` // trying again later may succeed
}

var load = sync.OnceValue(func() []Code {
	var all []Code
	if err := json.Unmarshal(data, &all); err != nil {
		panic("code: codes.json: " + err.Error()) // embedded and covered by a test
	}
	return all
})

// All lists every code by number. The slice is shared; do not change it.
func All() []Code { return load() }

// ByName finds a code; ok is false when there is none.
func ByName(name string) (Code, bool) {
	for _, c := range load() {
		if c.Name == name {
			return c, true
		}
	}
	return Code{}, false
}

// ByResponse finds the code of a field 39; an unknown value gets the text of RespInvalid.
func ByResponse(v string) Code {
	var fallback Code
	for _, c := range load() {
		if c.Response == v && v != "" {
			return c
		}
		if c.Name == RespInvalid {
			fallback = c
		}
	}
	fallback.Response = v
	return fallback
}
