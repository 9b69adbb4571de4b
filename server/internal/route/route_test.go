package route

import (
	"strings"
	"testing"
)

// req: TX-01
func TestTheFirstRuleThatFitsDecides(t *testing.T) {
	table, err := New([]Rule{
		{Products: []string{"cardIssue"}, To: []Target{{Host: "core"}}},
		{Channels: []string{"bills"}, To: []Target{{Host: "billing"}}},
		{BINs: []string{"4", "51"}, Over: 100000, To: []Target{{Host: "big"}}},
		{BINs: []string{"4", "51"}, UpTo: 100000, To: []Target{{Host: "cups"}}},
		{BINs: []string{"622588"}, To: []Target{{Host: "core"}}},
	}, []string{"core", "billing", "big", "cups"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		q    Query
		want string
	}{
		{Query{Channel: "pos", Product: "cardIssue", PAN: []byte("4000")}, "core"},
		{Query{Channel: "bills", Product: "payment", PAN: []byte("622588")}, "billing"},
		{Query{Channel: "pos", PAN: []byte("4000"), Amount: 100001}, "big"},
		{Query{Channel: "pos", PAN: []byte("5100"), Amount: 100000}, "cups"},
		{Query{Channel: "pos", PAN: []byte("6225880000000001"), Amount: 1}, "core"},
		{Query{Channel: "pos", PAN: []byte("62")}, ""},
		{Query{Channel: "pos"}, ""},
	} {
		if got := table.Pick(&c.q, func(string) bool { return true }); got != c.want {
			t.Errorf("%+v goes to %q, want %q", c.q, got, c.want)
		}
	}
}

func TestWeightsShareAndADeadHostGetsNothing(t *testing.T) {
	table, err := New([]Rule{{To: []Target{{"a", 3}, {"b", 1}, {"c", 0}}}}, []string{"a", "b", "c"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ down, want string }{{"", "311"}, {"a", "011"}, {"bc", "300"}, {"abc", "311"}} {
		n := [3]int{}
		up := func(h string) bool { return !strings.Contains(c.down, h) }
		rounds := 0
		for i := range uint32(60) {
			n[table.Pick(&Query{Draw: i}, up)[0]-'a']++
			rounds++
		}
		sum := int(c.want[0]-'0') + int(c.want[1]-'0') + int(c.want[2]-'0')
		for i := range n {
			if n[i] != rounds/sum*int(c.want[i]-'0') {
				t.Errorf("without %q: %v, want shares %s", c.down, n, c.want)
			}
		}
	}
}

func TestAWrongRuleIsNamed(t *testing.T) {
	for want, r := range map[string]Rule{
		"no host":        {},
		`"x" is no host`: {To: []Target{{Host: "x"}}},
		"want digits":    {BINs: []string{"62x"}, To: []Target{{Host: "a"}}},
		"no amount":      {Over: 5, UpTo: 5, To: []Target{{Host: "a"}}},
		"weight":         {To: []Target{{"a", -1}}},
	} {
		if _, err := New([]Rule{r}, []string{"a"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
	}
}
