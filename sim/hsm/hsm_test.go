package hsm

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func device(t testing.TB, lmk string) *HSM {
	t.Helper()
	if lmk == "" {
		lmk = filepath.Join(t.TempDir(), "lmk")
	}
	h, err := Start(Options{Listen: "127.0.0.1:0", Control: "127.0.0.1:0", LMK: lmk, Authorised: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// load gives the device a clear key and answers it under the LMK.
func (h *HSM) load(t testing.TB, attributes, clear string) string {
	t.Helper()
	size := string([]byte{'0' + byte(len(clear)/20), '0' + byte(len(clear)/2%10)})
	a := h.Answer("XI", []byte("S#"+attributes+size+clear))
	if string(a[:4]) != "XJ00" {
		t.Fatalf("%s", a)
	}
	return string(a[4 : len(a)-6])
}

// The self-test of the device: published vectors through its commands (ISO 9797-1, SP 800-38B, GB/T 15821.1,
// the network's fold). None of its arithmetic is the server's.
func TestMACCommandsAnswerThePublishedVectors(t *testing.T) {
	h := device(t, "")
	const gb = "0123456789ABCDEFFEDCBA9876543210"
	for name, c := range map[string]struct{ attributes, key, how, data, want string }{
		"X9.9":             {"M1T1C00E00", "0123456789ABCDEF", "00111", "7654321 Now is the time for ", "F1D30F6849312CA4"},
		"algorithm 1, M2":  {"M1T1C00E00", "0123456789ABCDEF", "00112", "Now is the time for it", "A924C72136149211"},
		"X9.19":            {"M3T2C00E00", gb, "00131", "Now is the time for all ", "A1C72E74EA3FA9B6"},
		"X9.19, M2":        {"M3T2C00E00", gb, "00132", "Now is the time for it", "5A692CE64F404145"},
		"SM4 CBC-MAC":      {"M1S4C00E00", gb, "00211", "This is the test message ", "BA89E45FE8ABF242E26CE032AD007C09"},
		"SM4 CBC-MAC, M2":  {"M1S4C00E00", gb, "00212", "", "8C338E5A27E349BEAE39214FEDA97099"},
		"fold":             {"M0T1C00E00", "2222222222222222", "000U1", "\x12\x34\x56\x78\x90\xAB\xCD\xEF\xAB\xCD\xEF\x12\x34\x56\x78\x90", "E267B6E2"},
		"SM4 fold":         {"M0S4C00E00", "12345678901234567890123456789012", "002U1", "6000112018111411003020170930101010120171025000755000000005553", "1E80F37340B0FEE62C81F356AFB20BF1"},
		"CMAC of AES":      {"M6A1C00E00", "2B7E151628AED2A6ABF7158809CF4F3C", "00260", "", "BB1D6929E95937287FA37D129B756746"},
		"CMAC of two-key":  {"M6T2C00E00", "4CF15134A2850DD58A3D10BA80570D38", "00160", "\x6B\xC1\xBE\xE2\x2E\x40\x9F\x96", "4FF2AB813C53CE83"},
		"CMAC, half block": {"M6T3C00E00", "8AA83BF8CBDA10620BC1BF19FBB6CD58BC313D4A371CA8B5", "00060", "", "B7A688E1"},
	} {
		t.Run(name, func(t *testing.T) {
			k := h.load(t, c.attributes, c.key)
			length := strings.ToUpper(hex.EncodeToString([]byte{byte(len(c.data) >> 8), byte(len(c.data))}))
			body := c.how + "FFF" + k + length + c.data
			if got := string(h.Answer("M6", []byte(body))); got != "M700"+c.want {
				t.Fatal(got)
			}
			if got := string(h.Answer("M8", []byte(body+c.want))); got != "M900" {
				t.Error(got)
			}
			bent := []byte(c.want)
			bent[0] ^= 1
			if got := string(h.Answer("M8", []byte(body+string(bent)))); got != "M901" {
				t.Error("a wrong MAC:", got)
			}
		})
	}
}

func TestPINCommandsReadThePublishedBlocks(t *testing.T) {
	h := device(t, "")
	const k = "00112233445566778899AABBCCDDEEFF"
	aes, des, sm := h.load(t, "P0A1B00E00", k), h.load(t, "P0T2B00E00", k), h.load(t, "P0S4B00E00", "F351D490994603795C6EBEE8FAEBB481")
	to := func(from, block, ff, to, tf, account string) string {
		a := string(h.Answer("CA", []byte(from+to+"12"+block+ff+tf+account)))
		if !strings.HasPrefix(a, "CB00") {
			return a
		}
		return a[4:]
	}
	// ISO-4 of psec's tests to ISO-0, whose clear block is known.
	if got := to(aes, "28B41FDDD29B743E93124BD8E32D921E", "48", des, "01", "1234567890123456789;"); len(got) != 2+16+2 || !strings.HasPrefix(got, "04") {
		t.Error(got)
	} else if back := to(des, got[2:18], "01", aes, "48", "1234567890123456789;"); !strings.HasPrefix(back, "04") {
		t.Error(back)
	}
	// The SM4 block of a bank's example.
	const block = "CD01D6AD8F0A484C52A9364A0595AD60"
	if got := to(sm, block, "90", sm, "90", "060100772688"); got != "CB20" {
		t.Error("another account:", got)
	}
	if got := to(sm, block, "90", sm, "90", pan12("6230606601007726888")); got != "06"+block+"90" {
		t.Error("the same key and format:", got)
	}
	mac := h.load(t, "M3T2C00E00", k)
	if got := to(mac, "041261AAAAEDCBA9", "01", des, "01", "555555123456"); got != "CBA6" {
		t.Error("a MAC key as a PIN key:", got)
	}
	for _, f := range []string{"05", "34"} {
		if got := to(des, "041261AAAAEDCBA9", "01", des, f, "555555123456"); got != "CB69" {
			t.Error("a block is set free of its account:", f, got)
		}
	}
	h.o.AnyFormat = true
	if got := to(des, "041261AAAAEDCBA9", "01", des, "05", "555555123456"); got != "CB20" { // it is read, and is none under this key
		t.Error("the device's setting:", got)
	}
	if got := to(des, "041261AAAAEDCBA9", "48", des, "01", "5555555551234567;"); got != "CB23" {
		t.Error("format 4 under TDES:", got)
	}
}

func pan12(pan string) string { return pan[len(pan)-13 : len(pan)-1] }

func TestPublishedKeyBlocksComeIn(t *testing.T) {
	h := device(t, "")
	for _, c := range []struct{ attributes, kek, block, kcv string }{
		{"K0T2B00N00", "DD7515F2BFC17F85CE48F3CA25CB21F6", "B0080P0TE00E000094B420079CC80BA3461F86FE26EFC4A3B8E4FA4C5F5341176EED7B727B8A248E", "57C409"},
		{"K0T2B00N00", "EFE0853B256B583D868F251CE99EA1D9", "B0080K0TN00N00001C414014375212C24995E405B5EE052CB92B67F455EA2680F6751088F9F1C228", "5C9405"},
		{"K0A3B00N00", "88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6", "D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D207E2E417C07156A27E8E31DA05F7425509593D03A457DC34", "08793E"},
	} {
		kek := h.load(t, c.attributes, c.kek)
		got := string(h.Answer("A6", []byte("FFF"+kek+"R"+c.block+"S%00")))
		if !strings.HasPrefix(got, "A700S1") || !strings.HasSuffix(got, c.kcv) {
			t.Error(got)
		}
		bent := []byte(c.block)
		bent[30] ^= 1
		if got := string(h.Answer("A6", []byte("FFF"+kek+"R"+string(bent)+"S%00"))); got != "A7A4" && got != "A715" {
			t.Error("a bent block:", got)
		}
	}
}

func TestAKeyUnderAnotherLMKIsRefused(t *testing.T) {
	lmk := filepath.Join(t.TempDir(), "lmk")
	a := device(t, lmk)
	k := a.load(t, "M1T1C00E00", "0123456789ABCDEF")
	_ = a.Close()
	if got := string(device(t, lmk).Answer("BU", []byte("FFF"+k))); got != "BV00D5D44F" {
		t.Error("after a restart:", got)
	}
	if got := string(device(t, "").Answer("BU", []byte("FFF"+k))); got != "BVA4" {
		t.Error("in another device:", got)
	}
}

func TestDiagnosticsEchoTrailerAndUnknownCommands(t *testing.T) {
	h := device(t, "")
	for _, c := range [][3]string{{"B2", "0004ping", "B300ping"}, {"B2", "0004ping\x19tail", "B300ping\x19tail"}, {"B2", "00FFping", "B380"}, {"ZZ", "", "Z[68"}} {
		if got := string(h.Answer(c[0], []byte(c[1]))); got != c[2] {
			t.Errorf("%s: %q", c[0], got)
		}
	}
	if got := string(h.Answer("NC", nil)); len(got) != 4+16+9 {
		t.Error(got)
	}
}

func TestTheConsoleShowsStateAndTakesFaults(t *testing.T) {
	h := device(t, "")
	post := func(path, body string) (int, string) {
		r, err := http.Post("http://"+h.WebAddr+path, "application/json", strings.NewReader(body)) //nolint:noctx // a test
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close() //nolint:errcheck // reading
		b, _ := io.ReadAll(r.Body)
		return r.StatusCode, string(b)
	}
	if code, body := post("/api/faults", `{"kind":"explode"}`); code != 400 {
		t.Error(body)
	}
	if code, body := post("/api/faults", `{"kind":"error","code":"13","command":"NC","times":1}`); code != 200 || !strings.Contains(body, `"13"`) {
		t.Error(code, body)
	}
	code, body := post("/api/components", `{"number":1,"algorithm":"A3"}`)
	var c Component
	if err := json.Unmarshal([]byte(body), &c); err != nil || code != 200 || len(c.Clear) != 64 || len(c.KCV) != 6 || strings.Contains(c.Block, c.Clear[:16]) {
		t.Error(code, body)
	}
	if f := h.strike("NC"); f == nil || f.Code != "13" {
		t.Error(f)
	}
	if f := h.strike("NC"); f != nil {
		t.Error("a fault for once struck twice")
	}
}

func FuzzCommands(f *testing.F) {
	h := device(f, "")
	k := h.load(f, "P0T2B00E00", "00112233445566778899AABBCCDDEEFF")
	kek := h.load(f, "K0T2B00E00", "DD7515F2BFC17F85CE48F3CA25CB21F6")
	m := h.load(f, "M3T2C00E00", "00112233445566778899AABBCCDDEEFF")
	e := h.load(f, "E0T2X00N00", "00112233445566778899AABBCCDDEEFF")
	f.Add("A0", []byte("1FFFS;1"+kek+"X%00#P0T2B00E00"))
	f.Add("A4", []byte("2FFFS"+kek+kek+"%00#0000"))
	f.Add("A6", []byte("FFF"+kek+"RB0080P0TE00E000094B420079CC80BA3461F86FE26EFC4A3B8E4FA4C5F5341176EED7B727B8A248ES%00"))
	f.Add("A6", []byte("FFF"+kek+"X00112233445566778899AABBCCDDEEFFS%00#P0T2B00E00"))
	f.Add("A8", []byte("FFF"+kek+k+"R%00"))
	f.Add("BU", []byte("FFF"+k+";FFF;000"))
	f.Add("CA", []byte(k+k+"12041261AAAAEDCBA90101555555123456"))
	f.Add("CA", []byte(k+k+"12041261AAAAEDCBA901485555555551234567;"))
	f.Add("M6", []byte("00131FFF"+m+"0003abc"))
	f.Add("KW", []byte("12"+e+"\x00\x00\x00\x00\x00\x00\x00\x01\x00\x0903abc;12345678"+"00"))
	f.Add("XI", []byte("S#M3T2C00E001600112233445566778899AABBCCDDEEFF"))
	f.Fuzz(func(t *testing.T, code string, body []byte) {
		if len(code) != 2 {
			return
		}
		a := h.Answer(code, body)
		if len(a) < 4 || !bytes.Equal(a[:2], answerCode(code)) || len(a) > maxMessage+64 {
			t.Fatalf("%q", a)
		}
		_, _ = ReadFrame(bytes.NewReader(body))
	})
}
