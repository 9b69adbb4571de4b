package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"zhigui/server/api/paycrypto"
	"zhigui/server/api/paycrypto/keyblock"
	"zhigui/server/internal/hsm"
)

// A ceremony as two persons do it at the command line: components, KEK, keys of the bank in, keys out,
// a line of the audit trail for every act, done or refused.
//
// req: TX-27
func TestTwoPersonsBringAKeyAndEveryActIsAudited(t *testing.T) {
	b := newBank(t, "data: data\n", person("anna", "admin", "", "secret anna"), person("bert", "admin", "", "secret bert"), person("mia", "manager", "0001", "secret mia"))
	do := b.do
	must := func(input string, args ...string) string {
		t.Helper()
		out, err := do(input, args...)
		if err != nil {
			t.Fatal(args, err)
		}
		return out
	}
	refused := func(why, input string, args ...string) {
		t.Helper()
		if out, err := do(input, args...); err == nil || strings.Contains(out, "check value") {
			t.Errorf("%s: %s %v", why, out, err)
		}
	}
	one, two := strings.Repeat("1D", 32), strings.Repeat("A7", 32)
	whole := bytes.Repeat([]byte{0x1D ^ 0xA7}, 32)
	k, _ := paycrypto.NewKey(paycrypto.AES, whole)
	kcv := fmt.Sprintf("%X", k.CheckValue(3))

	refused("a wrong password", "wrong\n"+one, "key", "component", "--owner", "bank", "--by", "anna", "--number", "1")
	refused("a manager", "secret mia\n"+one, "key", "component", "--owner", "bank", "--by", "mia", "--number", "1")
	must("secret anna\n"+one+"\n", "key", "component", "--owner", "bank", "--by", "anna", "--number", "1")
	refused("both by one person", "secret anna\n"+two, "key", "component", "--owner", "bank", "--by", "anna", "--number", "2")
	refused("half a ceremony", "secret anna\n", "key", "form", "--owner", "bank", "--by", "anna")
	must("secret bert\n"+two, "key", "component", "--owner", "bank", "--by", "bert", "--number", "2")
	refused("another check value", "secret bert\n", "key", "form", "--owner", "bank", "--by", "bert", "--kcv", "000000")
	if out := must("secret bert\n", "key", "form", "--owner", "bank", "--by", "bert", "--kcv", kcv); !strings.Contains(out, kcv) {
		t.Error(out)
	}
	wrap := func(u hsm.Use, raw string) string {
		b, _ := hex.DecodeString(raw)
		s, err := keyblock.Wrap(whole, hsm.BlockHeader(paycrypto.AES, paycrypto.SM4, u), b)
		if err != nil {
			t.Fatal(err)
		}
		return s + "\n"
	}
	pik, mak := "0123456789ABCDEFFEDCBA9876543210", "00112233445566778899AABBCCDDEEFF"
	must("secret anna\n"+wrap(hsm.UsePIN, pik)+wrap(hsm.UseMAC, mak), "key", "import", "--owner", "host", "--by", "anna", "--kek", "bank")
	out := strings.Fields(must("secret anna\n", "key", "export", "--owner", "host", "--by", "anna", "--kek", "bank"))
	for i, want := range []string{pik, mak} {
		if _, raw, err := keyblock.Unwrap(whole, out[i]); err != nil || !strings.EqualFold(hex.EncodeToString(raw), want) {
			t.Errorf("exported key %d: %v", i, err)
		}
	}
	// Data keys of a partner: made here for both sides, installed when the other side has them.
	made := must("secret anna\n", "key", "data", "--owner", "bills", "--by", "anna", "--kek", "bank", "--make", "sm4")
	blocks := strings.Fields(made)
	_, raw, err := keyblock.Unwrap(whole, blocks[0])
	if err != nil || len(blocks) != 2 {
		t.Fatal(made, err)
	}
	dk, _ := paycrypto.NewKey(paycrypto.SM4, raw)
	if out := must("secret bert\n"+made, "key", "data", "--owner", "bills", "--by", "bert", "--kek", "bank"); !strings.Contains(out, fmt.Sprintf("version 1, check value %X", dk.CheckValue(3))) {
		t.Error(out)
	}
	refused("data keys in the wrong order", "secret bert\n"+blocks[1]+"\n"+blocks[0]+"\n", "key", "data", "--owner", "bills", "--by", "bert", "--kek", "bank")
	refused("data keys among PIN keys", "secret bert\n"+made, "key", "data", "--owner", "host", "--by", "bert", "--kek", "bank")
	list := must("", "key", "list")
	for _, want := range []string{"KEK", "PIN", "MAC", "TDK", "sm4", kcv} {
		if !strings.Contains(list, want) {
			t.Errorf("%s is not listed:\n%s", want, list)
		}
	}
	st, _, err := open(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the test's end
	lines, err := st.Audits(context.Background(), 100)
	if err != nil {
		t.Fatal(err)
	}
	var trail []string
	for i := len(lines) - 1; i >= 0; i-- {
		l := lines[i]
		trail = append(trail, l.User+" "+l.Action+" "+l.Target+" "+strings.Fields(l.Note)[0])
		for _, secret := range []string{one[:12], two[:12], pik[:12], mak[:12]} {
			if strings.Contains(l.Note, secret) {
				t.Errorf("a key is in the audit trail: %s", l.Note)
			}
		}
	}
	want := "anna key.component bank refused\nmia key.component bank refused\nanna key.component bank component\nanna key.component bank failed:\n" +
		"anna key.form bank failed:\nbert key.component bank component\nbert key.form bank failed:\nbert key.form bank KEK\nanna key.import host PIN\nanna key.export host PIN\n" +
		"anna key.data bills new\nbert key.data bills data\nbert key.data bills failed:\nbert key.data host failed:"
	if got := strings.Join(trail, "\n"); got != want {
		t.Errorf("audit trail:\n%s", got)
	}
}

// Under a KEK of SM4 keys come bare, by the host's own messages: key blocks of it there are none.
func TestTwoPersonsBringAKeyOfSM4(t *testing.T) {
	b := newBank(t, "data: data\n", person("anna", "admin", "", "secret anna"), person("bert", "admin", "", "secret bert"))
	k, _ := paycrypto.NewKey(paycrypto.SM4, bytes.Repeat([]byte{0x1D ^ 0xA7}, 16))
	kcv := fmt.Sprintf("%X", k.CheckValue(3))
	for i, who := range []string{"anna", "bert"} {
		share := strings.Repeat([]string{"1D", "A7"}[i], 16)
		if out, err := b.do("secret "+who+"\n"+share+"\n", "key", "component", "--owner", "bank", "--by", who, "--alg", "sm4", "--number", fmt.Sprint(i+1)); err != nil {
			t.Fatal(out, err)
		}
	}
	if out, err := b.do("secret bert\n", "key", "form", "--owner", "bank", "--by", "bert", "--kcv", kcv); err != nil || !strings.Contains(out, kcv) {
		t.Fatal(out, err)
	}
	wrapped, err := keyblock.Wrap(bytes.Repeat([]byte{0x1D ^ 0xA7}, 16), hsm.BlockHeader(paycrypto.DES, paycrypto.DES, hsm.UsePIN), make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := b.do("secret anna\n"+wrapped+"\n"+wrapped+"\n", "key", "import", "--owner", "host", "--by", "anna", "--kek", "bank"); !errors.Is(err, hsm.ErrNoBlock) {
		t.Error("key blocks under it:", out, err)
	}
	// GM/T key of a public example (transaction.md §2.6, vector 10), under this KEK.
	pin, _ := hex.DecodeString("F351D490994603795C6EBEE8FAEBB481")
	bare, err := paycrypto.Wrap(k, pin)
	if err != nil {
		t.Fatal(err)
	}
	right := fmt.Sprintf("X%X 861E83E31FAEBF10\n", bare)
	for what, lines := range map[string]string{"another check value": right + fmt.Sprintf("X%X 861E83E4\n", bare), "no check value": right + fmt.Sprintf("X%X\n", bare), "no hexadecimal": right + "X12 zz\n", "one key": right} {
		if out, err := b.do("secret anna\n"+lines, "key", "import", "--owner", "host", "--by", "anna", "--kek", "bank"); err == nil {
			t.Errorf("%s: %s", what, out)
		}
	}
	if out, err := b.do("secret anna\n"+right+right, "key", "import", "--owner", "host", "--by", "anna", "--kek", "bank"); err != nil || !strings.Contains(out, "version 1") {
		t.Error("bare keys under it:", out, err)
	}
}
