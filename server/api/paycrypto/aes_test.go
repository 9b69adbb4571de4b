package paycrypto

import (
	"bytes"
	"errors"
	"testing"
)

// NIST SP 800-38B appendix D (AES, two-key and three-key TDES) as published; the SM4 results
// are those of ISO 9797-1 algorithm 5 computed by openssl (TestCMACAgreesWithOpenSSL).
//
// req: TX-24
func TestCMACEqualsTheStandard(t *testing.T) {
	const (
		text = "6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E5130C81C46A35CE411E5FBC1191A0A52EFF69F2445DF4F9B17AD2B417BE66C3710"
		a128 = "2B7E151628AED2A6ABF7158809CF4F3C"
		a192 = "8E73B0F7DA0E6452C810F32B809079E562F8EAD2522C6B7B"
		a256 = "603DEB1015CA71BE2B73AEF0857D77811F352C073B6108D72D9810A30914DFF4"
		t2   = "4CF15134A2850DD58A3D10BA80570D38"
		t3   = "8AA83BF8CBDA10620BC1BF19FBB6CD58BC313D4A371CA8B5"
	)
	for name, c := range map[string]struct {
		alg  Alg
		key  string
		n    int
		want string
	}{
		"AES-128, empty":         {AES, a128, 0, "BB1D6929E95937287FA37D129B756746"},
		"AES-128, one block":     {AES, a128, 16, "070A16B46B4D4144F79BDD9DD04A287C"},
		"AES-128, partial":       {AES, a128, 40, "DFA66747DE9AE63030CA32611497C827"},
		"AES-128, four blocks":   {AES, a128, 64, "51F0BEBF7E3B9D92FC49741779363CFE"},
		"AES-192, empty":         {AES, a192, 0, "D17DDF46ADAACDE531CAC483DE7A9367"},
		"AES-256, partial":       {AES, a256, 40, "AAF3D8F1DE5640C232F5B169B9C911E6"},
		"two-key, one block":     {DES, t2, 8, "4FF2AB813C53CE83"},
		"two-key, empty":         {DES, t2, 0, "BD2EBF9A3BA00361"},
		"three-key, empty":       {DES, t3, 0, "B7A688E122FFAF95"},
		"three-key, one block":   {DES, t3, 8, "8E8F293136283797"},
		"three-key, partial":     {DES, t3, 20, "743DDBE0CE2DC2ED"},
		"three-key, four blocks": {DES, t3, 32, "33E6B1092400EAE5"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := AppendMAC([]byte("x"), CMAC, key(t, c.alg, c.key), unhex(text)[:c.n])
			if err != nil || !bytes.Equal(got[1:], unhex(c.want)) {
				t.Fatalf("got %X, %v", got[1:], err)
			}
		})
	}
}

// Published results of another implementation (psec's tests) and of TR-31:2018 A.7.4.
func TestISO4EqualsThePublishedBlocks(t *testing.T) {
	k := key(t, AES, "00112233445566778899AABBCCDDEEFF")
	pin, err := DecryptPIN(nil, k, ISO4, unhex("28B41FDDD29B743E93124BD8E32D921E"), []byte("1234567890123456789"))
	if err != nil || string(pin) != "1234" {
		t.Errorf("24 ISO-4: %s, %v", pin, err)
	}
	if _, err := DecryptPIN(nil, k, ISO4, unhex("28B41FDDD29B743E93124BD8E32D921E"), []byte("1234567890123456780")); !errors.Is(err, ErrPINBlock) {
		t.Error("opened for another card:", err)
	}
	b, err := EncodePIN(ISO2, []byte("1234"), nil)
	if err != nil || !bytes.Equal(b, unhex("241234FFFFFFFFFF")) {
		t.Errorf("23 ISO-2: %X, %v", b, err)
	}
	if b, _ = EncodePIN(X98, []byte("1234"), nil); !bytes.Equal(b, unhex("041234FFFFFFFFFF")) {
		t.Errorf("X9.8 without PAN: %X", b)
	}
}

func TestTheCheckValueOfAnAESKeyIsThatOfCMAC(t *testing.T) {
	// TR-31:2018 A.7.4 quotes it for this key.
	if got := key(t, AES, "3F419E1CB7079442AA37474C2EFBF8B8").CheckValue(3); !bytes.Equal(got, unhex("08793E")) {
		t.Errorf("AES %X", got)
	}
	// The same bytes as a DES key: A.7.2.2.
	if got := key(t, DES, "3F419E1CB7079442AA37474C2EFBF8B8").CheckValue(3); !bytes.Equal(got, unhex("57C409")) {
		t.Errorf("DES %X", got)
	}
}

