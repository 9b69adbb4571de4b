package risk

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zhigui/server/internal/store"
)

func TestRulesNameTheSharesOfATransaction(t *testing.T) {
	r, err := New([]Rule{
		{Name: "single", Of: Card, Per: "transaction", Amount: 500, Channels: []string{"pos"}},
		{Name: "cardDay", Of: Card, Per: "day", Amount: 1000, Count: 5, Products: []string{"withdrawal"}},
		{Name: "shopHour", Of: Merchant, Per: "hour", Count: 100, BINs: []string{"62"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	q := Query{Product: "withdrawal", Channel: "pos", PAN: []byte("6225"), Card: "c", Terminal: "t", Merchant: "m", Amount: 500, At: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	want := []store.Claim{{Rule: "cardDay", Subject: "c", Period: "20261122", Amount: 500, MaxAmount: 1000, MaxCount: 5},
		{Rule: "shopHour", Subject: "m", Period: "2026112210", Amount: 500, MaxCount: 100}}
	got, code := r.Claims(&q)
	if diff := cmp.Diff(want, got); diff != "" || code != "" {
		t.Error(code, diff)
	}
	q.Amount = 501
	if _, code := r.Claims(&q); code != "61" {
		t.Error("more than a single transaction may have:", code)
	}
	q = Query{Product: "balance", Channel: "bills", PAN: []byte("4")}
	if got, code := r.Claims(&q); got != nil || code != "" {
		t.Error(got, code)
	}
	if r.Code("shopHour") != "65" || r.Code("cardDay") != "61" {
		t.Error("codes")
	}
	var none *Rules
	if got, code := none.Claims(&q); got != nil || code != "" {
		t.Error(got, code)
	}
}

func TestAWrongRuleIsNamed(t *testing.T) {
	for want, l := range map[string]Rule{
		"short name":            {Of: Card},
		"want card":             {Name: "ab", Of: "moon"},
		"per: want transaction": {Name: "ab", Of: Card, Per: "year"},
		"amount or a count":     {Name: "ab", Of: Card, Per: "day"},
		"a transaction is one":  {Name: "ab", Of: Card, Per: "transaction", Amount: 1, Count: 1},
		"two characters":        {Name: "ab", Of: Card, Per: "day", Amount: 1, Code: "x"},
		"want digits":           {Name: "ab", Of: Card, Per: "day", Amount: 1, BINs: []string{"x"}},
	} {
		if _, err := New([]Rule{l}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
