package paycrypto_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"zhigui/server/api/paycrypto"
)

const issuerKey = "0123456789ABCDEFFEDCBA9876543210"

func desKey(t *testing.T, s string) *paycrypto.Key {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	k, err := paycrypto.NewKey(paycrypto.DES, b)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Published results of another implementation (pyemv's tests). Its check digits are those of the keys.
func TestChipCryptogramsAreThePublishedOnes(t *testing.T) {
	data, _ := hex.DecodeString("0123456789ABCDEF0123456789ABCDEF")
	r := [8]byte{0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56}
	for _, v := range []struct {
		pan                           string
		sequence                      byte
		cardKCV, sessionKCV, ac, arpc string
		arpcUnderSession              bool
	}{
		{"9901234567890123", 45, "1DA5", "0995", "4B46013359B7A58B", "F8C9CECAABD55AD1", false},
		{"12345678901234567", 45, "FF08", "DF82", "19C1FBC83EBDC0D5", "78A372523FA35A03", false},
		{"99012345678901234", 45, "", "", "FA624250B008B59A", "45D4255EEF10C920", true},
	} {
		card, err := paycrypto.CardKey(desKey(t, issuerKey), v.pan, v.sequence)
		if err != nil {
			t.Fatal(err)
		}
		session, err := paycrypto.ChipSession(card, r)
		if err != nil {
			t.Fatal(err)
		}
		up := func(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }
		ac, err := paycrypto.Cryptogram(session, data)
		if err != nil {
			t.Fatal(err)
		}
		under := card
		if v.arpcUnderSession {
			under = session
		}
		arpc, err := paycrypto.ResponseCryptogram(under, [8]byte(ac), [2]byte{})
		if err != nil {
			t.Fatal(err)
		}
		if up(ac) != v.ac || up(arpc) != v.arpc {
			t.Errorf("%s: %X %X", v.pan, ac, arpc)
		}
		if v.cardKCV != "" && (up(card.KCV(2)) != v.cardKCV || up(session.KCV(2)) != v.sessionKCV) {
			t.Errorf("%s: check values %X %X", v.pan, card.KCV(2), session.KCV(2))
		}
	}
}

func TestAWrongCryptogramIsNotOk(t *testing.T) {
	issuer := desKey(t, issuerKey)
	card, _ := paycrypto.CardKey(issuer, "6225880000000001", 1)
	session, _ := paycrypto.ChipSession(card, [8]byte{0, 7})
	data := []byte("what the card signed")
	ac, _ := paycrypto.Cryptogram(session, data)
	check := func(counter uint16, sequence byte, data []byte, ac [8]byte) bool {
		answer, ok, err := paycrypto.CheckCryptogram(issuer, "6225880000000001", sequence, counter, data, ac, [2]byte{'0', '0'})
		if err != nil || ok != (len(answer) == 8) {
			t.Error(err)
		}
		return ok
	}
	bent := [8]byte(ac)
	bent[7] ^= 1
	if !check(7, 1, data, [8]byte(ac)) || check(8, 1, data, [8]byte(ac)) || check(7, 2, data, [8]byte(ac)) || check(7, 1, data[1:], [8]byte(ac)) || check(7, 1, data, bent) {
		t.Error("a cryptogram is judged wrongly")
	}
	for _, pan := range []string{"622588", "62258800000A0001"} {
		if _, err := paycrypto.CardKey(issuer, pan, 1); !errors.Is(err, paycrypto.ErrPAN) {
			t.Errorf("%s: %v", pan, err)
		}
	}
	if _, err := paycrypto.CardKey(desKey(t, issuerKey[:16]), "6225880000000001", 1); !errors.Is(err, paycrypto.ErrKey) {
		t.Error(err)
	}
}
