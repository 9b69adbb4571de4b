package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhigui/server/internal/config"
	"zhigui/server/internal/store"
)

const withPartner = `data: data
channels:
  - {name: terminals, dialect: pos64, zone: 3des, link: {kind: short, listen: "127.0.0.1:7583"}}
  - {name: bills, dialect: corejson, keys: bills, link: {kind: http, listen: "127.0.0.1:7590/pay"}}
books:
  - {name: acme, format: acme.yaml, of: bills}
`

const acme = `kind: delimited
name: bookacme
charset: gbk
frame: {prefix: none, end: "0A", max: 512}
delimited: {separator: ";", escape: "\\"}
table:
  - {name: reference, canon: reference, type: an, max: 12, required: true}
  - {name: amount, canon: amount, type: n, max: 12}
  - {name: sign, type: an, max: 1}
  - {name: state, type: an, max: 1}
`

func TestTheReportOfADaySaysThatPartOfItIsInAnArchive(t *testing.T) {
	b := newBank(t, "data: data\nstore: {archives: archives}\n")
	c, err := config.Load(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.StoreOptions()
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2025, 3, 10, 4, 0, 0, 0, time.UTC)
	txn := &store.Txn{ID: store.NumberAt(at), Idem: "a", Digest: []byte{1}, Terminal: "P0000001", Branch: "0001", Kind: "purchase", Amount: 4711, State: store.Confirmed, Day: "20250310", Created: at, Updated: at}
	if fresh, err := st.Insert(t.Context(), txn); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	for _, archived := range []bool{false, true} {
		if archived {
			if _, err := b.do("", "store", "archive", "--month", "202503"); err != nil {
				t.Fatal(err)
			}
		}
		out, err := b.do("", "recon", "report", "--day", "20250310")
		if err != nil || strings.Contains(out, "not the whole day") != archived || strings.Contains(out, "47.11") == archived {
			t.Errorf("%s, %v", out, err)
		}
	}
}

// req: TX-16 TX-18
func TestAPartnersBookAndTheClearingOfADayAreCommands(t *testing.T) {
	b := newBank(t, withPartner, person("olga", "operator", "", "a password"), person("olly", "operator", "0001", "a password"))
	now := time.Now()
	day := now.Format("20060102")
	c, err := config.Load(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.StoreOptions()
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), o) // as the server does
	if err != nil {
		t.Fatal(err)
	}
	m := &store.Merchant{Number: "102290000000001", Branch: "0001", NameZH: "书店", FeePPM: 10_000, Enabled: true, Shares: []store.Share{{Receiver: "shop", PPM: 1_000_000}}}
	if err := st.SetMerchant(t.Context(), m, "olga", now); err != nil {
		t.Fatal(err)
	}
	txn := &store.Txn{ID: store.NumberAt(now), Idem: "a", Digest: []byte{1}, Terminal: "P0000001", Merchant: m.Number, Branch: "0001", Channel: "bills", Host: "core", Kind: "purchase", Amount: 10_000, State: store.Confirmed, Reference: "000000000001", Day: day, Created: now, Updated: now}
	if fresh, err := st.Insert(t.Context(), txn); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	old := *txn // of a product that the catalogue does not have
	old.ID, old.Idem, old.Kind, old.Channel = txn.ID+1, "b", "voucher", "terminals"
	if fresh, err := st.Insert(t.Context(), &old); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	book := filepath.Join(b.dir, "book.txt")
	for name, text := range map[string]string{filepath.Join(b.dir, "acme.yaml"): acme, book: fmt.Sprintf("000000000001;10000;D;\n000000000002;70;D;\nTRAILER %s 2 10070\n", day)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.do("", "recon", "run", "--partner", "terminals", "--day", day, "--format", "acme", book); err == nil || !strings.Contains(err.Error(), "no channel of a partner") {
		t.Error("the bank's own terminals have no book:", err)
	}
	out, err := b.do("", "recon", "run", "--partner", "bills", "--day", day, "--format", "acme", book)
	if err != nil || !strings.Contains(out, "open differences: 1") || !strings.Contains(out, "theirsOnly") || !strings.Contains(out, "partner") {
		t.Error(err, out)
	}
	for name, password := range map[string]string{"olga": "not hers", "olly": "a password", "nobody": "a password"} {
		if _, err := b.do(password+"\n", "clearing", "run", "--day", day, "--by", name); err == nil {
			t.Errorf("cleared by %s", name)
		}
	}
	if out, err = b.do("a password\n", "clearing", "run", "--day", day, "--by", "olga"); err != nil || !strings.Contains(out, "99.00") || !strings.Contains(out, "1.00") || !strings.Contains(out, "1 payments at merchants' terminals are cleared to nobody") {
		t.Error(err, out)
	}
	st, _, err = open(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // everything is durable
	if by, _, left, err := st.Cleared(t.Context(), day); by != "olga" || left.Unsaid != 1 || err != nil {
		t.Error("who cleared the day:", by, err)
	}
}
