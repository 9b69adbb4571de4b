package trade_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhigui/server/internal/product"
	"zhigui/server/internal/store"
	"zhigui/server/internal/trade"
	"zhigui/sim/bankhost"
	"zhigui/sim/dbserver"
)

// Whoever has the files of the database has no customer's data: card numbers, tracks, identities, PIN blocks and what a product is about
// are in none of them, as text, as bytes or as packed digits, whether the transaction ended well, was refused, or was taken back.
// req: TX-31
func TestTheFilesOfTheDatabaseHaveNothingInTheClear(t *testing.T) {
	r := newRig(t, false, trade.Options{})
	if e := os.Getenv("STORE"); e != "" && e != dbserver.SQLite {
		t.Skip("the files of SQLite are read")
	}
	x := r.terminal("00000001", trade.Zone3DES)
	track := card1 + "=3012101123456789"
	secrets := map[string][]byte{"card": []byte(card1), "payee": []byte(card5), "new card": []byte(blank), "track": []byte(track[17:]), "document": []byte("990101199001011234"), "phone": []byte("13800000000"),
		"contract": []byte("contract of Zhang San"), "PIN block": x.pinBlock(card1, "123456"), "new PIN block": x.pinBlock(card2, "654321")}
	for name, card := range map[string]string{"card, packed": card1, "payee, packed": card5, "new card, packed": blank} {
		secrets[name], _ = hex.DecodeString(card)
	}
	q, _ := x.withdraw(card1, 10_000)
	x.do(x.about("0220", q, 10_000), true)
	cat := product.Builtin()
	x.service(cat.Named("transfer"), card1, 700, card5)
	x.service(cat.Named("contractSign"), card1, 0, string(secrets["contract"]))
	x.service(cat.Named("pinChange"), card2, 0, string(secrets["new PIN block"]))
	issued, a := x.issues(blank, who)
	x.do(x.about("0220", issued, 0), true)
	if a.String(39) != "00" {
		t.Fatal(a.String(39))
	}
	x.withdraw(card1, 10_001) // the host declines: by the amount's last digits
	r.bank.Arm(bankhost.Scenario{Kind: "noAnswer", Count: 1})
	lost, _ := x.withdraw(card1, 20_000)
	until(t, "the reversal", func() bool { return r.txn(x, lost).State == store.Reversed })
	files, err := filepath.Glob(r.dsn + "*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	size, masked := 0, false
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		size += len(b)
		masked = masked || bytes.Contains(b, []byte("622588******0001"))
		for name, s := range secrets {
			for _, form := range [][]byte{s, []byte(hex.EncodeToString(s)), []byte(strings.ToUpper(hex.EncodeToString(s)))} {
				if bytes.Contains(b, form) {
					t.Errorf("%s has the %s", filepath.Base(f), name)
				}
			}
		}
	}
	if !masked { // the right files
		t.Errorf("no transaction in %d bytes of %v", size, files)
	}
}
