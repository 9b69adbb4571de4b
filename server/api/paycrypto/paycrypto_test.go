package paycrypto

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func key(t testing.TB, a Alg, h string) *Key {
	t.Helper()
	k, err := NewKey(a, unhex(h))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const (
	gbKey  = "0123456789ABCDEFFEDCBA9876543210"
	thirty = "This is the test message "
)

// req: TX-24
func TestMACsEqualPublishedVectors(t *testing.T) {
	for name, c := range map[string]struct {
		alg       Alg
		mac       MACAlg
		key, data string
		want      string
	}{
		"7 SM4 CBC-MAC M2, empty":            {SM4, SM4CBCM2, gbKey, "", "8C338E5A27E349BEAE39214FEDA97099"},
		"7 SM4 CBC-MAC M2, whole blocks":     {SM4, SM4CBCM2, gbKey, "This is the test message for mac", "4B6553AF3C4E27448412315AC7849535"},
		"7 SM4 CBC-MAC M2, partial block":    {SM4, SM4CBCM2, gbKey, thirty, "421AD1690AA152E2846FA2A5D83445A9"},
		"8 SM4 CBC-MAC zero padding":         {SM4, SM4CBC, gbKey, thirty, "BA89E45FE8ABF242E26CE032AD007C09"},
		"8 SM4 CBC-MAC bank input":           {SM4, SM4CBC, "C5945F5BDF1E2DD83C6BFCA9699975F3", "PCK1209339432640F07BEC962141300010024402220516956", "55BD7EFE36472A824105C55A5126AE60"},
		"9 SM4 fold":                         {SM4, Fold, "12345678901234567890123456789012", "6000112018111411003020170930101010120171025000755000000005553", "1E80F37340B0FEE62C81F356AFB20BF1"},
		"15 X9.9":                            {DES, X99, "0123456789ABCDEF", "7654321 Now is the time for ", "F1D30F6849312CA4"},
		"16 algorithm 1, M1":                 {DES, X99, "0123456789ABCDEF", "Now is the time for all ", "70A30640CC76DD8B"},
		"16 algorithm 1, M2":                 {DES, X99M2, "0123456789ABCDEF", "Now is the time for all ", "10E1F0F108341B6D"},
		"16 algorithm 1, M1, partial":        {DES, X99, "0123456789ABCDEF", "Now is the time for it", "E45B3AD2B7CC0856"},
		"16 algorithm 1, M2, partial":        {DES, X99M2, "0123456789ABCDEF", "Now is the time for it", "A924C72136149211"},
		"17 X9.19, M1":                       {DES, X919, gbKey, "Now is the time for all ", "A1C72E74EA3FA9B6"},
		"17 X9.19, M2":                       {DES, X919M2, gbKey, "Now is the time for all ", "E9086230CA3BE796"},
		"17 X9.19, M1, partial":              {DES, X919, gbKey, "Now is the time for it", "2E2B1428CC78254F"},
		"17 X9.19, M2, partial":              {DES, X919M2, gbKey, "Now is the time for it", "5A692CE64F404145"},
		"18 X9.19 of another implementation": {DES, X919, "7CA110454A1A6E570131D9619DC1376E", "Hello World !!!!", "F09B856213BAB83B"},
		"19 UnionPay fold": {DES, Fold, "2222222222222222",
			string(unhex("1234567890ABCDEFABCDEF1234567890")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := AppendMAC(nil, c.mac, key(t, c.alg, c.key), []byte(c.data))
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if f := ToField8(got); string(f[:]) != "E267B6E2" {
					t.Fatalf("field 64 is %s", f)
				}
				return
			}
			if !bytes.Equal(got, unhex(c.want)) {
				t.Fatalf("got %X", got)
			}
		})
	}
}

func TestSM4EqualsTheStandard(t *testing.T) {
	k := key(t, SM4, gbKey)
	got, _ := k.ECB(nil, unhex(gbKey), false)
	if want := unhex("681EDF34D206965E86B3E94F536E4246"); !bytes.Equal(got, want) {
		t.Fatalf("got %X", got)
	}
	got, _ = k.ECB(nil, unhex("AAAAAAAABBBBBBBBCCCCCCCCDDDDDDDDEEEEEEEEFFFFFFFFAAAAAAAABBBBBBBB"), false)
	if want := unhex("5EC8143DE509CFF7B5179F8F474B86192F1D305A7FB17DF985F81C8482192304"); !bytes.Equal(got, want) {
		t.Fatalf("got %X", got)
	}
}

