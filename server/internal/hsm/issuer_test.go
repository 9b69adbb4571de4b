package hsm

import (
	"bytes"
	"errors"
	"testing"

	"zhigui/server/api/paycrypto"
)

func TestAnIssuersKeyChecksChipsAfterARestart(t *testing.T) {
	m := &memory{map[string]Record{}}
	master := bytes.Repeat([]byte{7}, 32)
	s, err := NewSoft(master, m)
	if err != nil {
		t.Fatal(err)
	}
	raw := []byte{0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10}
	if err := s.ImportIssuer("bank", raw); err != nil {
		t.Fatal(err)
	}
	if err := s.ImportIssuer("bank", raw[:8]); !errors.Is(err, paycrypto.ErrKey) {
		t.Error(err)
	}
	if s, err = NewSoft(master, m); err != nil {
		t.Fatal(err)
	}
	issuer, _ := paycrypto.NewKey(paycrypto.DES, raw)
	card, _ := paycrypto.CardKey(issuer, "6225880000000001", 1)
	session, _ := paycrypto.ChipSession(card, [8]byte{0, 9})
	c := Chip{PAN: "6225880000000001", Sequence: 1, Counter: 9, Data: []byte("signed by the card")}
	ac, _ := paycrypto.Cryptogram(session, c.Data)
	want, _ := paycrypto.ResponseCryptogram(session, [8]byte(ac), [2]byte{'0', '0'})
	if got, err := s.CheckCryptogram("bank", c, [8]byte(ac), [2]byte{'0', '0'}); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%X %v", got, err)
	}
	ac[0] ^= 1
	if _, err := s.CheckCryptogram("bank", c, [8]byte(ac), [2]byte{}); !errors.Is(err, ErrCryptogram) {
		t.Error(err)
	}
	if _, err := s.CheckCryptogram("other", c, [8]byte(ac), [2]byte{}); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
}
