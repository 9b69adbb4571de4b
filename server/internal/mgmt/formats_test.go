package mgmt_test

import (
	"strings"
	"testing"

	"zhigui/server/api/message/format"
	api "zhigui/server/api/mgmt"
)

const sample = `{"type": "0200", "values": {
  "pan": "6225880000000001", "procCode": "010000", "amount": "000000030000", "stan": "000017", "localTime": "154841", "localDate": "0711",
  "terminal": "00000001", "merchant": "102290000000001", "currency": "156",
  "pinBlock": "A935832EF8704115"
}}`

func TestEveryBuiltInFormatIsTriedWithASample(t *testing.T) {
	olga := newRig(t).as("olga")
	var all []api.Format
	if st, _ := olga.do("GET", "/formats", nil, &all); st != 200 || len(all) != len(format.Builtins())+2 {
		t.Fatal(st, all)
	}
	for _, x := range all {
		if x.From != "builtin" {
			continue
		}
		name := x.Name
		var text api.FormatText
		if st, _ := olga.do("GET", "/formats/"+name, nil, &text); st != 200 || !strings.Contains(text.YAML, "name: "+name) {
			t.Fatal(name, st)
		}
		tx := sample
		if strings.HasSuffix(name, "sm4") {
			tx = strings.Replace(tx, "A935832EF8704115", strings.Repeat("A935832EF8704115", 2), 1)
		}
		var v, back api.Previewed
		st, code := olga.do("POST", "/formats/preview", api.Preview{YAML: text.YAML, Transaction: tx}, &v)
		if st != 200 || v.Error != nil || v.Name != name || v.Hex == "" || !strings.Contains(v.Described, "622588******0001") || strings.Contains(v.Described, "6225880000000001") || strings.Contains(v.Described, "A935832E") {
			t.Errorf("%s: %d %s %+v %+v", name, st, code, v, v.Error)
		}
		if st, _ := olga.do("POST", "/formats/preview", api.Preview{YAML: text.YAML, Message: v.Hex}, &back); st != 200 || back.Described != v.Described {
			t.Errorf("%s: reading the message again gives\n%s, not\n%s", name, back.Described, v.Described)
		}
	}
}

func TestAFaultOfAFormatIsToldWithItsLine(t *testing.T) {
	olga := newRig(t).as("olga")
	text, err := format.BuiltinText("corefixed")
	if err != nil {
		t.Fatal(err)
	}
	iso, err := format.BuiltinText("cups128")
	if err != nil {
		t.Fatal(err)
	}
	line := func(s, part string) int { return strings.Count(s[:strings.Index(s, part)], "\n") + 1 }
	for name, c := range map[string]struct {
		q    api.Preview
		in   string
		line int
	}{
		"an unknown type":     {api.Preview{YAML: strings.Replace(text, "canon: amount, type: n", "canon: amount, type: number", 1)}, "yaml", line(text, "canon: amount")},
		"an unknown key":      {api.Preview{YAML: strings.Replace(text, "mac: {", "macs: {", 1)}, "yaml", line(text, "mac: {")},
		"no YAML":             {api.Preview{YAML: "kind: [", Transaction: sample}, "yaml", 1},
		"nothing":             {api.Preview{}, "yaml", 1},
		"an alias":            {api.Preview{YAML: "name: x\na: &a [1]\nb: [*a,*a]\n"}, "yaml", 2},
		"no JSON":             {api.Preview{YAML: text, Transaction: "{\n  \"type\": 0200\n}"}, "transaction", 2},
		"a value of a number": {api.Preview{YAML: text, Transaction: "{\"values\": {\n\"amount\": 5}}"}, "transaction", 2},
		"a value too long":    {api.Preview{YAML: text, Transaction: strings.Replace(sample, `"000017"`, `"12345678"`, 1)}, "transaction", line(sample, "stan")},
		"bytes not in hex":    {api.Preview{YAML: text, Transaction: strings.Replace(sample, "A935832EF8704115", "secret", 1)}, "transaction", line(sample, "pinBlock")},
		"8583, too long":      {api.Preview{YAML: iso, Transaction: strings.Replace(sample, `"102290000000001"`, `"1022900000000011"`, 1)}, "transaction", line(sample, "merchant")},
		"8583, no type":       {api.Preview{YAML: iso, Transaction: strings.Replace(sample, "0200", "200", 1)}, "transaction", 1},
		"no message":          {api.Preview{YAML: text, Message: "xyz"}, "message", 0},
		"a broken message":    {api.Preview{YAML: text, Message: "30 30 30 34"}, "message", 0},
	} {
		var v api.Previewed
		if st, code := olga.do("POST", "/formats/preview", c.q, &v); st != 200 || v.Error == nil || v.Error.In != c.in || c.line != 0 && v.Error.Line != c.line || v.Error.Reason == "" || strings.Contains(v.Error.Reason, "6225880000000001") {
			t.Errorf("%s: %d %s %+v", name, st, code, v.Error)
		}
	}
}

func TestFormatsAreTriedByTheBanksOwnPeopleWithinLimits(t *testing.T) {
	r := newRig(t)
	q := api.Preview{YAML: "name: x"}
	for who, want := range map[string]int{"anna": 403, "": 401, "olga": 200, "root": 200} {
		if st, _ := r.as(who).do("POST", "/formats/preview", q, nil); st != want {
			t.Errorf("%q: %d, want %d", who, st, want)
		}
	}
	for who, want := range map[string]int{"anna": 403, "": 401} {
		for _, path := range []string{"/formats", "/formats/pos64"} {
			if st, _ := r.as(who).do("GET", path, nil, nil); st != want {
				t.Errorf("%q %s: %d", who, path, st)
			}
		}
	}
	olga := r.as("olga")
	for _, path := range []string{"/formats/unknown", "/formats/..%2Fload"} {
		if st, _ := olga.do("GET", path, nil, nil); st != 404 {
			t.Errorf("%s: %d", path, st)
		}
	}
	if st, _ := olga.do("POST", "/formats/preview", api.Preview{YAML: strings.Repeat("#", 70_000)}, nil); st != 422 && st != 400 {
		t.Errorf("a long text: %d", st)
	}
	if st, _ := olga.do("POST", "/formats/preview", api.Preview{YAML: strings.Repeat("#", 600_000)}, nil); st != 413 {
		t.Errorf("a long body: %d", st)
	}
}
