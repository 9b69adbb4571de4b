package iccard

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Published results of another implementation (pyemv's documentation and tests).
func TestKeysAndCryptogramsAreThePublishedOnes(t *testing.T) {
	master := masterKey(issuerAC, "99012345678901234", 45)
	session := sessionKey(master, [8]byte(unhex(t, "1234567890123456")))
	request := mac(session, unhex(t, "0123456789ABCDEF0123456789ABCDEF"))
	got := map[string]string{"master": fmt.Sprintf("%X", master), "session": fmt.Sprintf("%X", session),
		"request": fmt.Sprintf("%X", request), "response": fmt.Sprintf("%X", responseCryptogram(session, request, []byte{0, 0})),
		"script": fmt.Sprintf("%X", mac(unhex(t, "0123456789ABCDEFFEDCBA9876543210"), unhex(t, "8424000008"))),
		"long":   fmt.Sprintf("%X", masterKey(issuerAC, "12345678901234567", 1)), "short": fmt.Sprintf("%X", masterKey(issuerAC, "123456789012", 0)),
		"payment": fmt.Sprintf("%X", mac(unhex(t, "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBB"), unhex(t, "00000000200000000000000001240000008000012411030900"+"3804823E58000001")))}
	want := map[string]string{"master": "67F8292358083E5EA7AB7FDA58D53B6B", "session": "29B33180E567CE38EA4CBC9D753B0E61", "request": "FA624250B008B59A",
		"response": "45D4255EEF10C920", "script": "0BFFF5DF3FAA24E1", "long": "73AD54688CEF2934B0979857E3C719F1", "short": "FE890EC1B3FBF7EC32A880C8D6169461",
		"payment": "3B76CF10FECD8789"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

const stripe = "6225880000000001=49122010000012300000"

func fresh(t *testing.T, dir string, chip Chip) *Slot {
	t.Helper()
	c, err := New(dir, chip, stripe, "ZHANG/SAN")
	if err != nil {
		t.Fatal(err)
	}
	s := &Slot{}
	s.Put(c)
	if _, err := s.Power(); err != nil {
		t.Fatal(err)
	}
	return s
}

// send is what a terminal does with 61xx and 6Cxx.
func send(t *testing.T, s *Slot, apdu []byte) ([]byte, uint16) {
	t.Helper()
	out, err := s.Transmit(s.Protocol(), apdu)
	if err != nil {
		t.Fatalf("% X: %v", apdu, err)
	}
	n := len(out) - 2
	switch {
	case out[n] == 0x61:
		return send(t, s, []byte{0, 0xC0, 0, 0, out[n+1]})
	case out[n] == 0x6C:
		return send(t, s, append(append([]byte(nil), apdu[:4]...), out[n+1]))
	}
	return out[:n], binary.BigEndian.Uint16(out[n:])
}

func must(t *testing.T, s *Slot, apdu string) []byte {
	t.Helper()
	out, sw := send(t, s, unhex(t, apdu))
	if sw != ok {
		t.Fatalf("%s: %04X", apdu, sw)
	}
	return out
}

// value finds a tag in flat or nested data whose lengths are short; good enough for a test.
func value(t *testing.T, data []byte, tag string) []byte {
	t.Helper()
	i := bytes.Index(data, unhex(t, tag))
	if i < 0 {
		t.Fatalf("no %s in %X", tag, data)
	}
	i += len(tag) / 2
	return data[i+1 : i+1+int(data[i])]
}

const (
	selectPSE = "00A404000E315041592E5359532E444446303100"
	selectAID = "00A4040008A00000033301010100"
	options   = "80A800000583030156" + "14" + "00"
	// amount 300.00, other 0, country 0156, TVR, currency 0156, date, type, number, time, name
	values = "000000030000" + "000000000000" + "0156" + "0000000000" + "0156" + "261122" + "01" + "12345678" + "101530" + "5A68694775692020202020202020202020202020"
	first  = "80AE800034" + values + "00"
)

func start(t *testing.T, s *Slot) (atc, request []byte) {
	t.Helper()
	must(t, s, selectAID)
	must(t, s, options)
	out := must(t, s, first)
	if out[0] == 0x80 {
		return out[3:5], out[5:13]
	}
	return value(t, out, "9F36"), value(t, out, "9F26")
}

func TestACardOfEitherProtocolGoesOnlineAndCompletes(t *testing.T) {
	for _, protocol := range []string{"T0", "T1"} {
		t.Run(protocol, func(t *testing.T) {
			s := fresh(t, t.TempDir(), Chip{Protocol: protocol})
			if dir := must(t, s, selectPSE); value(t, dir, "88")[0] != 1 {
				t.Errorf("%X", dir)
			}
			if entry := must(t, s, "00B2010C00"); !bytes.Equal(value(t, entry, "4F"), AID) {
				t.Errorf("%X", entry)
			}
			must(t, s, selectAID)
			must(t, s, options)
			if r := must(t, s, "00B2010C00"); fmt.Sprintf("%X", value(t, r, "57")) != "6225880000000001D49122010000012300000F" {
				t.Errorf("%X", r)
			}
			must(t, s, "00B2011400")
			must(t, s, "00B2021400")
			out := must(t, s, first)
			if kind := out[2]; protocol == "T0" && kind != 0x80 {
				t.Errorf("%X", out)
			}
			atc, request := []byte{0, 1}, s.card.app.first
			if !bytes.Contains(out, append(append([]byte(nil), atc...), request...)) && protocol == "T0" || !bytes.Contains(out, request) {
				t.Errorf("%X", out)
			}
			// The issuer's side, with the key of the published vector's construction.
			var r [8]byte
			copy(r[:], atc)
			key := sessionKey(masterKey(issuerAC, "6225880000000001", 1), r)
			want := mac(key, append(append(unhex(t, values)[:signed], profile...), 0, 1, 3, 0xA0, 0, 0))
			if !bytes.Equal(request, want) {
				t.Errorf("cryptogram %X, want %X", request, want)
			}
			must(t, s, fmt.Sprintf("008200000A%X3030", responseCryptogram(key, request, []byte("00"))))
			out = must(t, s, "80AE400036"+"3030"+values+"00")
			if protocol == "T0" && out[2] != 0x40 || protocol == "T1" && value(t, out, "9F27")[0] != 0x40 {
				t.Errorf("no TC: %X", out)
			}
			if _, sw := send(t, s, unhex(t, first)); sw != conditions {
				t.Errorf("a third cryptogram: %04X", sw)
			}
		})
	}
}

func TestAWrongIssuerCryptogramEndsInARefusal(t *testing.T) {
	s := fresh(t, t.TempDir(), Chip{})
	start(t, s)
	if _, sw := send(t, s, unhex(t, "008200000A00112233445566773030")); sw != authFailed {
		t.Errorf("%04X", sw)
	}
	if out := must(t, s, "80AE400036"+"3030"+values+"00"); out[2] != 0 || out[2+1+2+8+4]&0x08 == 0 {
		t.Errorf("% X", out)
	}
}

func TestTheCounterSurvivesAndNeverRepeats(t *testing.T) {
	dir := t.TempDir()
	for want := uint16(1); want <= 3; want++ {
		s := fresh(t, dir, Chip{Protocol: "T1"})
		if atc, _ := start(t, s); binary.BigEndian.Uint16(atc) != want {
			t.Errorf("counter % X, want %d", atc, want)
		}
	}
}

func TestAnIssuersScriptBlocksTheApplicationForGood(t *testing.T) {
	dir := t.TempDir()
	s := fresh(t, dir, Chip{})
	atc, request := start(t, s)
	if _, sw := send(t, s, unhex(t, "841E00000400000000")); sw != secureWrong {
		t.Errorf("a wrong MAC: %04X", sw)
	}
	sum := mac(sessionKey(s.card.keyMsg, [8]byte(request)), append(append([]byte{0x84, 0x1E, 0, 0, 4}, atc...), request...))
	must(t, s, fmt.Sprintf("841E000004%X", sum[:4]))
	again := fresh(t, dir, Chip{})
	if _, sw := send(t, again, unhex(t, selectAID)); sw != invalidated {
		t.Errorf("%04X", sw)
	}
	if _, sw := send(t, again, unhex(t, options)); sw != conditions {
		t.Errorf("%04X", sw)
	}
}

func TestCardsThatCannotPaySaySo(t *testing.T) {
	for state, want := range map[string]uint16{"foreign": fileMissing, "blocked": invalidated, "dead": notSupported} {
		for _, protocol := range []string{"T0", "T1"} {
			s := fresh(t, t.TempDir(), Chip{State: state, Protocol: protocol})
			if _, sw := send(t, s, unhex(t, selectAID)); sw != want {
				t.Errorf("%s %s: %04X", state, protocol, sw)
			}
		}
	}
	c, err := New(t.TempDir(), Chip{State: "mute"}, stripe, "")
	if err != nil {
		t.Fatal(err)
	}
	s := &Slot{}
	s.Put(c)
	if _, err := s.Power(); !errors.Is(err, ErrMute) {
		t.Error(err)
	}
}

func TestSpoiledBlocksAreRepeatedAndAMuteChipIsNoticed(t *testing.T) {
	for noise := 1; noise <= 3; noise++ {
		s := fresh(t, t.TempDir(), Chip{Protocol: "T1"})
		must(t, s, selectAID)
		must(t, s, options)
		s.Noise = noise
		if out := must(t, s, first); value(t, out, "9F27")[0] != 0x80 || s.card.mem.ATC != 1 {
			t.Errorf("%d: %X", noise, out)
		}
		must(t, s, "80CA9F3600")
	}
	for _, protocol := range []string{"T0", "T1"} {
		s := fresh(t, t.TempDir(), Chip{Protocol: protocol})
		s.Mute = true
		if _, err := s.Transmit(s.Protocol(), unhex(t, selectAID)); !errors.Is(err, ErrMute) {
			t.Errorf("%s: %v", protocol, err)
		}
		if _, err := s.Transmit(1-s.Protocol(), unhex(t, selectAID)); !errors.Is(err, ErrOther) {
			t.Errorf("%s: %v", protocol, err)
		}
	}
}

func FuzzCommand(f *testing.F) {
	for _, s := range []string{selectPSE, selectAID, options, first, "00B2010C00", "80CA9F3600", "00C0000000"} {
		f.Add(unhex(f, s), false)
		f.Add(unhex(f, s), true)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte, t1 bool) {
		p := "T0"
		if t1 {
			p = "T1"
		}
		c, err := New(dir, Chip{Protocol: p, State: "blocked"}, stripe, "X")
		if err != nil {
			t.Fatal(err)
		}
		c.Reset()
		c.app.selected, c.app.stage = "app", online
		c.app.key, c.app.first = c.keyAC, make([]byte, 8)
		c.Bytes(b)
		if out := c.Command(b); len(out) < 2 {
			t.Errorf("% X", out)
		}
		_, _, _ = parseATR(b)
	})
}
