package main

import (
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"zhigui/server/api/paycrypto/sign"
	"zhigui/server/internal/hsm"
	"zhigui/server/internal/store"
)

func TestAKeyOfDigestsIsMadeOrReadByAPersonAndNeverInTheTrail(t *testing.T) {
	b := newBank(t, "data: data\n", person("anna", "admin", "", "secret"), person("mia", "manager", "0001", "secret"))
	if out, err := b.do("secret\n", "key", "digest", "--by", "mia", "--owner", "acme", "--make"); err == nil {
		t.Error("a manager makes keys:", out)
	}
	if out, err := b.do("secret\n", "key", "digest", "--by", "anna", "--owner", "acme", "--alg", "sm2", "--make"); err == nil {
		t.Error(out)
	}
	if out, err := b.do("secret\n00112233\n", "key", "digest", "--by", "anna", "--owner", "acme"); err == nil {
		t.Error("a short key is taken:", out)
	}
	out, err := b.do("secret\n", "key", "digest", "--by", "anna", "--owner", "acme", "--make")
	m := regexp.MustCompile(`key: ([0-9A-F]{64})\n.*check value [0-9A-F]{8}\n`).FindStringSubmatch(out)
	if err != nil || m == nil {
		t.Fatal(out, err)
	}
	key, _ := hex.DecodeString(m[1])
	other := strings.Repeat("5A", 32)
	if out, err := b.do("secret\n"+other+"\n", "key", "digest", "--by", "anna", "--owner", "acme", "--alg", "hmacSha256"); err != nil || strings.Contains(out, other) {
		t.Error(out, err)
	}
	st, h, err := open(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // the test's end
	want, _ := sign.HMACSM3.Digest(key, []byte("x"))
	if err := h.(*hsm.Soft).VerifyDigest("acme", sign.HMACSM3, []byte("x"), want); err != nil {
		t.Error(err)
	}
	if _, err := h.(*hsm.Soft).Digest("acme", sign.HMACSHA256, nil); err != nil {
		t.Error(err)
	}
	lines, err := st.Audits(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for _, x := range lines {
		if x.Action == "key.digest" && strings.Contains(x.Note, "check value") {
			made++
		}
		if strings.Contains(x.Note, m[1]) || strings.Contains(x.Note, other) {
			t.Error("the audit trail has a key:", x.Note)
		}
	}
	if made != 2 {
		t.Errorf("%d lines tell of it: %v", made, lines)
	}
	if held, err := st.HoldJob(t.Context(), digestJob, "another", time.Minute); err != nil || !held {
		t.Fatal(held, err)
	}
	if out, err := b.do("secret\n", "key", "digest", "--by", "anna", "--owner", "acme", "--make"); !errors.Is(err, store.ErrHeld) || strings.Contains(out, "key:") {
		t.Error("beside another who makes one:", out, err)
	}
}
