package mgmt_test

import (
	"fmt"
	"testing"
	"time"

	api "zhigui/server/api/mgmt"
	"zhigui/server/internal/store"
)

// req: TX-16
func TestTheBookOfAPartnerComesInItsOwnFormat(t *testing.T) {
	r := newRig(t)
	olga := r.as("olga")
	var v api.Books
	if st, _ := olga.do("GET", "/reconciliation/books", nil, &v); st != 200 || len(v.From) != 2 || v.From[1] != (api.BookFrom{Name: "bills", Kind: "partner"}) || len(v.Formats) != 3 || v.Formats[2] != (api.BookFormat{Name: "acme", Of: "bills"}) {
		t.Fatalf("%d %+v", st, v)
	}
	now := time.Now()
	day := now.In(time.FixedZone("CST", 8*3600)).Format("20060102")
	txn := &store.Txn{ID: store.NumberAt(now), Idem: "a", Digest: []byte{1}, Terminal: "P0000001", Branch: "0001", Channel: "bills", Host: "core", Kind: "purchase", Amount: 100, State: store.Confirmed, Reference: "000000000001", Day: day, Created: now, Updated: now}
	if fresh, err := r.st.Insert(t.Context(), txn); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	book := []byte(fmt.Sprintf("000000000001;P0000001;120;D;;\nTRAILER %s 1 120\n", day))
	path := "/reconciliation/books?day=" + day
	for query, want := range map[string]int{"&partner=bills&format=core": 400, "&partner=bills&format=../acme.yaml": 400, "&partner=nobody&format=acme": 404, "&format=acme": 404, "&partner=bills&host=core&format=acme": 404} {
		if st, code := olga.do("POST", path+query, book, nil); st != want {
			t.Errorf("%s: %d %s, want %d", query, st, code, want)
		}
	}
	for who, want := range map[string]int{"anna": 403, "tess": 403} {
		if st, _ := r.as(who).do("POST", path+"&partner=bills&format=acme", book, nil); st != want {
			t.Errorf("%s: %d", who, st)
		}
		if st, _ := r.as(who).do("GET", "/reconciliation/books", nil, nil); st != want {
			t.Errorf("%s looks: %d", who, st)
		}
	}
	var d api.Day
	if st, code := olga.do("POST", path+"&partner=bills&format=acme", book, &d); st != 200 {
		t.Fatal(st, code)
	}
	if len(d.Runs) != 1 || d.Runs[0].Book != "partner" || d.Runs[0].Host != "bills" || len(d.Differences) != 1 || d.Differences[0].Class != "amount" || d.Differences[0].Owner != "clearing" || *d.Differences[0].Theirs != 120 {
		t.Errorf("%+v", d)
	}
}
