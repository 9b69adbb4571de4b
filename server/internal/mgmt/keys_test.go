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
			Merchant: fmt.Sprintf("m%d", i), Host: fmt.Sprintf("h%d", i), Channel: fmt.Sprintf("c%d", i), Day: fmt.Sprintf("2026112%d", i), Reference: fmt.Sprintf("00000000000%d", i), Created: now, Updated: now}
		if _, err := r.st.Insert(t.Context(), &x); err != nil {
			t.Fatal(err)
		}
	}
	olga, anna := r.as("olga"), r.as("anna")
	for i := range 2 {
		for key, value := range map[string]any{"number": fmt.Sprint(store.NumberAt(now) + int64(i)), "stan": fmt.Sprintf("00001%d", i),
			"maskedPan": fmt.Sprintf("622200******000%d", i), "pan": fmt.Sprintf("622200000000000%d", i), "reference": fmt.Sprintf("00000000000%d", i)} {
			var v struct{ Total int }
			if st, code := olga.do("POST", "/transactions/search", map[string]any{key: value}, &v); st != 200 || v.Total != 1 {
				t.Errorf("%s: %d %v, %d found", key, st, code, v.Total)
			}
			if st, _ := anna.do("POST", "/transactions/search", map[string]any{key: value}, &v); st != 200 || v.Total != 1-i { // of branch 0001
				t.Errorf("%s, a manager: %d found", key, v.Total)
			}
		}
		for key, value := range map[string]string{"batch": fmt.Sprintf("00000%d", i), "merchant": fmt.Sprintf("m%d", i), "auth": fmt.Sprintf("a%d", i), "host": fmt.Sprintf("h%d", i), "channel": fmt.Sprintf("c%d", i), "day": fmt.Sprintf("2026112%d", i)} {
			for _, path := range []string{"/transactions/search", "/transactions/totals"} { // no index finds it
				if st, code := olga.do("POST", path, map[string]any{key: value, "amountMin": 1}, nil); st != 400 || code != "SearchTooWide" {
					t.Errorf("%s %s alone: %d %s", path, key, st, code)
				}
			}
			want := 1
			if key == "auth" {
				want = 0 // the host has not answered
			}
			for with, more := range map[string]any{"terminal": "00000001", "from": now.Add(-time.Hour)} {
				var v struct {
					Total int
					Items []map[string]any
				}
				if st, code := olga.do("POST", "/transactions/search", map[string]any{key: value, with: more}, &v); st != 200 || v.Total != want || want == 1 && v.Items[0][key] != value {
					t.Errorf("%s with %s: %d %v, %v found", key, with, st, code, v.Items)
				}
				if st, _ := anna.do("POST", "/transactions/search", map[string]any{key: value, with: more}, &v); st != 200 || v.Total != want-min(want, i) {
					t.Errorf("%s with %s, a manager: %d found", key, with, v.Total)
				}
			}
		}
	}
}
