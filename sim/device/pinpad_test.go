package device_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"zhigui/sim/device"
	"zhigui/sim/device/zt598"
)

func pinpad(t *testing.T) (*device.Sim, *host) {
	t.Helper()
	s := device.MustStart(t, device.Config{Model: "zt598"})
	return s, dial(t, s)
}

func zt(body string) []byte {
	b := fmt.Appendf(nil, "%03d%s\x03", len(body), body)
	return fmt.Appendf(append([]byte{2}, b...), "%02X", xor(b))
}

func (h *host) pad(body, want string) {
	h.t.Helper()
	h.send(zt(body)...)
	h.want(zt(want)...)
}

const (
	clearKey = "0123456789ABCDEFFEDCBA9876543210"
	ok       = "\x60"
)

func TestTheFrameExamplesOfTheReport(t *testing.T) {
	if got := zt("3"); !bytes.Equal(got, []byte{0x02, 0x30, 0x30, 0x31, 0x33, 0x03, 0x30, 0x31}) {
		t.Errorf("%X", got)
	}
	_, h := pinpad(t)
	h.send([]byte("\x02" + "037" + "10112" + clearKey + "\x03" + "05")...) // wrong checksum: no word
	h.send([]byte("\x02" + "037" + "10112" + clearKey + "\x03" + "04")...)
	h.want(zt(ok + "08D7B4FB629D0885")...)
}

// Check values from openssl.
func TestCheckValuesOfClearMasterKeys(t *testing.T) {
	s, h := pinpad(t)
	h.pad("10122"+clearKey, ok+"08D7B4FB629D0885")
	h.pad("b01"+clearKey, ok+"2677F46B09C122CC975533105BD4A22A")
	b, err := json.Marshal(s.State())
	if err != nil || strings.Contains(string(b), clearKey[:16]) {
		t.Errorf("the state shows a key: %v", err)
	}
	for _, f := range s.Trace() {
		if f.Dir == "rx" && strings.Contains(f.Hex, "30 31 32 33 34 35 36 37") {
			t.Errorf("the trace shows a key: %s", f.Hex)
		}
	}
}

// Working keys: encrypted under the master key with openssl des-ede / sm4-ecb; the SM4 one
// is the report's vector (plaintext = key).
func TestPINBlocksAndMACsByTheReportsVectors(t *testing.T) {
	s, h := pinpad(t)
	h.pad("b01"+clearKey, ok+"2677F46B09C122CC975533105BD4A22A")
	h.pad("c300111"+"681EDF34D206965E86B3E94F536E4246", ok+"2677F46B09C122CC975533105BD4A22A")
	h.pad("101"+"32"+clearKey, ok+"08D7B4FB629D0885") // as PIN key, in the clear
	h.pad("5404", ok)
	h.pad("550C", ok)
	h.pad("70120321", "\xE8")
	h.pad("70120"+"987654321098", "\xEC")
	h.pad("600011", ok)
	if _, err := s.Do("pressKeys", device.Args{"keys": "12E3B1234E"}); err != nil {
		t.Fatal(err)
	}
	h.want([]byte("**" + "*" + "\x08" + "****" + "\x0D")...)
	h.pad("70120"+"987654321098", ok+"0004"+opensslISO0)
	h.pad("o110"+"987654321098", ok+"0004"+opensslSM4)
	v := s.Physical().(zt598.View)
	if !v.Entered || v.Entry != "" || v.Digits != 4 {
		t.Errorf("%+v", v)
	}
	s.PowerCut()
	s.PowerRestore()
	h.pad("70120"+"987654321098", "\xEC") // the PIN is gone, the key is not
	if _, err := s.Do("loseKeys", nil); err != nil {
		t.Fatal(err)
	}
	h.pad("70120"+"987654321098", "\xE4")
}

func TestKeysAreForOneUse(t *testing.T) {
	_, h := pinpad(t)
	h.pad("10152"+clearKey, ok+"08D7B4FB629D0885")
	h.pad("70120"+"987654321098", "\xE5")
	h.pad("80141abc", ok+opensslMAC)
	h.pad("1013"+"1"+clearKey, "\xE3")
}

func TestPlainEntryAndCancel(t *testing.T) {
	s, h := pinpad(t)
	h.pad("5033", ok)
	if _, err := s.Do("pressKeys", device.Args{"keys": "1.5E"}); err != nil {
		t.Fatal(err)
	}
	h.want([]byte("1.5\x0D")...)
	h.pad("600011", ok)
	if _, err := s.Do("pressKeys", device.Args{"keys": "12C"}); err != nil {
		t.Fatal(err)
	}
	h.want([]byte("**\x1B")...)
	if _, err := s.Do("pressKeys", device.Args{"keys": "1"}); err == nil {
		t.Error("keys pressed without an entry")
	}
}

// Computed with openssl 3: clear block 0412AC89ABCDEF67 of the report under des-ede, the 16-byte block under
// sm4-ecb, "abc" with zeros under des-ede (X9.19 of one block).
const (
	opensslISO0 = "C967C8198151A458"
	opensslSM4  = "2F4CE37485FC0428C8030464FE0AB237"
	opensslMAC  = "83FC1A92AF67E9EA"
)
