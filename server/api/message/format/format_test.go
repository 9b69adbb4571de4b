package format

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zhigui/server/api/message"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testSign stands for a MAC algorithm: any function of the covered bytes shows whether the
// same bytes are covered on both sides.
func testSign(cover []byte) ([]byte, error) {
	h := sha256.Sum256(cover)
	return h[:], nil
}

func load(t testing.TB, name string) *Dialect {
	t.Helper()
	d, err := Builtin(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The cases of the conformance suite: each is one canonical transaction.
var cases = map[string]*Transaction{
	"withdrawal": {Type: "0200", Values: map[string]string{
		"pan": "6225880000000000005", "procCode": "010000", "amount": "000000030050", "stan": "000017", "localTime": "154841",
		"localDate": "0711", "track2": "6225880000000000005=3012101123456789", "terminal": "00000001", "merchant": "102290000000001",
		"merchantName": "上海南京路支行", "currency": "156", "pinBlock": "\xA9\x35\x83\x2E\xF8\x70\x41\x15",
	}},
	"answer": {Type: "0210", Values: map[string]string{
		"pan": "6225880000000001", "procCode": "310000", "amount": "000000000000", "stan": "999999", "localTime": "000000",
		"localDate": "0101", "reference": "999900001128", "authCode": "A1B2C3", "response": "00", "terminal": "T1", "merchant": "M 1", "currency": "156",
	}, Lists: map[string][]map[string]string{"lines": {
		{"date": "20261122", "value": "000000010000", "text": "工资 & \"奖金\" <1>"},
		{"date": "20261123", "value": "000000000005", "text": "a"},
	}}},
	"sparse": {Type: "0800", Values: map[string]string{
		"stan": "000001", "procCode": "000000", "amount": "000000000001", "localTime": "010203", "localDate": "1231", "currency": "840", "terminal": "00000002",
	}},
}

// only keeps what a dialect can carry: its own fields and groups.
func (d *Dialect) only(t *Transaction) *Transaction {
	out := NewTransaction(t.Type)
	for _, f := range d.fields {
		v, ok := t.Values[f.key]
		wide := f.key == "pinBlock" && strings.HasSuffix(d.Name, "sm4") // has 16 bytes there
		if ok && !wide && (f.key != "merchantName" || !strings.HasPrefix(d.Name, "visa") && d.Name != "mastercard") {
			out.Values[f.key] = v // no Chinese in EBCDIC
		}
		if f.Rows != nil && len(t.Lists[f.key]) > 0 {
			out.Lists[f.key] = t.Lists[f.key]
		}
	}
	return out
}

func body(t testing.TB, d *Dialect, frame []byte) []byte {
	t.Helper()
	b, ok := d.Frame.Strip(frame)
	if !ok {
		t.Fatalf("%s: % X is no frame", d.Name, frame)
	}
	return b
}

// req: TX-01 TX-10 TX-11 TX-12 TX-13 TX-14 TX-15
func TestOneTransactionGoesThroughEveryDialect(t *testing.T) {
	for _, name := range Builtins() {
		for kind, tx := range cases {
			t.Run(name+"/"+kind, func(t *testing.T) {
				d := load(t, name)
				want := d.only(tx)
				frame, err := d.Pack([]byte("kept"), want, testSign)
				if err != nil {
					t.Fatal(err)
				}
				frame, _ = bytes.CutPrefix(frame, []byte("kept"))
				golden(t, filepath.Join("testdata", "golden", name+"_"+kind+".hex"), frame)
				got, seal, err := d.Unpack(body(t, d, frame))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				mac, _ := testSign(seal.Cover)
				if d.HasMAC() && (!seal.Equals(mac) || seal.Equals(make([]byte, 32))) {
					t.Error("the MAC of the received message is another")
				}
			})
		}
	}
}

func golden(t *testing.T, file string, b []byte) {
	t.Helper()
	text := strings.TrimSpace(hex.Dump(b)) + "\n"
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != text {
		t.Errorf("%s is not what was packed (-update writes it anew):\n%s", file, text)
	}
}

func TestAMessageCutShortIsRefusedInEveryDialect(t *testing.T) {
	for _, name := range Builtins() {
		d := load(t, name)
		frame, err := d.Pack(nil, d.only(cases["answer"]), testSign)
		if err != nil {
			t.Fatal(err)
		}
		b := body(t, d, frame)
		for n := range b {
			if _, _, err := d.Unpack(b[:n]); err == nil {
				t.Errorf("%s takes %d of %d bytes", name, n, len(b))
			}
		}
	}
}

func TestAMessageTooLongIsRefusedInEveryDialect(t *testing.T) {
	for _, name := range Builtins() {
		d := load(t, name)
		if _, _, err := d.Unpack(bytes.Repeat([]byte(" "), d.Frame.Max+1)); err == nil {
			t.Errorf("%s takes it", name)
		}
	}
}

func TestChangedBytesUnderTheMACAreSeen(t *testing.T) {
	for _, name := range Builtins() {
		d := load(t, name)
		frame, err := d.Pack(nil, d.only(cases["withdrawal"]), testSign)
		if err != nil {
			t.Fatal(err)
		}
		b := body(t, d, frame)
		at := bytes.LastIndex(b, []byte("300.50"))
		if at < 0 {
			continue // packed or in another character set
		}
		b = bytes.Clone(b)
		b[at] = '9'
		_, seal, err := d.Unpack(b)
		mac, _ := testSign(seal.Cover)
		if err == nil && seal.Equals(mac) {
			t.Errorf("%s: an amount was changed and the MAC still fits", name)
		}
	}
}

func TestEverythingSecretIsMaskedInEveryDialect(t *testing.T) {
	for _, name := range Builtins() {
		d := load(t, name)
		s := d.Describe(d.only(cases["withdrawal"]))
		if strings.Contains(s, "6225880000000000005") || strings.Contains(s, "A935832E") || !strings.Contains(s, "622588*********0005") {
			t.Errorf("%s shows\n%s", name, s)
		}
	}
}

func TestErrorsNeverRepeatAValue(t *testing.T) {
	for _, name := range Builtins() {
		d := load(t, name)
		tx := d.only(cases["withdrawal"])
		tx.Values["pan"] = "622588000000000000599999"
		if _, err := d.Pack(nil, tx, testSign); err == nil || strings.Contains(err.Error(), "6225") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATransactionIsTranslatedFromPOSToEveryDialect(t *testing.T) {
	pos, err := message.Builtin("pos64")
	if err != nil {
		t.Fatal(err)
	}
	m := message.New(pos)
	want := Of(pos).only(cases["withdrawal"])
	if err := ToMessage(want, m); err != nil {
		t.Fatal(err)
	}
	tx, err := FromMessage(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		d := load(t, name)
		frame, err := d.Pack(nil, tx, testSign)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, _, err := d.Unpack(body(t, d, frame))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, k := range []string{"pan", "amount", "stan", "track2", "terminal", "pinBlock"} {
			if got.Values[k] != tx.Values[k] {
				t.Errorf("%s: %s differs", name, k)
			}
		}
	}
}

func FuzzUnpack(f *testing.F) {
	var ds []*Dialect
	for _, name := range Builtins() {
		d := load(f, name)
		ds = append(ds, d)
		for _, tx := range cases {
			frame, err := d.Pack(nil, d.only(tx), testSign)
			if err != nil {
				f.Fatal(err)
			}
			b := body(f, d, frame)
			f.Add(uint8(len(ds)-1), b)
			f.Add(uint8(len(ds)-1), b[:len(b)/2])
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		d := ds[int(which)%len(ds)]
		tx, _, err := d.Unpack(b)
		if err != nil {
			return
		}
		_ = d.Describe(tx)
		frame, err := d.Pack(nil, tx, testSign)
		if err != nil {
			t.Fatalf("%s: cannot pack %v: %v", d.Name, tx.names(), err)
		}
		again, _, err := d.Unpack(body(t, d, frame))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tx, again); diff != "" {
			t.Fatalf("%s: %s", d.Name, diff)
		}
	})
}

func TestEveryBuiltInDialectHasCases(t *testing.T) {
	files, _ := builtin.ReadDir("dialects")
	var got []string
	for _, f := range files {
		got = append(got, strings.TrimSuffix(f.Name(), ".yaml"))
	}
	want := slices.Sorted(slices.Values(names))
	if !slices.Equal(got, want) {
		t.Errorf("files %v, listed %v", got, want)
	}
}

func TestABuiltInDialectThatIsNotThereIsSaidWithWhereTheNamesAre(t *testing.T) {
	_, err := Builtin("acmefixed")
	if err == nil || !strings.Contains(err.Error(), "acmefixed: serverctl describe lists") {
		t.Errorf("got %v", err)
	}
}
