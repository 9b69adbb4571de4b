package cash_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/drivers/api/cash"
)

func TestOnlyCreditedNotesAreMoney(t *testing.T) {
	d := cash.Deposited{Refused: 3, Types: map[string]cash.NoteMoved{
		"type100CNY1": {Currency: "CNY", Value: 10000, Escrow: 1, Credited: 2, Cashbox: 1, Returned: 4},
		"type50CNY1":  {Currency: "CNY", Value: 5000, Credited: 1, Recycled: 1},
		"type20USD1":  {Currency: "USD", Value: 2000, Escrow: 2},
	}}
	if diff := cmp.Diff(map[string]int64{"CNY": 25000}, d.Credit()); diff != "" {
		t.Error(diff)
	}
	if n := d.Count(func(m cash.NoteMoved) int { return m.Escrow }); n != 3 {
		t.Errorf("%d notes in escrow", n)
	}
	c := d.Clone()
	c.Types["type20USD1"] = cash.NoteMoved{}
	if d.Types["type20USD1"].Escrow != 2 {
		t.Error("the clone shares its map")
	}
}

func TestTheStatusOfATransactionIsOneFlatObject(t *testing.T) {
	b, err := json.Marshal(cash.CashInStatus{Status: cash.CashInActive, Deposited: cash.Deposited{Refused: 1}})
	if err != nil || string(b) != `{"status":"active","X-refused":1}` {
		t.Errorf("%s, %v", b, err)
	}
}