// req: TX-27
func TestEveryFormatReachesEveryOtherUnderItsOwnKey(t *testing.T) {
	des, aes, sm := key(t, DES, "1111111111111111222222222222222A"), key(t, AES, gbKey+gbKey), key(t, SM4, gbKey)
	zones := map[Format]*Key{ISO0: des, ISO1: des, ISO2: des, ISO3: des, X98: des, ISO4: aes, SM4Block: sm}
	for _, pan := range []string{"6225880000000001", "6225880000000000017", "6225880000000"} {
		for _, pin := range []string{"1234", "123456789012"} {
			for ff, from := range zones {
				enc, err := EncryptPIN(from, ff, []byte(pin), []byte(pan))
				if err != nil {
					t.Fatal(ff, err)
				}
				for tf, to := range zones {
					out, err := Translate(from, ff, to, tf, enc, []byte(pan))
					if !ff.Translatable(tf) && errors.Is(err, ErrTranslation) {
						continue
					}
					if err != nil {
						t.Fatal(ff, tf, err)
					}
					got, err := DecryptPIN(nil, to, tf, out, []byte(pan))
					if err != nil || string(got) != pin {
						t.Errorf("%d to %d: %v", ff, tf, err)
					}
				}
			}
		}
	}
}

func TestAFormatUnderAKeyOfAnotherZoneIsRefused(t *testing.T) {
	des, aes, sm := key(t, DES, gbKey), key(t, AES, gbKey), key(t, SM4, gbKey)
	pan := []byte("6225880000000001")
	for _, c := range []struct {
		k *Key
		f Format
	}{{des, ISO4}, {aes, ISO0}, {aes, SM4Block}, {sm, ISO4}, {sm, ISO0}, {des, 99}} {
		if _, err := EncryptPIN(c.k, c.f, []byte("1234"), pan); !errors.Is(err, ErrPINBlock) {
			t.Errorf("%d under %d: %v", c.f, c.k.Alg(), err)
		}
		if _, err := DecryptPIN(nil, c.k, c.f, make([]byte, c.f.Size()), pan); !errors.Is(err, ErrPINBlock) {
			t.Errorf("%d under %d: %v", c.f, c.k.Alg(), err)
		}
	}
	if _, err := EncryptPIN(aes, ISO4, []byte("1234"), []byte("62258800000000000011")); !errors.Is(err, ErrPAN) {
		t.Error("20 digits:", err)
	}
}

func TestCBCOfSM4EqualsThePublishedText(t *testing.T) {
	k := key(t, SM4, gbKey)
	iv := unhex("000102030405060708090A0B0C0D0E0F")
	plain := unhex("AAAAAAAABBBBBBBBCCCCCCCCDDDDDDDDEEEEEEEEFFFFFFFFAAAAAAAABBBBBBBB")
	got, err := k.CBC(nil, iv, plain, false)
	if want := unhex("78EBB11CC40B0A48312AAEB2040244CB4CB7016951909226979B0D15DC6A8F6D"); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("got %X, %v", got, err)
	}
	if back, _ := k.CBC(nil, iv, got, true); !bytes.Equal(back, plain) {
		t.Fatalf("back %X", back)
	}
	if _, err := k.CBC(nil, iv[:8], plain, false); !errors.Is(err, ErrLength) {
		t.Error(err)
	}
}

func FuzzDecryptPIN(f *testing.F) {
	f.Add(uint8(ISO4), unhex("28B41FDDD29B743E93124BD8E32D921E"), []byte("1234567890123456789"))
	f.Add(uint8(SM4Block), unhex("CD01D6AD8F0A484C52A9364A0595AD60"), []byte("6230606601007726888"))
	f.Add(uint8(ISO0), unhex("041261AAAAEDCBA9"), []byte("5555555551234567"))
	f.Add(uint8(200), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, format uint8, block, pan []byte) {
		for _, k := range []*Key{key(t, DES, gbKey), key(t, SM4, gbKey), key(t, AES, "00112233445566778899AABBCCDDEEFF")} {
			pin, err := DecryptPIN(nil, k, Format(format), block, pan)
			if err == nil && (len(pin) < 4 || len(pin) > 12 || !allDigits(pin)) {
				t.Fatalf("a PIN of %d characters", len(pin))
			}
		}
	})
}