func TestWorkingKeysUnwrapWithTheirCheckValues(t *testing.T) {
	for name, c := range map[string]struct {
		alg                     Alg
		tmk, wrapped, want, kcv string
	}{
		"10 SM4":      {SM4, "1234567890ABCDEFABCDEF0987654321", "3D66234C49E4296FF9C78D8BACBD6A76", "F351D490994603795C6EBEE8FAEBB481", "861E83E31FAEBF10"},
		"21 3DES PIK": {DES, "CA5D92598DCA48CE8A4C76361A9269E9", "6701EAD6A9AD51E51AA406E2C27FCFA9", "807A23AD32B36D457AE91FDF927570EA", "8D0A74B8"},
		"21 3DES MAK": {DES, "CA5D92598DCA48CE8A4C76361A9269E9", "B651F9E9BACE9AE1", "5BB5C72CD00B7338", "AB7153CA"},
		"20 TAK":      {DES, "70F2A84CCBC2AE8625CBB0F2C22AB923", "96D605EA176B7E9E", "C24A8FB57AA20123", ""},
	} {
		t.Run(name, func(t *testing.T) {
			tmk := key(t, c.alg, c.tmk)
			raw, err := Unwrap(tmk, unhex(c.wrapped))
			if err != nil || !bytes.Equal(raw, unhex(c.want)) {
				t.Fatalf("got %X, %v", raw, err)
			}
			if again, _ := Wrap(tmk, raw); !bytes.Equal(again, unhex(c.wrapped)) {
				t.Error("wrapping again differs")
			}
			k, err := NewKey(c.alg, raw)
			if err != nil {
				t.Fatal(err)
			}
			if kcv := unhex(c.kcv); !bytes.Equal(k.KCV(len(kcv)), kcv) {
				t.Errorf("check value %X", k.KCV(len(kcv)))
			}
		})
	}
}

// req: TX-27
func TestPINBlocksEqualPublishedVectors(t *testing.T) {
	for name, c := range map[string]struct {
		f              Format
		pin, pan, want string
	}{
		"22 ISO-0":            {ISO0, "1234", "5555555551234567", "041261AAAAEDCBA9"},
		"22 ISO-0, 12 digits": {ISO0, "123456789012", "5555555551234567", "0C1261032D8226A9"},
		"11 SM4":              {SM4Block, "123654", "6230606601007726888", "06123654FFFFFFFFFFFF99FEFF88D977"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := EncodePIN(c.f, []byte(c.pin), []byte(c.pan))
			if err != nil || !bytes.Equal(got, unhex(c.want)) {
				t.Fatalf("got %X, %v", got, err)
			}
		})
	}
	b, _ := EncodePIN(SM4Block, []byte("123654"), []byte("6230606601007726888"))
	enc, _ := key(t, SM4, "F351D490994603795C6EBEE8FAEBB481").ECB(nil, b, false)
	if !bytes.Equal(enc, unhex("CD01D6AD8F0A484C52A9364A0595AD60")) {
		t.Errorf("11 encrypted: %X", enc)
	}
	pin, err := DecodePIN(nil, ISO3, unhex("341261AAAAEDCBA9"), []byte("5555555551234567"))
	if err != nil || string(pin) != "1234" {
		t.Errorf("23 ISO-3: %s, %v", pin, err)
	}
}

// req: TX-27
func TestPINSurvivesTranslationBetweenAllZones(t *testing.T) {
	pan := []byte("6225880000000001")
	zones := map[string]struct {
		k *Key
		f Format
	}{
		"3DES ISO-0": {key(t, DES, "1111111111111111222222222222222A"), ISO0},
		"3DES ISO-1": {key(t, DES, "1111111111111111222222222222222B"), ISO1},
		"3DES ISO-3": {key(t, DES, "1111111111111111222222222222222C"), ISO3},
		"SM4":        {key(t, SM4, gbKey), SM4Block},
	}
	for an, a := range zones {
		for bn, b := range zones {
			clear, _ := EncodePIN(a.f, []byte("135790"), pan)
			enc, _ := a.k.ECB(nil, clear, false)
			out, err := Translate(a.k, a.f, b.k, b.f, enc, pan)
			if errors.Is(err, ErrTranslation) && b.f == ISO1 {
				continue
			}
			if err != nil {
				t.Fatal(an, bn, err)
			}
			got, _ := b.k.ECB(nil, out, true)
			pin, err := DecodePIN(nil, b.f, got, pan)
			if err != nil || string(pin) != "135790" {
				t.Errorf("%s to %s: %v", an, bn, err)
			}
		}
	}
	if _, err := Translate(zones["SM4"].k, SM4Block, zones["3DES ISO-0"].k, ISO0, make([]byte, 16), pan); !errors.Is(err, ErrPINBlock) {
		t.Errorf("a block under a wrong key: %v", err)
	}
}

func TestErrorsHoldNoSecret(t *testing.T) {
	_, err := EncodePIN(ISO0, []byte("12345678901234"), []byte("6225880000000001"))
	if err == nil || strings.Contains(err.Error(), "1234") {
		t.Fatal(err)
	}
}

func BenchmarkX919Of200Bytes(b *testing.B) {
	k, buf, data := key(b, DES, gbKey), make([]byte, 0, 16), make([]byte, 200)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = AppendMAC(buf[:0], X919, k, data)
	}
}
