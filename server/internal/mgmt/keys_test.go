package mgmt_test

import (
	"fmt"
	"testing"
	"time"

	"zhigui/server/internal/store"
)

func TestTransactionsAreFoundByEveryKeyWithinTheOwnBranch(t *testing.T) {
	r := newRig(t)
	now := time.Now()
	for i, branch := range []string{"0001", "0002"} {
		x := store.Txn{ID: store.NumberAt(now) + int64(i), Idem: fmt.Sprintf("00000001|%d", i), Digest: []byte{1}, Terminal: "00000001", Branch: branch, Kind: "withdrawal", State: store.Confirmed, RC: "00",
			Batch: fmt.Sprintf("00000%d", i), STAN: fmt.Sprintf("00001%d", i), Amount: 100, PANMasked: fmt.Sprintf("622200******000%d", i), PANIndex: []byte(fmt.Sprintf("622200000000000%d", i)),
			Reference: fmt.Sprintf("00000000000%d", i), Created: now, Updated: now}
		if _, err := r.st.Insert(t.Context(), &x); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 {
		for key, value := range map[string]any{"number": fmt.Sprint(store.NumberAt(now) + int64(i)), "batch": fmt.Sprintf("00000%d", i), "stan": fmt.Sprintf("00001%d", i),
			"maskedPan": fmt.Sprintf("622200******000%d", i), "pan": fmt.Sprintf("622200000000000%d", i), "reference": fmt.Sprintf("00000000000%d", i)} {
			var v struct{ Total int }
			if st, code := r.as("olga").do("POST", "/transactions/search", map[string]any{key: value}, &v); st != 200 || v.Total != 1 {
				t.Errorf("%s: %d %v, %d found", key, st, code, v.Total)
			}
			if st, _ := r.as("anna").do("POST", "/transactions/search", map[string]any{key: value}, &v); st != 200 || v.Total != 1-i { // of branch 0001
				t.Errorf("%s, a manager: %d found", key, v.Total)
			}
		}
	}
}
