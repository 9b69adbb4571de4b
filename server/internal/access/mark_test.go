package access

import (
	"testing"

	"zhigui/server/api/access"
)

func TestARecordOfACountIsFoundByItsMark(t *testing.T) {
	for body, want := range map[string]string{`{"seq":7,"kind":"COUNTS","data":{}}`: "COUNTS", `{"kind":"NOTE","data":"COUNTS"}`: "", `COUNTS`: "", `{"kind":"BOOT"}`: ""} {
		if got := markOf(access.Record{Body: []byte(body)}); got != want {
			t.Errorf("%s: %q", body, got)
		}
	}
	if got := markOf(access.Record{Txn: "000001/000007", Body: []byte(`{"kind":"COMMIT"}`)}); got != "000001/000007" {
		t.Error(got)
	}
}
